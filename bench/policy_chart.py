"""One chart: how much more each policy places than first come first served, with its doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from allocation.comparison import paired

Shares = Mapping[str, Sequence[float]]
LEFT, TOP, WIDTH, ROW, GAP = 330, 56, 420, 20, 26
SHADES = ("#1d70b8", "#505a5f", "#00703c", "#d4351c", "#4c2c92", "#b58840", "#28a197", "#0b0c0c")


def chart(cells: Mapping[tuple[float, float], Shares], baseline: str) -> str:
    """Return an SVG with a dot and a 95 % interval for every (drift, load) and policy."""
    rows = [
        (f"load {load:.2f}" + (f", forecast {drift:.0%} wrong" if drift else ""), shares)
        for (drift, load), shares in sorted(cells.items())
    ]
    spans = [_span(shares, baseline) for _, shares in rows]
    points = [p for span in spans for found in span.values() for p in found]
    low, high = min(0.0, *points), max(0.0, *points)
    parts, y = [], TOP
    for (label, _), span in zip(rows, spans, strict=True):
        parts.append(_text(8, y, label, bold=True))
        for i, (name, found) in enumerate(span.items(), start=1):
            parts.append(_row(name, found, y + i * ROW, (low, high), SHADES[i % len(SHADES)]))
        y += (len(span) + 1) * ROW + GAP
    zero = _x(0.0, (low, high))
    line = f'<line x1="{zero:.1f}" x2="{zero:.1f}" y1="{TOP}" y2="{y - GAP}" stroke="#505a5f"/>'
    return _svg("".join([line, *parts]), y, baseline)


def _span(shares: Shares, baseline: str) -> dict[str, tuple[float, ...]]:
    found = {}
    for name, mine in shares.items():
        if name != baseline:
            beside = paired(mine, shares[baseline])
            ends = (beside.low, beside.mean, beside.high)
            found[name] = tuple(100 * (beside.mean if end is None else end) for end in ends)
    return found


def _x(value: float, ends: tuple[float, float]) -> float:
    low, high = ends
    return LEFT + WIDTH * (value - low) / ((high - low) or 1.0)


def _row(
    name: str, found: tuple[float, ...], y: float, ends: tuple[float, float], shade: str
) -> str:
    low, middle, high = (_x(value, ends) for value in found)
    return (
        _text(20, y, name)
        + f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y - 4}" y2="{y - 4}" stroke="{shade}" '
        f'stroke-width="2"/><circle cx="{middle:.1f}" cy="{y - 4}" r="4" fill="{shade}"/>'
        + _text(LEFT + WIDTH + 12, y, f"{found[1]:+.1f}")
    )


def _text(x: float, y: float, words: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}"{weight}>{escape(words)}</text>'


def _svg(inside: str, height: int, baseline: str) -> str:
    title = f"Placed share, weighted by priority, beside &quot;{escape(baseline)}&quot;"
    about = (
        "Percentage points more, mean and 95 % interval over seeds; the line marks no difference."
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title desc" '
        f'viewBox="0 0 {LEFT + WIDTH + 70} {height}" font-family="sans-serif" font-size="13">'
        f'<title id="title">{title}</title><desc id="desc">{about}</desc>'
        f'<rect width="100%" height="100%" fill="#ffffff"/>'
        f'<text x="8" y="24" font-size="15" font-weight="bold">{title}</text>{inside}</svg>\n'
    )
