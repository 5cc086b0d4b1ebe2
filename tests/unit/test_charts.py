"""Charts: right lengths, the figures as text, and nothing that the content policy would refuse."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from app.charts import Bar, bar_chart, occupancy_strip


def widths(drawing: Markup, css_class: str) -> list[float]:
    return [float(w) for w in re.findall(rf'class="{css_class}"[^>]* width="([\d.]+)%"', drawing)]


def test_the_longest_bar_fills_the_width_and_the_others_are_in_proportion() -> None:
    chart = bar_chart([Bar("London", (40,)), Bar("Outside", (10,))], name="beds", title="Beds")

    assert widths(chart, "wm-chart__bar-1") == [100, 25]


def test_all_series_share_one_scale() -> None:
    chart = bar_chart(
        [Bar("May", (50, 200))], name="n", title="Bed-nights", series=("Funded", "Needed")
    )

    assert widths(chart, "wm-chart__bar-1") == [25]
    assert widths(chart, "wm-chart__bar-2") == [100]
    assert "wm-legend" in chart


def test_a_chart_of_zeros_draws_no_bar_and_does_not_divide_by_zero() -> None:
    chart = bar_chart([Bar("London", (0,))], name="z", title="Unmet")

    assert widths(chart, "wm-chart__bar-1") == [0]


def test_every_figure_stands_in_the_table_and_in_the_description() -> None:
    chart = bar_chart([Bar("London", (12345,))], name="b", title="Nights")

    assert ">12,345</td>" in chart
    assert '<desc id="b-desc">London: Number 12,345</desc>' in chart


@pytest.mark.parametrize("values", [(-1,), (1, 2), ()])
def test_a_row_that_does_not_fit_its_series_is_refused_by_name(values: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="Kent"):
        bar_chart([Bar("Kent", values)], name="b", title="Nights")


def test_labels_are_escaped() -> None:
    chart = bar_chart([Bar("<b>&", (1,))], name="b", title="<script>")

    assert "<b>" not in chart
    assert "<script>" not in chart


def test_the_strip_gives_each_kind_its_share_in_order() -> None:
    strip = occupancy_strip(name="s", taken=6, held=1, free=2, out_of_use=1)

    assert [*widths(strip, "wm-strip__taken"), *widths(strip, "wm-strip__free")] == [60, 20]
    assert "<figcaption>6 taken, 1 held, 2 free, 1 out of use</figcaption>" in strip


def test_a_house_without_beds_says_so() -> None:
    strip = occupancy_strip(name="s", taken=0, held=0, free=0, out_of_use=0)

    assert "No beds" in strip
    assert "<rect" not in strip


def test_a_share_too_narrow_for_its_number_leaves_the_number_to_the_caption() -> None:
    strip = occupancy_strip(name="s", taken=99, held=0, free=1, out_of_use=0)

    assert ">99</text>" in strip
    assert "wm-strip__on-free" not in strip


def test_negative_beds_are_refused() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        occupancy_strip(name="s", taken=1, held=-1, free=0, out_of_use=0)


def test_drawings_are_well_formed_named_and_without_inline_style() -> None:
    strip = occupancy_strip(name="s", taken=3, held=0, free=2, out_of_use=0)
    chart = bar_chart([Bar("London", (4,))], name="c", title="Beds")

    for drawing in (strip, chart):
        svg = re.search(r"<svg.*?</svg>", drawing, re.DOTALL)
        assert svg is not None
        root = ElementTree.fromstring(svg[0])  # noqa: S314 - our own text
        named = str(root.get("aria-labelledby")).split()
        assert {element.get("id") for element in root} >= set(named)
        assert root.get("role") == "img"
        assert "style=" not in drawing
