"""The one way to the database: named, whole, never nested, never lost in silence."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from flask import Flask
from psycopg.errors import DivisionByZero
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Busy
from app.events import Fact, record
from app.models.events import Event
from app.queue import Job, defer
from tests.cast import Cast
from tests.conftest import Run


def _facts() -> list[str]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Event.kind).order_by(Event.id)))


def test_nothing_is_read_without_saying_who_acts(app: Flask) -> None:
    with app.app_context(), pytest.raises(RuntimeError, match="who acts"):
        db.session.scalar(select(Event.id))


def test_transactions_do_not_nest(app: Flask) -> None:
    with (
        app.app_context(),
        transaction(by=SYSTEM),
        pytest.raises(RuntimeError, match="does not nest"),
        transaction(by=SYSTEM),
    ):
        pass


def test_the_database_is_told_who_acts_and_forgets_it(app: Flask, cast: Cast) -> None:
    told = text("SELECT acting_role(), acting_user_id()")
    with app.app_context():
        with transaction(by=cast.amara.actor):
            assert db.session.execute(told).one() == ("officer", cast.amara.actor.user_id)
        with transaction(by=SYSTEM):
            assert db.session.execute(told).one() == ("system", None)


def test_an_error_leaves_nothing_behind(app: Flask, run: Run) -> None:
    def break_off() -> None:
        with transaction(by=SYSTEM):
            record(Fact.PLAN_MADE, by=SYSTEM)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(break_off)
    assert run(_facts) == []


def test_a_job_asked_for_twice_is_in_line_once_and_loses_nothing(app: Flask, run: Run) -> None:
    with app.app_context():
        for _ in range(2):
            with transaction(by=SYSTEM):
                record(Fact.PLAN_MADE, by=SYSTEM)
                defer(Job.PLAN)
                defer(Job.PLAN)
        with transaction(by=SYSTEM):
            waiting = db.session.scalar(text("SELECT count(*) FROM procrastinate_jobs"))
    assert waiting == 1
    assert run(_facts) == ["plan_made", "plan_made"]


def test_a_broken_transaction_is_never_taken_for_a_kept_one(app: Flask, run: Run) -> None:
    """PostgreSQL would answer this COMMIT with a rollback and no error."""

    def break_underneath() -> None:
        with transaction(by=SYSTEM):
            record(Fact.PLAN_MADE, by=SYSTEM)
            raw = db.session.connection().connection.driver_connection
            assert raw is not None
            with suppress(DivisionByZero):
                raw.execute("SELECT 1/0")

    with pytest.raises(RuntimeError, match="nothing of it would be kept"):
        run(break_underneath)
    assert run(_facts) == []


def test_the_audit_trail_only_grows(run_as_owner: Run, run: Run) -> None:
    def forge(statement: str) -> None:
        with transaction(by=SYSTEM):
            record(Fact.PLAN_MADE, by=SYSTEM)
        with transaction(by=SYSTEM):
            db.session.execute(text(statement))

    for statement in ("UPDATE event SET kind = 'x'", "DELETE FROM event", "TRUNCATE event CASCADE"):
        with pytest.raises(ProgrammingError, match="append-only"):
            run_as_owner(forge, statement)
    assert set(run(_facts)) == {"plan_made"}


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM referral",
        "UPDATE clock_shift SET shift = '1 day'",
        "UPDATE event SET kind = 'x'",
        "INSERT INTO plan_run (as_of, problem_sha256, status, solve_ms) VALUES (now(), '', '', 0)",
        "SELECT problem FROM plan_run",
        "SELECT plan FROM plan_run",
        "SELECT made_with FROM plan_run",
        "DROP TABLE bed_use",
        "CREATE TABLE mine (id int)",
        "SET ROLE waymark_owner",
    ],
)
def test_the_web_role_may_not(app: Flask, statement: str) -> None:
    with (
        app.app_context(),
        pytest.raises(ProgrammingError, match=r"denied|must be owner"),
        transaction(by=SYSTEM),
    ):
        db.session.execute(text(statement))


def test_figures_are_read_with_the_narrow_role_only(app: Flask, cast: Cast) -> None:
    with app.app_context():
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction(by=cast.mara.actor, as_report=True),
        ):
            db.session.execute(text("SELECT * FROM needs"))
        with transaction(by=cast.mara.actor, as_report=True):
            assert db.session.execute(text("SELECT * FROM report_referral")).all() == []


def test_whoever_stood_still_too_long_is_asked_to_try_again(run: Run) -> None:
    """A frozen process finds its transaction given up by the server when it wakes."""

    def stand_still() -> None:
        with transaction(by=SYSTEM):
            db.session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
            time.sleep(0.3)
            db.session.execute(text("SELECT 1"))

    with pytest.raises(Busy):
        run(stand_still)

    assert run(_one) == 1


def _one() -> int:
    with transaction(by=SYSTEM):
        return int(db.session.execute(text("SELECT 1")).scalar_one())
