"""Row security as SQL, without a line of the service: who reads and writes which rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors, sql

from app.acting_key import key_of, signature
from app.actors import Actor
from app.authz import Stage
from app.embedded_postgres import EmbeddedPostgres
from app.row_security import OPEN_TABLES, UNGUARDED
from tests.conftest import SECRET_KEY
from tests.integration.authz.conftest import login
from tests.integration.authz.world import World

# The rows of one request that each stage reads. What is not here it does not read.
ROWS = {
    Stage.ASKER: {"referral", "needs", "safety", "caller", "placement"},
    Stage.FORCE: {"referral", "caller", "placement"},
    Stage.ASKED: {"referral", "needs", "placement"},
    Stage.PROMISED: {"referral", "needs", "caller", "placement"},
    Stage.LIVES_HERE: {"referral", "needs", "placement"},
    Stage.WAS_HERE: {"referral", "placement"},
    Stage.DESK: {"referral", "needs", "placement"},
    Stage.DESK_RINGS: {"referral", "needs", "caller", "placement"},
    None: set(),
}
FIND = {
    "referral": "SELECT id FROM referral",
    "needs": "SELECT r.id FROM referral_keys r JOIN needs n ON n.id = r.needs_id",
    "safety": "SELECT r.id FROM referral_keys r JOIN safety s ON s.id = r.safety_id",
    "caller": "SELECT r.id FROM referral_keys r JOIN caller c ON c.id = r.caller_id",
    "placement": "SELECT referral_id FROM placement",
}
OPEN_LIST = ", ".join(f"'{name}'" for name in OPEN_TABLES)
GUARDED = f"""
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
       AND relname NOT LIKE 'procrastinate%' AND relname NOT IN ({OPEN_LIST})"""


@pytest.fixture(scope="module")
def superuser(postgres: EmbeddedPostgres, world: World) -> Iterator[psycopg.Connection[Any]]:
    """Lays a table beside the others that says which keys belong to which request."""
    with login(postgres, "postgres") as connection:
        connection.execute(
            "CREATE TEMPORARY TABLE referral_keys AS"
            " SELECT id, needs_id, safety_id, caller_id FROM referral"
        )
        connection.execute("GRANT SELECT ON referral_keys TO waymark_web, waymark_worker")
        connection.commit()
        yield connection


ACT_AS = """SELECT act_as(%(user_id)s, %(role)s, %(organisation_id)s, %(refuge_id)s, %(seal)s)"""


def become(connection: psycopg.Connection[Any], actor: Actor | None) -> None:
    """Work as the web's login for somebody, for the length of this transaction."""
    connection.rollback()
    connection.execute("SET LOCAL ROLE waymark_web")
    tell(connection, actor)


def tell(connection: psycopg.Connection[Any], actor: Actor | None) -> None:
    if actor:
        told = actor.context()
        seal = signature(key_of(SECRET_KEY), connection, told)
        connection.execute(ACT_AS, told | {"seal": seal})


def seen(connection: psycopg.Connection[Any], table: str) -> set[int]:
    return {row[0] for row in connection.execute(FIND[table].encode()).fetchall()}


def expected(world: World, person: str, table: str) -> set[int]:
    found = {
        record.referral_id
        for record in world.records.values()
        if table in ROWS[record.stage_for(person)] and (table != "placement" or record.placement_id)
    }
    if (person, table) == ("dee", "caller"):
        found.add(world.records["promised"].referral_id)  # for this one she has broken the glass
    return found


def differences(connection: psycopg.Connection[Any], world: World) -> list[tuple[str, str]]:
    """Where what somebody reads is not what the matrix gives her: (person, table)."""
    found = []
    for person, each in world.people.items():
        become(connection, each.actor)
        found += [
            (person, table)
            for table in FIND
            if seen(connection, table) != expected(world, person, table)
        ]
    return found


def test_everybody_reads_the_rows_of_their_stage_and_no_other(
    superuser: psycopg.Connection[Any], world: World
) -> None:
    assert differences(superuser, world) == []


@pytest.mark.parametrize("table", sorted(FIND))
def test_a_policy_that_lets_too_much_through_is_noticed(
    superuser: psycopg.Connection[Any], world: World, table: str
) -> None:
    become(superuser, None)
    superuser.rollback()
    superuser.execute(f"CREATE POLICY leak ON {table} FOR SELECT USING (true)".encode())
    superuser.commit()
    try:
        assert {where for _, where in differences(superuser, world)} == {table}
    finally:
        superuser.rollback()
        superuser.execute(f"DROP POLICY leak ON {table}".encode())
        superuser.commit()


def test_nothing_said_of_who_acts_means_no_rows(
    postgres: EmbeddedPostgres, world: World, superuser: psycopg.Connection[Any]
) -> None:
    superuser.rollback()
    tables = [name for (name,) in superuser.execute(GUARDED.encode()).fetchall()]
    assert len(tables) > 25
    for role in ("waymark_web", "waymark_worker"):
        with login(postgres, role) as connection:
            for table in tables:
                try:
                    count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
                    row = connection.execute(count).fetchone()
                    assert row == (0,), (role, table)
                except errors.InsufficientPrivilege:
                    connection.rollback()


def test_every_table_is_under_row_security_or_on_the_list(
    superuser: psycopg.Connection[Any],
) -> None:
    superuser.rollback()

    assert superuser.execute(UNGUARDED.encode()).fetchall() == []
    superuser.execute("CREATE TABLE forgotten (id int)")
    assert superuser.execute(UNGUARDED.encode()).fetchall() == [("forgotten",)]
    superuser.rollback()


def test_every_table_on_the_list_exists(superuser: psycopg.Connection[Any]) -> None:
    superuser.rollback()
    query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    names = {name for (name,) in superuser.execute(query).fetchall()}

    assert set(OPEN_TABLES) <= names


def test_a_job_carries_nothing_of_anybody(superuser: psycopg.Connection[Any], world: World) -> None:
    superuser.rollback()
    query = "SELECT DISTINCT args::text FROM procrastinate_jobs"

    assert superuser.execute(query).fetchall() == [("{}",)]


FORBIDDEN = {
    "an act in another's name": (
        "amara",
        "INSERT INTO event (kind, actor_role, actor_user_id)"
        " SELECT 'referral_viewed', 'officer', id FROM user_account WHERE id <> acting_user_id()",
        0,
    ),
    "an act as Waymark": (
        "amara",
        "INSERT INTO event (kind, actor_role) VALUES ('plan_made', 'system')",
        None,
    ),
    "an offer that no coordinator made": (
        "bea",
        "INSERT INTO placement (referral_id, refuge_id, room_id, bed_spaces, during, offer_code,"
        " offer_expires_at, decided_by_id) SELECT referral_id, refuge_id, room_id, 1, during,"
        " 'ZZZZZZ', now(), decided_by_id FROM placement LIMIT 1",
        None,
    ),
    "a request in a colleague's name": (
        "bram",
        "INSERT INTO incident (force_id, officer_id)"
        " VALUES (acting_organisation_id(), acting_user_id() - 1)",
        None,
    ),
    "a colleague's request, changed": ("bram", "UPDATE referral SET closed_at = now()", 1),
    "another house's answer": (
        "chloe",
        "UPDATE placement SET state = 'withdrawn' WHERE refuge_id <> acting_refuge_id()",
        0,
    ),
    "another house's room": (
        "rowan_manager",
        "INSERT INTO room (refuge_id, code, bed_spaces)"
        " VALUES (acting_refuge_id() + 1, 'stolen', 1)",
        None,
    ),
    "a room of the house, made larger": ("rowan_manager", "UPDATE room SET bed_spaces = 9", None),
    "another house's room, looked at": (
        "chloe",
        "UPDATE room SET confirmed_at = now() WHERE refuge_id <> acting_refuge_id()",
        0,
    ),
    "a role for oneself": (
        "ada",
        "UPDATE user_account SET role = 'coordinator' WHERE id = acting_user_id()",
        0,
    ),
    "a text of one's own": (
        "amara",
        "INSERT INTO message (dedupe_key, contact_id, template, not_after)"
        " VALUES ('x', 1, 'offer', now())",
        None,
    ),
    "needs, changed by a house": ("bea", "UPDATE needs SET adults = 4", 0),
}


@pytest.mark.parametrize("what", sorted(FORBIDDEN))
def test_what_is_not_ones_own_cannot_be_written(
    superuser: psycopg.Connection[Any], world: World, what: str
) -> None:
    """Refused, or so many rows touched: an UPDATE finds only what its policy shows it."""
    person, statement, touched = FORBIDDEN[what]
    become(superuser, world.actor(person))

    if touched is None:
        with pytest.raises(errors.InsufficientPrivilege):
            superuser.execute(statement.encode())
    else:
        assert superuser.execute(statement.encode()).rowcount == touched
    superuser.rollback()


def test_a_house_does_not_learn_whom_she_is_kept_from(
    superuser: psycopg.Connection[Any], world: World
) -> None:
    superuser.rollback()
    a, b = sorted(world.records[name].referral_id for name in ("promised", "asked"))
    superuser.execute(f"INSERT INTO referral_link VALUES ({a}, {b}, 'apart')".encode())
    superuser.execute("SET LOCAL ROLE waymark_web")
    count = "SELECT count(*) FROM referral_link"

    tell(superuser, world.actor("bea"))
    assert superuser.execute(count).fetchone() == (0,)
    tell(superuser, world.actor("amara"))
    assert superuser.execute(count).fetchone() == (1,)
    superuser.rollback()


def test_figures_hold_everybodys_counts_and_reach_no_table(
    postgres: EmbeddedPostgres, world: World
) -> None:
    with login(postgres, "waymark_web") as connection:
        connection.execute("SET LOCAL ROLE waymark_report")
        tell(connection, world.actor("mara"))
        counted = connection.execute("SELECT count(*) FROM report_referral").fetchone()
        assert counted == (len(world.records),)
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("SELECT id FROM referral")
