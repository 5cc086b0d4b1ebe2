"""The worker: tasks that look for their own work, so that doing one twice is harmless."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import procrastinate
import procrastinate.exceptions
import procrastinate.jobs
import structlog
from flask import Flask

from app import outbox
from app.errors import DomainError
from app.queue import Job
from app.services import (
    anchors,
    decline_review,
    escalation,
    extensions,
    health,
    holds,
    key_rotation,
    matching,
    next_number,
    nudging,
    offers,
    pauses,
    pre_alerts,
    retention,
    settling,
    texts,
    trail,
    trail_check,
    voids,
)
from app.services.phone_book import phone_book
from app.sms import SmsGateway, TwilioGateway, name_phones
from config import Settings

log = structlog.get_logger()
CONCURRENCY = 3  # a plan being solved must not keep a text waiting
EVERY_NIGHT = "20 3 * * *"
EVERY_NIGHT_LATER = "50 3 * * *"
EVERY_TEN_SECONDS = "* * * * * */10"
EVERY_HOUR = "7 * * * *"
LATER_IN_THE_NIGHT = "40 3 * * *"
SEAL_EVERY_SECONDS = 0.5
PASSES_FROM_THE_FIRST = 1_200  # once in ten minutes


def run(app: Flask, conninfo: str, options: str) -> None:
    """Work until asked to stop; ``conninfo`` and ``options`` are libpq's, for the worker role."""
    matching.warm_up()
    with app.app_context():
        health.beat("worker")
        name_phones(app.config["SETTINGS"], phone_book())
    jobs = procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=conninfo, kwargs={"options": options}, min_size=1, max_size=4
        )
    )
    _register(jobs, app, TwilioGateway.from_settings(app.config["SETTINGS"]))
    with _sealing(app):
        asyncio.run(_work(jobs))


@contextmanager
def _sealing(app: Flask) -> Iterator[None]:
    """Seal the audit trail in a thread of its own, so that no job keeps it waiting."""
    stopped = threading.Event()
    thread = threading.Thread(target=_seal_until, args=(app, stopped), name="sealer")
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
        with app.app_context():
            anchor(app.config["SETTINGS"])


def _seal_until(app: Flask, stopped: threading.Event) -> None:
    for number in itertools.count():
        try:
            with app.app_context():
                if number % PASSES_FROM_THE_FIRST == 0:
                    trail.seal_all()
                while trail.seal() == trail.BATCH and not stopped.is_set():
                    pass
        except Exception as fault:  # the next pass seals what this one did not
            log.error("sealing_failed", kind=type(fault).__name__)
        if stopped.wait(SEAL_EVERY_SECONDS):
            return


def anchor(settings: Settings) -> None:
    """Put the head of the trail out of reach; the next hour tries again what failed."""
    try:
        anchors.anchor_head(settings)
    except DomainError as error:
        log.error("not_anchored", kind=type(error).__name__)


async def _work(jobs: procrastinate.App) -> None:
    async with jobs.open_async():
        await _take_back_stalled(jobs)
        with suppress(procrastinate.exceptions.AlreadyEnqueued):
            name = Job.CHECK_TRAIL.value
            await jobs.configure_task(name, queueing_lock=name).defer_async()
        await jobs.run_worker_async(
            concurrency=CONCURRENCY,
            listen_notify=True,
            fetch_job_polling_interval=1.0,
            shutdown_graceful_timeout=8.0,
            delete_jobs="always",
            install_signal_handlers=True,
        )


async def _take_back_stalled(jobs: procrastinate.App) -> None:
    """A killed worker leaves its job marked as being done: put it in line again."""
    for job in await jobs.job_manager.get_stalled_jobs():
        try:
            await jobs.job_manager.retry_job(job)
        except procrastinate.exceptions.UniqueViolation:
            # Another of its kind is in line already and will find the same work.
            await jobs.job_manager.finish_job(
                job, status=procrastinate.jobs.Status.FAILED, delete_job=True
            )


def _register(jobs: procrastinate.App, app: Flask, gateway: SmsGateway) -> None:
    def task(job: Job, work: Callable[[], Any]) -> None:
        def inside_app() -> None:
            with app.app_context():
                work()

        # No retries here: the sweep finds what a failed job left undone, ten seconds later.
        jobs.task(name=job.value, queueing_lock=job.value)(inside_app)

    task(Job.PLAN, matching.make_plan)
    task(Job.EXPLAIN, matching.explain_newest_plan)
    task(Job.ASK, matching.ask_what_matters)
    task(Job.COST, matching.answer_questions)
    task(Job.REHEARSE, matching.rehearse)
    task(Job.SEND_TEXTS, lambda: send_texts(gateway, app.config["SETTINGS"].public_url))
    task(Job.HANDLE_TEXTS, texts.handle_waiting)
    _register_sweep(jobs, app, gateway)
    _register_prices(jobs, app)
    _register_trail(jobs, app)
    _register_keeping(jobs, app)


def _register_trail(jobs: procrastinate.App, app: Flask) -> None:
    """The trail is anchored every hour, and checked every night and when a worker starts."""
    settings = app.config["SETTINGS"]

    @jobs.periodic(cron=EVERY_HOUR, periodic_id="anchor")
    @jobs.task(name=Job.ANCHOR.value, queueing_lock=Job.ANCHOR.value)
    def anchor_hourly(timestamp: int) -> None:
        with app.app_context():
            anchor(settings)

    @jobs.periodic(cron=LATER_IN_THE_NIGHT, periodic_id="trail")
    @jobs.task(name=Job.CHECK_TRAIL.value, queueing_lock=Job.CHECK_TRAIL.value)
    def check_trail(timestamp: int | None = None) -> None:
        with app.app_context():
            found = trail_check.check(settings)
            if found.broken is not None:
                log.error("trail_broken", position=found.broken.position)
            else:
                anchor(settings)


def _register_prices(jobs: procrastinate.App, app: Flask) -> None:
    """Prices are made every night, and whenever a plan asks for them."""

    @jobs.periodic(cron=EVERY_NIGHT, periodic_id="prices")
    @jobs.task(name=Job.PRICE.value, queueing_lock=Job.PRICE.value)
    def price(timestamp: int | None = None) -> None:
        with app.app_context():
            matching.make_prices()


def _register_keeping(jobs: procrastinate.App, app: Flask) -> None:
    """What has had its time goes within the hour; new keys reach every record by next morning."""

    @jobs.periodic(cron=EVERY_HOUR, periodic_id="purge")
    @jobs.task(name=Job.PURGE.value, queueing_lock=Job.PURGE.value)
    def purge(timestamp: int | None = None) -> None:
        with app.app_context():
            retention.purge_due()

    @jobs.periodic(cron=EVERY_NIGHT_LATER, periodic_id="rotate_keys")
    @jobs.task(name=Job.ROTATE_KEYS.value, queueing_lock=Job.ROTATE_KEYS.value)
    def rotate(timestamp: int | None = None) -> None:
        with app.app_context():
            key_rotation.rotate()


def _register_sweep(jobs: procrastinate.App, app: Flask, gateway: SmsGateway) -> None:
    @jobs.periodic(cron=EVERY_TEN_SECONDS, periodic_id="sweep")
    @jobs.task(name=Job.SWEEP.value, queueing_lock=Job.SWEEP.value, pass_context=True)
    async def sweep_periodically(context: procrastinate.JobContext, timestamp: int) -> None:
        def work() -> None:
            with app.app_context():
                sweep(gateway, app.config["SETTINGS"].public_url)

        await asyncio.to_thread(work)
        await _take_back_stalled(context.app)


def sweep(gateway: SmsGateway, public_url: str) -> None:
    """What must happen even when nobody asked; what fails is told and stops nothing else.

    Raises:
        Exception: the first fault of a step, after every step has had its turn.
    """
    steps: tuple[Callable[[], object], ...] = (
        lambda: health.beat("worker"),
        offers.lapse_offers,
        voids.keep_time,
        next_number.ask_the_next,
        settling.settle_ended_offers,
        escalation.escalate,
        escalation.settle,
        pauses.wake_the_due,
        holds.ask_after_the_overdue,
        extensions.ask_after_passed_days,
        decline_review.find,
        matching.plan_if_due,
        matching.answer_questions,
        pre_alerts.expire,
        matching.rehearse_if_due,
        nudging.ask_the_stale,
        lambda: send_texts(gateway, public_url),
        lambda: outbox.reconcile_unknown(gateway),
        texts.handle_waiting,
    )
    faults = []
    for number, step in enumerate(steps):
        try:
            step()
        except Exception as fault:  # whatever it is, the next step is somebody else's night
            log.error("sweep_step_failed", step=number, kind=type(fault).__name__)
            faults.append(fault)
    if faults:
        raise faults[0]


def send_texts(gateway: SmsGateway, public_url: str) -> None:
    """Send what is owed and due."""
    outbox.send_due(gateway, public_url=public_url)
