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
    """A model of work B; precision, recall and F1 are those of fakes."""

    key: str
    name: str
    kind: Literal["svm", "logistic_regression", "random_forest"]
    settings: dict[str, Any]
    """What tells it from work B's other models of its kind."""
    test_share: float
    accuracy: float
    precision: float
    recall: float
    f1: float
    run_s: float
    cpu_s: float | None
    max_memory_mb: int
    searched: bool = False

    @property
    def max_memory_bytes(self) -> int:
        """The most memory, in bytes."""
        return self.max_memory_mb * MEGABYTE


MODELS = (
    PublishedModel(
        *("svm_c1", "SVM, rbf, C = 1", "svm", {"C": 1.0, "kernel": "rbf"}),
        *(0.2, 0.85306, 0.89, 0.81, 0.85, 43_579, 43_616.16, 63_202),
    ),
    PublishedModel(
        *("svm_c001", "SVM, rbf, C = 0.01", "svm", {"C": 0.01, "kernel": "rbf"}),
        *(0.2, 0.57168, 0.81, 0.20, 0.32, 58_768, 58_828.59, 62_074),
    ),
    PublishedModel(
        *("logistic_regression", "Logistic regression, C = 1"),
        *("logistic_regression", {"C": 1.0}),
        *(0.2, 0.65105, 0.65, 0.68, 0.66, 82_117, 95_302.73, 82_687),
    ),
    PublishedModel(
        *("random_forest", "Forest, 100 trees, 80/20"),
        *("random_forest", {"num_trees": 100}),
        *(0.2, 0.85627, 0.90, 0.81, 0.85, 576, 579.28, 17_317),
    ),
    PublishedModel(
        *("random_forest_75_25", "Forest, 100 trees, 75/25"),
        *("random_forest", {"num_trees": 100}),
        *(0.25, 0.85154, 0.87, 0.82, 0.85, 570, 573.86, 16_499),
    ),
    PublishedModel(
        *("random_forest_grid", "Forest, best of 100 to 2000 trees"),
        *("random_forest", {}),
        # Of the confusion matrix in its README: 1158, 257, 113, 1269.
        *(0.2, 0.86772, 1158 / 1271, 1158 / 1415, 2 * 1158 / (1271 + 1415)),
        *(45_045, None, 16_800),
        searched=True,
    ),
)
