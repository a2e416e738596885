"""What is printed and drawn of calibrations."""

import numpy as np
from PIL import Image

from dfhpc import calibration
from dfhpc.reporting.calibration_text import calibration_text
from dfhpc.reporting.reliability_figure import save_reliability_figure


def videos(num_groups, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.tile(np.array([0, 0, 1, 1], np.int8), num_groups)
    scores = 1 / (1 + np.exp(-rng.normal(0, 1, len(labels)) - 3 * labels))
    groups = [f"g{at // 4}" for at in range(len(labels))]
    return calibration.VideoScores(labels, scores, tuple(groups))


def entry(num_groups, test=None):
    own = videos(num_groups)
    return calibration.to_json(calibration.fit(own, 0.1, 0), own, test)


def test_who_is_calibrated_and_who_is_not():
    text = calibration_text({"good": entry(8, videos(5, 1)), "poor": entry(2)})
    lines = text.splitlines()
    [good] = [line for line in lines if line.startswith("good")]
    [poor] = [line for line in lines if line.startswith("poor")]
    assert good.split()[1:4] == ["platt", "32", "8"]
    assert poor.split()[1:4] == ["none", "-", "-"]
    assert "0.35 to 0.65" in poor
    assert "Not calibrated: poor. The calibration part has 4 real" in text
    assert "no probability" in text
    assert calibration_text({}) == ""


def test_the_plot_shows_both_parts_or_one(tmp_path):
    colors = []
    for name, test in (("both", videos(5, 1)), ("own", None)):
        path = tmp_path / f"{name}.png"
        save_reliability_figure(path, name, entry(8, test))
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
        colors.append({tuple(color) for color in pixels.tolist()})
    blue, orange = (0, 114, 178), (213, 94, 0)
    assert {blue, orange} <= colors[0]
    assert blue in colors[1]
    assert orange not in colors[1]
