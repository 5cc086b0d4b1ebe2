"""The race, its tables and its drawings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from allocation import Standing, problem_to_json
from bench import engine, race, tables
from bench.nights import Size, night
from bench.peers import OURS
from bench.race import FAILED, KILLED, Run
from bench.svg import Bar, log_bars
from bench.tables import LEVELS, Night
from tests.unit.allocation.instances import make_household, make_problem, make_refuge, make_room

FCFS = "first come first served"
SVG = "{http://www.w3.org/2000/svg}"


def written(folder: Path, problem: object) -> Path:
    file = folder / "night.json"
    file.write_text(json.dumps(problem_to_json(problem)), "utf-8")  # type: ignore[arg-type]
    return file


def made_up(method: str, seconds: float, standing: str, first: int | None = 5) -> Run:
    values = None if first is None else dict.fromkeys(LEVELS, 7) | {"placed_priority_1": first}
    return Run(
        method=method, seconds=seconds, parse_seconds=0.25, peak_mb=100.0 * seconds,
        standing=standing, values=values,
        processor_seconds=None if standing == KILLED else seconds / 2,
    )  # fmt: skip


@pytest.fixture
def nights() -> list[Night]:
    ended = made_up("slow", 40.0, KILLED, None)
    return [
        Night(0, {OURS: made_up(OURS, 2.0, "optimal"), FCFS: made_up(FCFS, 0.5, "rule", 3),
                  "slow": made_up("slow", 4.0, "optimal")}),
        Night(1, {OURS: made_up(OURS, 4.0, "optimal"), FCFS: made_up(FCFS, 1.0, "rule", 5),
                  "slow": ended}),
        Night(2, {OURS: made_up(OURS, 3.0, "best found"), FCFS: made_up(FCFS, 3.0, "rule", 6),
                  "slow": ended}),
    ]  # fmt: skip


def test_a_run_happens_in_a_process_of_its_own_and_is_measured(tmp_path: Path) -> None:
    run = race.race(FCFS, written(tmp_path, night(Size.of(12, 20), 0)), 20.0)

    assert run.standing == "rule"
    assert run.broken == 0
    assert run.values is not None
    assert list(run.values) == list(LEVELS)
    assert 0 < run.seconds < 20
    assert run.parse_seconds > 0
    assert 10 < run.peak_mb < 2000


def test_a_run_that_overstays_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "GRACE_SECONDS", 0.0)
    run = race.race("plain CP-SAT", written(tmp_path, night("M", 0)), 0.05)

    assert (run.standing, run.values, run.seconds) == (KILLED, None, 0.05)
    assert run.peak_mb > 10
    assert run.parse_seconds > 0


def test_a_run_that_breaks_down_is_told_apart_from_a_slow_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    both = [make_household(n, standing=Standing("f", "r", fixed=True)) for n in ("h0", "h1")]
    clash = make_problem(both, [make_refuge("f", make_room("r"))])
    run = race.race(OURS, written(tmp_path, clash), 5.0)

    assert run.standing == FAILED
    assert "accepted offers break a rule" in capfd.readouterr().err
    assert not engine.is_sound({"S": [Night(0, {OURS: run})]})


def test_the_table_of_times_takes_ours_as_one(nights: list[Night]) -> None:
    head, ours, fcfs, slow = tables.times(nights)

    assert head[:5] == ["method", "median s", "worst s", "x ours", "proven"]
    assert ours == [OURS, "3.000", "4.000", "1", "2/3", "optimal, best found", "400",
                    "1.500, 2.000", "-"]  # fmt: skip
    assert fcfs == [FCFS, "1.000", "3.000", "0.25", "0/3", "rule", "300",
                    "0.500, 1.500", "1 / 1 / 1"]  # fmt: skip
    assert slow[1:6] == [">40.000", ">40.000", ">10", "1/3", "optimal, killed"]
    assert slow[7:] == ["-", "0 / 1 / 2"]


@pytest.mark.parametrize(
    ("theirs", "ours", "ratio"),
    [("rule", "optimal", "2"), (KILLED, "optimal", ">2"), ("rule", KILLED, "<2"),
     (KILLED, KILLED, "-")],
)  # fmt: skip
def test_a_ratio_to_a_run_that_was_ended_is_a_limit(theirs: str, ours: str, ratio: str) -> None:
    runs = {OURS: made_up(OURS, 2.0, ours), "x": made_up("x", 4.0, theirs)}

    assert tables.times([Night(0, runs)])[2][3] == ratio


def test_the_table_of_gaps_is_theirs_less_ours_where_they_have_a_plan(nights: list[Night]) -> None:
    head, reference, ours, fcfs, slow = tables.gaps(nights)

    assert len(head) == len(LEVELS) + 1
    assert reference[:3] == ["reference", "5.0", "7.0"]
    assert ours[:3] == [OURS, "+0.0", "+0.0"]
    assert fcfs[1:3] == ["-0.3", "+0.0"]
    assert slow[1:3] == ["+0.0", "+0.0"]


def test_where_ours_has_no_plan_the_best_of_the_others_is_the_reference() -> None:
    runs = {
        OURS: made_up(OURS, 40.0, KILLED, None),
        "a": made_up("a", 1.0, "rule", 3),
        "b": made_up("b", 1.0, "rule", 4),
        "bound": made_up("bound", 1.0, "bound", 9),
    }
    rows = tables.gaps([Night(0, runs)])

    assert [row[1] for row in rows[1:]] == ["4.0", "-", "-1.0", "+0.0", "+5.0"]
    alone = tables.gaps([Night(0, {OURS: runs[OURS]})])
    assert [row[1] for row in alone[1:]] == ["-", "-"]


def test_a_bound_has_gaps_on_its_own_levels_only(nights: list[Night]) -> None:
    bound = replace(made_up("bound", 1.0, "bound"), values={"placed_priority_1": 9})
    beside = [Night(0, {OURS: nights[0].runs[OURS], "bound": bound})]

    assert tables.gaps(beside)[3][1:3] == ["+4.0", "-"]
    assert tables.times(beside)[2][-1] == "-"


def test_a_table_is_markdown_of_even_columns() -> None:
    assert tables.markdown([["a", "bbb"], ["cc", "d"]]) == (
        "| a  | bbb |\n|----|-----|\n| cc | d   |"
    )


def test_a_drawing_says_in_words_what_it_shows(nights: list[Night], tmp_path: Path) -> None:
    course = engine.Course(sizes=("S",))
    paths = engine.draw(course, {"S": nights}, tmp_path / "new")

    assert [path.name for path in paths] == [
        "engine.md", "engine-S-seconds.svg", "engine-S-memory.svg",
    ]  # fmt: skip
    drawing = ET.fromstring(paths[1].read_text("utf-8"))  # noqa: S314 - our own
    assert drawing.get("role") == "img"
    ids = (drawing.get("aria-labelledby") or "").split()
    told = [found.text or "" for found in drawing.iter() if found.get("id") in ids]
    assert len(told) == 2
    assert "Waymark 3 s" in told[1]
    assert ">40 s" in told[1]
    for name in (OURS, FCFS, "slow"):
        assert name in paths[0].read_text("utf-8")


def test_bars_are_as_long_as_the_logarithm() -> None:
    bars = [Bar(label=f"<{v}>", value=v, figure=f"{v} & more") for v in (0.1, 1.0, 10.0)]
    drawing = ET.fromstring(log_bars(bars, title="t", description="d"))  # noqa: S314 - our own
    lengths = [float(r.get("width", "")) for r in drawing.iter(f"{SVG}rect") if r.get("x")]

    assert lengths[2] - lengths[1] == pytest.approx(lengths[1] - lengths[0], abs=0.2)
    assert 0 < lengths[0] < lengths[1]
    assert "<0.1>" in {text.text for text in drawing.iter(f"{SVG}text")}


@pytest.mark.parametrize("values", [(), (1.0, 0.0)])
def test_what_has_no_logarithm_is_refused(values: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="logarithmic"):
        log_bars([Bar(label="x", value=v, figure="") for v in values], title="", description="")
