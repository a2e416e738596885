"""What the probabilities of each model rest on, as plain text."""

from collections.abc import Mapping
from typing import Any

from tabulate import tabulate


def calibration_text(probabilities: Mapping[str, Any]) -> str:
    """Return a table of thresholds and rates, and who is not calibrated and why."""
    if not probabilities:
        return ""
    title = "From scores to verdicts, on videos"
    rows = [_row(name, entry) for name, entry in probabilities.items()]
    header = ["model", "map", "videos", "groups", "undecided", "fake above"]
    header += ["false alarms, calibration", "false alarms, test", "fakes found, test"]
    header += ["ECE, test"]
    blocks = [
        f"{title}\n{'=' * len(title)}",
        tabulate(rows, headers=header, disable_numparse=True),
    ]
    why: dict[str, list[str]] = {}
    for name, entry in probabilities.items():
        if entry["map"]["kind"] == "none":
            why.setdefault(entry["map"]["why"], []).append(name)
    blocks += [
        f"Not calibrated: {', '.join(names)}. {sentence} What is shown for them is the "
        "score itself, which is no probability."
        for sentence, names in why.items()
    ]
    return "\n\n".join(blocks)


def _row(name: str, entry: Mapping[str, Any]) -> list[str]:
    threshold, test = entry["threshold"], entry["test"]
    low, high = threshold["band"]
    fitted = entry["fitted_on"]
    is_fitted = entry["map"]["kind"] != "none"
    on_test = threshold["test"] or {}
    return [
        name,
        entry["map"]["kind"],
        str(fitted["videos"]) if is_fitted else "-",
        str(fitted["groups"]) if is_fitted else "-",
        f"{low:.2f} to {high:.2f}",
        f"{threshold['value']:.2f}",
        _rate(threshold["calibration"], "fpr"),
        _rate(on_test, "fpr"),
        _rate(on_test, "tpr"),
        "-" if test is None else f"{test['ece']:.3f}",
    ]


def _rate(rates: Mapping[str, Any], name: str) -> str:
    value, interval = rates.get(name), rates.get(f"{name}_95")
    if value is None or interval is None:
        return "-"
    return f"{value:.2f} [{interval[0]:.2f}, {interval[1]:.2f}]"
