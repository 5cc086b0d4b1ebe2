"""What is not shown cannot be got back: from totals, from the file, or by knowing this code."""

from __future__ import annotations

import csv
import io
import itertools
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ortools.linear_solver import pywraplp  # type: ignore[import-untyped]

from app.services import figures_csv
from app.services.report_figures import Area, Figures, Nights, Places, Requests
from app.services.report_period import period_until
from app.services.report_shown import ShownFigures, shown
from app.services.report_words import GROUPS
from app.services.small_counts import Count, Rule

RULE = Rule(below=10, to_nearest=5)
FATES = ("arrived", "confirmed", "waiting", "withdrawn", "unmet", "not_arrived")
NOBODY = Places(occupied=0, held=0, free=0, void=0)
# Mostly small, sometimes at the edges, sometimes many.
NUMBER = st.one_of(
    st.integers(0, 12), st.sampled_from([0, 9, 10, 12, 13, 17, 18]), st.integers(0, 90)
)


@pytest.mark.parametrize(
    ("number", "said"), [(0, None), (9, None), (10, 10), (12, 10), (13, 15), (17, 15), (18, 20)]
)
def test_a_number_is_hidden_or_rounded(number: int, said: Count) -> None:
    assert RULE.shown(number) == said


@pytest.mark.parametrize(("parts", "top"), [(2, 45), (3, 30), (4, 16)])
def test_no_hidden_part_can_be_found_by_whoever_knows_the_code(parts: int, top: int) -> None:
    """Every table there is: those that look alike differ in each hidden number by 5 or more."""
    alike: dict[tuple[Count, ...], list[tuple[int, ...]]] = defaultdict(list)
    for table in itertools.product(range(top), repeat=parts):
        whole = sum(table)
        # A hidden number can be as great as the whole: above this we have not listed them all.
        if whole < top - RULE.to_nearest:
            alike[(RULE.shown(whole), *RULE.parts(whole, table))].append(table)

    for (_, *said), tables in alike.items():
        for at, number in enumerate(said):
            if number is None:
                could_be = {table[at] for table in tables}
                assert max(could_be) - min(could_be) >= RULE.to_nearest, (said, at, could_be)


@st.composite
def figures(draw: st.DrawFn) -> Figures:
    """Any network: what became of the requests of each group of regions."""
    fates = [{fate: draw(NUMBER) for fate in FATES} for _ in GROUPS]
    inside = [draw(st.integers(0, each["arrived"] + each["confirmed"])) for each in fates]
    waited = [draw(st.integers(0, 7 * sum(each.values()))) for each in fates]
    areas = [
        _area(name, each, placed_inside, nights)
        for name, each, placed_inside, nights in zip(GROUPS, fates, inside, waited, strict=True)
    ]
    london, *others = areas
    everywhere, outside = _sum("Everywhere", areas), _sum("Outside London", others)
    return Figures(
        charity="Harbour",
        period=period_until(datetime(2026, 10, 30, 12, tzinfo=UTC), 7),
        everywhere=everywhere,
        inside=london,
        outside=outside,
        regions=tuple(areas),
        pace=(31, 64),
        hand_ons={},
        no_room=(),
        said_no=(),
        ended=(),
        support=(),
        funds=(),
        parts=(),
    )


def _area(name: str, fates: dict[str, int], placed_inside: int, waited: int) -> Area:
    placed = fates["arrived"] + fates["confirmed"]
    return Area(
        name=name,
        requests=Requests(
            placed=placed,
            arrived=fates["arrived"],
            waiting=fates["waiting"],
            withdrawn=fates["withdrawn"],
            unmet=fates["unmet"],
            not_arrived=fates["not_arrived"],
            placed_inside=placed_inside,
            placed_outside=placed - placed_inside,
            placed_with_us=placed_inside,
        ),
        waiting_now=fates["waiting"],
        on_the_way=fates["confirmed"],
        places=NOBODY,
        nights=Nights(occupied=0, open=0, void=0, waited=waited),
    )


def _sum(name: str, areas: list[Area]) -> Area:
    def added(number: str) -> int:
        return sum(getattr(area.requests, number) for area in areas)

    return Area(
        name=name,
        requests=Requests(**{number: added(number) for number in Requests.__dataclass_fields__}),
        waiting_now=sum(area.waiting_now for area in areas),
        on_the_way=sum(area.on_the_way for area in areas),
        places=NOBODY,
        nights=Nights(occupied=0, open=0, void=0, waited=sum(area.nights.waited for area in areas)),
    )


class Reader:
    """Whoever has the page and the file: each number said is a row, and sums are known."""

    def __init__(self) -> None:
        self.solver = pywraplp.Solver.CreateSolver("GLOP")
        self.numbers: dict[str, pywraplp.Variable] = {}

    def told(self, name: str, said: Count) -> None:
        """A hidden number may be any: that it is small is not said. Source: figures.md."""
        least, most = (0.0, self.solver.infinity()) if said is None else (said - 2.0, said + 2.0)
        if name in self.numbers:
            self.solver.Add(self.numbers[name] >= least)
            self.solver.Add(self.numbers[name] <= most)
        else:
            self.numbers[name] = self.solver.NumVar(least, most, name)

    def adds_up(self, whole: str, *parts: str) -> None:
        self.solver.Add(self.numbers[whole] == sum(self.numbers[part] for part in parts))

    def width(self, name: str) -> float:
        """How far apart the least and the greatest are that a number of under 10 could be."""
        ends = []
        small = self.solver.Add(self.numbers[name] <= 9)
        for way in (self.solver.Minimize, self.solver.Maximize):
            way(self.numbers[name])
            assert self.solver.Solve() == pywraplp.Solver.OPTIMAL, name
            ends.append(self.numbers[name].solution_value())
        small.SetBounds(-self.solver.infinity(), self.solver.infinity())
        return float(ends[1] - ends[0])


def _read(found: ShownFigures) -> Reader:
    reader = Reader()
    asked = found.requests
    for name in ("received", "placed", "arrived", "waiting", "withdrawn", "unmet", "not_arrived"):
        reader.told(name, getattr(asked, name))
    reader.told("confirmed", asked.on_the_way)
    reader.told("waiting", asked.waiting_now)
    reader.told("placed_inside", asked.placed_inside)
    reader.told("placed_outside", asked.placed_outside)
    for column in ("received", "placed", "waiting", "waited"):
        attribute = {"waiting": "waiting_now"}.get(column, column)
        named = [("", found.everywhere), ("in", found.inside), ("out", found.outside)]
        for suffix, area in [*named, *((area.name, area) for area in found.regions)]:
            reader.told(column + suffix, getattr(area, attribute))
        reader.adds_up(column, column + "in", column + "out")
        reader.adds_up(column + "in", column + GROUPS[0])
        reader.adds_up(column + "out", *(column + group for group in GROUPS[1:]))
    reader.adds_up("received", "placed", "waiting", "withdrawn", "unmet", "not_arrived")
    reader.adds_up("placed", "arrived", "confirmed")
    reader.adds_up("placed", "placed_inside", "placed_outside")
    for suffix in ("", "in", "out", *GROUPS):
        numbers = reader.numbers
        reader.solver.Add(numbers["received" + suffix] >= numbers["placed" + suffix])
    return reader


def _small(exact: Figures) -> Iterator[tuple[str, int]]:
    asked = exact.everywhere.requests
    yield from ((name, getattr(asked, name)) for name in ("arrived", "waiting", "withdrawn"))
    yield from ((name, getattr(asked, name)) for name in ("unmet", "not_arrived"))
    yield from ((name, getattr(asked, name)) for name in ("placed_inside", "placed_outside"))
    for area in exact.regions:
        yield "received" + area.name, area.requests.received
        yield "placed" + area.name, area.requests.placed
        yield "waiting" + area.name, area.waiting_now
        yield "waited" + area.name, area.nights.waited


@settings(max_examples=60, deadline=None)
@given(figures())
def test_no_small_number_follows_from_the_page(exact: Figures) -> None:
    reader = _read(shown(exact, RULE))

    for name, number in _small(exact):
        if number < RULE.below:
            assert reader.width(name) >= 4.99, name


@settings(max_examples=60, deadline=None)
@given(figures())
def test_nothing_small_is_said_and_what_is_said_agrees(exact: Figures) -> None:
    found = shown(exact, RULE)

    for area, true in zip(found.regions, exact.regions, strict=True):
        for said, number in (
            (area.received, true.requests.received),
            (area.placed, true.requests.placed),
            (area.waited, true.nights.waited),
        ):
            assert said is None or (number >= 10 and abs(said - number) <= 2)
    parts = [area.received for area in found.regions]
    known = [part for part in parts if part is not None]
    if found.everywhere.received is not None:
        assert sum(known) <= found.everywhere.received + 2 * (len(known) + 1)
        if len(known) == len(parts):
            assert abs(sum(known) - found.everywhere.received) <= 2 * (len(known) + 1)
    assert found.regions[0].received == found.inside.received
    assert found.everywhere.received == found.requests.received


@settings(max_examples=20, deadline=None)
@given(figures())
def test_the_file_says_what_the_page_says(exact: Figures) -> None:
    found = shown(exact, RULE)

    lines = {
        tuple(line[:3]): line[3] for line in csv.reader(io.StringIO(figures_csv.as_csv(found)))
    }

    for area in (found.everywhere, found.inside, found.outside, *found.regions):
        said = lines[(area.name, figures_csv.NETWORK, "requests received")]
        assert said == ("not shown" if area.received is None else str(area.received))
