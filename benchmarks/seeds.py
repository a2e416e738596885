"""The forest on random columns beside scikit-learn's on all: accuracy over seeds.

Both are grown on the same made-up rows, with another seed and another random fifth
held out each time. Prints each accuracy, and the mean difference with its standard
error.
"""

import statistics
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.report import finish, rounded, table_text
from benchmarks.rows import make_run
from dfhpc.cluster.inline import InlinePool
from dfhpc.errors import DfhpcError
from dfhpc.metrics import THRESHOLD
from dfhpc.model_configs import RandomForestConfig
from dfhpc.models.base import TRAINING_ROWS_NAME, TrainingRows
from dfhpc.models.random_forest import RandomForestTrainer
from dfhpc.runs import RunDirectory
from dfhpc.store.reading import RowReader

TEST_SHARE = 0.2


def contest(store: Path, folder: Path, seed: int, num_trees: int) -> dict[str, Any]:
    """Return both accuracies with one seed."""
    from sklearn.ensemble import RandomForestClassifier

    run = RunDirectory(folder)
    run.store_path.symlink_to(store)
    reader = RowReader(run.store_path)
    labels = np.asarray(reader.array("label"), np.int8)
    order = np.random.default_rng(seed).permutation(len(labels))
    cut = round(len(labels) * TEST_SHARE)
    test, train = np.sort(order[:cut]), np.sort(order[cut:])
    path = run.model_dir("forest") / TRAINING_ROWS_NAME
    TrainingRows(train, labels[train]).save(path)
    config = RandomForestConfig(num_trees=num_trees, balanced=False, seed=seed)
    trainer = RandomForestTrainer("forest", config)
    trainer.train(run, InlinePool(), lambda step: None)
    every = np.arange(len(labels))
    pixels = np.concatenate([found for _, found in reader.iter_partitions(every)])
    scores = trainer.load(run.model_dir("forest")).score(pixels[test])
    rival = RandomForestClassifier(num_trees, random_state=seed, n_jobs=-1)
    rival.fit(pixels[train], labels[train])
    return {
        "seed": seed,
        "accuracy": float(np.mean((scores >= THRESHOLD) == labels[test])),
        "rival_accuracy": float(rival.score(pixels[test], labels[test])),
    }


_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(help=__doc__)
@click.option("--rows", default=1000, show_default=True, help="Train and test rows.")
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(min=2))
@click.option("--trees", default=100, show_default=True, help="Of each forest.")
@click.option("--folder", type=_FOLDER, default="runs/benchmarks", help="Keeps rows.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object.")
def main(rows: int, seeds: int, trees: int, folder: Path, *, as_json: bool) -> None:
    """Grow both forests with every seed and print their accuracies."""
    try:
        made = make_run(folder / f"rows-{rows}", rows)
    except DfhpcError as error:
        raise click.ClickException(str(error)) from error
    found = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as scratch:
            store = made.store_path.absolute()
            found.append(contest(store, Path(scratch), seed, trees))
    differences = [each["accuracy"] - each["rival_accuracy"] for each in found]
    mean = statistics.mean(differences)
    error_of_mean = statistics.stdev(differences) / len(differences) ** 0.5
    lines = [
        (e["seed"], rounded(e["accuracy"], 3), rounded(e["rival_accuracy"], 3))
        for e in found
    ]
    click.echo(table_text(lines, ("seed", "dfhpc", "scikit-learn")))
    click.echo(f"\nDifference {mean:+.3f}, standard error {error_of_mean:.3f}.")
    result = {"difference": mean, "standard_error": error_of_mean, "results": found}
    finish(result, as_json=as_json)


if __name__ == "__main__":
    main()
