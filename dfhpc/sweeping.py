"""What killed processes leave in a run directory, and what removes it."""

from dfhpc.runs import RunDirectory


def sweep_partial(run: RunDirectory) -> None:
    """Remove the temporary files that killed processes left in a run directory."""
    for folder in [
        *(run.path, run.partitions_dir, run.evaluation_dir, run.search_dir),
        *(run.report_path.parent, run.on_dir, run.robustness_dir),
        *run.models_dir.glob("*"),
        *run.models_dir.glob("*/trees"),
        *run.models_dir.glob("*/features"),
        *run.models_dir.glob("*/search/*"),
        *run.models_dir.glob("*/search/*/trees"),
        *run.features_path.glob("*"),
        *run.gram_path.glob("*"),
        *run.gram_path.glob("*/parts"),
    ]:
        for path in folder.glob(".*.partial"):
            if path.is_file():
                path.unlink(missing_ok=True)
