"""The report in a headless Chromium: alone, seen, reached by keys, printed."""

import csv
import re

import pytest

from dfhpc import pipeline
from dfhpc.demo.clips import faceless_frames, make_data_set, real_frames, write_clip
from dfhpc.recipes import parse_settings
from dfhpc.reporting.report.words import number
from dfhpc.stages.evaluate import load_evaluation
from dfhpc.stages.report import write_report
from dfhpc.videos.manifest import read_manifest
from tests.conftest import QUICK
from tests.pages.browser import a_browser, open_page

HOSTILE = "<img src=x onerror=alert(1)>`&amp;.mp4"


def _run(folder, data, stages=pipeline.STAGES):
    raw = {**QUICK, "data": {"path": str(data)}}
    raw["train"] = QUICK["train"] | {"models": ["sgd"]}
    raw["split"] = {"calibration_share": 0.0}
    settings = parse_settings(raw, "test")
    run = pipeline.start(folder, settings)
    pipeline.run_stages(run, settings, stages, lambda stage, result: None)
    return run


@pytest.fixture(scope="module")
def browser():
    with a_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def finished(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    make_data_set(folder / "data", num_people=4, num_frames=17)
    return _run(folder / "run & <b>", folder / "data")


@pytest.fixture(scope="module")
def page_path(finished):
    write_report(finished)
    return finished.report_path


def test_it_loads_alone_and_all_pictures_are_seen(browser, page_path):
    with open_page(browser, page_path) as page:
        sizes = page.eval_on_selector_all("img", "all => all.map(i => i.naturalWidth)")
        assert len(sizes) >= 12
        assert min(sizes) > 0
        assert page.evaluate("document.documentElement.lang") == "en"
        alts = page.eval_on_selector_all("img", "all => all.map(i => i.alt)")
        assert all(alts)
        unnamed = page.eval_on_selector_all(
            "svg", "all => all.filter(s => !s.querySelector('title')).length"
        )
        assert unnamed == 0


def test_what_it_shows_is_what_was_measured(browser, page_path, finished):
    accuracy = load_evaluation(finished)["models"]["sgd"]["test"]["video"]
    with open_page(browser, page_path) as page:
        table = page.locator("table", has_text="Videos of the test part").first
        row = table.locator("tr", has_text="sgd").first.inner_text().split("\t")
    assert row[1].split()[0] == number(accuracy["accuracy"])


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_sticks_out(browser, page_path, width):
    with open_page(browser, page_path, width=width) as page:
        for details in page.locator("details").all():
            details.evaluate("d => { d.open = true }")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width


def test_a_keyboard_reaches_everything(browser, page_path):
    with open_page(browser, page_path) as page:
        reached = []
        for _ in range(400):
            page.keyboard.press("Tab")
            name = page.evaluate(
                "(e => e === document.body ? '' : e.matches('.skip') ? 'skip' : "
                "e.matches('nav a') ? 'contents' : e.matches('.scroll') ? 'scroll' "
                ": e.localName)(document.activeElement)"
            )
            if not name:
                break
            reached.append(name)
        counts = {
            "contents": page.locator("nav a").count(),
            "summary": page.locator("summary").count(),
        }
        visible = page.locator(".scroll:visible").count()
        assert reached[0] == "skip"
        assert {name: reached.count(name) for name in counts} == counts
        assert reached.count("scroll") == visible
        page.locator("summary").first.focus()
        page.keyboard.press("Enter")
        assert page.locator("details").first.evaluate("d => d.open")


def test_the_contents_lead_to_each_section(browser, page_path):
    with open_page(browser, page_path) as page:
        links = page.eval_on_selector_all(
            "nav a", "all => all.map(a => a.getAttribute('href'))"
        )
        assert len(links) == page.locator("main section[id] > h2").count() == 9
        for link in links:
            assert page.locator(link).count() == 1


def test_it_prints(browser, page_path):
    paper = 718  # A4 within Chromium's margins, in CSS pixels
    with open_page(browser, page_path, width=paper) as page:
        page.emulate_media(media="print")
        ends = page.eval_on_selector_all(
            "table, img, svg", "all => all.map(e => e.getBoundingClientRect().right)"
        )
        assert max(ends) <= paper
        pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 3


def test_names_with_html_are_only_names(browser, tmp_path):
    data = tmp_path / "data"
    for folder, frames in (
        ("real", real_frames(1, 17)),
        ("fake", faceless_frames(17)),
    ):
        (data / folder).mkdir(parents=True)
        write_clip(data / folder / "clip.mp4", frames)
    table = [("path", "label", "video_id", "group")]
    for label in ("real", "fake"):
        path = str(data / label / "clip.mp4")
        table.append((path, label, f"{label}{HOSTILE}", "<script>1</script>"))
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows(table)
    run = _run(tmp_path / "run", tmp_path / "t.csv", ("scan", "extract"))
    assert HOSTILE in read_manifest(run.manifest_path)[0].video_id
    write_report(run)
    with open_page(browser, run.report_path) as page:
        assert page.locator("script").count() == 0
        assert page.locator("img[src=x]").count() == 0
        page.locator("summary", has_text="without a face").click()
        assert page.get_by_text(f"fake{HOSTILE}").first.is_visible()
        alts = page.eval_on_selector_all("img", "all => all.map(i => i.alt)")
        assert any(HOSTILE in alt for alt in alts)
