"""What a text from a refuge leads to: its act, through the same door as the web, and its answer."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import exists, select

from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import Busy, Conflict, DomainError
from app.models.messages import SmsInbox, TaskKind
from app.models.placements import OPEN, Channel, Placement, PlacementState
from app.models.reference import Reason, ReasonKind
from app.notices import Template, number_list
from app.outbox import open_task
from app.services import text_rooms
from app.services.offers import accept_offer, decline_offer, record_arrival
from app.services.questions import AskedAlready, ask_question
from app.services.telling import clock_text
from app.services.text_reply import Answer, Reply
from app.services.text_senders import Outcome, Sender, Verdict


def judge(reply: Reply, sender: Sender | None, *, is_blocked: bool, message_sid: str) -> Verdict:
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
        about_beds = text_rooms.judge_beds(reply, sender, message_sid)
        return about_beds or _judge_without_offer(reply)
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
    if reply.answer in (Answer.UNCLEAR, Answer.NOTHING):
        return Verdict(Outcome.ASKED_AGAIN, Template.ONE_ANSWER_EACH, {"code": code})
    if sender.is_new:
        return _ask_to_confirm(code, sender)
    try:
        return _ANSWERED[reply.answer](reply, code, sender)
    except Busy:
        raise
    except Conflict:
        return _explain(code, sender, reply.answer)
    except DomainError:
        return Verdict(Outcome.NOT_CHANGED, Template.NOT_POSSIBLE, {"code": code})


def _accept(_: Reply, code: str, sender: Sender) -> Verdict:
    accept_offer(by=sender.actor, channel=Channel.TEXT, code=code)
    return _done(code, Outcome.ACCEPTED, sender)


def _decline(reply: Reply, code: str, sender: Sender) -> Verdict:
    reason = _reason(reply.reason_number(code))
    if reason is None:
        return _ask_for_reason(code, sender)
    decline_offer(by=sender.actor, channel=Channel.TEXT, reason=reason, code=code)
    return _done(code, Outcome.DECLINED, sender)


def _done(code: str, outcome: Outcome, sender: Sender) -> Verdict:
    template = Template.ACCEPTED if outcome is Outcome.ACCEPTED else Template.DECLINED
    with transaction(by=sender.actor):
        placement = _placement(code)
    return Verdict(outcome, template, {"code": code}, placement.id)


def _ask_to_confirm(code: str, sender: Sender) -> Verdict:
    """Whoever holds a number that was only just given may not answer by it alone."""
    with transaction(by=sender.actor):
        placement = _placement(code)
    variables = {"code": code}
    return Verdict(Outcome.TO_CONFIRM, Template.CONFIRM_BY_SIGNING_IN, variables, placement.id)


def _arrive(_: Reply, code: str, sender: Sender) -> Verdict:
    """She is there. Said twice, by text or on the web, it is answered the same and done once."""
    with transaction(by=sender.actor):
        placement = _placement(code)
    if placement.state != PlacementState.ARRIVED:
        record_arrival(placement.public_id, by=sender.actor)
    return Verdict(Outcome.ARRIVED, Template.ARRIVED, {"code": code}, placement.id)


def _ask_first(reply: Reply, code: str, sender: Sender) -> Verdict:
    """The house may say yes and must know one thing: what its number asks, or by a call."""
    number = reply.number_at_the_end(code)
    with transaction(by=sender.actor) as now:
        placement = _placement(code)
        expires = placement.offer_expires_at
        if placement.state not in OPEN or expires is None or expires <= now:
            number = None
        elif number is None:
            open_task(
                TaskKind.QUESTION, placement_id=placement.id, referral_id=placement.referral_id
            )
            variables = {"code": code, "reply_by": clock_text(expires)}
            return Verdict(Outcome.ASKED_FIRST, Template.MAYBE, variables, placement.id)
        numbers = _numbers(ReasonKind.QUESTION)
    if number is None:
        return _explain(code, sender, Answer.MAYBE)
    if number not in numbers:
        variables = {"code": code, "numbers": number_list(list(numbers))}
        return Verdict(Outcome.ASKED_AGAIN, Template.QUESTION_NUMBER, variables, placement.id)
    return _ask_by_number(numbers[number], code, sender, placement)


def _ask_by_number(question: str, code: str, sender: Sender, placement: Placement) -> Verdict:
    try:
        until = ask_question(question, by=sender.actor, channel=Channel.TEXT, code=code)
    except AskedAlready:
        once = Template.QUESTION_ONCE
        return Verdict(Outcome.NOT_CHANGED, once, {"code": code}, placement.id)
    variables = {"code": code, "reply_by": clock_text(until)}
    return Verdict(Outcome.ASKED_FIRST, Template.QUESTION_ASKED, variables, placement.id)


def _ask_for_reason(code: str, sender: Sender) -> Verdict:
    """Only an offer that is still open; of any other, say what became of it."""
    with transaction(by=sender.actor) as now:
        placement = _placement(code)
        expires = placement.offer_expires_at
        is_open = placement.state in OPEN and bool(expires and expires > now)
        numbers = list(_numbers(ReasonKind.DECLINED_BY_REFUGE))
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
    if state in OPEN and expires and expires > now:
        is_early = answer is Answer.ARRIVED
        template = Template.ACCEPT_FIRST if is_early else Template.NOT_POSSIBLE
    else:
        template = _BECAME[state]
    return Verdict(Outcome.NOT_CHANGED, template, {"code": code}, placement.id)


_ANSWERED: dict[Answer, Callable[[Reply, str, Sender], Verdict]] = {
    Answer.ACCEPT: _accept,
    Answer.DECLINE: _decline,
    Answer.ARRIVED: _arrive,
    Answer.MAYBE: _ask_first,
}
_BECAME = {
    PlacementState.ENQUIRED: Template.TOO_LATE,
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
    if placement.answered_by_channel != Channel.TEXT or placement.state != came_to.get(answer):
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
        if number is None:
            return None
        return _numbers(ReasonKind.DECLINED_BY_REFUGE).get(number)


def _numbers(kind: ReasonKind) -> dict[int, str]:
    """What the numbers of a text mean, for those that are still in use."""
    rows = db.session.execute(
        select(Reason.number, Reason.code).where(
            Reason.kind == kind,
            Reason.number.is_not(None),
            Reason.is_active,
        )
    )
    return {number: code for number, code in rows if number is not None}
