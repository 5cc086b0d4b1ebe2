"""The worker: tasks that look for their own work, so that doing one twice is harmless."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import procrastinate
import structlog
from flask import Flask

from app import outbox
from app.queue import Job
from app.services import health, matching, offers, texts
from app.services.phone_book import phone_book
from app.sms import SmsGateway, TwilioGateway, name_phones

log = structlog.get_logger()
CONCURRENCY = 3  # a plan being solved must not keep a text waiting
EVERY_TEN_SECONDS = "* * * * * */10"


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
    asyncio.run(_work(jobs))


async def _work(jobs: procrastinate.App) -> None:
    async with jobs.open_async():
        await _take_back_stalled(jobs)
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
        await jobs.job_manager.retry_job(job)


def _register(jobs: procrastinate.App, app: Flask, gateway: SmsGateway) -> None:
    def task(job: Job, work: Callable[[], Any]) -> None:
        def inside_app() -> None:
            with app.app_context():
                work()

        retry = procrastinate.RetryStrategy(max_attempts=5, exponential_wait=2)
        jobs.task(name=job.value, queueing_lock=job.value, retry=retry)(inside_app)

    task(Job.PLAN, matching.make_plan)
    task(Job.EXPLAIN, matching.explain_newest_plan)
    task(Job.SEND_TEXTS, lambda: send_texts(gateway, app.config["SETTINGS"].public_url))
    task(Job.HANDLE_TEXTS, texts.handle_waiting)
    _register_sweep(jobs, app, gateway)


def _register_sweep(jobs: procrastinate.App, app: Flask, gateway: SmsGateway) -> None:
    @jobs.periodic(cron=EVERY_TEN_SECONDS, periodic_id="sweep")
    @jobs.task(name=Job.SWEEP.value, queueing_lock=Job.SWEEP.value, pass_context=True)
    async def sweep_periodically(context: procrastinate.JobContext, timestamp: int) -> None:
        def work() -> None:
            with app.app_context():
                sweep(gateway, app.config["SETTINGS"].public_url)

        await _take_back_stalled(context.app)
        await asyncio.to_thread(work)


def sweep(gateway: SmsGateway, public_url: str) -> None:
    """What must happen even when nobody asked: lapses, texts owed or in doubt, a plan due."""
    health.beat("worker")
    offers.lapse_offers()
    send_texts(gateway, public_url)
    outbox.reconcile_unknown(gateway)
    texts.handle_waiting()
    matching.plan_if_due()


def send_texts(gateway: SmsGateway, public_url: str) -> None:
    """Send what is owed and due."""
    outbox.send_due(gateway, public_url=public_url)
