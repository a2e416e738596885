"""The Gram matrix of made-up rows: its rate beside the processor's own, its memory.

The work counted is what a matrix of n rows and p columns needs, n * n * p operations
(multiplications and additions of one half, which is all that symmetry leaves). Time
runs from the first read of the store to the matrix on disk. The processor's own rate
is that of a large float32 product, measured in turn in the same run; bytes are
multiplied faster than that where the processor has instructions for it.
"""

import functools
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.measure import Attempt, alternate, measure_call, median
from benchmarks.peak import sgemm_gflops
from benchmarks.report import finish, growth, rounded, table_text
from benchmarks.rows import make_run
from benchmarks.view import fresh_view
from dfhpc.constants import ROW_LENGTH
from dfhpc.errors import DfhpcError

CHECKED_ROWS = 200
"""Rows whose products with each other are computed in int64 too."""


def compute(
    view: str, num_rows: int, workers: int, standardize: bool
) -> dict[str, Any]:
    """Compute the matrix of a view; return its seconds, and whether it is exact."""
    import time

    from dfhpc.cluster.local import local_pool
    from dfhpc.cluster_config import ClusterConfig
    from dfhpc.models.gram import ensure_gram
    from dfhpc.models.gram_reader import Gram
    from dfhpc.models.products import best_product
    from dfhpc.runs import RunDirectory
    from dfhpc.store.reading import RowReader

    run = RunDirectory(Path(view))
    rows = np.arange(num_rows)
    training = rows[rows % 5 > 0]
    with local_pool(ClusterConfig(workers=workers)) as pool:
        started = time.perf_counter()
        folder = ensure_gram(run, pool, training, standardize=standardize)
        seconds = time.perf_counter() - started
    chosen = np.sort(
        np.random.default_rng(0).choice(
            num_rows, min(CHECKED_ROWS, num_rows), replace=False
        )
    )
    reader = RowReader(run.store_path)
    pixels = np.concatenate([p for _, p in reader.iter_partitions(chosen)])
    found = Gram(folder).square(chosen)
    exact = None
    if not standardize:
        whole = pixels.astype(np.int64) - 128
        exact = bool(np.array_equal(found, whole @ whole.T))
    return {"seconds": seconds, "exact": exact, "product": best_product()[0]}


def match(
    folder: Path,
    num_rows: int,
    workers: int,
    *,
    standardize: bool,
    repeats: int,
    sgemm_side: int,
) -> dict[str, Any]:
    """Measure one matrix, and a float32 product on as many threads, in turn."""
    made = make_run(folder / f"rows-{num_rows}", num_rows)

    def ours() -> Attempt:
        view = fresh_view(made, folder / "view", {})
        return measure_call(compute, str(view), num_rows, workers, standardize)

    def peak() -> Attempt:
        measured, rate = measure_call(sgemm_gflops, workers, sgemm_side)
        return measured, {"gflops": rate}

    runs: dict[str, Callable[[], Attempt]] = {"ours": ours, "peak": peak}
    found = alternate(runs, repeats)
    seconds = statistics.median(gave["seconds"] for _, gave in found["ours"])
    rate = statistics.median(gave["gflops"] for _, gave in found["peak"])
    middle = median([measured for measured, _ in found["ours"]])
    gflops = num_rows**2 * ROW_LENGTH / seconds / 1e9
    exact = [gave["exact"] for _, gave in found["ours"]]
    return {
        "rows": num_rows,
        "workers": workers,
        "standardize": standardize,
        "seconds": seconds,
        "gflops": gflops,
        "sgemm_gflops": rate,
        "peak_fraction": gflops / rate,
        "peak_rss_bytes": middle.peak_rss_bytes,
        "peak_process_bytes": middle.peak_process_bytes,
        "exact": None if standardize else all(exact),
        "product": found["ours"][-1][1]["product"],
    }


HEADERS = (
    "rows",
    "workers",
    "matrix",
    "s",
    "GFLOP/s",
    "sgemm\nGFLOP/s",
    "fraction",
    "GB,\nall",
    "GB, one\nprocess",
    "exact",
    "product",
)


def results_text(results: list[dict[str, Any]]) -> str:
    """Return a table with a line for each matrix."""
    rows = [
        (
            entry["rows"],
            entry["workers"],
            "standardized" if entry["standardize"] else "raw",
            rounded(entry["seconds"], 1),
            rounded(entry["gflops"], 0),
            rounded(entry["sgemm_gflops"], 0),
            rounded(entry["peak_fraction"], 2),
            rounded(entry["peak_rss_bytes"], 2, 1e9),
            rounded(entry["peak_process_bytes"], 2, 1e9),
            entry["exact"],
            entry["product"],
        )
        for entry in results
    ]
    return table_text(rows, HEADERS)


def _numbers(_: Any, __: Any, value: str) -> list[int]:
    try:
        return [int(part) for part in value.split(",")]
    except ValueError:
        raise click.BadParameter("write numbers as 1000,2000,4000") from None


_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(help=__doc__)
@click.option("--rows", default="4000", callback=_numbers, help="One size or several.")
@click.option("--workers", default="2", callback=_numbers, help="As 2, or 1,2.")
@click.option("--standardized", is_flag=True, help="The standardized matrix too.")
@click.option("--repeats", default=3, show_default=True, help="Runs; gives medians.")
@click.option("--sgemm-side", default=6144, show_default=True, help="Of the product.")
@click.option("--folder", type=_FOLDER, default="runs/benchmarks", help="Keeps rows.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object.")
def main(
    rows: list[int],
    workers: list[int],
    *,
    standardized: bool,
    repeats: int,
    sgemm_side: int,
    folder: Path,
    as_json: bool,
) -> None:
    """Measure every matrix and print what was found."""
    call = functools.partial(match, folder, repeats=repeats, sgemm_side=sgemm_side)
    try:
        results = [
            call(size, count, standardize=standardize)
            for size in rows
            for count in workers
            for standardize in ([False, True] if standardized else [False])
        ]
    except DfhpcError as error:
        raise click.ClickException(str(error)) from error
    click.echo(results_text(results))
    largest = max(results, key=lambda entry: (entry["rows"], -entry["standardize"]))
    keys = ("gflops", "peak_fraction", "peak_rss_bytes", "exact")
    found = {key: largest[key] for key in keys} | {"results": results}
    if len(rows) > 1:
        raw = [
            e for e in results if not e["standardize"] and e["workers"] == workers[-1]
        ]
        power = growth([e["rows"] for e in raw], [e["seconds"] for e in raw])
        found["seconds_grow_with_power"] = power
        click.echo(f"\nSeconds grow with power {rounded(power, 2)} of the rows.")
    finish(found, as_json=as_json)


if __name__ == "__main__":
    main()
