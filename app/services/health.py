"""How the service itself is: what readiness and the metrics are made of."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import func, select, text

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.clock import Heartbeat
from app.models.messages import Message, MessageState, Task
from app.models.placements import OPEN, Placement
from app.models.referrals import WAITING, Referral

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
WORKER_SILENT_SECONDS = 60
TEXT_WAITING_SECONDS = 120
UNSENT = (MessageState.NEW, MessageState.INFLIGHT, MessageState.UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class VitalSigns:
    """Counts and ages in seconds; -1 where there is nothing to measure."""

    is_migrated: bool
    worker_silent_seconds: float
    oldest_text_seconds: float
    referrals_waiting: int
    offers_open: int
    tasks_open: int
    texts_failed: int


def vital_signs() -> VitalSigns:
    """Measure now. Raises Busy when the database does not answer."""
    with transaction(by=SYSTEM) as now:
        version = db.session.scalar(text("SELECT version_num FROM alembic_version"))
        silent = db.session.scalar(
            select(func.extract("epoch", func.now() - Heartbeat.at)).where(
                Heartbeat.name == "worker"
            )
        )
        oldest = db.session.scalar(
            select(func.min(Message.created_at)).where(
                Message.state.in_(UNSENT),
                Message.not_after > now,
            )
        )
        count = select(func.count())
        return VitalSigns(
            is_migrated=version == head(),
            worker_silent_seconds=float(silent) if silent is not None else -1,
            oldest_text_seconds=max(0.0, (now - oldest).total_seconds()) if oldest else -1,
            referrals_waiting=db.session.scalar(count.where(Referral.state.in_(WAITING))) or 0,
            offers_open=db.session.scalar(count.where(Placement.state.in_(OPEN))) or 0,
            tasks_open=db.session.scalar(count.where(Task.done_at.is_(None))) or 0,
            texts_failed=db.session.scalar(count.where(Message.state == MessageState.FAILED)) or 0,
        )


def faults(signs: VitalSigns) -> list[str]:
    """What keeps the service from being ready, in words for the person on call."""
    found = []
    if not signs.is_migrated:
        found.append("the database is at another migration: run flask --app wsgi migrate")
    if not 0 <= signs.worker_silent_seconds < WORKER_SILENT_SECONDS:
        found.append("the worker is silent: start flask --app wsgi worker")
    if signs.oldest_text_seconds > TEXT_WAITING_SECONDS:
        found.append("texts are waiting to be sent: see the runbook, Stuck texts")
    return found


def as_prometheus(signs: VitalSigns) -> bytes:
    """The signs in Prometheus's text format."""
    registry = CollectorRegistry()
    for name, value in asdict(signs).items():
        Gauge(f"waymark_{name}", name.replace("_", " "), registry=registry).set(float(value))
    return generate_latest(registry)


def beat(name: str) -> None:
    """Say that a process of this kind is alive, in real time, whatever a replay's clock says."""
    with transaction(by=SYSTEM):
        db.session.execute(
            text(
                "INSERT INTO heartbeat (name, at) VALUES (:name, now())"
                " ON CONFLICT (name) DO UPDATE SET at = now()"
            ),
            {"name": name},
        )


@cache
def head() -> str:
    """The newest migration of this copy of the code."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config).get_current_head() or ""
