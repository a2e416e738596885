"""What the records of a run's videos say of people, and of how good its faces are."""

from array import array
from collections import defaultdict
from typing import Any

import numpy as np

from dfhpc.constants import LABEL_NAMES
from dfhpc.extraction.finalize import iter_slots

PERCENTILES = (5, 50, 95)

MEASURES = ("size_px", "blur", "brightness", "confidence")


class QualityTally:
    """Gathers the quality of stored faces; a run has millions, so compactly."""

    def __init__(self) -> None:
        """Gather nothing yet."""
        self._values: dict[int, dict[str, array[float]]] = defaultdict(
            lambda: {name: array("d") for name in MEASURES}
        )

    def add(self, label: int, faces: list[dict[str, Any]]) -> None:
        """Add stored faces of a video of this class."""
        for face in faces:
            known = face | face.get("quality", {})
            for name in MEASURES:
                if name in known:
                    self._values[label][name].append(known[name])

    def to_json(self) -> dict[str, Any]:
        """Return by class and measure the 5th, 50th and 95th percentile."""
        return {
            LABEL_NAMES[label]: {
                name: np.percentile(values, PERCENTILES).tolist()
                for name, values in self._values[label].items()
                if values
            }
            for label in sorted(self._values)
        }


class PeopleTally:
    """Counts the people that the faces of videos were followed as."""

    def __init__(self) -> None:
        """Count nothing yet."""
        self._counts = dict.fromkeys(("most", "several", "mixed", "without_rows"), 0)

    def add(self, record: dict[str, Any], faces: list[dict[str, Any]]) -> None:
        """Add a video, by its record and its stored faces."""
        counts, num_people = self._counts, record["num_people"]
        stored = {(face["slot_group"], face["track"]) for face in faces}
        groups, tracks = (len({pair[at] for pair in stored}) for at in (0, 1))
        counts["most"] = max(counts["most"], num_people)
        counts["several"] += num_people > 1
        counts["mixed"] += len(stored) > groups
        counts["without_rows"] += num_people - tracks

    def to_json(self) -> dict[str, int]:
        """Return counts.

        ``most`` people of a video, videos with ``several``, videos with ``mixed``
        people in one group of row slots, and people ``without_rows``.
        """
        return dict(self._counts)


def stored_faces(record: dict[str, Any], frames_per_video: int) -> list[dict[str, Any]]:
    """Return the faces of a video that have rows, by slot."""
    slots = iter_slots(record["frames"], frames_per_video)
    return [face for _, _, face in slots if face is not None]
