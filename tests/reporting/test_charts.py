"""Charts: well-formed, worded, and what is in them is where it should be."""

import re
import xml.etree.ElementTree as ET

import pytest

from dfhpc.reporting.charts import (
    COLORS,
    DASHES,
    Band,
    Interval,
    Line,
    axis_to,
    interval_chart,
    line_chart,
    thinned,
    unit_axis,
)

SVG = "{http://www.w3.org/2000/svg}"
AXES = unit_axis("across"), unit_axis("up")


def _polylines(svg):
    return [
        [tuple(map(float, at.split(","))) for at in each.get("points").split()]
        for each in ET.fromstring(svg).iter(f"{SVG}polyline")
    ]


def test_a_chart_says_in_words_what_it_shows_and_escapes_them():
    svg = line_chart("<T>", "a & b", [Line("<script>", [(0, 0), (1, 1)])], AXES)
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").text == "<T>"
    assert root.find(f"{SVG}desc").text == "a & b"
    assert "<script>" in [text.text for text in root.iter(f"{SVG}text")]
    assert "<script>" not in svg


def test_points_are_where_their_values_are():
    svg = line_chart("t", "d", [Line("a", [(0, 0), (0.5, 1), (1, 0.5)])], AXES)
    [[(x0, y0), (x1, y1), (x2, y2)]] = _polylines(svg)
    assert x1 == pytest.approx((x0 + x2) / 2, abs=0.1)
    assert y2 == pytest.approx((y0 + y1) / 2, abs=0.1)
    assert x0 < x2
    assert y1 < y0


def test_lines_differ_in_dashes_as_in_colors():
    lines = [Line(str(i), [(0, 0), (1, 1)]) for i in range(4)]
    svg = line_chart("t", "d", lines, AXES)
    found = re.findall(
        r'<polyline [^>]*stroke="(#\w+)"[^>]*?(?:dasharray="([^"]*)")?', svg
    )
    assert len({color for color, _ in found}) == 4
    styles = ET.fromstring(svg).iter(f"{SVG}polyline")
    assert len({each.get("stroke-dasharray") for each in styles}) == len(DASHES)


def test_a_long_line_keeps_its_ends():
    points = [(i / 9999, i / 9999) for i in range(10_000)]
    few = thinned(points, 50)
    assert (few[0], few[-1], len(few)) == (points[0], points[-1], 50)


def test_a_band_too_narrow_for_its_name_still_has_it():
    bands = [Band("wide enough", 0, 0.6), Band("narrow", 0.6, 0.61)]
    svg = line_chart("t", "d", [], AXES, bands=bands)
    names = [title.text for title in ET.fromstring(svg).iter(f"{SVG}title")]
    assert names[1:] == ["wide enough", "narrow"]
    assert [t.text for t in ET.fromstring(svg).iter(f"{SVG}text")].count("narrow") == 0


def test_an_interval_reaches_from_low_to_high():
    rows = [
        Interval("a", 0.5, 0.25, 0.75, "0.5"),
        Interval("none", 0.5, None, None, "0.5"),
    ]
    root = ET.fromstring(interval_chart("t", "d", rows, unit_axis("x")))
    bars = [e for e in root.iter(f"{SVG}line") if e.get("stroke") == COLORS[0]]
    dots = [float(e.get("cx")) for e in root.iter(f"{SVG}circle")]
    assert len(bars) == 1
    low, high = float(bars[0].get("x1")), float(bars[0].get("x2"))
    assert dots[0] == pytest.approx((low + high) / 2, abs=0.1)
    assert dots[1] == dots[0]


@pytest.mark.parametrize("highest", [0.0, 0.003, 0.7, 5.0, 101, 123_456])
def test_an_axis_reaches_its_highest_value_in_few_ticks(highest):
    axis = axis_to("x", highest)
    assert axis.low <= 0
    assert axis.high >= highest
    assert 2 <= len(axis.ticks) <= 7
