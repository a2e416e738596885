import re

import pytest

from dfhpc.reporting.summary_page import (
    SummaryEntry,
    summary_page,
    thumbnail,
    write_summary_page,
)
from tests.pages_verdict.conftest import overflow
from tests.pages_verdict.test_verdict_page import NASTY, text_of
from tests.verdict_dicts import make_crops, make_verdict


def entry(status, name, value=None, **changes):
    verdict = make_verdict(status, path=f"clips/{name}.mp4", **changes)
    if value is not None:
        verdict["probability"] = {"value": value, "interval_95": [0.0, 1.0]}
    face = thumbnail(verdict, make_crops(verdict))
    return SummaryEntry(verdict, f"{name}.html", face)


@pytest.fixture
def entries():
    return [
        entry("real", "calm", 0.2),
        entry("fake", "second", 0.81),
        entry("error", "broken"),
        entry("fake", "first", 0.97, people=2),
        entry("inconclusive", "unsure", 0.5),
        entry("not_applicable", "empty"),
        entry("real", "calmer", 0.1),
    ]


def test_the_highest_come_first_within_each_status(entries):
    text = text_of(summary_page(entries))
    names = re.findall(r"(\w+)\.mp4 clips", text)
    expected = "first second unsure calm calmer empty broken"
    assert names == expected.split()
    assert "2 fake 1 inconclusive 2 real 1 not applicable 1 error" in text
    for sentence in ("not a list of who is guilty", "about 8 are called fake"):
        assert sentence in text
    assert "No face was found in 4 frames. no_face" in text


def test_scores_order_where_nothing_is_calibrated():
    low, high = (entry("fake", name, calibrated=False) for name in ("low", "high"))
    low.verdict["score"] = 0.7
    text = text_of(summary_page([low, high]))
    assert text.index("high.mp4") < text.index("low.mp4")
    assert "not calibrated" in text


def test_leaky_models_are_warned_of():
    assert "LEAKY model: svm" in summary_page([entry("fake", "a", leaky=True)])


def test_a_long_list_has_no_pictures(monkeypatch, entries):
    monkeypatch.setattr("dfhpc.reporting.summary_page.MOST_THUMBNAILS", 3)
    assert "<img" not in summary_page(entries)
    assert "<img" in summary_page(entries[:2])


def test_no_videos_are_a_page_too():
    assert "Verdicts on 0 videos" in summary_page([])


def test_it_can_be_read_and_followed(tmp_path, open_page, entries):
    path = tmp_path / "summary.html"
    nasty = entry("fake", NASTY.removesuffix(".mp4"))
    write_summary_page(path, [*entries, nasty])
    for width, media in ((360, "screen"), (640, "screen"), (1200, "print")):
        page = open_page(path, width=width, media=media)
        assert overflow(page) <= 0, width
    assert page.evaluate("document.images.length") == 6
    assert page.evaluate("[...document.images].every(i => i.naturalWidth > 0)")
    link = page.get_by_role("link", name="first.mp4")
    assert link.get_attribute("href") == "first.html"
    assert page.get_by_role("link", name=NASTY).count() == 1
