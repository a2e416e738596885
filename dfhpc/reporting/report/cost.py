"""What the run cost: LSF's ten lines, and memory and CPU over time."""

from collections.abc import Sequence

from dfhpc.reporting.charts import Axis, Band, Line, axis_to, line_chart
from dfhpc.reporting.report.blocks import (
    Block,
    Code,
    Drawing,
    Folded,
    Heading,
    Section,
    Table,
    Text,
    from_column,
)
from dfhpc.reporting.report.facts import Facts, Json
from dfhpc.reporting.usage_text import usage_text

GIBIBYTE = 1024**3
LSF_UNITS = {
    "CPU time": " (s)",
    "Max Memory": " (MB)",
    "Average Memory": " (MB)",
    "Total Requested Memory": " (MB)",
    "Delta Memory": " (MB)",
    "Max Swap": " (MB)",
    "Max Processes": "",
    "Max Threads": "",
    "Run time": " (s)",
    "Turnaround time": " (s)",
}
CURVES = (
    ("rss_bytes", "memory (GiB)", GIBIBYTE),
    ("cores", "cores in use", 1),
    ("processes", "processes", 1),
)


def cost(facts: Facts) -> Section:
    """Return the usage of stages, models and the whole run."""
    usage = facts.usage
    if usage is None or (usage["run"] is None and not usage["jobs"]):
        blocks: list[Block] = [
            Text(
                "Nothing has been sampled: no stage has begun, or the folder `usage` "
                "of the run is gone.",
                "note",
            )
        ]
        return Section("cost", "Cost", blocks)
    blocks = []
    if usage["run"] is not None:
        stages = {k: v for k, v in usage["stages"].items() if not _is_model(k)}
        blocks.append(
            _lsf_table(
                "LSF's resource usage summary of each stage and of the whole run, over "
                "all processes and attempts",
                stages | {"whole run": usage["run"]},
            )
        )
        blocks += _timeline(facts.timeline)
        models = {
            name.removeprefix("train "): used
            for name, used in usage["stages"].items()
            if _is_model(name)
        }
        if models:
            blocks.append(_model_table(models))
    if usage["jobs"]:
        jobs = usage_text({**usage, "run": None, "stages": {}})
        blocks.append(Folded("Batch jobs, and what to ask for", [Code("jobs", jobs)]))
    return Section("cost", "Cost", blocks)


def _is_model(stage: str) -> bool:
    return stage.startswith("train ")


def _lsf_table(caption: str, used: Json) -> Table:
    """Return LSF's lines as rows, and a column for each of what used it."""
    columns = [_lsf_values(each["lsf"]) for each in used.values()]
    header = ["", *used]
    names = list(columns[0])
    rows = [(name, *(column[name] for column in columns)) for name in names]
    return Table(caption, header, rows, from_column(1, header))


def _model_table(used: Json) -> Table:
    """Return a row a model, as there may be many, and LSF's lines as columns."""
    rows = [
        (name, *(_without_unit(value) for value in _lsf_values(each["lsf"]).values()))
        for name, each in used.items()
    ]
    header = ["model", *(f"{name}{unit}" for name, unit in LSF_UNITS.items())]
    caption = (
        "The same of training each model, in seconds and MB; the first that needs the "
        "products of all rows bears their cost"
    )
    return Table(caption, header, rows, from_column(1, header))


def _without_unit(value: str) -> str:
    """Return the number alone.

    >>> _without_unit("7.63 sec.")
    '7.63'
    """
    return value.partition(" ")[0]


def _lsf_values(lines: Sequence[str]) -> dict[str, str]:
    """Return name and value of each line.

    >>> _lsf_values(["    Max Swap :                                   -"])
    {'Max Swap': '-'}
    """
    parts = (line.partition(" :") for line in lines)
    return {name.strip(): value.strip() for name, _, value in parts}


def _timeline(timeline: Json | None) -> list[Block]:
    if timeline is None:
        return []
    times, begin = timeline["t"], timeline["t"][0]
    length, word, unit = _unit(times[-1] - begin)
    bands = [
        Band(name, (start - begin) / unit, (end - begin) / unit)
        for name, start, end in timeline["stages"]
        if not _is_model(name)
    ]
    along = axis_to(f"{word} since the first stage began", length)
    across = Axis(
        along.label,
        0.0,
        max(length, 1e-9),
        tuple(t for t in along.ticks if t <= length),
    )
    names = dict.fromkeys(band.name for band in bands)
    blocks: list[Block] = [Heading("Over time")]
    for key, label, scale in CURVES:
        values = [value / scale for value in timeline[key]]
        edges = ((t - begin) / unit for t in times[:-1])
        points = highest_points(list(zip(edges, values, strict=True)))
        highest = max(values, default=0.0)
        text = f"At most {highest:.3g}; stages: {', '.join(names)}"
        svg = line_chart(
            f"{label} over time",
            text,
            [Line("", [*points, (length, points[-1][1])], is_stairs=True)],
            (across, axis_to(label, highest)),
            size=(640, 190),
            bands=bands,
        )
        blocks.append(
            Drawing(svg, f"{label[:1].upper()}{label[1:]}; shaded: the stages.")
        )
    return blocks


def highest_points(
    points: Sequence[tuple[float, float]], most: int = 200
) -> list[tuple[float, float]]:
    """Return at most so many points, each the highest of its stretch.

    >>> highest_points([(0, 1), (1, 9), (2, 3), (3, 4)], most=2)
    [(0, 9), (2, 4)]
    """
    step = -(-len(points) // most)
    return [
        (points[at][0], max(value for _, value in points[at : at + step]))
        for at in range(0, len(points), step)
    ]


def _unit(length_s: float) -> tuple[float, str, float]:
    """Return a length in the unit in which it reads well, the unit, and its seconds."""
    if length_s > 2 * 3600:
        return length_s / 3600, "hours", 3600.0
    if length_s > 300:
        return length_s / 60, "minutes", 60.0
    return length_s, "seconds", 1.0
