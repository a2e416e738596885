import json

from click.testing import CliRunner

from benchmarks.seeds import main


def test_both_forests_are_judged_on_each_seed(tmp_path):
    options = ["--rows", "70", "--seeds", "2", "--trees", "3", "--json"]
    done = CliRunner().invoke(main, [*options, "--folder", str(tmp_path)])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output.splitlines()[-1])
    assert [each["seed"] for each in found["results"]] == [0, 1]
    for each in found["results"]:
        assert 0 <= each["accuracy"] <= 1
        assert 0 <= each["rival_accuracy"] <= 1
