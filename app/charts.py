"""Charts as SVG drawn on the server, their figures beside them as text; no inline style.

Widths are percentages of the drawing, so that letters keep their size from a phone to a wall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

LABEL_HEIGHT = 22
BAR_HEIGHT = 16
BAR_GAP = 3
ROW_GAP = 12
STRIP_HEIGHT = 34
NOT_SHOWN = "not shown"
NARROWEST_WITH_NUMBER = 7.0  # per cent of the strip; below this a number would spill over


@dataclass(frozen=True)
class Bar:
    """One row of a bar chart: a label and one whole number for each series; None is not shown."""

    label: str
    values: tuple[int | None, ...]


def _said(value: int | None) -> str:
    return NOT_SHOWN if value is None else f"{value:,}"


def bar_chart(
    bars: Sequence[Bar],
    *,
    name: str,
    title: str,
    series: Sequence[str] = ("Number",),
    first_column: str = "",
) -> Markup:
    """Horizontal bars with the table of the same figures beside them.

    ``name`` makes the ids on the page unique. Raises ValueError for a negative number or a row
    with more or fewer values than ``series``.
    """
    for bar in bars:
        if len(bar.values) != len(series) or min(_known(bar.values), default=0) < 0:
            raise ValueError(
                f"{bar.label}: wants {len(series)} numbers of 0 or more, got {bar.values}"
            )
    return Markup('<div class="wm-chart-pair"><div>{}{}</div>{}</div>').format(
        _legend(series),
        _bars(bars, name, title, series),
        _table(bars, title, series, first_column),
    )


def _known(values: Sequence[int | None]) -> list[int]:
    return [value for value in values if value is not None]


def _bars(bars: Sequence[Bar], name: str, title: str, series: Sequence[str]) -> Markup:
    longest = max((value for bar in bars for value in _known(bar.values)), default=0) or 1
    row_height = LABEL_HEIGHT + len(series) * (BAR_HEIGHT + BAR_GAP) + ROW_GAP
    rows = Markup("").join(_row(bar, index * row_height, longest) for index, bar in enumerate(bars))
    return _svg(name, "wm-chart", len(bars) * row_height, title, _described(bars, series), rows)


def _row(bar: Bar, top: int, longest: int) -> Markup:
    figures = " / ".join(_said(value) for value in bar.values)
    drawn = [
        Markup('<text x="0" y="{}">{}</text>').format(top + 15, bar.label),
        Markup('<text class="wm-chart__figure" x="100%" y="{}">{}</text>').format(
            top + 15, figures
        ),
    ]
    for index, value in enumerate(bar.values):
        y = top + LABEL_HEIGHT + index * (BAR_HEIGHT + BAR_GAP)
        drawn.append(_rect("wm-chart__track", 0, y, 100, BAR_HEIGHT))
        width = 100 * (value or 0) / longest
        drawn.append(_rect(f"wm-chart__bar-{index + 1}", 0, y, width, BAR_HEIGHT))
    return Markup("").join(drawn)


def _legend(series: Sequence[str]) -> Markup:
    if len(series) < 2:
        return Markup("")
    items = Markup("").join(
        Markup('<li class="wm-legend__{}">{}</li>').format(index + 1, word)
        for index, word in enumerate(series)
    )
    return Markup('<ul class="wm-legend">{}</ul>').format(items)


def _table(bars: Sequence[Bar], title: str, series: Sequence[str], first_column: str) -> Markup:
    heads = Markup("").join(
        Markup(
            '<th scope="col" class="govuk-table__header govuk-table__header--numeric">{}</th>'
        ).format(word)
        for word in series
    )
    first = (
        Markup('<th scope="col" class="govuk-table__header">{}</th>').format(first_column)
        if first_column
        else Markup('<td class="govuk-table__cell"></td>')
    )
    rows = Markup("").join(_table_row(bar) for bar in bars)
    return Markup(
        '<table class="govuk-table wm-table"><caption class="govuk-table__caption '
        'govuk-table__caption--s">{}</caption><thead><tr class="govuk-table__row">{}{}</tr></thead>'
        "<tbody>{}</tbody></table>"
    ).format(title, first, heads, rows)


def _table_row(bar: Bar) -> Markup:
    cells = Markup("").join(
        Markup('<td class="govuk-table__cell govuk-table__cell--numeric">{}</td>').format(_said(v))
        for v in bar.values
    )
    return Markup(
        '<tr class="govuk-table__row"><th scope="row" class="govuk-table__header">{}</th>{}</tr>'
    ).format(bar.label, cells)


def _described(bars: Sequence[Bar], series: Sequence[str]) -> str:
    return "; ".join(
        f"{bar.label}: "
        + ", ".join(
            f"{word} {_said(value)}" for word, value in zip(series, bar.values, strict=True)
        )
        for bar in bars
    )


def occupancy_strip(*, name: str, taken: int, held: int, free: int, out_of_use: int) -> Markup:
    """One strip for the beds of one house or of all, and the same in words under it.

    Raises ValueError when a count is negative.
    """
    parts = (
        ("taken", taken, "taken"),
        ("held", held, "held"),
        ("free", free, "free"),
        ("void", out_of_use, "out of use"),
    )
    if min(count for _, count, _ in parts) < 0:
        raise ValueError("Beds are counted in whole numbers of 0 or more.")
    total = sum(count for _, count, _ in parts)
    said = ", ".join(f"{count} {word}" for _, count, word in parts if count) or "No beds"
    drawing, x = Markup(""), 0.0
    for kind, count, _ in parts:
        width = 100 * count / total if total else 0.0
        drawing += _segment(kind, count, x, width)
        x += width
    svg = _svg(name, "wm-strip", STRIP_HEIGHT, f"{total} beds", said, drawing)
    return Markup('<figure class="wm-strip-figure">{}<figcaption>{}</figcaption></figure>').format(
        svg, said
    )


def _segment(kind: str, count: int, x: float, width: float) -> Markup:
    if not count:
        return Markup("")
    drawn = _rect(f"wm-strip__{kind}", x, 1, width, STRIP_HEIGHT - 2)
    if width < NARROWEST_WITH_NUMBER:
        return drawn
    return drawn + Markup('<text class="wm-strip__on-{}" x="{}%" y="22">{}</text>').format(
        kind, _number(x + width / 2), count
    )


def _rect(css_class: str, x: float, y: int, width: float, height: int) -> Markup:
    return Markup('<rect class="{}" x="{}%" y="{}" width="{}%" height="{}"/>').format(
        css_class, _number(x), y, _number(width), height
    )


def _svg(name: str, css_class: str, height: int, title: str, said: str, inner: Markup) -> Markup:
    return Markup(
        '<svg class="{}" role="img" width="100%" height="{}" aria-labelledby="{}-title {}-desc">'
        '<title id="{}-title">{}</title><desc id="{}-desc">{}</desc>{}</svg>'
    ).format(css_class, max(height, 1), name, name, name, title, name, said, inner)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
