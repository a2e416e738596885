import html
import re

import numpy as np
import pytest

from dfhpc.explanations import Explanation
from dfhpc.reporting.face_pictures import tinted
from dfhpc.reporting.verdict_page import verdict_page, write_verdict_page
from tests.pages_verdict.conftest import overflow
from tests.verdict_dicts import make_crops, make_verdict

STATUSES = ["fake", "real", "inconclusive", "not_applicable", "error"]
NASTY = "<title><img src=x onerror=alert(1)>\"'{{ 7 * 7 }}&lt;.mp4"


def explanation(crop, *, holds=True):
    evidence = np.zeros((320, 320), np.float32)
    evidence[80:160, 80:160], evidence[200:, 200:] = 1, -1
    return Explanation(
        **{"method": "occlusion", "frame_index": crop.frame_index},
        **{"track": crop.track, "side": "fake", "region": (80, 80, 80, 80)},
        **{"score": 0.84, "score_hidden": 0.61 if holds else 0.85},
        **{"random_scores": (0.83, 0.85), "cover": "mean_color"},
        **{"holds": holds, "evidence": evidence},
    )


def page_of(status="fake", *, holds=True, **changes):
    """Return the verdict, its page, and the page's text as a reader sees it."""
    verdict = make_verdict(status, **changes)
    crops = make_crops(verdict)
    found = {
        model["name"]: [explanation(crops[0], holds=holds)]
        for model in verdict["models"]
        if crops
    }
    page = verdict_page(verdict, crops, found)
    return verdict, page, text_of(page)


def text_of(page):
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def strings(value):
    """Return every string in a JSON value, but for those that are told in words."""
    if isinstance(value, dict):
        skipped = {"status", "on", "split", "kind"}
        inner = [item for key, item in value.items() if key not in skipped]
        return [text for item in inner for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_says_what_it_means_and_what_to_do(status):
    verdict, page, text = page_of(status)
    assert f"Verdict: {status.replace('_', ' ')}" in text
    assert "What to do next" in text
    for reason in verdict["reasons"]:
        assert reason["sentence"] in text
        assert reason["code"] in text
    judged = status in ("fake", "real", "inconclusive")
    assert ("no proof" in text) == judged
    assert ("It is no answer" in text) == (not judged)
    assert page.count("<svg class=") == (2 if judged else 0)


def test_every_field_is_on_the_page():
    verdict, _, text = page_of("fake", people=2, models=("svm", "random_forest"))
    told = {key: value for key, value in verdict.items() if key != "frames"}
    assert [one for one in strings(told) if one not in text] == []
    for piece in (
        *("90 % (95 % interval: 70 % to 97 %)", "Platt scaling"),
        *("40 real and 60 fake videos", "20 groups of people", "threshold is 0.60"),
        *("Of 100 real videos, about 8 are called fake", "2 to 21", "38 real"),
        *("at most about 10 of 100", "Damaged packets 2", "Rotation applied 90"),
        *("Person A, left", "Person B, right", "score 0.80, the mean of 3 faces"),
        *("no face", "0.99", "sharpness 210", "brightness 102", "LEAKY"),
        *("passed: 8 stored faces", "seed 42", "2800 real and 2801 fake faces"),
    ):
        assert (piece in text) == (piece != "LEAKY"), piece
    command = "dfhpc predict clips/a.mp4 --run-dir runs/ffpp --model all"
    assert command in text


def test_frequencies_say_how_little_an_answer_is_worth_where_fakes_are_rare():
    _, _, text = page_of("fake")
    # 10 * 0.85 and 990 * 0.08, rounded.
    assert "about 87 would be called fake, 8 of them rightly" in text


def test_a_model_that_is_not_calibrated_says_so():
    _, _, text = page_of("fake", calibrated=False)
    assert "not calibrated. Only 2 videos were set aside." in text
    assert "Calibrated probability" not in text
    assert "was not measured" in text


def test_rates_of_calibration_alone_are_said_to_be_too_good():
    verdict = make_verdict("fake")
    verdict["decision"]["rates"] = verdict["decision"]["rates"] | {"test": None}
    text = text_of(verdict_page(verdict, [], {}))
    assert "expect it to be wrong more often" in text


def test_rates_that_are_not_known_are_not_made_up():
    verdict = make_verdict("fake")
    nothing = {"fpr": None, "fpr_95": None, "tpr": 1.0, "tpr_95": None}
    nothing |= {"tnr": None, "fnr": 0.0}
    rates = {"test": nothing | {"real": 0, "fake": 3}, "calibration": None}
    verdict["decision"]["rates"] = rates
    text = text_of(verdict_page(verdict, [], {}))
    assert "How many of 100 real videos are called fake is not known" in text
    assert "too few for an interval" in text
    assert "Where fakes are rare" not in text


def test_a_leaky_model_is_warned_of_first():
    _, page, text = page_of("fake", leaky=True)
    assert "LEAKY model: svm" in text
    assert page.index("LEAKY model") < page.index('id="means"')


def test_a_failed_check_is_said_beside_the_picture():
    _, _, good = page_of("fake")
    _, _, bad = page_of("fake", holds=False)
    assert "did use this region" in good
    assert "not reliable" not in good
    assert "Not reliable," in bad
    assert "conclude nothing from it" in bad
    assert "What the model used, not proof." in bad


def test_a_model_without_explanations_says_so():
    verdict = make_verdict("fake")
    text = text_of(verdict_page(verdict, make_crops(verdict), {}))
    assert "No picture was made of what it used." in text


def test_names_are_escaped(tmp_path, open_page):
    verdict = make_verdict("fake", people=2, path=f"clips/{NASTY}")
    verdict["input"]["codec"] = verdict["models"][0]["name"] = NASTY
    verdict["reasons"] = [{"code": NASTY, "sentence": f"{NASTY} `{NASTY}`"}]
    path = tmp_path / "page.html"
    crops = make_crops(verdict)
    write_verdict_page(path, verdict, crops, {NASTY: [explanation(crops[0])]})
    page = open_page(path)
    assert page.evaluate("document.images.length") == 6 + 2 + 2
    assert NASTY in page.inner_text("header")
    assert page.title() == f"Fake: {NASTY}"


def test_a_name_that_is_no_text_can_be_written(tmp_path):
    path = tmp_path / "page.html"
    write_verdict_page(path, make_verdict("error", path="a\udcff\u202eb.mp4"), [])
    assert "a??b.mp4" in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]


def test_pages_stay_small():
    verdict = make_verdict("fake", models=("a", "b", "c", "d", "e"))
    rng = np.random.default_rng(0)
    # Checkered so finely that it costs three times as much as a face does.
    checkered = rng.integers(0, 255, (40, 40, 3)).repeat(8, axis=0).repeat(8, axis=1)
    one = make_crops(verdict)[0]
    crops = [type(one)(at, at, 0, 0, checkered.astype(np.uint8)) for at in range(100)]
    found = {model["name"]: [explanation(crops[0])] for model in verdict["models"]}
    page = verdict_page(verdict, crops, found)
    assert len(page) < 1_000_000
    assert "40 of 100 are shown" in text_of(page)


def test_the_overlay_is_colored_where_the_evidence_is():
    evidence = np.zeros((320, 320), np.float32)
    evidence[:100, :100], evidence[220:, 220:] = 1, -1
    colors = tinted(np.full((320, 320, 3), 128, np.uint8), evidence).astype(int)
    red, _, blue = colors[50, 50]
    assert red > blue + 80
    red, _, blue = colors[270, 270]
    assert blue > red + 80
    assert np.ptp(colors[160, 160]) == 0
    nothing = tinted(np.full((320, 320, 3), 128, np.uint8), 0 * evidence)
    assert (np.ptp(nothing.astype(int), axis=2) == 0).all()


@pytest.fixture
def written(tmp_path):
    def write(status, **changes):
        verdict = make_verdict(status, **changes)
        verdict["input"]["sha256"] = "f" * 64
        crops = make_crops(verdict)
        found = {"svm": [explanation(crops[0])]} if crops else {}
        path = tmp_path / f"{status}.html"
        write_verdict_page(path, verdict, crops, found)
        return path

    return write


@pytest.mark.parametrize("status", STATUSES)
def test_it_fits_a_phone_and_a_sheet_of_paper(written, open_page, status):
    long = f"{'a' * 90}/{'b' * 90}.mp4"
    path = written(status, people=3, models=("svm", "random_forest"), path=long)
    for width, media in ((360, "screen"), (1200, "screen"), (700, "print")):
        page = open_page(path, width=width, media=media)
        page.evaluate(
            "document.querySelectorAll('details').forEach(d => d.open = true)"
        )
        assert overflow(page) <= 0, (width, media)


def test_pictures_are_visible_and_letters_of_charts_readable(written, open_page):
    page = open_page(written("fake"), width=360)
    sizes = page.evaluate("[...document.images].map(i => [i.naturalWidth, i.width])")
    assert len(sizes) == 1 + 3 + 2
    assert all(natural > 0 and shown > 0 for natural, shown in sizes)
    heights = page.evaluate(
        "[...document.querySelectorAll('.chart text')]"
        ".map(t => t.getBoundingClientRect().height)"
    )
    assert min(heights) >= 11
    assert page.evaluate("[...document.images].every(i => i.alt)")
    described = page.evaluate(
        "[...document.querySelectorAll('svg[role=img]')].every(s => s.querySelector"
        "('title') && s.querySelector('desc').textContent.length > 20)"
    )
    assert described


def test_the_timeline_has_a_mark_for_each_face_and_gaps(written, open_page):
    page = open_page(written("fake", people=2))
    assert page.locator("svg.timeline .mark").count() == 6
    assert page.locator("svg.timeline path[stroke='#555']").count() == 1
    # Two people in frames 0 and 1; frame 2 has nobody, so nothing leads over it.
    assert page.locator("svg.timeline line.p0, svg.timeline line.p1").count() == 2
    page.locator("summary", has_text="All frames").click()
    assert (
        page.locator("table", has_text="Frames that were").locator("tbody tr").count()
        == 7
    )


def test_the_keyboard_reaches_and_opens_everything(written, open_page):
    page = open_page(written("fake", models=("svm", "random_forest")))
    wanted = page.locator("a, summary, .scroll").count()
    reached = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        place = page.evaluate(
            "(() => { const all = [...document.querySelectorAll('*')];"
            "const e = document.activeElement;"
            "if (e.tagName === 'SUMMARY') e.parentElement.open = true;"
            "return e === document.body ? -1 : all.indexOf(e); })()"
        )
        reached.add(place)
    assert len(reached - {-1}) == wanted
    page.locator("summary", has_text="All frames").focus()
    page.keyboard.press("Enter")
    is_open = "e => e.parentElement.open"
    assert page.locator("summary", has_text="All frames").evaluate(is_open) is False
