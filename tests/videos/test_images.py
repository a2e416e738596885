"""Images as frames: every kind that people have, and broken ones."""

import io
import os
import random
import struct

import numpy as np
import pytest
from PIL import Image

from dfhpc.config import ExtractConfig
from dfhpc.errors import VideoReadError
from dfhpc.extraction.video import extract_video
from dfhpc.videos import images
from dfhpc.videos.images import load_image, natural_key, read_images

CROPS = ExtractConfig(images="crops", policy="spread", frames_per_video=9)


def _all(times):
    return list(range(len(times)))


def _picture(width=40, height=30):
    values = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(values)


def test_png_is_read_to_the_bit(tmp_path):
    _picture().save(tmp_path / "a.png")
    np.testing.assert_array_equal(load_image(tmp_path / "a.png"), _picture())


@pytest.mark.parametrize("suffix", ["jpg", "webp", "bmp"])
def test_other_formats_are_near(tmp_path, suffix):
    smooth = Image.fromarray(np.full((30, 40, 3), (200, 100, 50), np.uint8))
    smooth.save(tmp_path / f"a.{suffix}")
    found = load_image(tmp_path / f"a.{suffix}").astype(int)
    assert np.abs(found - (200, 100, 50)).max() <= 3


def test_sixteen_bits_are_scaled_and_not_cut(tmp_path):
    deep = np.array([[0, 257, 32896, 65535]], np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    found = load_image(tmp_path / "deep.png")
    assert found[0, :, 0].tolist() == [0, 1, 128, 255]
    assert found.shape == (1, 4, 3)


def test_cmyk_keeps_its_colors(tmp_path):
    Image.new("RGB", (8, 8), (250, 20, 20)).convert("CMYK").save(tmp_path / "c.jpg")
    red, green, blue = load_image(tmp_path / "c.jpg")[4, 4].astype(int)
    assert red > 200
    assert max(green, blue) < 60


def test_gray_palette_and_one_bit_become_rgb(tmp_path):
    _picture().convert("L").save(tmp_path / "gray.png")
    _picture().quantize(16).save(tmp_path / "palette.png")
    _picture().convert("1").save(tmp_path / "bit.png")
    gray = load_image(tmp_path / "gray.png")
    np.testing.assert_array_equal(gray[..., 0], _picture().convert("L"))
    np.testing.assert_array_equal(gray[..., 0], gray[..., 2])
    palette = load_image(tmp_path / "palette.png")
    np.testing.assert_array_equal(palette, _picture().quantize(16).convert("RGB"))
    assert set(np.unique(load_image(tmp_path / "bit.png"))) == {0, 255}


def test_what_is_transparent_is_black_whatever_lies_under_it(tmp_path):
    picture = Image.new("RGBA", (2, 1), (200, 100, 50, 255))
    picture.putpixel((1, 0), (200, 100, 50, 0))
    picture.save(tmp_path / "a.png")
    assert load_image(tmp_path / "a.png").tolist() == [[[200, 100, 50], [0, 0, 0]]]


@pytest.mark.parametrize(("orientation", "turns"), [(3, 2), (6, 3), (8, 1)])
def test_a_picture_taken_sideways_is_upright(tmp_path, orientation, turns):
    exif = Image.Exif()
    exif[0x0112] = orientation
    _picture().save(tmp_path / "a.png", exif=exif)
    expected = np.rot90(np.asarray(_picture()), turns)
    np.testing.assert_array_equal(load_image(tmp_path / "a.png"), expected)


def test_numbers_in_names_count(tmp_path):
    for number in (10, 9, 1):
        _picture().save(tmp_path / f"f_{number}.png")
    facts, frames = read_images(tmp_path, (), _all)
    assert [frame.name for frame in frames] == ["f_1.png", "f_9.png", "f_10.png"]
    assert (facts.codec, facts.width, facts.height) == ("png", 40, 30)
    assert sorted(["b", "2a", "a10", "a9"], key=natural_key) == ["2a", "a9", "a10", "b"]


def test_broken_images_are_frames_without_pixels(tmp_path):
    whole = io.BytesIO()
    _picture(200, 200).save(whole, "PNG")
    (tmp_path / "1.png").write_bytes(whole.getvalue())
    (tmp_path / "2.png").write_bytes(whole.getvalue()[:5000])
    (tmp_path / "3.png").write_bytes(b"")
    (tmp_path / "4.png").write_text("no picture")
    os.mkfifo(tmp_path / "5.png")
    _, frames = read_images(tmp_path, (), _all)
    assert [frame.pixels is not None for frame in frames] == [True] + 4 * [False]


def test_a_bomb_is_not_decoded(tmp_path):
    whole = io.BytesIO()
    _picture().save(whole, "BMP")
    header = bytearray(whole.getvalue())
    header[18:26] = struct.pack("<ii", 12_000, 13_000)
    (tmp_path / "bomb.bmp").write_bytes(header + bytes(12_000))
    assert load_image(tmp_path / "bomb.bmp") is None
    with images._unwarned(), pytest.raises(ValueError, match="12000 x 13000"):
        images._opened(tmp_path / "bomb.bmp")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_no_damage_raises(tmp_path, kind):
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {} if kind == "BMP" else {"exif": exif}
    _picture(64, 48).save(buffer, kind, **options)
    whole, chance = buffer.getvalue(), random.Random(7)
    path = tmp_path / "a.jpg"
    for _ in range(150):
        damaged = bytearray(whole[: chance.randrange(1, len(whole) + 1)])
        for _ in range(chance.randrange(8)):
            damaged[chance.randrange(min(len(damaged), 300))] = chance.randrange(256)
        path.write_bytes(damaged)
        found = load_image(path)
        assert found is None or (found.dtype == np.uint8 and found.shape[2] == 3)


@pytest.mark.parametrize(
    ("name", "reason"), [("gone.png", "missing"), ("empty", "not_a_file")]
)
def test_nothing_to_read_is_an_error_of_the_video(tmp_path, name, reason):
    (tmp_path / "empty").mkdir()
    with pytest.raises(VideoReadError) as caught:
        read_images(tmp_path / name, (), _all)
    assert caught.value.reason == reason


class TestExtraction:
    def test_a_crop_is_stored_as_it_is(self, tmp_path):
        _picture(320, 320).save(tmp_path / "face.png")
        record, faces = extract_video("v", tmp_path / "face.png", CROPS)
        np.testing.assert_array_equal(faces[0], _picture(320, 320))
        assert record.status == "ok"
        frame = record.to_json()["frames"][0]
        assert frame["box"] == [0, 0, 320, 320]
        assert frame["name"] == "face.png"

    def test_a_plain_crop_is_resized_whole(self, tmp_path):
        _picture(100, 160).save(tmp_path / "face.png")
        plain = CROPS.model_copy(update={"crop": "plain"})
        _, faces = extract_video("v", tmp_path / "face.png", plain)
        expected = _picture(100, 160).resize((320, 320), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(faces[0], expected)

    def test_broken_and_gone_ones_are_recorded(self, tmp_path):
        _picture(320, 320).save(tmp_path / "a.png")
        (tmp_path / "b.png").write_bytes(b"x")
        names = ("a.png", "b.png", "gone.png")
        record, faces = extract_video("v", tmp_path, CROPS, names)
        assert (record.status, record.reason) == ("partial", "unreadable")
        statuses = [frame.status for frame in record.frames]
        assert statuses == ["ok", "unreadable", "unreadable"]
        assert [face is not None for face in faces] == [True, False, False]

    def test_all_broken_is_an_error(self, tmp_path):
        (tmp_path / "b.png").write_bytes(b"x")
        record, _ = extract_video("v", tmp_path, CROPS)
        assert (record.status, record.reason) == ("error", "undecodable")

    def test_frames_are_searched(self, clips, tmp_path):
        from dfhpc.videos.decoding import read_frames

        _, frames = read_frames(next(clips.rglob("000.mp4")), lambda times: [0, 8])
        for frame in frames:
            Image.fromarray(frame.pixels).save(tmp_path / f"{frame.index}.png")
        extract = ExtractConfig(detector="haar", policy="spread", frames_per_video=4)
        record, faces = extract_video("v", tmp_path, extract)
        video = ExtractConfig(detector="haar", stride=8, frames_per_video=2)
        _, expected = extract_video("v", next(clips.rglob("000.mp4")), video)
        assert record.status == "ok"
        np.testing.assert_array_equal(faces, expected)

    def test_crops_do_not_turn_videos_into_faces(self, clips):
        extract = ExtractConfig(detector="haar", images="crops", frames_per_video=1)
        record, _ = extract_video("v", next(clips.rglob("000.mp4")), extract)
        assert record.frames[0].seen[0].face.box != (0, 0, record.width, record.height)
