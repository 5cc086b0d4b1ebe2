"""The chain over the audit trail: what is written is sealed once, and what is changed is named."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from app.actors import SYSTEM
from app.db import db, transaction
from app.events import Fact, record
from app.models.messages import TaskKind
from app.services import anchors, invariants, trail, trail_check
from app.services.trail_check import Fault
from config import Settings
from tests.conftest import Run
from tests.integration.audit.written import ROWS, events, seals, write

LATE = "I10 late sealing of the audit trail, ten seconds and more"


def test_a_whole_trail_is_whole(
    sealed: object, run_as_worker: Run, settings: Settings, verdict: Callable[[], object]
) -> None:
    run_as_worker(anchors.anchor_head, settings)

    found = verdict()

    assert found == trail_check.Verdict(rows=ROWS, anchors=1, unsealed=1, broken=None)


def _rehash_from(position: int) -> None:
    """Write the chain anew from a position on, as somebody without the signing key can."""
    with transaction(by=SYSTEM):
        before = db.session.scalar(
            text("SELECT hash FROM event_seal WHERE position = :p"), {"p": position - 1}
        )
        rows = db.session.execute(
            text(
                f"SELECT s.position, {trail.CANONICAL} FROM event_seal s"
                " JOIN event e ON e.id = s.event_id WHERE s.position >= :p ORDER BY s.position"
            ),
            {"p": position},
        ).all()
        db.session.execute(text("ALTER TABLE event_seal DISABLE TRIGGER USER"))
        for each, canonical in rows:
            before = trail.next_hash(before, canonical)
            db.session.execute(
                text("UPDATE event_seal SET hash = :h WHERE position = :p"),
                {"h": before, "p": each},
            )
        db.session.execute(text("ALTER TABLE event_seal ENABLE TRIGGER USER"))


# What is done to the seventh of twelve rows ({id} its event, {next} the next), and the finding.
TAMPERED = [
    ("UPDATE event SET kind = 'plan_viewed' WHERE id = {id}", Fault.CHANGED, "id"),
    ("UPDATE event SET detail = detail - 'of' WHERE id = {id}", Fault.CHANGED, "id"),
    ("UPDATE event SET at = at + interval '1 microsecond' WHERE id = {id}", Fault.CHANGED, "id"),
    ("UPDATE event SET referral_id = 1 WHERE id = {id}", Fault.CHANGED, "id"),
    ("DELETE FROM event WHERE id = {id}", Fault.EVENT_MISSING, "id"),
    ("DELETE FROM event_seal WHERE event_id = {id}", Fault.SEAL_MISSING, ""),
    ("UPDATE event_seal SET hash = sha256(hash) WHERE event_id = {id}", Fault.CHANGED, "id"),
    (
        "UPDATE event e SET detail = o.detail FROM event o"
        " WHERE (e.id, o.id) IN (({id}, {next}), ({next}, {id}))",
        Fault.CHANGED,
        "id",
    ),
    (
        "ALTER TABLE event_seal DROP CONSTRAINT uq_event_seal_event_id;"
        " UPDATE event_seal SET event_id = {id} + {next} - event_id"
        " WHERE event_id IN ({id}, {next})",
        Fault.CHANGED,
        "next",
    ),
]


def _keep_a_copy() -> None:
    with transaction(by=SYSTEM):
        for table in ("event", "event_seal"):
            db.session.execute(text(f"CREATE TABLE kept_{table} AS TABLE {table}"))


def _as_before() -> None:
    with transaction(by=SYSTEM):
        for table in ("event", "event_seal"):
            db.session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            db.session.execute(text(f"DELETE FROM {table}"))
            db.session.execute(
                text(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE TABLE kept_{table}")
            )
            db.session.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))


def test_what_is_tampered_with_is_named(
    sealed: list[tuple[int, int]],
    run_as_owner: Run,
    tamper: Callable[[str], None],
    verdict: Callable[[], trail_check.Verdict],
) -> None:
    seventh, eighth = sealed[6][1], sealed[7][1]
    run_as_owner(_keep_a_copy)
    for statement, fault, named in TAMPERED:
        tamper(statement.format(id=seventh, next=eighth))

        broken = verdict().broken
        assert broken is not None, statement
        assert (broken.fault, broken.position) == (fault, 7), statement
        assert broken.event_id == {"id": seventh, "next": eighth}.get(named), statement
        run_as_owner(_as_before)
        assert verdict().broken is None


def test_a_cut_end_is_seen_against_the_anchor_and_only_there(
    sealed: list[tuple[int, int]],
    settings: Settings,
    run: Run,
    run_as_worker: Run,
    tamper: Callable[[str], None],
    verdict: Callable[[], trail_check.Verdict],
) -> None:
    run_as_worker(anchors.anchor_head, settings)
    last = sealed[-1][1]

    tamper(f"DELETE FROM event WHERE id >= {last}; DELETE FROM event_seal WHERE event_id >= {last}")

    found = verdict()
    assert found.broken is not None
    assert (found.broken.fault, found.broken.position) == (Fault.CUT, ROWS)
    alone = run_as_worker(trail_check.verify, [], [])
    assert alone.broken is None
    assert "I10 the audit trail is behind its last anchor" in run(invariants.broken)


def test_a_chain_written_anew_without_the_key_does_not_match_its_anchor(
    sealed: list[tuple[int, int]],
    settings: Settings,
    run_as_worker: Run,
    run_as_owner: Run,
    tamper: Callable[[str], None],
    verdict: Callable[[], trail_check.Verdict],
) -> None:
    run_as_worker(anchors.anchor_head, settings)

    tamper(f"UPDATE event SET kind = 'plan_viewed' WHERE id = {sealed[6][1]}")
    run_as_owner(_rehash_from, 7)

    assert run_as_worker(trail_check.verify, [], []).broken is None
    broken = verdict().broken
    assert broken is not None
    assert (broken.fault, broken.position, broken.since) == (Fault.NOT_AS_ANCHORED, ROWS, 0)


def test_an_event_committed_late_is_sealed_late_and_the_chain_holds(
    app: Flask, run: Run, run_as_worker: Run, verdict: Callable[[], trail_check.Verdict]
) -> None:
    begun, may_end = Event(), Event()

    def slowly() -> None:
        with app.app_context(), transaction(by=SYSTEM):
            record(Fact.PLAN_MADE, by=SYSTEM)
            begun.set()
            may_end.wait(10)

    with ThreadPoolExecutor(1) as other:
        slow = other.submit(slowly)
        begun.wait(10)
        run(write, 2)
        assert run_as_worker(trail.seal) == 2
        may_end.set()
        slow.result()
    assert run_as_worker(trail.seal) == 1

    late, *rest = run(events)
    assert [event for _, event in run(seals)] == [*rest, late]
    assert verdict().broken is None


def test_an_event_later_than_a_look_back_is_found_from_the_first(
    app: Flask, run: Run, run_as_worker: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "LOOK_BACK", 1)
    begun, may_end = Event(), Event()

    def slowly() -> None:
        with app.app_context(), transaction(by=SYSTEM):
            record(Fact.PLAN_MADE, by=SYSTEM)
            begun.set()
            may_end.wait(10)

    with ThreadPoolExecutor(1) as other:
        slow = other.submit(slowly)
        begun.wait(10)
        run(write, 3)
        run_as_worker(trail.seal)
        may_end.set()
        slow.result()

    assert run_as_worker(trail.seal) == 0
    assert run_as_worker(trail.seal_all) == 1


def test_two_sealers_and_many_writers_make_one_chain(
    app: Flask,
    worker_app: Flask,
    run: Run,
    run_as_worker: Run,
    verdict: Callable[[], trail_check.Verdict],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trail, "BATCH", 7)
    writers, sealers, each = 4, 3, 40
    ready, is_over = Barrier(writers + sealers), Event()

    def writer(_: int) -> None:
        with app.app_context():
            ready.wait()
            write(each)

    def sealer(_: int) -> int:
        total = 0
        with worker_app.app_context():
            ready.wait()
            while not is_over.is_set():
                total += trail.seal()
        return total

    with ThreadPoolExecutor(writers + sealers) as pool:
        sealing = [pool.submit(sealer, number) for number in range(sealers)]
        writing = [pool.submit(writer, number) for number in range(writers)]
        for done in writing:
            done.result()
        is_over.set()
        sealed = sum(done.result() for done in sealing)
    sealed += run_as_worker(trail.seal_all)

    assert sealed == writers * each
    assert [position for position, _ in run(seals)] == list(range(1, sealed + 1))
    assert sorted(event for _, event in run(seals)) == run(events)
    assert verdict().broken is None


NOT_THE_WEBS = (
    "INSERT INTO event_seal VALUES (1, 1, sha256('x'))",
    "INSERT INTO event_anchor (position, hash) VALUES (1, sha256('x'))",
    "UPDATE event_seal SET position = 9",
    "DELETE FROM event_seal",
    "SELECT * FROM honey_record",
    "SELECT * FROM honey_touch",
    "DELETE FROM honey_touch",
)


def test_the_web_role_seals_nothing_and_knows_no_planted_record(app: Flask) -> None:
    for statement in NOT_THE_WEBS:
        with (
            app.app_context(),
            pytest.raises(ProgrammingError, match="denied"),
            transaction(by=SYSTEM),
        ):
            db.session.execute(text(statement))


def test_seals_and_anchors_are_only_added_to(run_as_owner: Run) -> None:
    def change(statement: str) -> None:
        with transaction(by=SYSTEM):
            db.session.execute(text(statement))

    for table in ("event_seal", "event_anchor"):
        for how in ("UPDATE {} SET position = 9", "DELETE FROM {}", "TRUNCATE {}"):
            with pytest.raises(ProgrammingError, match="append-only"):
                run_as_owner(change, how.format(table))


def test_what_is_not_sealed_in_time_is_an_alarm_once_sealing_has_begun(
    run: Run, run_as_worker: Run, run_as_owner: Run, tamper: Callable[[str], None]
) -> None:
    run(write)
    tamper("UPDATE event SET at = at - interval '11 seconds'")
    assert LATE not in run(invariants.broken)
    run_as_worker(trail.seal)
    assert LATE not in run(invariants.broken)

    run(write)
    tamper(
        "UPDATE event SET at = at - interval '11 seconds' WHERE id = (SELECT max(id) FROM event)"
    )

    assert run(invariants.broken)[LATE] == 1


def test_a_gap_in_the_chain_is_an_alarm(
    sealed: list[tuple[int, int]], run: Run, tamper: Callable[[str], None]
) -> None:
    tamper(
        f"DELETE FROM event WHERE id = {sealed[3][1]}; DELETE FROM event_seal WHERE position = 8"
    )

    assert run(invariants.broken)["I10 a break in the audit trail"] == 2


def test_a_check_is_written_down_and_a_break_is_a_task(
    sealed: list[tuple[int, int]],
    settings: Settings,
    run: Run,
    run_as_worker: Run,
    tamper: Callable[[str], None],
) -> None:
    def tasks() -> list[str]:
        with transaction(by=SYSTEM):
            return list(db.session.scalars(text("SELECT kind FROM task")))

    assert run_as_worker(trail_check.check, settings).broken is None
    assert run(tasks) == []
    tamper(f"DELETE FROM event WHERE id = {sealed[6][1]}")

    for _ in range(2):
        assert run_as_worker(trail_check.check, settings).broken is not None

    assert run(tasks) == [TaskKind.TRAIL_BROKEN]
