"""The placement engine beside what a user would otherwise take: the same nights, in one run."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from allocation import problem_to_json
from bench import tables
from bench.nights import SIZES, SizeName, night
from bench.nights.women import Mode, Zones
from bench.peers import METHODS, OURS
from bench.race import FAILED, race
from bench.svg import Bar, log_bars
from bench.tables import Night

OUT = Path(__file__).parent / "out"


@dataclass(frozen=True, kw_only=True)
class Course:
    """What to run: sizes, seeds 0 to ``seeds - 1`` of each, seconds for each run, and which."""

    sizes: Sequence[SizeName] = ("S", "M")
    seeds: int = 3
    seconds: float = 30.0
    mode: Mode = "steady"
    zones: Zones = "low"
    methods: Sequence[str] = tuple(METHODS)


def measure(course: Course) -> dict[SizeName, list[Night]]:
    """Run every method on every night, one after the other, each in its own process."""
    found: dict[SizeName, list[Night]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in course.sizes:
            for seed in range(course.seeds):
                file = Path(folder) / "night.json"
                problem = night(size, seed, mode=course.mode, zones=course.zones)
                file.write_text(json.dumps(problem_to_json(problem)), "utf-8")
                del problem
                runs = {name: race(name, file, course.seconds) for name in course.methods}
                found.setdefault(size, []).append(Night(seed, runs))
    return found


def report(course: Course, found: dict[SizeName, list[Night]]) -> str:
    """Every table, with what was run on what above them."""
    parts = [
        f"Engine: {course.seeds} nights a size, {course.mode}, danger zones {course.zones}, "
        f"{course.seconds:g} s for each run; Python {platform.python_version()}, "
        f"{os.cpu_count()} cores. Times from the parsed problem to the plan."
    ]
    for size, nights in found.items():
        about = SIZES[size]
        parsed = max(run.parse_seconds for night in nights for run in night.runs.values())
        parts += [
            f"## {size}: {about.households} households, {about.rooms} rooms, "
            f"{about.refuges} refuges (parsing apart: at most {parsed:.2f} s)",
            tables.markdown(tables.times(nights)),
            f"First the mean of the reference ({OURS}'s plan, or where it has none the best there "
            "is), then each method less that:",
            tables.markdown(tables.gaps(nights)),
        ]
    return "\n\n".join(parts)


def is_sound(found: dict[SizeName, list[Night]]) -> bool:
    """Whether every plan keeps every rule and no run broke down."""
    runs = [run for nights in found.values() for night in nights for run in night.runs.values()]
    return all(run.broken == 0 and run.standing != FAILED for run in runs)


def draw(course: Course, found: dict[SizeName, list[Night]], folder: Path) -> list[Path]:
    """Write a drawing of the times and one of the memory for each size, and the tables beside."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "engine.md"]
    written[0].write_text(report(course, found) + "\n", "utf-8")
    for size, nights in found.items():
        for name, drawn in (("seconds", _times(size, nights)), ("memory", _memory(size, nights))):
            written.append(folder / f"engine-{size}-{name}.svg")
            written[-1].write_text(drawn, "utf-8")
    return written


def _times(size: SizeName, nights: Sequence[Night]) -> str:
    bars = []
    for name in tables.methods(nights):
        seconds = tables.median_seconds(nights, name)
        more = ">" if tables.was_ended(nights, name) else ""
        figure = f"{more}{seconds:.2g} s" if seconds < 10 else f"{more}{seconds:.0f} s"
        bars.append(Bar(label=name, value=seconds, figure=figure, is_ours=name == OURS))
    return _drawn(bars, f"Size {size}: seconds to a plan, median of {len(nights)}")


def _memory(size: SizeName, nights: Sequence[Night]) -> str:
    bars = []
    for name in tables.methods(nights):
        peak = max(1.0, tables.peak(nights, name))
        bars.append(Bar(label=name, value=peak, figure=f"{peak:,.0f} MB", is_ours=name == OURS))
    return _drawn(bars, f"Size {size}: peak memory, most of {len(nights)}")


def _drawn(bars: Sequence[Bar], title: str) -> str:
    said = "; ".join(f"{bar.label} {bar.figure}" for bar in bars)
    described = f"Bars on a logarithmic scale. {said}. The same figures stand in engine.md."
    return log_bars(bars, title=title, description=described)
