"""Scores as probabilities: how they were fitted, and whether they hold."""

from collections.abc import Sequence

from dfhpc.reporting.charts import Line, line_chart, unit_axis
from dfhpc.reporting.report.blocks import (
    Beside,
    Block,
    Drawing,
    Heading,
    Section,
    Table,
    Text,
    from_column,
)
from dfhpc.reporting.report.facts import Facts, Json
from dfhpc.reporting.report.words import listed, number, percent, with_interval

PARTS = ("test", "calibration")


def probabilities(facts: Facts) -> Section | None:
    """Return the calibration of the models; None where none has been tried."""
    blocks: list[Block] = []
    for _, result in facts.evaluations():
        found = result.get("probabilities", {})
        if found:
            blocks += _result(result["split"]["kind"], found)
    if not blocks:
        return None
    lead = Text(
        "Fitted on videos of the calibration part alone. A probability holds if, of "
        "the videos that get 0.8, eight in ten are fake: points on the dashed line."
    )
    return Section("probabilities", "Probabilities", [lead, *blocks])


def _result(kind: str, found: Json) -> list[Block]:
    blocks: list[Block] = [Heading(f"Split {kind}"), _fits(found)]
    blocks += [Text(sentence) for sentence in _why_not(found)]
    # Of scores that are no probabilities there is nothing to hold against a share.
    known = {
        name: each for name, each in found.items() if each["map"]["kind"] != "none"
    }
    if any(each.get("threshold") for each in known.values()):
        blocks.append(_rates(known))
    charts = [
        _reliability(name, each)
        for name, each in known.items()
        if any(each.get(part) for part in PARTS)
    ]
    return [*blocks, Beside(charts, 24)] if charts else blocks


def _why_not(found: Json) -> list[str]:
    """Return why which models are not calibrated, a sentence a cause."""
    models: dict[str, list[str]] = {}
    for name, each in found.items():
        if why := each["map"].get("why"):
            models.setdefault(why, []).append(name)
    return [f"Not calibrated: {listed(names)}. {why}" for why, names in models.items()]


def _fits(found: Json) -> Table:
    header = ["model", "map", "fitted on videos", "real", "fake", "groups"]
    header += ["Brier, test", "ECE, test", "Brier, calibration", "ECE, calibration"]
    rows = []
    for name, each in found.items():
        fitted = each.get("fitted_on") or {}
        row = [name, str(each["map"]["kind"])]
        row += [_whole(fitted.get(key)) for key in ("videos", "real", "fake", "groups")]
        for part in PARTS:
            quality = each.get(part) or {}
            row += [number(quality.get(measure)) for measure in ("brier", "ece")]
        rows.append(row)
    caption = "Maps from scores to probabilities; Brier and ECE: 0 is perfect"
    return Table(caption, header, rows, from_column(2, header))


def _whole(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _rates(found: Json) -> Table:
    header = ["model", "threshold", "undecided", "asked", "part"]
    header += ["reals called fake", "real", "fakes called fake", "real", "videos"]
    rows = []
    for name, each in found.items():
        threshold = each.get("threshold")
        if not threshold:
            continue
        asked = percent(threshold.get("false_positive_rate_asked"))
        for part in PARTS:
            rates = threshold.get(part)
            rows.append(
                (
                    name,
                    number(threshold.get("value")),
                    _band(threshold.get("band")),
                    asked,
                    part,
                    *_rate_cells(rates),
                )
            )
    caption = "Thresholds for the false-positive rate asked, and the rates measured"
    return Table(caption, header, rows, from_column(1, header) - {4})


def _rate_cells(rates: Json | None) -> tuple[str, ...]:
    if not rates:
        return "-", "-", "-", "-", "-"
    videos = f"{rates['real']:,} real, {rates['fake']:,} fake"
    return (
        with_interval(rates["fpr"], rates.get("fpr_95")),
        number(rates.get("tnr")),
        with_interval(rates["tpr"], rates.get("tpr_95")),
        number(rates.get("fnr")),
        videos,
    )


def _band(band: Sequence[float] | None) -> str:
    return "-" if not band else f"{number(band[0])} to {number(band[1])}"


def _reliability(name: str, each: Json) -> Drawing:
    lines = []
    for part in PARTS:
        quality = each.get(part)
        points = [
            (bin_["mean_probability"], bin_["share_fake"])
            for bin_ in (quality or {"bins": []})["bins"]
            if bin_["videos"]
        ]
        if points:
            videos = quality["videos"] if quality else 0
            lines.append(Line(f"{part}, {videos:,} videos", points, has_dots=True))
    title = f"Reliability of {name}"
    text = "; ".join(
        f"{line.name}: "
        + ", ".join(f"{x:.2f} said, {y:.2f} fake" for x, y in line.points)
        for line in lines
    )
    axes = unit_axis("probability said"), unit_axis("share of fakes")
    svg = line_chart(title, text, lines, axes, has_diagonal=True)
    return Drawing(svg, f"{title}, by video; dashed gray: as it should be.")
