"""The benchmark of training: its figures, its tables and its last line."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import rivals, train
from benchmarks.contenders import CONTENDERS
from benchmarks.measure import Measured
from benchmarks.rows import make_run
from benchmarks.view import fresh_view, read_truth

KEYS = {
    "model",
    "rows",
    "seconds",
    "peak_rss_bytes",
    "rival_seconds",
    "rival_peak_rss_bytes",
    "agreement",
}
TRUTH = np.array([0, 1, 1, 0], np.int8)


@pytest.fixture
def _no_work(monkeypatch):
    """Put in the place of both sides what they would have taken and found."""

    def run_ours(plan, contender, made):
        return Measured(2.0, 4 * 10**9, 3 * 10**9), {"predicted": [0, 1, 1, 1]}

    def run_rival(plan, rival, contender, view):
        found = {"predicted": [0, 1, 0, 1], "facts": {"fit_s": 7.0}}
        return Measured(8.0, 10**9, 10**9), found

    monkeypatch.setattr(train, "make_run", lambda folder, num_rows: None)
    monkeypatch.setattr(train, "fresh_view", lambda *arguments: None)
    monkeypatch.setattr(train, "read_truth", lambda view: TRUTH)
    monkeypatch.setattr(train, "_run_ours", run_ours)
    monkeypatch.setattr(train, "_run_rival", run_rival)


def invoke(*arguments):
    return CliRunner().invoke(train.main, arguments)


@pytest.mark.usefixtures("_no_work")
class TestCommand:
    def test_last_line_is_one_object_with_every_key(self):
        done = invoke("--rows", "500", "--models", "svm,sgd", "--json")
        assert done.exit_code == 0, done.output
        svm, sgd = json.loads(done.stdout.splitlines()[-1])["results"]
        assert svm.keys() >= KEYS
        assert svm["agreement"] == 0.75
        assert (svm["accuracy"], svm["rival_accuracy"]) == (0.75, 0.5)
        assert (svm["time_ratio"], svm["memory_ratio"]) == (4.0, 0.25)
        assert sgd.keys() == svm.keys()
        assert sgd["rival_seconds"] is None
        assert sgd["agreement"] is None

    def test_the_rival_stays_out_above_its_rows(self):
        done = invoke("--grow", "500,2000", "--models", "svm", "--json")
        found = json.loads(done.stdout.splitlines()[-1])
        small, large = found["results"]
        assert small["rival_seconds"] == 8.0
        assert large["rival_seconds"] is None
        assert found["growth"][0]["seconds"] == 0.0
        assert found["growth"][0]["rival_seconds"] is None
        assert found["machine"]["cores"] >= 1

    def test_rivals_alone(self):
        done = invoke("--rivals-only", "--models", "svm", "--json")
        (entry,) = json.loads(done.stdout.splitlines()[-1])["results"]
        assert entry["seconds"] is None
        assert entry["rival_facts"] == {"fit_s": 7.0}

    def test_without_json_there_is_a_table_alone(self):
        done = invoke("--models", "svm")
        assert "rival s" in done.stdout
        assert not done.stdout.splitlines()[-1].startswith("{")

    def test_unknown_model_names_the_known(self):
        done = invoke("--models", "svm,net")
        assert done.exit_code == 2
        assert "there is no net; there are svm" in done.output


@pytest.mark.parametrize("model", ["svm", "logistic_regression", "random_forest"])
def test_rivals_predict_the_test_rows(model, tmp_path, monkeypatch):
    made = make_run(tmp_path / "rows", 28, workers=0)
    view = fresh_view(made, tmp_path / "view", {})
    # A few columns are enough to see that the code path works.
    monkeypatch.setattr(rivals, "read_wide", read_narrow)
    contender = CONTENDERS[model]
    found = contender.rival(str(view), contender.parameter)
    assert len(found["predicted"]) == len(read_truth(view)) == 6
    assert set(found["predicted"]) <= {0, 1}
    assert found["facts"]["fit_s"] > 0
    json.dumps(found)


def read_narrow(reader, rows, dtype):
    parts = [pixels[:, ::997] for _, pixels in reader.iter_partitions(rows)]
    return np.concatenate(parts).astype(dtype)


def test_read_wide_returns_the_rows(tmp_path):
    from dfhpc.store.reading import RowReader

    made = make_run(tmp_path / "rows", 28, workers=0)
    reader, rows = RowReader(made.store_path), np.array([1, 5, 27])
    ((_, pixels),) = reader.iter_partitions(rows)
    wide = rivals.read_wide(reader, rows, np.float64)
    assert wide.dtype == np.float64
    np.testing.assert_array_equal(wide, pixels)
