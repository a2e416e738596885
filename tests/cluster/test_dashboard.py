"""Where the dashboard is: announced, found, and taken back."""

import json

import dask
import pytest
from click.testing import CliRunner

from dfhpc import pipeline
from dfhpc.cli import cli
from dfhpc.cluster import dashboard
from dfhpc.cluster_config import ClusterConfig
from dfhpc.errors import RunDirectoryError, StoppedError
from dfhpc.locks import hold
from dfhpc.submission import find_dashboard
from tests.invented_run import begin_run

PROXY = "https://hub.site/{PROJECT}/proxy/{host}:{port}/status"


@pytest.fixture
def run(tmp_path, quick_settings, monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "n7")
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    monkeypatch.setenv("DFHPC_LOGIN_HOST", "login1")
    return begin_run(tmp_path / "run", quick_settings)


def announce(run, **config):
    return dashboard.announce(run, ClusterConfig(**config), 40123, is_open=True)


def test_the_command_tells_address_and_tunnel(run):
    with hold(run.lock_path):
        announce(run)
        words = ["dashboard", str(run.path)]
        text = CliRunner().invoke(cli, words, catch_exceptions=False).output
        printed = CliRunner().invoke(cli, [*words, "--json"]).output
    link, tunnel, _ = text.splitlines()
    assert link == "Dashboard: http://n7:40123/status"
    assert tunnel.endswith(": ssh -N -L 8787:n7:40123 ada@login1")
    found = json.loads(printed)
    assert (found["host"], found["port"]) == ("n7", 40123)


def test_the_link_goes_through_the_proxy_of_the_site(run, monkeypatch):
    monkeypatch.setenv("PROJECT", "deep")
    through = "https://hub.site/deep/proxy/n7:40123/status"
    assert announce(run, dashboard_link=PROXY)["link"] == through
    with dask.config.set({"distributed.dashboard.link": PROXY}):
        assert announce(run)["link"] == through
        # The recipe comes first.
        own = announce(run, dashboard_link="http://{host}/x")
        assert own["link"] == "http://n7/x"


@pytest.mark.parametrize("template", ["http://{NO_SUCH_NAME}", "http://{0}", "{"])
def test_a_wrong_template_loses_no_night(run, template):
    shown = announce(run, dashboard_link=template)
    assert shown["link"] == "http://n7:40123/status"


def test_where_nobody_works_there_is_none(run):
    announce(run)
    with pytest.raises(RunDirectoryError, match="No driver with workers works on"):
        find_dashboard(run)


def test_one_of_a_driver_that_was_killed_is_not_told(run, quick_settings, monkeypatch):
    """The next driver has the lock, and no workers yet."""
    announce(run)

    def begin_link(run, cluster):
        del cluster
        with pytest.raises(RunDirectoryError, match="there is no dashboard"):
            find_dashboard(run)
        raise StoppedError("seen")

    monkeypatch.setattr(pipeline, "begin_link", begin_link)
    with pytest.raises(StoppedError, match="seen"):
        pipeline.run_stages(run, quick_settings, pipeline.STAGES, lambda *_: None)


def test_one_of_another_driver_is_not_taken_back(run):
    announce(run)
    run.lock_path.write_text('{"pid": 1, "host": "elsewhere"}')
    dashboard.forget(run)
    assert run.dashboard_path.exists()
