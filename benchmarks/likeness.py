"""How alike the rows of runs are, in what matters to speed and to models.

Given the run of real clips and one of made-up rows, it shows whether the latter can
stand for the former.
"""

import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.report import finish, rounded, table_text
from benchmarks.rows import FRAMES_PER_VIDEO, VIDEOS_PER_PARTITION
from dfhpc.constants import FACE_CHANNELS, FACE_SIDE
from dfhpc.errors import DfhpcError
from dfhpc.runs import open_run
from dfhpc.store.partitions import StoreLayout
from dfhpc.store.reading import Pixels, RowReader
from dfhpc.store.schema import create_store, file_size, shard_path

NUM_ROWS = 210
"""What is compared: the faces of 30 videos, as many as the clips give."""

SHARD_ROWS = FRAMES_PER_VIDEO * VIDEOS_PER_PARTITION


def likeness(run_dir: Path) -> dict[str, Any]:
    """Return figures of the first faces of a run.

    Raises
    ------
    DfhpcError
        When it is no extracted run.
    """
    reader = RowReader(open_run(run_dir).store_path)
    rows = np.flatnonzero(reader.array("valid"))[:NUM_ROWS]
    pixels = np.concatenate([found for _, found in reader.iter_partitions(rows)])
    same, other = correlations(pixels, np.asarray(reader.array("video"))[rows])
    return {
        "run": str(run_dir),
        "bytes_per_row": compressed_bytes(pixels[:SHARD_ROWS]),
        "column_deviation": float(pixels.std(axis=0).mean()),
        "correlation_same_video": same,
        "correlation_other_video": other,
        "step_between_pixels": mean_step(pixels),
    }


def compressed_bytes(pixels: Pixels) -> float:
    """Return bytes per row, as one shard of a store of full size."""
    videos = -(-len(pixels) // FRAMES_PER_VIDEO)
    layout = StoreLayout(videos, FRAMES_PER_VIDEO, VIDEOS_PER_PARTITION)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "faces.zarr"
        create_store(path, layout, {})["faces"][: len(pixels)] = pixels  # type: ignore[index]
        return file_size(shard_path(path, 0)) / len(pixels)


def correlations(pixels: Pixels, videos: NDArray[Any]) -> tuple[float, float]:
    """Return the mean correlation of two rows of one video, and of two videos."""
    same = videos[:, None] == videos[None, :]
    found = np.asarray(np.corrcoef(pixels.astype(np.float32)))
    others = ~np.eye(len(pixels), dtype=bool)
    return float(found[same & others].mean()), float(found[~same].mean())


def mean_step(pixels: Pixels) -> float:
    """Return the mean difference of pixels side by side, of 255."""
    faces = pixels.reshape(-1, FACE_SIDE, FACE_SIDE, FACE_CHANNELS).astype(np.int16)
    return float(np.abs(np.diff(faces, axis=2)).mean())


@click.command(help=__doc__)
@click.argument(
    "run_dirs",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
)
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object.")
def main(run_dirs: tuple[Path, ...], *, as_json: bool) -> None:
    """Print the figures of every run beside each other."""
    try:
        results = [likeness(path) for path in run_dirs]
    except DfhpcError as error:
        raise click.ClickException(str(error)) from error
    names = [name for name in results[0] if name != "run"]
    rows = [[name, *(rounded(entry[name], 2) for entry in results)] for name in names]
    click.echo(table_text(rows, ["", *(str(path) for path in run_dirs)]))
    finish({"results": results}, as_json=as_json)


if __name__ == "__main__":
    main()
