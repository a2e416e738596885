"""What every benchmark prints at its end."""

import json

import pytest

from benchmarks import report


def test_machine_says_what_figures_depend_on():
    facts = report.machine()
    assert facts["cpu"]
    assert facts["cores"] >= 1
    assert facts["memory_bytes"] > 10**8
    assert facts["libraries"].keys() >= {"numpy", "scikit-learn", "zarr"}
    assert facts["blas"]
    assert facts["cpu"] in report.machine_text(facts)


def test_the_last_line_is_json_where_asked_for(capsys):
    report.finish({"results": [1]}, as_json=True)
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["results"] == [1]
    assert found["machine"]["python"]
    report.finish({"results": [1]}, as_json=False)
    assert "{" not in capsys.readouterr().out


def test_what_json_cannot_say_is_refused():
    with pytest.raises(ValueError, match="JSON compliant"):
        report.finish({"results": [float("nan")]}, as_json=True)
