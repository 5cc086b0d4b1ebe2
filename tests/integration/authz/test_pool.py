"""One connection, used by many in turn: nothing of the one before is left for the next."""

from __future__ import annotations

from sqlalchemy import create_engine
from sqlalchemy.pool import QueuePool

from app.acting_key import key_of, signature
from app.actors import Actor
from app.db import _CONTEXT
from app.embedded_postgres import EmbeddedPostgres
from tests.conftest import SECRET_KEY
from tests.integration.authz.conftest import DATABASE
from tests.integration.authz.world import World

ALTERNATIONS = 10_000
QUERY = "SELECT count(*) FROM referral"


def test_a_connection_forgets_who_acted_ten_thousand_times(
    postgres: EmbeddedPostgres, world: World
) -> None:
    people: list[Actor | None] = [each.actor for each in world.people.values()]
    people.append(None)  # a path that forgot to say who acts must see nothing
    engine = create_engine(
        postgres.url("waymark_web", DATABASE), poolclass=QueuePool, pool_size=1, max_overflow=0
    )
    tell = str(_CONTEXT.compile(dialect=engine.dialect))
    key = key_of(SECRET_KEY)
    seen: dict[str, set[int]] = {}
    sessions = set()
    try:
        for number in range(ALTERNATIONS):
            actor = people[number % len(people)]
            pooled = engine.raw_connection()
            cursor = pooled.cursor()
            if actor is not None:
                seal = signature(key, pooled.driver_connection, actor.context())  # type: ignore[arg-type]
                cursor.execute(tell, actor.context() | {"seal": seal})
            cursor.execute(QUERY)
            seen.setdefault(actor.name if actor else "", set()).update(*cursor.fetchall())
            if number % 2:
                pooled.commit()
            sessions.add(id(pooled.driver_connection))
            pooled.close()
    finally:
        engine.dispose()

    assert len(sessions) == 1
    assert seen[""] == {0}
    assert {name: len(counts) for name, counts in seen.items()} == dict.fromkeys(seen, 1)
    assert len({next(iter(counts)) for counts in seen.values()}) > 3
