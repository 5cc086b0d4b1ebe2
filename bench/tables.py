"""Runs side by side as tables: times and proof, and each level beside ours."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from allocation.check import MAXIMISED
from allocation.problem import DEFAULT_ORDER, PRIORITY_LEVELS
from bench.peers import OURS, Standing
from bench.race import FAILED, KILLED, Run

LEVELS = (*PRIORITY_LEVELS, *DEFAULT_ORDER)  # every night of bench/nights has this order
SHORT = ("P1", "P2", "P3", "P4", "waiting", "kept", "unmet", "scarcity", "travel")
OVER = (KILLED, FAILED)
NOTHING = "-"
REFERENCE = "reference"


@dataclass(frozen=True)
class Night:
    """All runs on one night, by method."""

    seed: int
    runs: dict[str, Run]


Values = Mapping[str, int]


def times(nights: Sequence[Night]) -> list[list[str]]:
    """Head and rows: how long, how well proven, how much memory, and how often as good as ours."""
    head = [
        "method", "median s", "worst s", "x ours", "proven", "ended as", "peak MB",
        "median, worst processor s", "better / same / worse than ours",
    ]  # fmt: skip
    return [head, *([name, *_time_cells(nights, name)] for name in methods(nights))]


def gaps(nights: Sequence[Night]) -> list[list[str]]:
    """Head and rows: the mean reference on each level, then each method's mean less that.

    The reference of a night is our plan; where we have none, the best that any method found. A
    method counts on the nights where it has a plan. Placed, waiting and kept should be high, the
    others low.
    """
    kept = [(night, found) for night in nights if (found := _reference(night)) is not None]
    rows = [["method", *SHORT]]
    rows.append([REFERENCE, *(_mean([found[level] for _, found in kept]) for level in LEVELS)])
    for name in methods(nights):
        pairs = [(night.runs[name].values, found) for night, found in kept]
        rows.append([name, *(_gap(pairs, level) for level in LEVELS)])
    return rows


def methods(nights: Sequence[Night]) -> list[str]:
    """The methods that ran, ours first."""
    return list(nights[0].runs)


def median_seconds(nights: Sequence[Night], method: str) -> float:
    """Median over the nights; a run that was ended counts as long as it was let run."""
    return statistics.median(night.runs[method].seconds for night in nights)


def peak(nights: Sequence[Night], method: str) -> float:
    """The most memory over the nights, in MB."""
    return max(night.runs[method].peak_mb for night in nights)


def was_ended(nights: Sequence[Night], method: str) -> bool:
    """Whether any run was killed or failed, so that its times are lower limits."""
    return any(night.runs[method].standing in OVER for night in nights)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """The table as Markdown, columns aligned for reading as plain text too."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    ruler = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], ruler, *lines[1:]])


def _time_cells(nights: Sequence[Night], name: str) -> list[str]:
    runs = [night.runs[name] for night in nights]
    more = ">" if was_ended(nights, name) else ""
    proven = sum(run.standing == Standing.OPTIMAL for run in runs)
    return [
        f"{more}{median_seconds(nights, name):.3f}",
        f"{more}{max(run.seconds for run in runs):.3f}",
        _ratio(nights, name),
        f"{proven}/{len(runs)}",
        ", ".join(dict.fromkeys(run.standing for run in runs)),
        f"{peak(nights, name):.0f}",
        _processor(runs),
        _beside_ours(nights, name),
    ]


def _processor(runs: Sequence[Run]) -> str:
    """Median and worst of what the runs used, where none was ended."""
    used = [run.processor_seconds for run in runs if run.processor_seconds is not None]
    if len(used) < len(runs):
        return NOTHING
    return f"{statistics.median(used):.3f}, {max(used):.3f}"


def _ratio(nights: Sequence[Night], name: str) -> str:
    """Median of the ratios night by night; a limit where one side was ended, nothing where both."""
    ratios = [night.runs[name].seconds / night.runs[OURS].seconds for night in nights]
    limits = {(True, False): ">", (False, True): "<", (False, False): ""}
    ended = was_ended(nights, name), was_ended(nights, OURS)
    if ended == (True, True):
        return NOTHING
    return f"{limits[ended]}{statistics.median(ratios):.2g}"


def _beside_ours(nights: Sequence[Night], name: str) -> str:
    pairs = [(night.runs[name], night.runs[OURS]) for night in nights]
    if name == OURS or any(run.standing == Standing.BOUND for run, _ in pairs):
        return NOTHING
    theirs, ours = [_rank(run) for run, _ in pairs], [_rank(run) for _, run in pairs]
    both = list(zip(theirs, ours, strict=True))
    return " / ".join(
        str(n)
        for n in (sum(a > b for a, b in both), sum(a == b for a, b in both),
                  sum(a < b for a, b in both))
    )  # fmt: skip


def _rank(run: Run) -> tuple[int, ...]:
    """Larger is better; no plan is worse than any."""
    values = run.values
    if values is None:
        return ()
    return tuple(values[x] if x in MAXIMISED else -values[x] for x in LEVELS)


def _reference(night: Night) -> Values | None:
    """Our plan's values, or else those of the best plan there is."""
    plans = [run for run in night.runs.values() if run.standing != Standing.BOUND]
    best = max(plans, key=lambda run: (run.method == OURS and run.values is not None, _rank(run)))
    return best.values


def _gap(pairs: Sequence[tuple[Values | None, Values]], level: str) -> str:
    told = [(a[level], b[level]) for a, b in pairs if a is not None and level in a]
    return _mean([theirs - ours for theirs, ours in told], sign="+")


def _mean(values: Sequence[int], sign: str = "") -> str:
    return format(statistics.fmean(values), f"{sign},.1f") if values else NOTHING
