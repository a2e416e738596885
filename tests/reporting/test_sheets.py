"""Pictures: marks where the faces are, any shape of frame, any name."""

import numpy as np
import pytest
from PIL import Image, ImageColor

from dfhpc.reporting.animation import save_animation
from dfhpc.reporting.lettering import printable, shortened, width_of, wrapped
from dfhpc.reporting.marking import (
    CHOSEN_COLOR,
    OTHER_COLOR,
    POINT_COLOR,
    Face,
    faces_of,
    fitted,
    mark_frame,
)
from dfhpc.reporting.sheets import CROPS, FRAMES, Tile, draw_sheet

ODD_NAMES = ["日本語.mp4", "\udcff\n\x00", "عربى", "a" * 500, "", "👩‍👩‍👧 family"]


def _where(picture, color):
    """Return left, top, right, bottom of the pixels of a color."""
    rows, columns = np.nonzero((np.asarray(picture) == ImageColor.getrgb(color)).all(2))
    return columns.min(), rows.min(), columns.max(), rows.max()


def test_the_chosen_face_is_dashed_red_where_its_box_is():
    frame = np.full((200, 400, 3), 128, np.uint8)
    picture = mark_frame(frame, [Face((100, 50, 80, 100))], (200, 100))
    assert picture.size == (200, 100)
    found = np.array(_where(picture, CHOSEN_COLOR))
    np.testing.assert_allclose(found, (50, 25, 90, 75), atol=2)
    top_line = np.asarray(picture)[25, 52:88]
    is_red = (top_line == ImageColor.getrgb(CHOSEN_COLOR)).all(1)
    assert 0.3 < is_red.mean() < 0.9


def test_other_faces_and_landmarks_have_colors_of_their_own():
    frame = {
        "box": [10, 10, 80, 80],
        "landmarks": [[30, 30]] * 5,
        "others": [{"box": [200, 100, 60, 60], "confidence": 0.95, "landmarks": None}],
    }
    faces = faces_of(frame)
    assert [face.is_chosen for face in faces] == [False, True]
    picture = mark_frame(np.zeros((300, 400, 3), np.uint8), faces, (400, 300))
    assert _where(picture, OTHER_COLOR) == (200, 100, 259, 159)
    left, top, right, bottom = _where(picture, POINT_COLOR)
    assert (left + right) / 2 == (top + bottom) / 2 == 30


def test_a_frame_without_a_face_has_no_marks():
    assert faces_of({"status": "no_face"}) == []


@pytest.mark.parametrize(
    "shape", [(1, 1), (4320, 7680), (3000, 2), (2, 3000), (64, 64), (1920, 1080)]
)
def test_any_shape_fits(shape):
    picture = fitted(np.zeros((*shape, 3), np.uint8), FRAMES.size)
    assert 1 <= picture.width <= FRAMES.width
    assert 1 <= picture.height <= FRAMES.height
    factor = min(FRAMES.width / shape[1], FRAMES.height / shape[0], 2)
    assert picture.width == max(1, round(shape[1] * factor))


@pytest.mark.parametrize("grid", [FRAMES, CROPS])
def test_odd_names_stay_in_their_cells(grid):
    tiles = [Tile("", (name,) * 9, -1) for name in ODD_NAMES]
    tiles.append(Tile("A sentence. " * 200, (), 0))
    sheet = draw_sheet("x" * 500, "legend " * 200, tiles, grid)
    pixels = np.asarray(sheet)
    # Nothing is written over the right edge or between two columns.
    assert (pixels[:, -10:] == 255).all()
    assert (pixels[-40:, 14 + grid.width + 1 : 14 + grid.width + 13] == 255).all()


def test_a_sheet_is_as_high_as_it_needs():
    wide = Tile(Image.new("RGB", (420, 100)), ("a",), 0)
    tall = Tile(Image.new("RGB", (100, 300)), ("a",), 1)
    low = draw_sheet("t", "l", [wide] * 4, FRAMES)
    high = draw_sheet("t", "l", [wide, tall], FRAMES)
    assert high.height - low.height == 200
    colors = {color for _, color in high.getcolors(100_000)}
    assert ImageColor.getrgb("#d55e00") in colors
    assert ImageColor.getrgb("#0072b2") in colors


def test_long_names_keep_their_end():
    text = shortened("folder/" * 40 + "183_253.mp4", 200, 13)
    assert text.endswith("183_253.mp4")
    assert text.startswith("…")
    assert width_of(text, 13) <= 200
    assert printable("a\tb\x07") == "a b?"
    assert len(wrapped("word " * 100, 100, 13, 3)) == 3
    assert wrapped("", 100, 13, 3) == []


def test_an_animation_has_the_colors_of_the_marks(tmp_path):
    noise = np.random.default_rng(3).integers(0, 256, (120, 160, 3), np.uint8)
    pictures = [mark_frame(noise, [Face((20, 20, 90, 90))], (320, 240))] * 2
    pictures.append(Image.new("RGB", (50, 90)))
    save_animation(tmp_path / "a.gif", pictures, ["one", "\udcff", "three"])
    with Image.open(tmp_path / "a.gif") as found:
        assert found.n_frames == 3
        assert found.size == (320, 240 + 22)
        left, top, right, bottom = _where(found.convert("RGB"), CHOSEN_COLOR)
    assert right - left > 150
    assert bottom - top > 150
