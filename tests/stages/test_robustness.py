"""Test videos made worse: only those, each once, and the same scores every time."""

import csv
import shutil
from collections import defaultdict

import numpy as np
import pytest
from PIL import Image

from dfhpc import crossing
from dfhpc.demo.clips import make_data_set
from dfhpc.errors import SplitError
from dfhpc.reporting import cross_text
from dfhpc.robustness import unit as unit_module
from dfhpc.robustness.choice import choose_videos
from dfhpc.robustness.kinds import conditions, usable_kinds
from dfhpc.runs import RunDirectory, read_json, write_json
from dfhpc.stages import robustness
from dfhpc.stages.report import write_report
from dfhpc.videos.manifest import Video, read_manifest
from tests.stages.test_whole_run import run_all

LIMIT = 3
MODELS = ["sgd", "random_forest"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("robust")
    make_data_set(folder / "clips", num_people=6, num_frames=9)
    run, _ = run_all(
        folder / "run",
        folder / "clips",
        extract={"frames_per_video": 2, "second_look": False},
        train={"models": MODELS, "sgd": {"epochs": 2, "batch_rows": 16}},
    )
    return run


@pytest.fixture(scope="module")
def found(run):
    return crossing.measure_robustness(run.path, LIMIT, {})


@pytest.fixture
def measured(monkeypatch):
    """Return the list of positions that are measured."""
    positions = []

    def counted(run_dir, position, names, asked):
        positions.append(position)
        unit_module.measure_video(run_dir, position, names, asked)

    monkeypatch.setattr(robustness, "measure_video", counted)
    return positions


def marks(run):
    return {p.name: p.read_bytes() for p in run.robustness_dir.glob("*.json")}


def test_only_test_videos_are_made_worse(run, found):
    videos = read_manifest(run.manifest_path)
    test = set(read_json(run.split_path)["test"])
    names = [read_json(path)["video_id"] for path in run.robustness_dir.glob("*.json")]
    assert len(names) == LIMIT == found["videos"]["measured"]
    assert set(names) <= test
    labels = {v.video_id: v.label for v in videos}
    assert {labels[name] for name in names} == {0, 1}


def test_unchanged_videos_have_the_scores_of_the_evaluation(run, found):
    del found
    frames = defaultdict(list)
    with (run.evaluation_dir / "frames.csv").open() as file:
        for line in csv.DictReader(file):
            frames[line["video_id"]].append(line)
    for path in run.robustness_dir.glob("*.json"):
        mark = read_json(path)
        outcome = mark["conditions"]["none"]
        own = frames[mark["video_id"]]
        assert outcome["faces"] == len(own)
        for model in MODELS:
            mean = np.mean([float(line[model]) for line in own])
            assert outcome["scores"][model] == pytest.approx(mean, abs=1e-4)


def test_every_level_of_every_kind_is_measured(run, found):
    kinds = usable_kinds()
    assert list(found["kinds"]) == [kind.name for kind in kinds]
    keys = ["none", *(condition.key for condition in conditions(kinds))]
    for path in run.robustness_dir.glob("*.json"):
        assert sorted(read_json(path)["conditions"]) == sorted(keys)
    levels = [level for kind in found["kinds"].values() for level in kind["levels"]]
    assert len(levels) == len(keys) - 1
    for level in levels:
        assert level["models"].keys() == set(MODELS)
        assert level["not_measured"] == {}
        for label in ("real", "fake"):
            capture = level["capture"][label]
            assert 0 <= capture["faces"] <= capture["frames"]
    changed = [
        level["models"]["sgd"]["fake"]["mean"] != found["baseline"]["models"]["sgd"]
        for level in levels
    ]
    assert all(changed)


def test_text_and_picture(run, found):
    text = cross_text.robustness_text(found)
    assert "H.264 again" in text
    assert "fewer than 5 there are no intervals" in text
    panels = cross_text.robustness_panels(found)
    assert [panel["labels"][0] for panel in panels] == ["as is"] * len(panels)
    assert len(panels[0]["auc"]) == len(MODELS)
    with Image.open(run.robustness_path.with_suffix(".png")) as picture:
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 50


def test_the_report_shows_it_while_the_models_are_the_same(run, found, tmp_path):
    path = tmp_path / "report.html"
    write_report(run, path, with_faces=False)
    text = path.read_text()
    assert 'id="robustness"' in text
    [row] = [
        row
        for row in cross_text.robustness_rows(found, MODELS[0])
        if (row["change"], row["level"]) == ("H.264 again", "40")
    ]
    for value in row.values():
        assert f">{value}<" in text
    copy = RunDirectory(tmp_path / "copy")
    shutil.copytree(run.path, copy.path)
    earlier = read_json(copy.robustness_path) | {"models_hash": "of others"}
    write_json(copy.robustness_path, earlier)
    write_report(copy, path, with_faces=False)
    assert 'id="robustness"' not in path.read_text()


def test_it_goes_on_where_it_was_and_comes_to_the_same(run, found, measured):
    assert crossing.measure_robustness(run.path, LIMIT, {}) == found
    assert measured == []
    before = marks(run)
    lost = sorted(run.robustness_dir.glob("*.json"))[1]
    lost.unlink()
    run.robustness_path.unlink()
    assert crossing.measure_robustness(run.path, LIMIT, {}) == found
    assert measured == [int(lost.stem)]
    assert marks(run) == before


def test_marks_of_other_models_do_not_count(run, found, measured, tmp_path):
    del found
    copy = RunDirectory(tmp_path / "copy")
    shutil.copytree(run.path, copy.path)
    evaluation = copy.evaluation_path
    evaluation.write_text(
        evaluation.read_text().replace('"models_hash": "', '"models_hash": "0', 1)
    )
    settings = robustness_settings(copy)
    assert robustness.known_result(copy, settings, LIMIT) is None
    assert robustness.known_result(run, settings, LIMIT + 1) is None
    [position] = [int(p.stem) for p in sorted(copy.robustness_dir.glob("*.json"))][:1]
    asked = robustness._asked(copy, settings)
    assert unit_module.read_mark(copy, position, asked) is None


def robustness_settings(run):
    from dfhpc.stages.scan import load_settings

    return load_settings(run)


def test_a_split_by_rows_has_no_video_to_make_worse(run):
    settings = robustness_settings(run)
    split = settings.split.model_copy(update={"kind": "random_rows"})
    leaky = settings.model_copy(update={"split": split})
    with pytest.raises(SplitError, match=r"split\.beside = group"):
        robustness.measure(run, leaky, LIMIT, None)


def test_the_choice_is_balanced_over_classes_and_groups():
    videos = [
        Video(f"{group}/{label}/{i}", "", label, f"g{group}")
        for group in range(4)
        for label, count in ((0, 1), (1, 5))
        for i in range(count)
    ]
    everyone = list(range(len(videos)))
    chosen = [videos[p] for p in choose_videos(videos, everyone, 8, seed=1)]
    assert sum(video.label for video in chosen) == 4
    for label in (0, 1):
        assert {v.group_id for v in chosen if v.label == label} == {
            "g0",
            "g1",
            "g2",
            "g3",
        }
    smaller = choose_videos(videos, everyone, 4, seed=1)
    assert set(smaller) <= set(choose_videos(videos, everyone, 8, seed=1))
    assert choose_videos(videos, everyone, 99, seed=1) == everyone
    assert choose_videos(videos, everyone, 8, seed=2) != choose_videos(
        videos, everyone, 8, seed=1
    )


def test_a_video_without_readable_frames_is_recorded_not_raised(tmp_path):
    from dfhpc.config import ExtractConfig

    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    video = Video("broken.mp4", str(broken), 1, "g")
    extract = ExtractConfig(detector="haar")
    outcomes = dict(unit_module._extracted(video, extract))
    assert len(outcomes) == 1 + len(conditions(usable_kinds()))
    assert {record.status for record, _ in outcomes.values()} == {"error"}


def test_unreadable_frames_keep_the_numbers_of_the_others():
    one, two = np.zeros((2, 2, 3), np.uint8), np.ones((2, 2, 3), np.uint8)
    frames = list(unit_module._whole_frames(iter([None, one, None, two])))
    assert [int(frame[0, 0, 0]) for frame in frames] == [0, 0, 0, 1]
