"""What a search for settings found, as plain text."""

import statistics
from collections.abc import Mapping
from typing import Any

from tabulate import tabulate


def search_text(results: Mapping[str, Any]) -> str:
    """Return what the search for settings found, a table a model."""
    if not results:
        return "The recipe has no grid to search."
    return "\n\n".join(_grid_text(name, found) for name, found in results.items())


def _grid_text(name: str, found: Mapping[str, Any]) -> str:
    rows = [
        (
            *(str(value) for value in candidate["settings"].values()),
            _spread(candidate["accuracy"]),
            _spread(candidate["roc_auc"]),
            f"best {found['measure']}" if place == found["best"] else "",
        )
        for place, candidate in enumerate(found["candidates"])
    ]
    header = [*found["keys"], "accuracy", "ROC AUC", ""]
    title = f"Search {name}, frames, mean and deviation over {found['folds']} folds"
    table = tabulate(rows, headers=header, disable_numparse=True)
    return f"{title}\n{'=' * len(title)}\n\n{table}"


def _spread(values: list[float]) -> str:
    return f"{statistics.mean(values):.3f} +- {statistics.pstdev(values):.3f}"
