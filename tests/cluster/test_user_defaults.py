import pytest

from dfhpc import pipeline
from dfhpc.cluster.launch import batch_system
from dfhpc.cluster.user_defaults import with_user_defaults
from dfhpc.cluster_config import ClusterConfig
from dfhpc.errors import StoppedError
from tests.cluster.test_slurm import request

OF_SLURM = {
    "SBATCH_PARTITION": "long",
    "SBATCH_ACCOUNT": "physics",
    "SBATCH_QOS": "night",
    "SBATCH_RESERVATION": "course",
    "LSB_DEFAULTQUEUE": "other",
}
OF_LSF = {
    "LSB_DEFAULTQUEUE": "night weekend",
    "LSB_DEFAULTPROJECT": "physics",
    "SBATCH_QOS": "other",
}


def last_directives(count, environment, **config):
    found = with_user_defaults(ClusterConfig(**config), environment)
    return batch_system(found).directives(request())[-count:]


def test_defaults_of_slurm_are_lines_of_the_script():
    assert last_directives(4, OF_SLURM, kind="slurm") == [
        "--partition=long",
        "--account=physics",
        "--qos=night",
        "--reservation=course",
    ]


def test_defaults_of_lsf_are_lines_of_the_script():
    assert last_directives(2, OF_LSF, kind="lsf") == [
        "-q 'night weekend'",
        "-P physics",
    ]


def test_the_recipe_comes_first():
    own = {"queue": "short", "account": "maths", "extra_directives": ("--qos=day",)}
    assert last_directives(4, OF_SLURM, kind="slurm", **own) == [
        "--partition=short",
        "--account=maths",
        "--reservation=course",
        "--qos=day",
    ]


def test_no_defaults_change_nothing():
    config = ClusterConfig(kind="slurm")
    assert with_user_defaults(config, {"SBATCH_PARTITION": ""}) == config
    local = ClusterConfig()
    assert with_user_defaults(local, OF_SLURM) == local


def test_a_driver_hands_them_on_to_its_workers(tmp_path, quick_settings, monkeypatch):
    seen = []

    def opened(run, cluster, make_plugin):
        del run, make_plugin
        seen.append(cluster)
        raise StoppedError("seen")

    monkeypatch.setattr(pipeline, "pool_for", opened)
    monkeypatch.setenv("SBATCH_ACCOUNT", "physics")
    cluster = ClusterConfig(kind="slurm")
    settings = quick_settings.model_copy(update={"cluster": cluster})
    run = pipeline.start(tmp_path / "run", settings)
    with pytest.raises(StoppedError, match="seen"):
        pipeline.run_stages(run, settings, pipeline.STAGES, lambda *_: None)
    assert [found.account for found in seen] == ["physics"]
    # The next night may be another user's.
    assert "physics" not in run.config_path.read_text()
