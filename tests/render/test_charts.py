"""Charts: two whole ones as they are (charts/*, review their diff), and what holds for all of them.

Written anew with ``GIQPLAN_UPDATE_GOLDEN=1 pytest tests/render/test_charts.py``.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import struct
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path

import pytest
from chart_samples import GROWS, SATURATES_AT_8, curve, latency, pareto, point, profile, row, small_latency, small_pareto
from hypothesis import given, settings
from hypothesis import strategies as st

from giqplan.model.recommendation import Reason
from giqplan.render.charts.chart import Chart, Tone
from giqplan.render.charts.html import html
from giqplan.render.charts.png import png
from giqplan.render.charts.scale import scales
from giqplan.render.charts.scene import Spot, Words, scene
from giqplan.render.charts.svg import svg
from giqplan.render.charts.terminal import terminal_text

GOLDEN = Path(__file__).parent / "charts"
CHARTS: dict[str, Callable[[], Chart]] = {"latency": small_latency, "pareto": small_pareto}
HOSTILE = "</text><script>alert(1)</script> \" ' & <!-- ]]> \x1b[31m\u202e\ud800 \n"


def compare(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("GIQPLAN_UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CHARTS)
def test_whole_charts(name: str) -> None:
    compare(f"{name}.svg", svg(CHARTS[name]()))
    compare(f"{name}.txt", terminal_text(CHARTS[name](), 80, color=False))


@pytest.mark.parametrize("name", CHARTS)
def test_the_same_chart_gives_the_same_bytes(name: str) -> None:
    for draw in (svg, html, png):
        assert draw(CHARTS[name]()) == draw(CHARTS[name]())


def tones(chart: Chart) -> dict[Tone, list[tuple[float, float]]]:
    found: dict[Tone, list[tuple[float, float]]] = {}
    for mark in chart.marks:
        found.setdefault(mark.tone, []).append((round(mark.x, 6), round(mark.y, 6)))
    return found


def test_zones_of_a_curve_that_saturates() -> None:
    chart = latency(curve(points=SATURATES_AT_8))
    found = tones(chart)
    assert found[Tone.IDEAL] == [(200, 10), (333.333333, 12)]
    assert found[Tone.SATURATION] == [(500, 16)]
    assert found[Tone.GROWING] == [(500, 32), (496.124031, 64.5)]
    assert [(path.tone, len(path.points)) for path in chart.paths] == [(Tone.IDEAL, 3), (Tone.GROWING, 3)]
    assert "saturates at 500 tokens/s" in chart.entries[0].about


def test_a_curve_that_does_not_saturate_has_no_saturation_point() -> None:
    chart = latency(curve(points=GROWS))
    assert set(tones(chart)) == {Tone.IDEAL}
    assert "does not saturate up to 1,778 tokens/s" in chart.entries[0].about
    assert "saturation point" not in [words for _, words in chart.key]


def test_the_ideal_zone_ends_where_a_target_is_missed() -> None:
    chart = latency(curve(points=SATURATES_AT_8), ntpot=14)
    held = tones(chart)[Tone.HELD]
    assert held == [(416.666667, 14)]
    ideal, late = (path for path in chart.paths if path.tone in (Tone.IDEAL, Tone.LATE))
    assert ideal.points[-1] == late.points[0] == pytest.approx(held[0])
    assert [(limit.on, limit.value, limit.label) for limit in chart.limits] == [("y", 14, "target NTPOT 14 ms")]


def test_a_target_of_another_latency_bounds_the_zone_and_draws_no_line() -> None:
    chart = latency(curve(points=SATURATES_AT_8), metric="ntpot", ttft=110)
    assert chart.limits == ()
    assert tones(chart)[Tone.HELD] == [(266.666667, 11)]


def test_a_target_far_above_everything_is_told_and_not_drawn() -> None:
    chart = latency(curve(points=GROWS), ntpot=1000)
    assert chart.limits == ()
    assert "target NTPOT 1,000 ms lies far above all that is drawn, and is not" in chart.notes
    assert len(latency(curve(points=GROWS), ntpot=1000, log=True).limits) == 1


def test_curves_that_cannot_be_drawn_are_counted() -> None:
    no_ttft = curve("c-2", tuple(point(load, 10 + load, ttft_ms=None) for load in (1, 2, 4)))
    no_lengths = curve("c-3", output_tokens=None)
    suspect = curve("c-4", (*GROWS, point(32, 99, suspect="clock moved")))
    chart = latency(curve(), no_ttft, no_lengths, suspect, metric="ttft", most=1)
    assert chart.notes == (
        "not drawn: 1 more with less throughput (--limit)",
        "not drawn: 2 without TTFT at every load, without token lengths, or without a trustworthy point",
        "not drawn: 1 points that are marked suspect",
    )


def test_what_holds_for_all_is_said_above_the_chart() -> None:
    chart = latency(curve(), curve("c-2", GROWS, measured_at="2026-03-01"))
    assert chart.about[1] == "provenance: measured; latencies: p50; measured: 2026-01-01 to 2026-03-01"
    assert "prices of: 2026-01-02" in small_pareto().about[2]
    assert "priced in: us-central1" in small_pareto().about[1]


def test_lengths_that_do_not_compare_are_told() -> None:
    assert not any("token lengths" in note for note in latency(curve(), curve("c-2", GROWS, input_tokens=210)).notes)
    assert any("token lengths" in note for note in latency(curve(), curve("c-2", GROWS, input_tokens=2000)).notes)


def test_a_model_of_the_same_architecture_is_named() -> None:
    chart = latency(curve(), curve("c-2", GROWS, profile=profile(model_id="acme/other-7b")))
    assert [("acme/other-7b" in entry.name) for entry in chart.entries] == [True, False]


def test_the_front_is_what_nothing_beats_in_both() -> None:
    found = tones(small_pareto())
    assert found == {Tone.FRONT: [(10, 2.5), (20, 1.25)], Tone.BEATEN: [(25, 2)], Tone.DOUBTED: [(12, 0.5)]}
    assert "plan would not choose 1: too-few-loads 1" in small_pareto().notes
    assert "no price, not drawn: 1 x nvidia-h100-80gb (1): no price in us-east5" in small_pareto().notes


def test_equals_share_the_front() -> None:
    chart = pareto(row("c-1", 10, "2"), row("c-2", 10, "2"), row("c-3", 10, "3"))
    assert tones(chart) == {Tone.FRONT: [(10, 2), (10, 2)], Tone.BEATEN: [(10, 3)]}


@given(st.lists(st.tuples(st.floats(0.1, 1e4), st.floats(0.001, 1e3)), min_size=1, max_size=12), st.booleans())
@settings(max_examples=25, deadline=None)
def test_front_and_frame_of_any_candidates(pairs: list[tuple[float, float]], log: bool) -> None:
    chart = pareto(*(row(f"c-{i:02}", ms, repr(usd)) for i, (ms, usd) in enumerate(pairs)), log=log)
    front = {(m.x, m.y) for m in chart.marks if m.tone is Tone.FRONT}
    for mark in chart.marks:
        beaten = any((o.x < mark.x and o.y <= mark.y) or (o.x <= mark.x and o.y < mark.y) for o in chart.marks)
        assert ((mark.x, mark.y) in front) is not beaten
    all_within(chart)


@given(
    st.lists(st.tuples(st.floats(0.5, 500), st.floats(0.5, 5000)), min_size=1, max_size=8, unique_by=lambda pair: pair[0]),
    st.booleans(),
    st.floats(0.5, 5000),
)
@settings(max_examples=25, deadline=None)
def test_every_point_of_any_curve_lies_within_the_frame(pairs: list[tuple[float, float]], log: bool, target: float) -> None:
    chart = latency(curve(points=tuple(point(load, ms) for load, ms in pairs)), log=log, ntpot=target)
    all_within(chart)
    for line in terminal_text(chart, 60, color=False).splitlines():
        assert len(line) <= 60


def all_within(chart: Chart) -> None:
    found = scene(chart)
    spots = [item for item in found.items if isinstance(item, Spot) and item.tip]
    assert len(spots) == len(chart.marks)
    for spot in spots:
        assert found.frame.left <= spot.x <= found.frame.right
        assert found.frame.top <= spot.y <= found.frame.bottom
    for words in (item for item in found.items if isinstance(item, Words)):
        assert 0 <= words.x <= found.width
        assert 0 <= words.y <= found.height
    for axis in scales(chart):
        assert all(axis.low <= tick <= axis.high for tick in axis.ticks)
        assert len(axis.ticks) >= 2


def hostile() -> tuple[Chart, Chart]:
    bad = profile(model_server=HOSTILE, model_server_version=HOSTILE, parallelism=HOSTILE)
    one = latency(curve(profile=bad, variant=HOSTILE, measured_at=HOSTILE), ntpot=14)
    two = pareto(
        row("c-1", 10, "1", profile=bad, variant=HOSTILE), row("c-2", 10, None, offer=None, profile=bad, doubts=(Reason.NO_MACHINE,))
    )
    return one, two


def test_names_from_reports_are_text_in_svg_and_nothing_else() -> None:
    for chart in hostile():
        root = ET.fromstring(svg(chart))
        names = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert names <= {"svg", "title", "desc", "rect", "polyline", "circle", "polygon", "text"}
        assert any("</text><script>" in (element.text or "") for element in root.iter())


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_names_from_reports_are_text_in_html_and_it_loads_nothing() -> None:
    for chart in hostile():
        page = html(chart)
        tags = Tags(page).found
        assert [tag for tag, _ in tags].count("script") == 1
        assert not any(name in ("src", "href", "onclick", "onload", "style") for _, attributes in tags for name in attributes)
        script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)[-1]
        allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy = next(a["content"] or "" for tag, a in tags if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy")
        assert f"script-src 'sha256-{allowed}'" in policy
        assert "default-src 'none'" in policy


def test_every_point_in_html_can_be_reached_by_the_keyboard_and_stands_in_the_table() -> None:
    chart = small_latency()
    tags = Tags(html(chart)).found
    spots = [attributes for _, attributes in tags if "data-tip" in attributes]
    assert len(spots) == len(chart.marks) == [tag for tag, _ in tags].count("tr") - 1
    assert all("tabindex" in spot and spot["aria-label"] for spot in spots)


def test_names_from_reports_do_nothing_to_a_terminal() -> None:
    for chart in hostile():
        text = terminal_text(chart, 80, color=True)
        assert re.sub(r"\x1b\[(3[1-4]|0)m", "", text).replace("\n", "").isprintable()
        assert "\x1b" not in terminal_text(chart, 80, color=False)


@pytest.mark.parametrize("name", CHARTS)
def test_colours_only_colour(name: str) -> None:
    plain, coloured = (terminal_text(CHARTS[name](), 80, color=color) for color in (False, True))
    assert coloured != plain
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain


@pytest.mark.parametrize("columns", [40, 60, 80, 160])
def test_text_fits_the_terminal(columns: int) -> None:
    for draw in CHARTS.values():
        assert max(map(len, terminal_text(draw(), columns, color=False).splitlines())) <= columns


def pixels(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and rows of a PNG without filters; every chunk's checksum is checked."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, chunks = 8, {}
    while at < len(data):
        (size,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size]) == (zlib.crc32(kind + body),)
        chunks[kind], at = body, at + 12 + size
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    return width, height, zlib.decompress(chunks[b"IDAT"])


def test_a_png_shows_each_mark_in_its_colour() -> None:
    chart = small_latency()
    found, (width, height, rows) = scene(chart), pixels(png(chart))
    assert (width, height) == (round(found.width * 2), round(found.height * 2))
    assert len(rows) == height * (1 + 3 * width)
    spots = [item for item in found.items if isinstance(item, Spot) and item.tip]
    for i, spot in enumerate(spots):
        if any(abs(spot.x - other.x) + abs(spot.y - other.y) < 20 for other in spots[i + 1 :]):
            continue  # another one is drawn over it
        start = int(spot.y * 2) * (1 + 3 * width) + 1 + 3 * int(spot.x * 2)
        assert rows[start : start + 3].hex() == spot.fill[1:]


def test_names_of_any_script_have_a_picture() -> None:
    assert png(latency(curve(profile=profile(model_server="模型 Ωmega é")))).startswith(b"\x89PNG")


def test_labels_of_a_crowd_do_not_cover_each_other() -> None:
    crowd = (curve(f"c-{i}", tuple(point(load, 5 + load * (1 + i / 200)) for load in (2, 4, 8, 16))) for i in range(8))
    chart = latency(*crowd, most=8)
    letters = [item for item in scene(chart).items if isinstance(item, Words) and item.size == 16 and item.anchor == "middle"]
    assert [item.text for item in letters] == list("ABCDEFGH")
    for one, other in combinations(letters, 2):
        assert abs(one.x - other.x) > 13 or abs(one.y - other.y) > 15


def test_no_two_curves_look_alike() -> None:
    chart = latency(*(curve(f"c-{i}", tuple(point(load, 5 + load / (i + 2)) for load in (2, 4, 8, 16))) for i in range(6)))
    assert len({entry.label for entry in chart.entries}) == 6
    shapes = {item.shape for item in scene(chart).items if isinstance(item, Spot) and item.tip}
    assert len(shapes) == 6
