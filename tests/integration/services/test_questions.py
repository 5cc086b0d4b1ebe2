"""Maybe: one question back, answered once, and what it does to the clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.fields import open_field
from app.models.enquiries import HouseQuestion, QuestionAnswer
from app.models.messages import Task, TaskKind
from app.models.placements import Channel
from app.models.reference import Urgency
from app.services import admissions, clock, follow, invariants, offers, questions, settling
from app.services.questions import NewAnswer
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import make_referral, offer_room, placement_of, room_of
from tests.several_houses import states, texts

YES = NewAnswer(answer=QuestionAnswer.YES, note="Two flights, with her own bag.")
MAYBE = {"channel": Channel.WEB}


@pytest.fixture
def ref(cast: Cast, run: Run) -> str:
    """A woman for whom Rowan is asked."""
    ref = str(run(make_referral, cast.amara.actor).ref)
    room = run(room_of, "Rowan", "1").public_id
    run(offer_room, ref, by=cast.dee.actor, room=room)
    return ref


def ask(run: Run, cast: Cast, ref: str, code: str = "ask_stairs", **changes: Any) -> Any:
    """Rowan asks its one question."""
    by = changes.pop("by", cast.bea.actor)
    offer = run(placement_of, ref).public_id
    return run(questions.ask_question, code, by=by, public_id=offer, **MAYBE | changes)


def question_of(ref: str) -> HouseQuestion:
    with transaction(by=SYSTEM):
        mine = select(HouseQuestion).order_by(HouseQuestion.id.desc())
        return db.session.scalars(mine).first()  # type: ignore[return-value]


def note_of(ref: str) -> str:
    with transaction(by=SYSTEM):
        return open_field(db.session.scalars(select(HouseQuestion)).one(), "note")


def open_tasks() -> list[str]:
    with transaction(by=SYSTEM):
        return list(db.session.scalars(select(Task.kind).where(Task.done_at.is_(None))))


def test_a_question_gives_half_the_reply_time_more_once(cast: Cast, run: Run, ref: str) -> None:
    before = run(placement_of, ref).offer_expires_at

    until = ask(run, cast, ref)

    assert until - before == timedelta(minutes=10), "half of an emergency's 20 minutes"
    assert ask(run, cast, ref) == until, "the same question twice is one"
    with pytest.raises(questions.AskedAlready):
        ask(run, cast, ref, "ask_cot")
    assert run(placement_of, ref).offer_expires_at == until
    assert run(open_tasks) == [TaskKind.QUESTION]
    assert run(states, ref) == {"Rowan": "offered"}, "maybe is no state of its own"
    assert run(invariants.broken) == {}


def test_how_much_longer_follows_the_urgency(cast: Cast, run: Run) -> None:
    for urgency, minutes, code in ((Urgency.URGENT, 60, "1"), (Urgency.PLANNED, 720, "2")):
        ref = run(make_referral, cast.amara.actor, urgency=urgency).ref
        room = run(room_of, "Rowan", code).public_id
        before = run(offer_room, ref, by=cast.dee.actor, room=room).offer_expires_at

        assert ask(run, cast, ref) - before == timedelta(minutes=minutes)


def test_the_house_answers_in_the_time_that_it_was_given_and_not_after(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run, ref: str
) -> None:
    ask(run, cast, ref)
    run_as_owner(clock.shift_by, timedelta(minutes=29))
    assert run_as_worker(offers.lapse_offers) == 0
    run_as_owner(clock.shift_by, timedelta(minutes=1))

    with pytest.raises(Conflict, match="time to answer"):
        ask(run, cast, ref, "ask_cot")
    assert run_as_worker(offers.lapse_offers) == 1

    assert run(placement_of, ref).reason_code == "no_reply_question", "ours was the silence"


def test_an_answered_question_that_is_followed_by_silence_is_the_houses(
    cast: Cast, run: Run, run_as_worker: Run, run_as_owner: Run, ref: str
) -> None:
    ask(run, cast, ref)
    run(questions.answer_question, run(question_of, ref).public_id, YES, by=cast.dee.actor)
    run_as_owner(clock.shift_by, timedelta(minutes=30))

    assert run_as_worker(offers.lapse_offers) == 1

    assert run(placement_of, ref).reason_code == "no_reply_house"


@pytest.mark.parametrize("who", ["dee", "amara"])
def test_the_desk_and_her_officer_answer_and_the_first_counts(
    cast: Cast, run: Run, ref: str, who: str
) -> None:
    ask(run, cast, ref)
    which = run(question_of, ref).public_id
    by = cast.everybody()[who].actor

    run(questions.answer_question, which, YES, by=by)

    for other in (cast.dee.actor, cast.amara.actor):
        with pytest.raises(Conflict, match="answered already"):
            run(questions.answer_question, which, NewAnswer(answer=QuestionAnswer.NO), by=other)
    shown = run(admissions.show_offer, run(placement_of, ref).public_id, by=cast.bea.actor).question
    assert (shown.answer, shown.note) == ("yes", YES.note)
    assert run(note_of, ref) == YES.note
    assert run(open_tasks) == []
    assert run(texts, "question_answered") == [("Rowan", run(placement_of, ref).offer_code)]
    assert run(invariants.broken) == {}


def test_nobody_else_answers_for_her(cast: Cast, run: Run, ref: str) -> None:
    ask(run, cast, ref)
    which = run(question_of, ref).public_id
    refused: dict[str, type[Exception]] = dict.fromkeys(("bea", "mara", "ada", "hana"), NotAllowed)
    refused |= dict.fromkeys(("bram", "sergeant", "cora"), NotFound)

    for name, error in refused.items():
        with pytest.raises(error):
            run(questions.answer_question, which, YES, by=cast.everybody()[name].actor)


def test_what_an_officer_may_say_and_read(cast: Cast, run: Run, ref: str) -> None:
    ask(run, cast, ref)
    which = run(question_of, ref).public_id
    by_phone = NewAnswer(answer=QuestionAnswer.TOLD)

    with pytest.raises(Invalid, match="Choose one of the answers"):
        run(questions.answer_question, which, by_phone, by=cast.amara.actor)

    mine = run(follow.show_request, ref, by=cast.amara.actor).status
    theirs = run(follow.show_request, ref, by=cast.sergeant.actor).status
    assert [each.text for each in mine.questions] == ["Can she climb stairs?"]
    assert (theirs.questions, theirs.houses_asked) == ([], 1)
    run(questions.answer_question, which, by_phone, by=cast.dee.actor)
    assert run(follow.show_request, ref, by=cast.amara.actor).status.questions == []


def test_only_a_house_asks_only_of_its_own_offer_and_only_from_the_list(
    cast: Cast, run: Run, ref: str
) -> None:
    with pytest.raises(NotFound):
        ask(run, cast, ref, by=cast.chloe.actor)
    with pytest.raises(NotAllowed):
        ask(run, cast, ref, by=cast.dee.actor)
    for unknown in ("full", "ask_nothing", ""):
        with pytest.raises(Invalid):
            ask(run, cast, ref, unknown)
    run(offers.accept_offer, by=cast.bea.actor, public_id=run(placement_of, ref).public_id, **MAYBE)

    with pytest.raises(Conflict, match="already been accepted"):
        ask(run, cast, ref)
    assert run(question_of, ref) is None


def test_a_question_about_an_offer_that_is_over_is_answered_by_nobody(
    cast: Cast, run: Run, ref: str
) -> None:
    ask(run, cast, ref)
    offer = run(placement_of, ref).public_id
    run(offers.decline_offer, by=cast.bea.actor, reason="full", public_id=offer, **MAYBE)

    with pytest.raises(Conflict, match="already been declined"):
        run(questions.answer_question, run(question_of, ref).public_id, YES, by=cast.dee.actor)


def test_a_question_leaves_the_desks_list_with_its_offer(
    cast: Cast, run: Run, run_as_worker: Run, ref: str
) -> None:
    ask(run, cast, ref)
    assert run_as_worker(settling.settle_ended_offers) == 0
    assert run(open_tasks) == [TaskKind.QUESTION]
    offer = run(placement_of, ref).public_id
    run(offers.accept_offer, by=cast.bea.actor, public_id=offer, **MAYBE)

    assert run_as_worker(settling.settle_ended_offers) == 1
    assert run(open_tasks) == []


def test_the_database_keeps_question_and_answer_as_they_were(
    cast: Cast, run: Run, run_as_owner: Run, ref: str
) -> None:
    ask(run, cast, ref)
    run(questions.answer_question, run(question_of, ref).public_id, YES, by=cast.dee.actor)

    for change in (
        "UPDATE house_question SET code = 'ask_cot'",
        "UPDATE house_question SET answer = 'no'",
        "UPDATE house_question SET answer = NULL, answered_at = NULL, answered_by_id = NULL",
        "INSERT INTO house_question (placement_id, refuge_id, code, asked_by_channel)"
        " SELECT placement_id, refuge_id, 'ask_cot', 'web' FROM house_question",
    ):
        assert run_as_owner(_is_refused, change), change


def _is_refused(change: str) -> bool:
    try:
        with transaction(by=SYSTEM):
            db.session.execute(text(change))
    except Conflict:
        return True
    return False


def test_rows_of_another_house_and_another_force_are_not_there(
    cast: Cast, run: Run, run_as_owner: Run, ref: str
) -> None:
    ask(run, cast, ref)
    count = text("SELECT count(*) FROM house_question")

    def seen(name: str) -> int:
        def look() -> int:
            with transaction(by=cast.everybody()[name].actor):
                return int(db.session.scalar(count) or 0)

        return int(run(look))

    assert {name: seen(name) for name in ("bea", "dee", "amara")} == {
        "bea": 1, "dee": 1, "amara": 1
    }  # fmt: skip
    others = ("chloe", "bram", "sergeant", "cora", "mara", "ada", "hana")
    assert {seen(name) for name in others} == {0}
    run_as_owner(_keep_out, ref, cast.bea.actor.user_id)
    assert seen("bea") == 0, "kept out of the record, and of what was asked about her"


def _keep_out(ref: str, user_id: int) -> None:
    with transaction(by=SYSTEM):
        rule = text(
            "INSERT INTO record_rule (referral_id, user_id, kind, reason, by_id)"
            " SELECT id, :who, 'deny', 'Known to him', officer_id FROM referral WHERE ref = :ref"
        )
        db.session.execute(rule, {"who": user_id, "ref": ref})
