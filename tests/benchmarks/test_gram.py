"""The benchmark of the Gram matrix says what it should; its figures are not judged."""

import json

import pytest
from click.testing import CliRunner

from benchmarks.gram import main


@pytest.mark.slow
def test_the_last_line_has_the_figures(tmp_path):
    options = ["--rows", "70,140", "--workers", "1", "--repeats", "1"]
    options += ["--standardized", "--sgemm-side", "256", "--json"]
    done = CliRunner().invoke(main, [*options, "--folder", str(tmp_path)])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output.splitlines()[-1])
    assert found["exact"] is True
    assert found["gflops"] > 0
    assert found["peak_fraction"] > 0
    assert found["peak_rss_bytes"] > 50e6
    matrices = [(e["rows"], e["standardize"]) for e in found["results"]]
    assert matrices == [(70, False), (70, True), (140, False), (140, True)]


def test_sizes_that_are_no_numbers_are_refused():
    done = CliRunner().invoke(main, ["--rows", "many"])
    assert done.exit_code == 2
    assert "write numbers as" in done.output
