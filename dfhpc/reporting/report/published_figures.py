"""The figures that work B published, with the settings that they are of.

Work B: Y. Chiu 2021, "High Performance DeepFake Video Classifier". Accuracies are of
frames, of raw videos of FaceForensics++ (1000 originals, their 1000 Deepfakes), under
``train_test_split`` of frames with seed 42. Accuracies, times and memory are those of
its LSF job logs, precision and recall those of its tables of classes.
"""

from dataclasses import dataclass
from typing import Any, Literal

SOURCE = (
    'Y. Chiu 2021, "High Performance DeepFake Video Classifier" (code: '
    "twyunting/Deepfake_Video_Classifier)"
)
VIDEOS, FACES = 2000, 13_984
CAPTURE = {"real": 1.0, "fake": 6984 / 7000}
COMPRESSION = "raw"
METHODS = ("Deepfakes",)
SEED = 42
MEGABYTE = 1024**2


@dataclass(frozen=True)
class PublishedModel:
    """A model of work B; its precision and recall are those of fakes."""

    key: str
    name: str
    kind: Literal["svm", "logistic_regression", "random_forest"]
    settings: dict[str, Any]
    """What tells it from work B's other models of its kind."""
    test_share: float
    accuracy: float
    precision: float
    recall: float
    run_s: float
    max_memory_mb: int
    searched: bool = False

    @property
    def max_memory_bytes(self) -> int:
        """The most memory, in bytes."""
        return self.max_memory_mb * MEGABYTE


MODELS = (
    PublishedModel(
        key="svm_c1",
        name="SVM, rbf, C = 1",
        kind="svm",
        settings={"C": 1.0, "kernel": "rbf"},
        test_share=0.2,
        accuracy=0.85306,
        precision=0.89,
        recall=0.81,
        run_s=43_579,
        max_memory_mb=63_202,
    ),
    PublishedModel(
        key="svm_c001",
        name="SVM, rbf, C = 0.01",
        kind="svm",
        settings={"C": 0.01, "kernel": "rbf"},
        test_share=0.2,
        accuracy=0.57168,
        precision=0.81,
        recall=0.20,
        run_s=58_768,
        max_memory_mb=62_074,
    ),
    PublishedModel(
        key="logistic_regression",
        name="Logistic regression, C = 1",
        kind="logistic_regression",
        settings={"C": 1.0},
        test_share=0.2,
        accuracy=0.65105,
        precision=0.65,
        recall=0.68,
        run_s=82_117,
        max_memory_mb=82_687,
    ),
    PublishedModel(
        key="random_forest",
        name="Forest, 100 trees, 80/20",
        kind="random_forest",
        settings={"num_trees": 100},
        test_share=0.2,
        accuracy=0.85627,
        precision=0.90,
        recall=0.81,
        run_s=576,
        max_memory_mb=17_317,
    ),
    PublishedModel(
        key="random_forest_75_25",
        name="Forest, 100 trees, 75/25",
        kind="random_forest",
        settings={"num_trees": 100},
        test_share=0.25,
        accuracy=0.85154,
        precision=0.87,
        recall=0.82,
        run_s=570,
        max_memory_mb=16_499,
    ),
    PublishedModel(
        key="random_forest_grid",
        name="Forest, best of 100 to 2000 trees",
        kind="random_forest",
        settings={},
        test_share=0.2,
        accuracy=0.86772,
        # Of the confusion matrix in its README: 1158, 257, 113, 1269.
        precision=1158 / (1158 + 113),
        recall=1158 / (1158 + 257),
        run_s=45_045,
        max_memory_mb=16_800,
        searched=True,
    ),
)
