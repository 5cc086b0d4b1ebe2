"""Planted records: whoever reaches for one is told of in that very act; nobody else meets one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, text

from app.actors import SYSTEM, Role
from app.db import db, transaction
from app.errors import Invalid, NotAllowed
from app.models.accounts import User
from app.models.messages import TaskKind
from app.services import accounts, honey, invariants, matching, snapshot
from app.services.tonight import tonight
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, new_referral

Sign = Callable[[str], Browser]


def _public_id(email: str) -> Any:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(User.public_id).where(User.email == email)).one()


def _touches() -> list[tuple[str, str, Any]]:
    """What named a planted record, in whose role, and whether that row stands with its alert."""
    with transaction(by=SYSTEM):
        rows = db.session.execute(
            text(
                "SELECT e.kind, e.actor_role, t.touched_at - e.at AS wait FROM honey_touch t"
                " JOIN event e ON e.id = t.event_id ORDER BY e.id"
            )
        )
        return [(row.kind, row.actor_role, row.wait.total_seconds()) for row in rows]


def _tasks() -> list[str]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(text("SELECT kind FROM task WHERE done_at IS NULL")))


@pytest.fixture
def planted(cast: Cast, run: Run, run_as_owner: Run) -> str:
    """A planted request in the name of Bram, who has left."""
    run(accounts.set_active, run(_public_id, cast.bram.email), False, by=cast.ada.actor)
    ref: str = run_as_owner(honey.plant, new_referral(), officer=cast.bram.email)
    assert run_as_owner(_touches) == []
    return ref


def test_it_is_planted_only_in_the_name_of_somebody_who_has_left(
    cast: Cast, run_as_owner: Run
) -> None:
    for email in (cast.bram.email, cast.bea.email, "nobody@example.org"):
        with pytest.raises(Invalid, match="stopped"):
            run_as_owner(honey.plant, new_referral(), officer=email)


def test_nobody_meets_it_who_does_not_reach_for_it(
    cast: Cast, planted: str, browser_of: Sign, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    def figures() -> list[object]:
        with transaction(by=SYSTEM):
            return list(db.session.execute(text("SELECT * FROM report_referral")).all())

    def others() -> list[str]:
        with transaction(by=SYSTEM) as now:
            return sorted(snapshot.take(now).referrals)

    waits = run(make_referral, cast.amara.actor).ref
    run_as_worker(matching.make_plan)
    pages = {
        "amara": ["/police/requests"],
        "sergeant": ["/police/requests"],
        "bea": ["/refuge/", "/refuge/rooms"],
        "dee": ["/desk/board", "/desk/tasks", "/desk/pre-alerts", "/desk/scarce", "/records/"],
        "mara": ["/figures/", "/figures/scarce"],
        "hana": ["/records/"],
        "ada": ["/people/"],
    }
    for name, paths in pages.items():
        browser = browser_of(cast.everybody()[name].email)
        for path in paths:
            response = browser.get(path)
            assert response.status_code == 200, path
            assert planted not in text_of(response), path

    assert run_as_owner(_touches) == []
    assert run_as_worker(others) == [waits]
    assert len(run_as_owner(figures)) == 1
    assert run(tonight).waiting == 1
    assert run(invariants.broken) == {}


@pytest.mark.parametrize(
    ("who", "path", "status", "kind"),
    [
        ("amara", "/police/requests/{}", 404, "referral_refused"),
        ("sergeant", "/police/requests/{}", 404, "referral_refused"),
        ("cora", "/police/requests/{}/status", 404, "referral_refused"),
        ("amara", "/police/requests/new?same_as={}", 404, "referral_refused"),
        ("bea", "/police/requests/{}", 404, "referral_refused"),
        ("ada", "/people/{}", 404, "referral_refused"),
        ("mara", "/desk/requests/{}", 404, "referral_refused"),
        ("dee", "/desk/requests/{}", 200, "referral_viewed"),
        ("dee", "/desk/requests/{}/news", 200, "referral_viewed"),
    ],
)
def test_whoever_reaches_for_it_is_told_of_in_the_same_act(
    cast: Cast, planted: str, browser_of: Sign, run_as_owner: Run, who: str, path: str,
    status: int, kind: str,
) -> None:  # fmt: skip
    person = cast.everybody()[who]

    response = browser_of(person.email).get(path.format(planted))

    assert response.status_code == status
    assert run_as_owner(_touches) == [(kind, person.actor.role, 0.0)]
    assert run_as_owner(_tasks) == [TaskKind.HONEY_TOUCHED]


def test_a_guess_and_a_planted_record_read_the_same(
    cast: Cast, planted: str, browser_of: Sign
) -> None:
    amara = browser_of(cast.amara.email)

    real = text_of(amara.get(f"/police/requests/{planted}"))

    assert real == text_of(amara.get("/police/requests/R-2222222"))


def test_the_desk_reads_it_as_any_request_withdrawn_as_made_twice(
    cast: Cast, planted: str, browser_of: Sign, run: Run
) -> None:
    from app.services import referrals

    twin = run(make_referral, cast.amara.actor).ref
    run(referrals.withdraw, twin, "duplicate", by=cast.amara.actor)
    dee = browser_of(cast.dee.email)

    of_nobody, real = (text_of(dee.get(f"/desk/requests/{ref}")) for ref in (planted, twin))

    assert of_nobody.replace(planted, "R") == real.replace(twin, "R")


def test_a_list_that_names_it_is_told_of(
    cast: Cast, planted: str, run: Run, run_as_owner: Run
) -> None:
    from app.events import Fact, record

    def list_it() -> None:
        with transaction(by=cast.dee.actor):
            found = db.session.scalar(text("SELECT referral_id_of(:ref)"), {"ref": planted})
            record(Fact.REFERRALS_LISTED, by=cast.dee.actor, detail={"referral_ids": [0, found]})

    run(list_it)

    assert [kind for kind, *_ in run_as_owner(_touches)] == ["referrals_listed"]


def test_the_lead_reads_who_it_was_and_says_so(
    cast: Cast, planted: str, browser_of: Sign, run_as_owner: Run
) -> None:
    browser_of(cast.cora.email).get(f"/police/requests/{planted}")
    hana = browser_of(cast.hana.email)

    page = text_of(hana.get("/records/"))
    asked = hana.post("/records/", {"ref": planted, "why": "alert"})

    for words in ("1 new alert", "Cora", "Greater Manchester", "Tried to open it", planted):
        assert words in page
    assert "Cora" in text_of(asked)
    assert len(run_as_owner(_touches)) == 1
    up_to = {"up_to": "99"}
    assert hana.post("/records/alerts/seen", up_to).status_code == 303
    assert "No new alerts" in text_of(hana.get("/records/"))


def test_alerts_are_the_leads_alone(cast: Cast, planted: str, browser_of: Sign, run: Run) -> None:
    browser_of(cast.cora.email).get(f"/police/requests/{planted}")

    dee = browser_of(cast.dee.email)

    assert planted not in text_of(dee.get("/records/"))
    tasks = text_of(dee.get("/desk/tasks"))
    assert "Ring the data protection lead" in tasks
    assert planted not in tasks
    assert dee.post("/records/alerts/seen", {"up_to": "99"}).status_code == 404
    for person in cast.everybody().values():
        if person.actor.role is not Role.DATA_PROTECTION_LEAD:
            with pytest.raises(NotAllowed):
                run(honey.list_alerts, by=person.actor)


def test_the_database_shows_alerts_to_the_lead_alone(
    cast: Cast, planted: str, browser_of: Sign, run: Run
) -> None:
    def rows(by: Any) -> int:
        with transaction(by=by):
            return len(db.session.execute(text("SELECT * FROM honey_alert")).all())

    browser_of(cast.cora.email).get(f"/police/requests/{planted}")

    seen = {name: run(rows, each.actor) for name, each in cast.everybody().items()}

    assert {name for name, count in seen.items() if count} == {"hana"}
