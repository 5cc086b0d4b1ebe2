"""What a text from a refuge leads to: its act, through the same door as the web, and its answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import exists, select

from app.actors import SYSTEM, Actor, Role
from app.db import db, transaction
from app.errors import Busy, Conflict, DomainError
from app.fields import PHONE, any_of
from app.models.beds import Refuge
from app.models.messages import Contact, SmsInbox
from app.models.placements import Channel, Placement, PlacementState
from app.models.reference import Reason, ReasonKind
from app.notices import Template, number_list
from app.services.offers import accept_offer, decline_offer
from app.services.text_reply import Answer, Reply


class Outcome(StrEnum):
    """What came of a text; kept with it."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    NOT_CHANGED = "not_changed"
    ASKED_AGAIN = "asked_again"
    WRONG_CODE = "wrong_code"
    IGNORED = "ignored"
    STOPPED = "stopped"
    STARTED = "started"
    UNKNOWN_NUMBER = "unknown_number"


@dataclass(frozen=True)
class Sender:
    """A refuge's phone that wrote to us, as it acts."""

    contact_id: int
    is_stopped: bool
    actor: Actor


@dataclass(frozen=True)
class Verdict:
    """What to keep of a text and what to say to it; no template means silence."""

    outcome: Outcome
    template: Template | None = None
    variables: dict[str, str] = field(default_factory=dict)
    placement_id: int | None = None


def find_sender(phone: str) -> Sender | None:
    """The verified phone behind a text, acting for its refuge and nothing more."""
    found = db.session.execute(
        select(Contact, Refuge.organisation_id)
        .join(Refuge, Refuge.id == Contact.refuge_id)
        .where(any_of(Contact.phone_index, PHONE, phone), Contact.verified_at.is_not(None))
    ).first()
    if found is None:
        return None
    contact, organisation_id = found
    actor = Actor(
        role=Role.REFUGE_WORKER,
        organisation_id=organisation_id,
        refuge_id=contact.refuge_id,
        contact_id=contact.id,
        name=contact.label,
    )
    return Sender(contact.id, contact.stopped_at is not None, actor)


def judge(reply: Reply, sender: Sender | None, *, is_blocked: bool) -> Verdict:
    """Do what a text asks for, if it may be done, and say what to answer. Raises Busy."""
    if sender is None:
        return Verdict(Outcome.UNKNOWN_NUMBER)  # no answer: not an oracle, and nobody pays for it
    if reply.is_stop:
        return Verdict(Outcome.STOPPED)
    if reply.is_start and (sender.is_stopped or reply.words != ("YES",)):
        return Verdict(Outcome.STARTED)
    if is_blocked:
        return Verdict(Outcome.IGNORED)
    offers = _own_offers(reply, sender)
    if len(offers) > 1:
        return Verdict(Outcome.ASKED_AGAIN, Template.ONE_CODE_EACH)
    if not offers:
        return _judge_without_offer(reply)
    return _act(reply, offers[0], sender)


def _judge_without_offer(reply: Reply) -> Verdict:
    if reply.answer is Answer.NOTHING:
        return Verdict(Outcome.ASKED_AGAIN, Template.NOT_UNDERSTOOD)
    if reply.looks_coded:
        return Verdict(Outcome.WRONG_CODE, Template.WRONG_CODE)
    # A guess may also be all letters; it counts, though it reads like a word.
    outcome = Outcome.WRONG_CODE if reply.codes else Outcome.ASKED_AGAIN
    return Verdict(outcome, Template.CODE_MISSING)


def _act(reply: Reply, code: str, sender: Sender) -> Verdict:
    if reply.answer not in (Answer.ACCEPT, Answer.DECLINE):
        return Verdict(Outcome.ASKED_AGAIN, Template.ONE_ANSWER_EACH, {"code": code})
    try:
        if reply.answer is Answer.ACCEPT:
            accept_offer(by=sender.actor, channel=Channel.TEXT, code=code)
            return _done(code, Outcome.ACCEPTED, sender)
        reason = _reason(reply.reason_number(code))
        if reason is None:
            return _ask_for_reason(code, sender)
        decline_offer(by=sender.actor, channel=Channel.TEXT, reason=reason, code=code)
        return _done(code, Outcome.DECLINED, sender)
    except Busy:
        raise
    except Conflict:
        return _explain(code, sender, reply.answer)
    except DomainError:
        return Verdict(Outcome.NOT_CHANGED, Template.NOT_POSSIBLE, {"code": code})


def _done(code: str, outcome: Outcome, sender: Sender) -> Verdict:
    template = Template.ACCEPTED if outcome is Outcome.ACCEPTED else Template.DECLINED
    with transaction(by=sender.actor):
        placement = _placement(code)
    return Verdict(outcome, template, {"code": code}, placement.id)


def _ask_for_reason(code: str, sender: Sender) -> Verdict:
    """Only an offer that is still open; of any other, say what became of it."""
    with transaction(by=sender.actor) as now:
        placement = _placement(code)
        expires = placement.offer_expires_at
        is_open = placement.state == PlacementState.OFFERED and bool(expires and expires > now)
        numbers = list(_reason_numbers())
    if not is_open:
        return _explain(code, sender, Answer.DECLINE)
    variables = {"code": code, "numbers": number_list(numbers)}
    return Verdict(Outcome.ASKED_AGAIN, Template.REASON_NEEDED, variables, placement.id)


def _explain(code: str, sender: Sender, answer: Answer) -> Verdict:
    """Why an answer changed nothing; or that it was this very text which did, before a crash."""
    with transaction(by=sender.actor) as now:
        placement = _placement(code)
        state = PlacementState(placement.state)
        expires = placement.offer_expires_at
        if _is_own_work(placement, sender, answer):
            outcome = Outcome.ACCEPTED if answer is Answer.ACCEPT else Outcome.DECLINED
            template = Template.ACCEPTED if answer is Answer.ACCEPT else Template.DECLINED
            return Verdict(outcome, template, {"code": code}, placement.id)
    if state == PlacementState.OFFERED and expires and expires > now:
        template = Template.NOT_POSSIBLE
    else:
        template = _BECAME[state]
    return Verdict(Outcome.NOT_CHANGED, template, {"code": code}, placement.id)


_BECAME = {
    PlacementState.OFFERED: Template.TOO_LATE,
    PlacementState.LAPSED: Template.TOO_LATE,
    PlacementState.DECLINED: Template.ALREADY_DECLINED,
    PlacementState.WITHDRAWN: Template.ALREADY_WITHDRAWN,
    PlacementState.ACCEPTED: Template.ALREADY_ACCEPTED,
    PlacementState.ARRIVED: Template.ALREADY_ACCEPTED,
    PlacementState.DEPARTED: Template.ALREADY_ACCEPTED,
    PlacementState.NOT_ARRIVED: Template.ALREADY_ACCEPTED,
}


def _is_own_work(placement: Placement, sender: Sender, answer: Answer) -> bool:
    """Answered like this by this phone's text, while no text is noted to have done it."""
    came_to = {Answer.ACCEPT: PlacementState.ACCEPTED, Answer.DECLINE: PlacementState.DECLINED}
    if placement.answered_by_channel != Channel.TEXT or placement.state != came_to[answer]:
        return False
    noted = exists().where(
        SmsInbox.placement_id == placement.id,
        SmsInbox.outcome.in_([Outcome.ACCEPTED, Outcome.DECLINED]),
    )
    wrote = exists().where(SmsInbox.contact_id == sender.contact_id, SmsInbox.handled_at.is_(None))
    return bool(db.session.scalar(select(~noted & wrote)))


def _own_offers(reply: Reply, sender: Sender) -> list[str]:
    """The codes in a text that were ever sent to this refuge; another's code is just wrong."""
    if not reply.codes:
        return []
    with transaction(by=sender.actor):
        return list(
            db.session.scalars(
                select(Placement.offer_code).where(
                    Placement.offer_code.in_(list(reply.codes)),
                    Placement.refuge_id == sender.actor.refuge_id,
                )
            )
        )


def _placement(code: str) -> Placement:
    return db.session.scalars(select(Placement).where(Placement.offer_code == code)).one()


def _reason(number: int | None) -> str | None:
    with transaction(by=SYSTEM):
        return _reason_numbers().get(number) if number is not None else None


def _reason_numbers() -> dict[int, str]:
    rows = db.session.execute(
        select(Reason.number, Reason.code).where(
            Reason.kind == ReasonKind.DECLINED_BY_REFUGE,
            Reason.number.is_not(None),
            Reason.is_active,
        )
    )
    return {number: code for number, code in rows if number is not None}
