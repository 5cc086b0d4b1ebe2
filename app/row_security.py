"""What the database must be before a process works with it: row security on, and nobody above it.

The policies themselves are migrations; docs/access.md says who reads which rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import structlog
from flask import Flask
from psycopg.errors import InsufficientPrivilege, UndefinedFunction
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from app.acting_key import key_of, signature
from app.actors import SYSTEM
from app.db import db
from app.server_logs import refuse_talkative_server
from config import SettingsError

log = structlog.get_logger()

# Every other table is under FORCE ROW LEVEL SECURITY. Tables of the job queue begin with JOBS.
OPEN_TABLES = {
    "region": "public list",
    "police_force": "public list",
    "district": "public list",
    "language": "public list",
    "feature": "the service's own words",
    "reason": "the service's own words",
    "clock_policy": "the service's own words",
    "enquiry_policy": "the service's own words",
    "inventory_policy": "the service's own words",
    "hold_policy": "the service's own words",
    "recovery_rule": "law",
    "support_item": "the service's own words",
    "abuse_limit": "the service's own words",
    "decline_rule": "the service's own words",
    "retention_rule": "the service's own words",
    "small_count_rule": "the service's own words",
    "hand_on_contact": "public numbers",
    "alembic_version": "one word, for readiness",
    "clock_shift": "one row, nobody's",
    "heartbeat": "names of processes",
}
JOBS = "procrastinate_"  # a job is a name and no argument: it looks for its own work

UNGUARDED = f"""
    SELECT c.relname FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
       AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
       AND c.relname NOT LIKE '{JOBS.replace("_", "!_")}%' ESCAPE '!'
       AND c.relname NOT IN ({", ".join(f"'{name}'" for name in OPEN_TABLES)})
     ORDER BY 1"""  # noqa: S608 - our own words
TOO_POWERFUL = """
    SELECT login FROM (VALUES ({who}::text), (current_user::text)) AS who (login)
     WHERE EXISTS (SELECT FROM pg_roles r WHERE pg_has_role(login, r.oid, 'MEMBER')
                      AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole))
        OR EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
                      AND c.relkind IN ('r', 'p', 'v', 'm')
                      AND pg_has_role(login, c.relowner, 'MEMBER'))
     LIMIT 1"""


def refuse_unsafe_database(app: Flask) -> None:
    """Look at the login of this process now, and again whenever it connects.

    In production neither ``session_user`` nor ``current_user`` may be above the rules: a role that
    is taken on can be laid down again. The demonstration may take on its roles from one address. A
    database that does not answer yet is looked at when it does; inside one of our commands there is
    nothing to look at before the command itself connects, so that the first ``migrate`` can make
    the logins.

    Raises:
        SettingsError: the login owns tables, is a superuser or may make itself one, or a table with
            somebody's rows is not under row security.
    """
    with app.app_context():
        key = key_of(app.config["SECRET_KEY"])
        refuser = _refuser(key, is_demo=app.config["SETTINGS"].is_demo)
        event.listen(db.engine, "connect", refuser)
        if click.get_current_context(silent=True) is not None:
            return
        try:
            db.engine.connect().close()
        except OperationalError:
            log.warning("login_not_checked_yet", reason="the database does not answer")
        finally:
            db.engine.dispose()  # a process that is forked from this one must not share it


def _refuser(key: bytes, *, is_demo: bool) -> Callable[[Any, object], None]:
    who = "current_user" if is_demo else "session_user"
    too_powerful = TOO_POWERFUL.format(who=who)

    def refuse(connection: Any, _record: object) -> None:
        found = connection.execute(too_powerful).fetchone()
        bare = connection.execute(UNGUARDED).fetchone()
        if not is_demo:
            refuse_talkative_server(connection)
        connection.rollback()
        if found is not None or bare is not None:
            connection.close()
            raise SettingsError(_words(found and found[0], bare and bare[0], is_demo=is_demo))
        _refuse_another_key(connection, key)

    return refuse


def _refuse_another_key(connection: Any, key: bytes) -> None:
    """What this process says of who acts must be believed, or every page of it fails."""
    seal = signature(key, connection, SYSTEM.context())
    try:
        connection.execute("SELECT act_as('', 'system', '', '', %s)", [seal])
    except UndefinedFunction:
        pass  # a database before its migrations: readiness says so
    except InsufficientPrivilege:
        connection.close()
        raise SettingsError(
            "The database does not know the key that follows from this SECRET_KEY. Run"
            " flask --app wsgi migrate with the SECRET_KEY of the web and the worker."
        ) from None
    connection.rollback()


def _words(login: str | None, table: str | None, *, is_demo: bool) -> str:
    if login is None:
        return (
            f"The table {table} is not under row security, so this process must not work with it. "
            "Bring the database to the newest migration: flask --app wsgi migrate"
        )
    where = "The demonstration" if is_demo else "Production"
    return (
        f"{where} must not work as the database login {login}, which owns tables or is "
        "above the rules. Set WEB_DATABASE_URL and WORKER_DATABASE_URL to the logins "
        "waymark_web and waymark_worker."
    )
