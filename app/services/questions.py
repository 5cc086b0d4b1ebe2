"""Maybe: the one thing that a house must know first, and the answer that it is given."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from app.actors import POLICE, REFUGE, Actor, Role
from app.authz import Stage, disclose
from app.db import db, patiently, transaction
from app.errors import Conflict, Invalid, NotFound
from app.events import Fact, record_stay
from app.fields import open_fields, seal
from app.models.enquiries import HouseQuestion, QuestionAnswer
from app.models.messages import TaskKind
from app.models.placements import OPEN, Channel, OwnReason, Placement, PlacementState
from app.models.reference import Reason, ReasonKind
from app.models.referrals import Referral
from app.outbox import open_task
from app.policy import only_for, visible_questions
from app.services.choices import check_reason
from app.services.dated import policy_of
from app.services.enquiries import policies_on, refuse_unless_open
from app.services.locks import lock_placement
from app.services.settling import settle
from app.services.telling import owe_answer

# What is said of an open offer whose question waits; it follows from the question, and is no state.
MAYBE = "maybe"
BY_PHONE = "ask_by_phone"  # what it asks is not written here, so only a call answers it
ONCE = (
    "You have asked your one question about her already. Accept, decline, or ring the duty"
    " coordinator."
)
GONE = "We cannot find that question."


class AskedAlready(Conflict):
    """A house has one question, and has asked it."""

    def __init__(self) -> None:
        super().__init__(ONCE)


@dataclass(frozen=True, kw_only=True)
class QuestionShown:
    """What a house asked, and what it was answered; ``answered_at`` is None while it waits."""

    public_id: UUID
    code: str
    text: str
    asked_at: datetime
    answer: str = ""
    note: str = ""
    answered_at: datetime | None = None


def ask_question(
    question: str, *, by: Actor, channel: Channel, public_id: UUID | None = None, code: str = ""
) -> datetime:
    """Ask one thing before the yes; until when the house may answer now.

    It gives the house half of its reply time more, once (dated policy). The same question asked
    twice is asked once.

    Raises:
        NotFound: there is no such offer for ``by``.
        Invalid: no such question.
        AskedAlready: the house has asked its one question.
        Conflict: it was answered, withdrawn or lapsed before.
    """
    only_for(by, *REFUGE)
    return patiently(lambda: _ask(question, by, channel, public_id, code))


def _ask(question: str, by: Actor, channel: Channel, public_id: UUID | None, code: str) -> datetime:
    with transaction(by=by) as now:
        check_reason(question, ReasonKind.QUESTION)
        placement, referral = lock_placement(by, public_id, code)
        refuse_unless_open(placement, now)
        assert placement.offer_expires_at is not None  # noqa: S101 - a CHECK: an offer expires
        asked = db.session.scalar(
            select(HouseQuestion).where(HouseQuestion.placement_id == placement.id)
        )
        if asked is not None:
            if asked.code != question or not asked.is_open:
                raise AskedAlready
            return placement.offer_expires_at
        placement.offer_expires_at += _more_time(referral)
        db.session.add(
            HouseQuestion(
                placement_id=placement.id,
                refuge_id=placement.refuge_id,
                code=question,
                asked_at=now,
                asked_by_channel=channel,
            )
        )
        until = placement.offer_expires_at
        told = {"question": question, "channel": channel, "until": until.isoformat()}
        record_stay(Fact.QUESTION_ASKED, placement, by=by, **told)
        open_task(TaskKind.QUESTION, placement_id=placement.id, referral_id=referral.id)
        return until


def _more_time(referral: Referral) -> timedelta:
    """By the policy of the day on which she was asked for: a change never moves an open clock."""
    policy = policies_on(referral.submitted_at.date()).get(referral.urgency)
    percent = policy.question_extends_percent if policy else 0
    return timedelta(minutes=policy_of(referral).reply_minutes * percent / 100)


@dataclass(frozen=True, kw_only=True)
class NewAnswer:
    """What the house is told: a word, and a short note without names or places."""

    answer: QuestionAnswer
    note: str = ""


def answer_question(public_id: UUID, new: NewAnswer, *, by: Actor) -> None:
    """Answer a house; the first answer counts, the desk's or that of the officer who asked for her.

    The house is told by text that there is an answer, and reads it when it has signed in.

    Raises:
        NotFound: no such question that ``by`` may answer.
        Invalid: an answer by phone is the desk's alone to record.
        Conflict: it was answered before, or the house is not asked any more.
    """
    only_for(by, Role.COORDINATOR, *POLICE)
    is_by_phone = new.answer is QuestionAnswer.TOLD
    if is_by_phone and by.role is not Role.COORDINATOR:
        raise Invalid("Choose one of the answers.", field="answer")
    patiently(lambda: _answer(public_id, new, by))


def _answer(public_id: UUID, new: NewAnswer, by: Actor) -> None:
    with transaction(by=by) as now:
        which = visible_questions(by).where(HouseQuestion.public_id == public_id)
        offer = db.session.scalar(which.with_only_columns(Placement.public_id))
        if offer is None:
            raise NotFound(GONE)
        placement, _ = lock_placement(by, offer)
        question = db.session.scalars(which.with_for_update(of=HouseQuestion)).one()
        if not question.is_open:
            raise Conflict("This question has been answered already.")
        refuse_unless_open(placement, now)
        question.answer, question.answered_at = new.answer, now
        question.answered_by_id = by.user_id
        seal(question, note=new.note)
        told = {"question": question.code, "answer": new.answer.value}
        record_stay(Fact.QUESTION_ANSWERED, placement, by=by, **told)
        settle(TaskKind.QUESTION, placement, by=by, now=now)
        owe_answer(placement)


# Steps of one transaction, for the pages and for the clock.


def why_lapsed(placement: Placement) -> str:
    """Whose silence it was: the house's, or ours while its question waited."""
    waits = db.session.scalar(
        select(func.count())
        .select_from(HouseQuestion)
        .where(HouseQuestion.placement_id == placement.id, HouseQuestion.answered_at.is_(None))
    )
    return (OwnReason.NO_REPLY_QUESTION if waits else OwnReason.NO_REPLY_HOUSE).value


def questions_of(
    placement_ids: Collection[int], stage: Stage, *, by: Actor
) -> dict[int, QuestionShown]:
    """What was asked about these placements, by the placement's id."""
    rows = db.session.execute(
        visible_questions(by)
        .join(Reason, Reason.code == HouseQuestion.code)
        .where(HouseQuestion.placement_id.in_(placement_ids))
        .with_only_columns(HouseQuestion, Reason.text)
        .order_by(HouseQuestion.id)
    ).all()
    return {question.placement_id: _shown(question, text, stage) for question, text in rows}


def open_questions(referral: Referral, *, by: Actor) -> list[QuestionShown]:
    """What houses wait to know about her, as her own officer sees it (``visible_questions``)."""
    rows = db.session.execute(
        visible_questions(by)
        .join(Reason, Reason.code == HouseQuestion.code)
        .where(
            Placement.referral_id == referral.id,
            Placement.state.in_(OPEN),
            HouseQuestion.answered_at.is_(None),
            HouseQuestion.code != BY_PHONE,
        )
        .with_only_columns(HouseQuestion, Reason.text)
        .order_by(HouseQuestion.id)
    ).all()
    return [_shown(question, text, Stage.ASKER) for question, text in rows]


def _shown(question: HouseQuestion, text: str, stage: Stage) -> QuestionShown:
    return disclose(
        QuestionShown,
        stage,
        public_id=lambda: question.public_id,
        code=lambda: question.code,
        text=lambda: text,
        asked_at=lambda: question.asked_at,
        answer=lambda: question.answer or "",
        note=lambda: open_fields([question], "note")[0],
        answered_at=lambda: question.answered_at,
    )


def state_shown(placement: Placement, question: QuestionShown | None) -> str:
    """The placement's state, or "maybe" while the house waits for its answer."""
    waits = question is not None and question.answered_at is None
    is_open = placement.state in OPEN
    return MAYBE if waits and is_open else PlacementState(placement.state).value
