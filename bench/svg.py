"""Bars on a logarithmic scale as one plain SVG file, each with its figure written beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

WIDTH, LABELS, FIGURES = 760, 190, 110
ROW, BAR, TOP = 30, 18, 54
OURS_COLOUR, THEIRS_COLOUR, TEXT_COLOUR = "#1d70b8", "#7b868b", "#0b0c0c"


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One row: a label, a positive value that sets the length, and how the figure is written."""

    label: str
    value: float
    figure: str
    is_ours: bool = False


def log_bars(bars: Sequence[Bar], *, title: str, description: str) -> str:
    """Return the drawing; each tenfold is equally long, the smallest value has a tenth of one.

    Raises:
        ValueError: there is no bar, or a value is not above 0, which has no logarithm.
    """
    if not bars or min(bar.value for bar in bars) <= 0:
        raise ValueError("a logarithmic scale wants at least one value, all above 0")
    height = TOP + ROW * len(bars) + 10
    box = {"viewBox": f"0 0 {WIDTH} {height}", "width": str(WIDTH), "height": str(height)}
    named = {"role": "img", "aria-labelledby": "title desc", "font-family": "sans-serif"}
    svg = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **box, **named})
    ET.SubElement(svg, "title", id="title").text = title
    ET.SubElement(svg, "desc", id="desc").text = description
    ET.SubElement(svg, "rect", width="100%", height="100%", fill="#ffffff")
    _text(svg, 10, 28, title, **{"font-size": "17", "font-weight": "bold"})
    low = math.log10(min(bar.value for bar in bars)) - 0.1
    high = max(math.log10(max(bar.value for bar in bars)), low + 1)
    for i, bar in enumerate(bars):
        _row(svg, bar, TOP + i * ROW, (math.log10(bar.value) - low) / (high - low))
    ET.indent(svg)
    return ET.tostring(svg, encoding="unicode") + "\n"


def _row(svg: ET.Element, bar: Bar, top: int, share: float) -> None:
    length = share * (WIDTH - LABELS - FIGURES)
    weight = {"font-weight": "bold"} if bar.is_ours else {}
    _text(svg, LABELS - 10, top + 14, bar.label, **{"text-anchor": "end"}, **weight)
    ET.SubElement(
        svg,
        "rect",
        x=str(LABELS),
        y=str(top),
        width=f"{length:.1f}",
        height=str(BAR),
        fill=OURS_COLOUR if bar.is_ours else THEIRS_COLOUR,
    )
    _text(svg, LABELS + length + 8, top + 14, bar.figure, **weight)


def _text(svg: ET.Element, x: float, y: float, said: str, **more: str) -> None:
    text = ET.SubElement(svg, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "fill": TEXT_COLOUR})
    text.attrib.update({"font-size": "14"} | more)
    text.text = said
