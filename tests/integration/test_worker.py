"""The worker's own care: jobs of a killed worker, and steps of the sweep that fail."""

from __future__ import annotations

import asyncio

import procrastinate
import pytest
from sqlalchemy import make_url, text

from app import worker
from app.actors import SYSTEM
from app.db import db, transaction
from app.embedded_postgres import EmbeddedPostgres
from app.queue import Job, defer
from app.services import health
from app.sms import TwilioGateway
from tests.conftest import DATABASE, Run


def _line_up(job: Job) -> None:
    with transaction(by=SYSTEM):
        defer(job)


def _was_being_done_by_a_dead_worker() -> None:
    with transaction(by=SYSTEM):
        db.session.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))


def _jobs() -> list[tuple[str, str]]:
    with transaction(by=SYSTEM):
        rows = db.session.execute(text("SELECT task_name, status::text FROM procrastinate_jobs"))
        return [(name, status) for name, status in rows]


@pytest.mark.parametrize("another_waits", [True, False])
def test_a_dead_workers_job_never_keeps_the_next_worker_from_starting(
    run: Run, run_as_worker: Run, postgres: EmbeddedPostgres, another_waits: bool
) -> None:
    run(_line_up, Job.PLAN)
    run_as_worker(_was_being_done_by_a_dead_worker)
    if another_waits:
        run(_line_up, Job.PLAN)
    address = make_url(postgres.url("waymark_worker", DATABASE)).set(drivername="postgresql")
    jobs = procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=address.render_as_string(hide_password=False)
        )
    )

    async def take_back() -> None:
        async with jobs.open_async():
            await worker._take_back_stalled(jobs)

    asyncio.run(take_back())

    assert run(_jobs) == [("plan", "todo")]


def test_one_step_that_fails_stops_no_other(
    run_as_worker: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []

    def broken() -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("app.worker.offers.lapse_offers", broken)
    monkeypatch.setattr("app.worker.texts.handle_waiting", lambda: done.append("texts"))
    monkeypatch.setattr("app.worker.send_texts", lambda *_: done.append("sent"))
    monkeypatch.setattr("app.worker.outbox.reconcile_unknown", lambda _: done.append("asked"))
    gateway = TwilioGateway(account_sid="AC1", token="t", messaging_service_sid="MG1")

    with pytest.raises(ZeroDivisionError):
        run_as_worker(worker.sweep, gateway, "http://127.0.0.1:8000")

    assert done == ["sent", "asked", "texts"]
    assert run_as_worker(health.vital_signs).worker_silent_seconds >= 0
