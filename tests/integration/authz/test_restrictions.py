"""Lists of people who must not see a record: hidden from the very next click, said to nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.models.access import RecordRule, RuleKind
from app.models.accounts import User
from app.models.placements import Channel, PlacementState
from app.models.referrals import Referral
from app.services import admissions, board, case, follow, houses, matching, offers, restrictions
from app.services.restrictions import NewRule
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast, Person
from tests.conftest import Run
from tests.factories import accept, at_once, make_referral, offer_room, placement_of, room_of


@pytest.fixture
def promised(cast: Cast, run: Run) -> str:
    """Amara's request, promised by Rowan."""
    ref = str(run(make_referral, cast.amara.actor).ref)
    placement = run(offer_room, ref, by=cast.dee.actor, room=run(room_of, "Rowan", "1").public_id)
    run(accept, placement, by=cast.bea.actor)
    return ref


def public_id(person: Person) -> UUID:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(User.public_id).where(User.email == person.email)).one()


def keep_out(run: Run, ref: str, person: Person, *, by: Person, kind: str = "deny") -> None:
    new = NewRule(person=run(public_id, person), kind=RuleKind(kind), reason="Known to him")
    run(restrictions.add_rule, ref, new, by=by.actor)


def rules() -> list[tuple[int, str]]:
    with transaction(by=SYSTEM):
        rows = db.session.execute(select(RecordRule.user_id, RecordRule.kind))
        return [(user_id, str(kind)) for user_id, kind in rows]


def test_a_line_added_mid_session_holds_on_the_next_click(
    cast: Cast, run: Run, browser_of: Callable[[str], Browser], promised: str
) -> None:
    stay = f"/refuge/stays/{run(placement_of, promised).public_id}"
    bea = browser_of(cast.bea.email)
    assert bea.get(stay).status_code == 200

    keep_out(run, promised, cast.bea, by=cast.rowan_manager)

    assert bea.get(stay).status_code == 404
    assert bea.post(f"{stay}/arrived").status_code == 404
    assert promised not in text_of(bea.get("/refuge/"))
    assert browser_of(cast.rowan_manager.email).get(stay).status_code == 200


def test_a_line_taken_off_gives_the_record_back(cast: Cast, run: Run, promised: str) -> None:
    keep_out(run, promised, cast.bea, by=cast.dee)
    [line] = run(restrictions.show_rules, promised, by=cast.dee.actor).rules

    run(restrictions.end_rule, line.public_id, by=cast.dee.actor)

    assert run(houses.tonight, by=cast.bea.actor).on_the_way != []
    assert run(restrictions.show_rules, promised, by=cast.dee.actor).rules == []


def test_whom_the_list_keeps_out_cannot_read_or_change_it(
    cast: Cast, run: Run, promised: str
) -> None:
    keep_out(run, promised, cast.rowan_manager, by=cast.dee)
    [line] = run(restrictions.show_rules, promised, by=cast.dee.actor).rules

    with pytest.raises(NotFound):
        run(restrictions.show_rules, promised, by=cast.rowan_manager.actor)
    with pytest.raises(NotFound):
        run(restrictions.end_rule, line.public_id, by=cast.rowan_manager.actor)


def test_the_room_of_a_hidden_woman_is_taken_and_no_more_is_said(
    cast: Cast, run: Run, promised: str
) -> None:
    keep_out(run, promised, cast.bea, by=cast.dee)

    page = run(houses.rooms, by=cast.bea.actor)

    assert {room.code: room.beds for room in page.rooms}["1"] == [("occupied", 1)]
    assert not next(room for room in page.rooms if room.code == "1").may_void


def test_a_supervisor_can_be_kept_out_too(cast: Cast, run: Run, promised: str) -> None:
    keep_out(run, promised, cast.sergeant, by=cast.dee)

    with pytest.raises(NotFound):
        run(follow.show_request, promised, by=cast.sergeant.actor)


def test_only_those_named_of_a_house_see_what_is_narrowed_down(
    cast: Cast, run: Run, promised: str
) -> None:
    keep_out(run, promised, cast.rowan_manager, by=cast.dee, kind="allow")

    assert run(houses.tonight, by=cast.bea.actor).on_the_way == []
    assert run(houses.tonight, by=cast.rowan_manager.actor).on_the_way != []
    assert run(case.show_case, promised, by=cast.dee.actor).line.person.ref == promised


def test_a_manager_who_names_others_is_one_of_them(cast: Cast, run: Run, promised: str) -> None:
    keep_out(run, promised, cast.bea, by=cast.rowan_manager, kind="allow")

    assert run(houses.tonight, by=cast.rowan_manager.actor).on_the_way != []
    assert len(run(rules)) == 2


def test_the_houses_phone_still_answers_for_a_restricted_record(cast: Cast, run: Run) -> None:
    from app.actors import Actor, Role

    ref = str(run(make_referral, cast.amara.actor).ref)
    room = run(room_of, "Rowan", "1").public_id
    placement = run(offer_room, ref, by=cast.dee.actor, room=room)
    run(restrictions.add_rule, ref, NewRule(person=run(public_id, cast.rowan_manager),
        kind=RuleKind.ALLOW, reason="One at a time"), by=cast.dee.actor)  # fmt: skip
    phone = Actor(role=Role.REFUGE_WORKER, refuge_id=cast.rowan_id, contact_id=1,
                  organisation_id=cast.bea.actor.organisation_id)  # fmt: skip

    run(offers.accept_offer, by=phone, channel=Channel.TEXT, code=placement.offer_code)

    assert run(placement_of, ref).state == PlacementState.ACCEPTED


@pytest.mark.parametrize("name", ["amara", "bea", "sergeant", "mara", "ada"])
def test_the_list_is_kept_by_the_desk_and_the_houses_manager_alone(
    cast: Cast, run: Run, promised: str, name: str
) -> None:
    by = cast.everybody()[name].actor

    with pytest.raises(NotAllowed):
        run(restrictions.show_rules, promised, by=by)


def test_another_houses_manager_finds_no_list(cast: Cast, run: Run, promised: str) -> None:
    with pytest.raises(NotFound):
        run(restrictions.show_rules, promised, by=cast.chloe.actor)


@pytest.mark.parametrize(
    ("name", "by", "kind"),
    [
        ("amara", "dee", "deny"),  # the one who asked cannot lose sight of her
        ("chloe", "rowan_manager", "deny"),  # not of the manager's staff
        ("rowan_manager", "rowan_manager", "deny"),  # herself
        ("cora", "dee", "allow"),  # not of a house
    ],
)
def test_who_cannot_be_named_is_refused_in_words(
    cast: Cast, run: Run, promised: str, name: str, by: str, kind: str
) -> None:
    people = cast.everybody()

    with pytest.raises(Invalid) as refused:
        keep_out(run, promised, people[name], by=people[by], kind=kind)
    assert refused.value.field == "person"


def test_nobody_is_named_twice(cast: Cast, run: Run, promised: str) -> None:
    keep_out(run, promised, cast.bea, by=cast.dee)

    with pytest.raises(Conflict, match="on this list already"):
        keep_out(run, promised, cast.bea, by=cast.dee)


def test_an_officer_names_an_address_and_learns_nothing(
    cast: Cast, run: Run, browser_of: Callable[[str], Browser]
) -> None:
    """Known and unknown, the answer is the same; the known one finds nothing, the asker all."""
    amara = browser_of(cast.amara.email)
    answers = []
    for address in (cast.sergeant.email.upper(), "nobody@elsewhere.example", cast.amara.email):
        form = {
            "form_key": amara.form_key(),
            "who": "woman",
            "place": "SE15",
            "urgency": "emergency",
            "household": "alone",
            "language": "sq",
            "callback_phone": "07700 900555",
            "hide_from": address,
        }
        answer = amara.post("/police/requests/new", form)
        page = text_of(amara.get(answer.location))
        answers.append((answer.status_code, "sergeant" in page.lower()))
        assert amara.get(answer.location).status_code == 200

    assert answers == [(303, False)] * 3
    assert run(rules) == [(cast.sergeant.actor.user_id, "deny")]
    open_requests, _ = run(follow.list_requests, by=cast.sergeant.actor)
    assert len(open_requests) == 2


def test_what_is_no_address_is_said_and_kept(
    cast: Cast, browser_of: Callable[[str], Browser]
) -> None:
    amara = browser_of(cast.amara.email)
    form = {"form_key": amara.form_key(), "hide_from": "my husband"}

    answer = amara.post("/police/requests/new", form)

    assert answer.status_code == 422
    assert "Type e-mail addresses" in text_of(answer)
    assert 'value="my husband"' in answer.get_data(as_text=True)


def test_nobody_else_can_hide_an_officers_request(cast: Cast, run: Run, promised: str) -> None:
    def by_hand() -> None:
        with transaction(by=cast.bram.actor):
            referral_id = 1
            db.session.execute(select(func.deny_to_email(referral_id, cast.sergeant.email)))

    run(by_hand)

    assert run(rules) == []


@pytest.fixture
def other_coordinator(cast: Cast, run_as_owner: Run) -> Person:
    from app.actors import Role
    from tests.cast import _user

    def make() -> Person:
        assert cast.dee.actor.organisation_id is not None
        with transaction(by=SYSTEM):
            return _user("dora", Role.COORDINATOR, cast.dee.actor.organisation_id)

    return run_as_owner(make)  # type: ignore[no-any-return]


def test_a_coordinator_kept_out_decides_nothing_of_her(
    cast: Cast, run: Run, run_as_worker: Run, other_coordinator: Person
) -> None:
    ref = str(run(make_referral, cast.amara.actor).ref)
    run_id = run_as_worker(matching.make_plan)
    keep_out(run, ref, other_coordinator, by=cast.dee)
    dora = other_coordinator.actor

    shown = run(board.look, by=dora)
    assert ref not in repr(shown)
    assert ref in repr(run(board.look, by=cast.dee.actor))
    with pytest.raises(NotFound):
        run(case.show_case, ref, by=dora)
    with pytest.raises(NotFound):
        run(matching.confirm_plan, run_id, [ref], by=dora)
    with pytest.raises(Conflict):
        run(matching.override, ref, at_once(run(room_of, "Rowan", "1").public_id), by=dora)


def test_rules_of_a_house_count_a_woman_whom_the_coordinator_may_not_see(
    cast: Cast, run: Run, other_coordinator: Person, promised: str
) -> None:
    """Women to be kept apart stay apart, though one of them is hidden from the one who decides."""
    from app.models.referrals import LinkKind

    second = str(run(make_referral, cast.amara.actor, same_as=promised, tie=LinkKind.APART).ref)
    keep_out(run, promised, other_coordinator, by=cast.dee)

    with pytest.raises(Invalid):
        run(matching.override, second, at_once(run(room_of, "Rowan", "2").public_id),
            by=other_coordinator.actor)  # fmt: skip


def sees(actor: Any, referral_id: int) -> bool:
    with transaction(by=actor):
        return db.session.scalar(select(Referral.id).where(Referral.id == referral_id)) is not None


def test_the_database_alone_keeps_them_out(
    cast: Cast, run: Run, run_as_owner: Run, promised: str
) -> None:
    """The same without a rule of the service; and without the policy the guard is gone."""
    keep_out(run, promised, cast.bea, by=cast.dee)
    assert not run(sees, cast.bea.actor, 1)
    assert run(sees, cast.rowan_manager.actor, 1)

    def drop() -> None:
        with transaction(by=SYSTEM):
            for table in ("referral", "placement", "needs"):
                db.session.execute(text(f"DROP POLICY denied ON {table}"))

    run_as_owner(drop)
    assert run(sees, cast.bea.actor, 1)
    with pytest.raises(NotFound):  # the service's own wall still stands
        run(admissions.show_stay, run(placement_of, promised).public_id, by=cast.bea.actor)
