"""Every model side by side, on frames and on videos."""

from collections.abc import Mapping, Sequence

from dfhpc.reporting.charts import (
    COLORS,
    Interval,
    Line,
    interval_chart,
    line_chart,
    unit_axis,
)
from dfhpc.reporting.report.blocks import (
    Beside,
    Block,
    Drawing,
    Heading,
    Picture,
    Section,
    Table,
    Text,
    from_column,
)
from dfhpc.reporting.report.facts import Facts, Json, ModelCurves
from dfhpc.reporting.report.headline import baseline, is_leaky
from dfhpc.reporting.report.words import count, number, percent, with_interval

LEVELS = ("video", "frame")


def models(facts: Facts) -> Section:
    """Return what the models are worth under each split."""
    blocks: list[Block] = []
    if facts.evaluation is None:
        trained = f"{len(facts.cards)} trained. " if facts.cards else ""
        again = f"`{facts.next_command}`"
        blocks.append(
            Text(f"{trained}No model is evaluated yet; {again} does it.", "note")
        )
        return Section("models", "Models", blocks)
    blocks.append(
        Text(
            "A score above 0.5 is called fake. Precision, recall and F1 are those of "
            "fakes. In brackets 95 % intervals, by resampling whole groups of people; "
            "with fewer than five groups there is none. The calibration part, not the "
            "test part, chooses the model that `dfhpc predict` asks."
        )
    )
    for _, result in facts.evaluations():
        blocks += _result(result, facts)
    if facts.evaluation.get("beside") is not None:
        blocks.append(_comparison(facts.evaluation, facts.evaluation["beside"]))
    return Section("models", "Models", [*blocks, *_learning(facts)])


def _learning(facts: Facts) -> list[Block]:
    """Return how the loss of each network fell, epoch by epoch."""
    pictures: list[Block] = [
        Picture(
            facts.pictures[name],
            f"Loss and accuracy of {model} by epoch",
            f"How {model} learned, on the training and the calibration part.",
            480,
        )
        for model in facts.cards
        if (name := f"{model}/history.png") in facts.pictures
    ]
    return [Heading("Epochs"), *pictures] if pictures else []


def _result(result: Json, facts: Facts) -> list[Block]:
    leaky = " — LEAKY" if is_leaky(result) else ""
    kind = result["split"]["kind"]
    tested = {
        name: parts["test"]
        for name, parts in result["models"].items()
        if "test" in parts
    }
    blocks: list[Block] = [Heading(f"Test part of split {kind}{leaky}")]
    if not tested:
        return [*blocks, Text("No face is in the test part.", "note")]
    where = f"split {kind}{leaky}"
    for level in LEVELS:
        blocks.append(_measures(level, where, result, tested, facts.curves))
    rocs = [_roc(level, where, tested, facts.curves) for level in LEVELS]
    areas = [_areas(level, where, tested) for level in LEVELS]
    blocks += [Beside(rocs, 24), Beside(areas, 24)]
    blocks += [Heading(f"Confusion, split {kind}{leaky}"), _confusions(tested)]
    blocks += _methods(tested, where)
    return [*blocks, *_rows_picture(kind, result, facts)]


def _measures(
    level: str,
    where: str,
    result: Json,
    tested: Mapping[str, Json],
    curves: Mapping[str, ModelCurves],
) -> Table:
    header = ["model", "accuracy", "ROC AUC", "precision", "recall", "F1"]
    header += ["AP", "EER", "AUC in calibration"]
    rows = []
    for name, test in tested.items():
        found, fake = test[level], test[level]["report"]["fake"]
        known = curves[name].intervals_95[level] if name in curves else {}
        rows.append(
            (
                name,
                *(
                    with_interval(found[m], found["intervals_95"].get(m))
                    for m in ("accuracy", "roc_auc")
                ),
                *(
                    with_interval(fake[m], known.get(m))
                    for m in ("precision", "recall", "f1-score")
                ),
                number(found["average_precision"]),
                number(found["equal_error_rate"]),
                number(_in_calibration(result, name, level)),
            )
        )
    first = next(iter(tested.values()))[level]
    commoner = "fake" if first["num_fake"] >= first["num_real"] else "real"
    rows.append((f"always {commoner}", number(baseline(first)), *["-"] * 7))
    caption = (
        f"{level.capitalize()}s of the test part, {where}: {first['num']:,} "
        f"({first['num_real']:,} real, {first['num_fake']:,} fake) in "
        f"{count(first['groups'], 'group')}"
    )
    return Table(caption, header, rows, from_column(1, header))


def _in_calibration(result: Json, name: str, level: str) -> float | None:
    found: Json = result["models"][name].get("calibration", {}).get(level, {})
    area: float | None = found.get("roc_auc")
    return area


def _roc(
    level: str,
    where: str,
    tested: Mapping[str, Json],
    curves: Mapping[str, ModelCurves],
) -> Drawing:
    lines = [
        Line(f"{name}, AUC {number(test[level]['roc_auc'])}", curves[name].roc[level])
        for name, test in tested.items()
        if name in curves and curves[name].roc[level]
    ]
    title = f"ROC curves, {level}s, {where}"
    text = "; ".join(line.name for line in lines) or "no curve: scores are not there"
    axes = unit_axis("reals called fake"), unit_axis("fakes called fake")
    svg = line_chart(title, text, lines, axes, has_diagonal=True)
    left = len(tested) - len(lines)
    missing = f" {count(left, 'curve')} not drawn." if left else ""
    return Drawing(svg, f"{title}; dashed gray: by chance.{missing}")


def _areas(level: str, where: str, tested: Mapping[str, Json]) -> Drawing:
    rows = []
    for number_, (name, test) in enumerate(tested.items()):
        found = test[level]
        if found["roc_auc"] is None:
            continue
        low, high = found["intervals_95"]["roc_auc"] or (None, None)
        text = with_interval(found["roc_auc"], found["intervals_95"]["roc_auc"])
        color = COLORS[number_ % len(COLORS)]
        rows.append(Interval(name, found["roc_auc"], low, high, text, color))
    text = "; ".join(f"{row.name}: {row.text}" for row in rows)
    title = f"ROC AUC of {level}s, {where}"
    svg = interval_chart(title, text, rows, unit_axis("ROC AUC; 0.5 is chance"))
    return Drawing(svg, f"{title}; bars: 95 % intervals, where there are any.")


def _confusions(tested: Mapping[str, Json]) -> Beside:
    return Beside(
        [
            _confusion(f"{name}, {level}s", test[level]["confusion"])
            for name, test in tested.items()
            for level in LEVELS
        ],
        24,
    )


def _confusion(caption: str, confusion: Sequence[Sequence[int]]) -> Table:
    header = ["", "called real", "called fake"]
    rows = []
    for label, counts in zip(("real", "fake"), confusion, strict=True):
        total = sum(counts)
        shares = [percent(n / total if total else None, 0) for n in counts]
        cells = (f"{n:,} ({s})" for n, s in zip(counts, shares, strict=True))
        rows.append((f"is {label}", *cells))
    return Table(caption, header, rows, from_column(1, header))


def _methods(tested: Mapping[str, Json], where: str) -> list[Block]:
    rows = []
    for name, test in tested.items():
        for method, found in test["methods"].items():
            measures = (
                number(found[level][measure])
                for level in LEVELS
                for measure in ("accuracy", "roc_auc")
            )
            videos = f"{found['video']['num_fake']:,}"
            rows.append((method, name, videos, *measures))
    if not rows:
        return []
    rows.sort(key=lambda row: row[0])
    header = ["method", "model", "fakes", "videos: accuracy", "AUC"]
    header += ["frames: accuracy", "AUC"]
    caption = f"Each method's fakes against all reals of the test part, {where}"
    return [Table(caption, header, rows, from_column(2, header), 2)]


def _rows_picture(kind: str, result: Json, facts: Facts) -> list[Block]:
    beside = facts.evaluation is not None and result is facts.evaluation.get("beside")
    name = f"rows@{kind}.png" if beside else "rows.png"
    if name not in facts.pictures:
        return []
    caption = (
        "Faces by their first two principal components: on the left those that train, "
        "on the right the held-out ones; blue real, orange fake."
    )
    alt = f"Scatter plot of the faces of split {kind} by two principal components"
    return [Picture(facts.pictures[name], alt, caption, 720)]


def _comparison(own: Json, beside: Json) -> Table:
    kinds = [_kind(own), _kind(beside)]
    header = ["model", "level"]
    header += [f"{m}, {kind}" for m in ("accuracy", "AUC") for kind in kinds]
    rows = []
    for name, parts in own["models"].items():
        other = beside["models"].get(f"{name}@{beside['split']['kind']}", {})
        for level in LEVELS:
            tests = [parts.get("test"), other.get("test")]
            rows.append(
                (name, level)
                + tuple(
                    number(None if test is None else test[level][measure])
                    for measure in ("accuracy", "roc_auc")
                    for test in tests
                )
            )
    caption = (
        "The same models under both splits, test parts: the difference is the leak"
    )
    if not is_leaky(own):
        caption = "The same models under both splits, test parts"
    return Table(caption, header, rows, from_column(2, header), 2)


def _kind(result: Json) -> str:
    return f"{result['split']['kind']}{' (LEAKY)' if is_leaky(result) else ''}"
