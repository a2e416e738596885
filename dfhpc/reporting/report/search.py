"""What a search for settings tried, and what it chose."""

import statistics

from dfhpc.reporting.report.blocks import (
    Block,
    Heading,
    Picture,
    Section,
    Table,
    Text,
    from_column,
)
from dfhpc.reporting.report.facts import Facts, Json


def search(facts: Facts) -> Section | None:
    """Return the searches of a run; None where its recipe has no grid."""
    if not facts.settings["search"]["grids"]:
        return None
    blocks: list[Block] = []
    if not facts.searches:
        again = f"`dfhpc search {facts.path}`"
        blocks.append(Text(f"No grid is searched yet; {again} does it.", "note"))
    for name, found in facts.searches.items():
        blocks += [Heading(name), _table(name, found)]
        picture = facts.pictures.get(f"{name}.png")
        if picture is not None:
            alt = f"{found['measure']} of {name} over {', '.join(found['keys'])}"
            caption = "Mean over the folds; bars: deviation from fold to fold."
            blocks.append(Picture(picture, alt, caption, 480))
    return Section("search", "Search for settings", blocks)


def _table(name: str, found: Json) -> Table:
    header = [*found["keys"], "accuracy", "ROC AUC", "chosen"]
    rows = [
        (
            *(str(value) for value in candidate["settings"].values()),
            _spread(candidate["accuracy"]),
            _spread(candidate["roc_auc"]),
            f"best {found['measure']}" if place == found["best"] else "",
        )
        for place, candidate in enumerate(found["candidates"])
    ]
    caption = (
        f"{name}: frames, mean ± deviation over {found['folds']} folds of the training "
        "part, by group"
    )
    heads = len(found["keys"])
    return Table(caption, header, rows, from_column(heads, header[:-1]), heads)


def _spread(values: list[float]) -> str:
    return f"{statistics.mean(values):.3f} ± {statistics.pstdev(values):.3f}"
