"""Replay: a past plan made again is the same to the byte, and what was tampered with is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text

import allocation
from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import NotFound
from app.services import matching
from app.services.matching import Verdict, planning
from app.services.snapshot import Snapshot
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, make_refuge


@pytest.fixture
def made(cast: Cast, run: Run, run_as_worker: Run) -> UUID:
    """A plan with one woman placed and one left out."""
    run(make_referral, cast.amara.actor)
    run(make_referral, cast.amara.actor, needs=("wheelchair",))
    run_id: UUID = run_as_worker(matching.make_plan)
    return run_id


def _change(assignment: str) -> None:
    with transaction(by=SYSTEM):
        db.session.execute(text(f"UPDATE plan_run SET {assignment}"))


def _ask(app: Flask, *words: str) -> Result:
    with app.app_context():  # as ``flask`` gives to each command
        return app.test_cli_runner(catch_exceptions=False).invoke(args=["replay", *words])


def test_a_past_plan_comes_out_the_same_to_the_byte(made: UUID, run_as_worker: Run) -> None:
    found = run_as_worker(matching.replay, made)

    assert (found.verdict, found.detail) == (Verdict.SAME, "")


def test_a_large_night_is_solved_where_the_solver_can_be_killed_with_the_same_outcome(
    made: UUID, run_as_worker: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "LARGE", 0)

    large = run_as_worker(matching.make_plan)

    assert large != made
    assert run_as_worker(matching.replay, large).verdict is Verdict.SAME


def test_explaining_a_plan_and_deciding_on_it_leave_it_replayable(
    made: UUID, cast: Cast, run: Run, run_as_worker: Run
) -> None:
    run_as_worker(matching.explain_newest_plan)
    ref = run_as_worker(_placed, made)

    run(matching.confirm_plan, made, [ref], by=cast.dee.actor)

    assert run_as_worker(matching.replay, made).verdict is Verdict.SAME


def _placed(run_id: UUID) -> str:
    with transaction(by=SYSTEM):
        newest = matching.newest_run()
        assert newest is not None
        assert newest.id == run_id
        return str(newest.plan["placements"][0]["household"])


@pytest.mark.parametrize(
    ("tampered", "said"),
    [
        (
            "problem = jsonb_set(problem, '{households,0,priority}', '3')",
            "the kept problem is not the one that was solved",
        ),
        ("problem = problem - 'as_of'", "what was kept cannot be read"),
        (
            "plan = jsonb_set(plan, '{placements,0,room}', '\"room-999\"')",
            "the kept plan is not the one that was made",
        ),
        (
            "plan = jsonb_set(plan, '{unplaced,0,reasons}', '[]')",
            "the kept plan is not the one that was made",
        ),
        ("plan = '{}'", "what was kept cannot be read"),
        ("problem_sha256 = repeat('0', 64)", "the kept problem is not the one that was solved"),
        ("plan_sha256 = repeat('0', 64)", "the kept plan is not the one that was made"),
    ],
)
def test_what_was_tampered_with_is_named(
    made: UUID, run_as_worker: Run, run_as_owner: Run, tampered: str, said: str
) -> None:
    run_as_owner(_change, tampered)

    found = run_as_worker(matching.replay, made)

    assert found.verdict is Verdict.DIFFERS
    assert said in found.detail


def test_a_board_that_was_given_other_rooms_is_noticed(
    made: UUID, run_as_worker: Run, run_as_owner: Run
) -> None:
    def swap() -> None:
        with transaction(by=SYSTEM):
            db.session.execute(text("UPDATE plan_line SET room_id = NULL, refuge_id = NULL"))

    run_as_owner(swap)

    found = run_as_worker(matching.replay, made)

    assert found.verdict is Verdict.DIFFERS
    assert found.detail == "the board was given other rooms than the plan's"


def _another_answer(problem: allocation.Problem, *, seconds: float) -> allocation.Plan:
    """Nobody is placed: a valid plan, and not the best one."""
    out = tuple(allocation.Unplaced(household=each.id) for each in problem.households)
    sha = allocation.problem_sha256(problem)
    return allocation.Plan(
        problem_sha256=sha, status="optimal", placements=(), unplaced=out, objective=()
    )


def test_lines_that_come_out_otherwise_are_named(
    made: UUID, run_as_worker: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = run_as_worker(_placed, made)
    monkeypatch.setattr(allocation, "solve", _another_answer)

    found = run_as_worker(matching.replay, made)

    assert found.verdict is Verdict.DIFFERS
    assert ref in found.detail


def test_another_version_may_answer_otherwise(
    made: UUID, run_as_worker: Run, run_as_owner: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_as_owner(_change, """made_with = '{"engine": "2", "ortools": "9.15.6755"}'""")
    assert run_as_worker(matching.replay, made).verdict is Verdict.SAME
    monkeypatch.setattr(allocation, "solve", _another_answer)

    found = run_as_worker(matching.replay, made)

    assert found.verdict is Verdict.OTHER_VERSION
    assert found.detail.startswith("made with engine 2 ortools 9.15.6755; ")


def test_a_plan_of_before_hashes_were_kept_is_not_called_tampered_with(
    made: UUID, run_as_worker: Run, run_as_owner: Run
) -> None:
    run_as_owner(_change, "plan_sha256 = '', made_with = '{}', problem = '{}'")

    assert run_as_worker(matching.replay, made).verdict is Verdict.OTHER_VERSION


def test_a_plan_that_ran_out_of_time_is_not_compared(
    cast: Cast, run: Run, run_as_worker: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(make_referral, cast.amara.actor)

    def cut_off(snapshot: Snapshot) -> Any:
        problem = allocation.parse_problem(snapshot.problem)
        return problem, replace(_another_answer(problem, seconds=0), status="feasible")

    monkeypatch.setattr(planning, "_solve", cut_off)
    run_id = run_as_worker(matching.make_plan)

    found = run_as_worker(matching.replay, run_id)

    assert found.verdict is Verdict.CUT_OFF
    assert "ran out of time then" in found.detail


def test_a_plan_that_is_not_there(database: str, run_as_worker: Run) -> None:
    with pytest.raises(NotFound):
        run_as_worker(matching.replay, uuid4())


def test_the_command_prints_a_line_a_plan_and_fails_when_one_differs(
    app: Flask, made: UUID, cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    run_as_owner(make_refuge, "Alder", organisation_id=1)
    second = run_as_worker(matching.make_plan)

    one, both = _ask(app, str(made)), _ask(app, "--all")
    run_as_owner(_change, "plan_sha256 = repeat('0', 64)")
    wrong = _ask(app, "--all", "--since", "2000-01-01")

    assert (one.exit_code, one.output.split()[0], one.output.split()[-1]) == (0, str(made), "same")
    assert both.exit_code == 0
    assert [line.split()[0] for line in both.output.splitlines()] == [str(made), str(second)]
    assert wrong.exit_code == 1
    assert wrong.output.count("differs: the kept plan is not the one that was made") == 2
    assert _ask(app, "--all", "--since", "2999-01-01").output == ""


@pytest.mark.parametrize("words", [[], ["--all", str(uuid4())], ["no-number"], [str(uuid4())]])
def test_the_command_says_what_it_cannot_do(app: Flask, words: list[str]) -> None:
    answer = _ask(app, *words)

    assert answer.exit_code != 0
    assert "Traceback" not in answer.output
