"""The database session, its clock, and ``transaction()``: the only place that commits."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar, cast

import psycopg
import structlog
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from psycopg.pq import TransactionStatus
from sqlalchemy import DateTime, MetaData, event, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Session, registry
from sqlalchemy.pool import ConnectionPoolEntry

from app.acting_key import key_of, signature
from app.actors import SYSTEM, Actor
from app.errors import Busy, Conflict

log = structlog.get_logger()
T = TypeVar("T")

CONNECTION_OPTIONS = (
    "-c lock_timeout=2000 -c statement_timeout=5000"
    " -c idle_in_transaction_session_timeout=10000 -c timezone=UTC"
)
RETRY_STATES = {"40001", "40P01", "55P03"}  # serialisation, deadlock, lock timeout
# 25P03: we ourselves stood still, and the server gave our transaction up meanwhile.
WAITED_TOO_LONG = RETRY_STATES | {"57014", "57P01", "57P03", "25P03", "53300", "53100"}
BUSY_TEXT = "The service is very busy. Nothing was lost: please try again in a moment."

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of every table; timestamps always carry their zone."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMES),
        type_annotation_map={datetime: DateTime(timezone=True)},
    )


db = SQLAlchemy(
    model_class=Base,
    session_options={"expire_on_commit": False, "autoflush": True},
    # A web process has 8 threads; the overflow is for tests that want 32 at once.
    engine_options={
        "pool_size": 8,
        "max_overflow": 32,
        "pool_timeout": 2,
        "pool_pre_ping": True,
        "hide_parameters": True,  # an error that quotes its statement quotes no value
    },
)

_CONTEXT = text("SELECT act_as(:user_id, :role, :organisation_id, :refuge_id, :seal)")
KEY = "waymark_acting_key"  # of a connection's info: row_security.py puts it there
_OPEN = "waymark_transaction"
_BY = "waymark_by"
_STEPS = "waymark_before_commit"
_AS_WAYMARK = "waymark_own_sight"


def init_db(flask: Flask) -> None:
    """The engine of one process; each of its connections is given the key to sign with."""
    db.init_app(flask)
    key = key_of(flask.config["SECRET_KEY"] or "")

    def give_key(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info[KEY] = key

    with flask.app_context():
        event.listen(db.engine, "connect", give_key)


@contextmanager
def transaction(*, by: Actor, as_report: bool = False) -> Iterator[datetime]:
    """Run one use case: tell the database who acts, then commit everything or nothing.

    Yields the database's own time, the only clock that deadlines are held against.
    ``as_report`` narrows the rights to the aggregate views for the length of the transaction.

    Raises:
        Conflict: a constraint says that somebody was faster.
        Busy: a lock, the pool or the server kept us waiting; the same call may be made again.
        RuntimeError: transactions do not nest; shared steps are private functions.
    """
    session: Session = db.session()
    if session.info.get(_OPEN):
        raise RuntimeError("transaction() does not nest: call a private step instead")
    session.info[_OPEN], session.info[_BY] = True, by
    try:
        with _explained():
            yield _begin(session, by, as_report=as_report)
            for step in session.info.pop(_STEPS, {}).values():
                step(session)
            _refuse_to_lose_it(session)
            session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info[_OPEN] = False
        session.info.pop(_STEPS, None)
        session.close()


@contextmanager
def as_waymark() -> Iterator[None]:
    """A step that Waymark itself takes inside a person's use case, with its own sight.

    For what follows from an act and is not the person's to read: the phones that are told of it,
    the desk's tasks, and the whole night that a choice is checked against. Who acts is theirs
    again when the step is done; the audit trail names them throughout.
    """
    session: Session = db.session()
    if session.info.get(_AS_WAYMARK):
        yield  # a step inside such a step: the outer one gives the sight back
        return
    by: Actor = session.info[_BY]
    session.flush()
    _tell(session, SYSTEM)
    session.info[_AS_WAYMARK] = True
    try:
        yield
        session.flush()
    finally:
        session.info[_AS_WAYMARK] = False
        if not _is_broken(session):
            _tell(session, by)


def _refuse_to_lose_it(session: Session) -> None:
    """PostgreSQL answers COMMIT of a broken transaction with a rollback and no error."""
    if _is_broken(session):
        raise RuntimeError("the transaction is broken: nothing of it would be kept")


def _is_broken(session: Session) -> bool:
    if not session.is_active:
        return True
    if not session.in_transaction():
        return False
    raw = session.connection().connection.driver_connection
    return raw is not None and raw.info.transaction_status == TransactionStatus.INERROR


def before_commit(name: str, step: Callable[[Session], None]) -> None:
    """Run ``step`` as the last thing of this transaction; a second of the same name is the same.

    What several use cases all write (a job in line) is written last, so that its lock is short.
    """
    db.session().info.setdefault(_STEPS, {})[name] = step


def _begin(session: Session, by: Actor, *, as_report: bool) -> datetime:
    if as_report:
        session.execute(text("SET LOCAL ROLE waymark_report"))
    return _tell(session, by)


def _tell(session: Session, by: Actor) -> datetime:
    """Say who acts, signed with this process's key, and be told the time."""
    told = by.context()
    pooled = session.connection().connection
    raw = cast("psycopg.Connection[Any]", pooled.driver_connection)
    seal = signature(pooled.info[KEY], raw, told)
    now: datetime = session.execute(_CONTEXT, told | {"seal": seal}).scalar_one()
    return now


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what the database refuses into words; log names, never values."""
    try:
        yield
    except IntegrityError as error:
        name = getattr(getattr(error.orig, "diag", None), "constraint_name", None) or ""
        log.warning("constraint", sqlstate=_sqlstate(error), constraint=name)
        raise Conflict(_conflict_text(name)) from None
    except OperationalError as error:
        log.warning("database_unavailable", sqlstate=_sqlstate(error))
        raise Busy(BUSY_TEXT) from None
    except PoolTimeout:
        log.warning("database_pool_exhausted")
        raise Busy(BUSY_TEXT) from None
    except DBAPIError as error:
        state = _sqlstate(error)
        if state not in WAITED_TOO_LONG:
            raise
        log.warning("database_busy", sqlstate=state)
        raise Busy(BUSY_TEXT) from None


def _sqlstate(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def _conflict_text(name: str) -> str:
    """The words that stand beside the constraint in the model (``info={"conflict": ...}``)."""
    for table in Base.metadata.tables.values():
        for item in [*table.constraints, *table.indexes]:
            if getattr(item, "name", None) == name and "conflict" in item.info:
                return str(item.info["conflict"])
    return "That has changed in the meantime. Look at it again and try once more."


def patiently(use_case: Callable[[], T], *, tries: int = 3) -> T:
    """Call a use case again, with a short random wait, while the database says Busy."""
    for attempt in range(1, tries):
        try:
            return use_case()
        except Busy:
            time.sleep(random.uniform(0.02, 0.1) * attempt)  # noqa: S311 - jitter, not a secret
    return use_case()


@event.listens_for(Session, "after_begin")
def _refuse_work_outside(session: Session, *_: Any) -> None:
    """Nothing is read or written without saying who acts."""
    if isinstance(session, db.session.session_factory.class_) and not session.info.get(_OPEN):
        raise RuntimeError("use `with transaction(by=...)`: the database must know who acts")
