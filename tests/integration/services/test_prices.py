"""Prices: from whom to expect and what there is, kept with both, used by plans, said in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

import allocation
from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import NotAllowed
from app.models.beds import Room
from app.models.plans import PlanRun
from app.models.prices import PriceRun
from app.services import clock, forecasting, matching, offers, pre_alerts
from app.services.asked import NewChild
from app.services.scarce import read_scarce
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, make_refuge, offer_room, placement_of, room_of
from tests.integration.services.expected import coming, events_of, now_is


def expected() -> forecasting.Expected:
    with transaction(by=SYSTEM) as now:
        return forecasting.forecast(now)


def newest() -> PriceRun:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(PriceRun).order_by(PriceRun.id.desc())).first()  # type: ignore[return-value]


def last_problem() -> dict[str, Any]:
    with transaction(by=SYSTEM):
        run = db.session.scalars(select(PlanRun).order_by(PlanRun.as_of.desc())).first()
        assert run is not None
        return run.problem


def jobs() -> set[str]:
    with transaction(by=SYSTEM):
        found = set(db.session.scalars(text("SELECT task_name FROM procrastinate_jobs")))
        db.session.execute(text("DELETE FROM procrastinate_jobs"))
        return found


def furnish(alias: str, code: str, *features: str) -> None:
    with transaction(by=SYSTEM):
        room = select(Room.id).where(Room.id == room_of_id(alias, code)).scalar_subquery()
        db.session.execute(update(Room).where(Room.id == room).values(features=list(features)))


def room_of_id(alias: str, code: str) -> int:
    from app.models.beds import Refuge

    return db.session.scalars(
        select(Room.id).join(Refuge).where(Refuge.alias == alias, Room.code == code)
    ).one()


def test_a_new_service_expects_what_is_published(cast: Cast, run_as_worker: Run) -> None:
    """167 people in 26 weeks, a mean stay of 86 days."""
    found = run_as_worker(expected)

    assert found.document["arrivals_per_day"] == pytest.approx(167 / 182, abs=0.001)
    assert found.document["stays"]["crisis"]["mean_days"] == 86
    assert found.basis["women_seen"] == 0
    forecast = allocation.parse_forecast(found.document)
    assert {"step_free", "women_only_staff"} <= {
        f for kind in forecast.types for f in kind.essential
    }
    assert run_as_worker(expected) == found


def test_our_own_requests_move_the_forecast(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    before = run_as_worker(expected).document
    for _ in range(3):
        run(make_referral, cast.amara.actor, may_share=True)
    run(make_referral, cast.amara.actor, children=(NewChild(age=3, sex="f"),) * 4)
    run_as_owner(clock.shift_by, timedelta(days=30))

    after = run_as_worker(expected)

    # Four women in 30 days, weighed with 30 days at 0.918 a day.
    assert after.document["arrivals_per_day"] == pytest.approx((4 + 30 * 167 / 182) / 60, abs=0.001)
    assert after.basis["women_seen"] == 4
    assert after.basis["days_seen"] == 30
    families = [t for t in after.document["types"] if len(t["children"]) == 4]
    known = [t for t in before["types"] if len(t["children"]) == 4]
    assert sum(t["weight"] for t in families) == pytest.approx(
        1 + sum(t["weight"] for t in known), abs=0.01
    )
    london = {t["id"]: t["weight"] for t in after.document["towns"]}["E12000007"]
    assert london == pytest.approx(
        4 + {t["id"]: t["weight"] for t in before["towns"]}["E12000007"], abs=0.01
    )
    run_as_owner(clock.shift_by, timedelta(days=61))
    assert run_as_worker(expected).basis["women_seen"] == 0


def test_a_stay_that_goes_on_counts_as_far_as_it_went(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    for code in ("1", "2"):
        ref = run(make_referral, cast.amara.actor).ref
        room = run(room_of, "Rowan", code).public_id
        stay = run(offer_room, ref, by=cast.dee.actor, room=room)
        run(accept, stay, by=cast.bea.actor)
        run(offers.record_arrival, stay.public_id, by=cast.bea.actor)
    run_as_owner(clock.shift_by, timedelta(days=40))
    stay = run(placement_of, ref)
    run(offers.record_departure, stay.public_id, "planned_move", by=cast.bea.actor)

    found = run_as_worker(expected)

    # 80 days slept in and one departure, weighed with 20 stays of 86 days.
    assert found.document["stays"]["crisis"]["mean_days"] == pytest.approx(
        (80 + 20 * 86) / 21, abs=0.01
    )
    assert found.basis["departures_seen"] == 1


def test_a_request_made_by_mistake_is_nobody(cast: Cast, run: Run, run_as_worker: Run) -> None:
    from app.services import referrals

    for reason in ("duplicate", "entered_in_error"):
        ref = run(make_referral, cast.amara.actor).ref
        run(referrals.withdraw, ref, reason, by=cast.amara.actor)
    run(make_referral, cast.amara.actor)

    assert run_as_worker(expected).basis["women_seen"] == 1


def test_the_plan_keeps_the_rarer_room_for_those_who_need_it(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    """Two single rooms of one house; one is the only step-free room of the network."""
    rooms = (("1", 1, 0, False), ("2", 1, 0, False))
    run_as_owner(make_refuge, "Alder", organisation_id=1, rooms=rooms)
    run_as_owner(furnish, "Alder", "1", "step_free")
    run_as_worker(matching.make_prices)
    ref = run(make_referral, cast.amara.actor, unsafe_regions=("W92000004",)).ref

    plan = run_as_worker(matching.make_plan)
    run(matching.confirm_plan, plan, [ref], by=cast.dee.actor)

    taken = run(placement_of, ref).room_id
    assert taken != run(room_of, "Alder", "1").id
    prices = run_as_worker(newest)
    of = {key: prices.prices[feature] for key, feature in prices.room_features.items()}
    rare, plain = (run(room_of, "Alder", code).id for code in ("1", "2"))
    assert of[f"room-{rare}"] > of[f"room-{plain}"]


def test_prices_are_kept_with_the_moment_and_what_they_stand_on(
    cast: Cast, run: Run, run_as_worker: Run
) -> None:
    run(make_referral, cast.amara.actor)
    made = run_as_worker(matching.make_prices)

    kept = run_as_worker(newest)
    assert kept.id == made
    assert kept.basis["women_seen"] == 1
    assert allocation.parse_forecast(kept.forecast).arrivals_per_day > 0
    assert len(kept.room_features) == 4
    assert set(kept.room_features.values()) == set(kept.prices)
    assert {each["feature"] for each in kept.figures} >= {"step_free", "staff_24h"}
    run_as_worker(matching.make_plan)
    problem = run_as_worker(last_problem)
    assert problem["prices"] == kept.prices
    assert problem["spare_bed_price"] == kept.spare_bed_price
    (detail,) = run_as_worker(events_of, "prices_made")
    assert detail["price_run_id"] == made


def test_a_plan_without_prices_asks_for_them_and_changes_ask_again(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run
) -> None:
    run_as_worker(matching.make_plan)
    assert "price" in run_as_worker(jobs)
    run_as_worker(matching.make_prices)
    assert "plan" in run_as_worker(jobs)
    run_as_worker(matching.make_prices)
    assert "plan" not in run_as_worker(jobs)

    run_as_worker(matching.make_plan)
    assert "price" not in run_as_worker(jobs)
    run_as_owner(furnish, "Rowan", "1", "step_free")
    run_as_worker(matching.make_plan)
    assert "price" in run_as_worker(jobs)
    run_as_worker(matching.make_prices)
    run_as_worker(jobs)
    run_as_owner(clock.shift_by, timedelta(hours=26, seconds=1))
    run_as_worker(matching.make_plan)
    assert "price" in run_as_worker(jobs)


def test_a_room_that_is_lived_in_has_its_price_too(
    cast: Cast, run: Run, run_as_worker: Run
) -> None:
    before = run_as_worker(matching.make_prices) and run_as_worker(newest).room_features
    run(offer_room, run(make_referral, cast.amara.actor).ref, by=cast.dee.actor)

    run_as_worker(matching.make_prices)

    assert run_as_worker(newest).room_features.keys() == before.keys()
    assert len(before) == 4


def test_a_pre_alert_moves_no_figure_that_charities_read(
    cast: Cast, run: Run, run_as_worker: Run
) -> None:
    before = run_as_worker(expected)
    run(pre_alerts.record_pre_alert, coming(run(now_is), women_most=60), by=cast.dee.actor)

    assert run_as_worker(expected).document == before.document


@pytest.mark.parametrize("who", ["dee", "mara"])
def test_it_is_said_in_plain_words(
    cast: Cast, browser_of: Any, run: Run, run_as_worker: Run, run_as_owner: Run, who: str
) -> None:
    path = {"dee": "/desk/scarce", "mara": "/figures/scarce"}[who]
    from tests.browser_without_a_window import text_of

    browser = browser_of(cast.everybody()[who].email)
    assert "No prices yet" in text_of(browser.get(path))
    run_as_owner(furnish, "Rowan", "1", "step_free")
    run_as_worker(matching.make_prices)

    said = text_of(browser.get(path))

    page = run(read_scarce, by=cast.everybody()[who].actor)
    step_free = next(thing for thing in page.things if thing.what == "Step-free")
    assert step_free.said.startswith("asked for ")
    assert step_free.said.endswith(" times as often as they come free")
    assert step_free.ratio > 1
    assert f"Step-free: {step_free.said}; price {step_free.price}." in said
    seen = {"dee": "0 requests", "mara": "few requests"}[who]
    assert f"They stand on {seen} of the last 0 days" in said
    assert "kind:" not in said
    assert [thing.ratio is None for thing in page.things] == sorted(
        (thing.ratio is None for thing in page.things), reverse=True
    )


@pytest.mark.parametrize("who", ["amara", "sergeant", "bea", "chloe", "ada"])
def test_nobody_else_reads_it(cast: Cast, run: Run, who: str) -> None:
    with pytest.raises(NotAllowed):
        run(read_scarce, by=cast.everybody()[who].actor)


def test_the_web_role_reads_neither_forecast_nor_prices(cast: Cast, run: Run) -> None:
    def peek(column: str) -> None:
        with transaction(by=SYSTEM):
            db.session.execute(text(f"SELECT {column} FROM price_run"))

    for column in ("forecast", "prices", "room_features"):
        with pytest.raises(Exception, match="permission denied"):
            run(peek, column)


def test_no_reason_names_a_price(cast: Cast, run: Run, run_as_worker: Run) -> None:
    run_as_worker(matching.make_prices)
    for needs in ((), ("wheelchair",)):
        run(make_referral, cast.amara.actor, needs=needs)
    run_as_worker(matching.make_plan)
    run_as_worker(matching.explain_newest_plan)

    def said() -> str:
        with transaction(by=SYSTEM):
            rows = db.session.execute(text("SELECT reasons, unlock, alternatives FROM plan_line"))
            return repr(rows.all())

    assert "kind:" in repr(run_as_worker(last_problem))
    assert "kind:" not in run_as_worker(said)
