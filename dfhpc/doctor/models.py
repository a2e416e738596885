"""The probe of the models of a run, where the folder is one."""

from dfhpc.doctor.finding import Outcome, failure, ok, skipped, warning
from dfhpc.doctor.visit import Visit
from dfhpc.errors import ModelError
from dfhpc.models.self_test import CheckedModel
from dfhpc.runs import RunDirectory, open_run
from dfhpc.stages.predict import trained_models


def models(visit: Visit) -> Outcome:
    """Say whether each model still scores some training rows as when it was trained."""
    if not RunDirectory(visit.folder).config_path.is_file():
        return skipped(f"{visit.folder} is no run directory, so no model is tried.")
    run = open_run(visit.folder)
    names = trained_models(run)
    if not names:
        return skipped(f"{run.path} has no trained model yet.")
    passed, untested = [], []
    for name in names:
        try:
            found = CheckedModel(run, name).self_test()
        except ModelError as error:
            remedy = f"dfhpc train {run.path}, after deleting {run.model_dir(name)}"
            return failure(str(error), remedy)
        if found is None:
            untested.append(name)
        else:
            passed.append(f"{name} ({found.largest_difference:.1g})")
    if untested:
        return warning(
            f"{', '.join(untested)} of {run.path} has no self-test: an older dfhpc "
            "trained it.",
            f"delete {run.model_dir(untested[0])}, then dfhpc train {run.path}",
        )
    return ok(f"Models score as when they were trained: {', '.join(passed)}.")
