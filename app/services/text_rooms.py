"""What a text about beds leads to, for the house of its phone alone; and its answer."""

from __future__ import annotations

from datetime import datetime

from app.actors import SYSTEM, Actor
from app.db import transaction
from app.london import LONDON
from app.notices import Template, number_list, until_text
from app.services import bed_calls, beds, houses
from app.services.bed_calls import Became, Called
from app.services.text_beds import BedAct, BedCommand, Flaw, read_command
from app.services.text_reply import Answer, Reply
from app.services.text_senders import Outcome, Sender, Verdict

MOST_RUNS = 7  # of bed numbers in one text


def judge_beds(reply: Reply, sender: Sender, message_sid: str) -> Verdict | None:
    """Do what a text says of beds. None: it is about something else. Raises Busy."""
    with transaction(by=SYSTEM) as now:
        words = bed_calls.reason_words()
    command = read_command(reply.words, words, asks=reply.asks)
    if command is None:
        return None
    if command.flaw is not None:
        if command.number is None and reply.answer is not Answer.NOTHING:
            return None  # "ACCEPT, we are free": what is missing there is the code
        return _flawed(command, list(words))
    until = command.ends.at(now) if command.ends else None
    if command.ends is not None and until is None:
        return _ask(Template.VOID_UNTIL, command)
    return _act(command, words, until, sender, message_sid)


def _act(
    command: BedCommand,
    words: dict[str, str],
    until: datetime | None,
    sender: Sender,
    message_sid: str,
) -> Verdict:
    if command.act is BedAct.HELP:
        return Verdict(Outcome.TOLD, Template.HELP)
    if command.number is None:
        return _of_house(command, sender.actor)
    by = sender.actor
    if command.act is BedAct.FREE:
        called = bed_calls.call_free(command.number, by=by)
        return _said(called, command.number, Template.BED_FREE)
    reason = words[command.reason]
    called = bed_calls.call_out(command.number, reason, until, by=by, message_sid=message_sid)
    return _said(called, command.number, Template.BED_OUT)


def _said(called: Called, number: int, done: Template) -> Verdict:
    told = {"bed": str(number)}
    match called.became:
        case Became.UNKNOWN:
            runs = number_list(list(called.numbers)).split(", ")[:MOST_RUNS]
            told["beds"] = ", ".join(runs)
            return Verdict(Outcome.WRONG_BED, Template.BED_UNKNOWN, told)
        case Became.TAKEN:
            return Verdict(Outcome.NOT_CHANGED, Template.BED_TAKEN, told)
        case Became.CLOSED:
            return Verdict(Outcome.NOT_CHANGED, Template.BED_CLOSED, told)
    if called.until is not None:
        told["until"] = until_text(called.until.astimezone(LONDON))
        return Verdict(Outcome.BEDS_KEPT, Template.BED_OUT_UNTIL, told)
    return Verdict(Outcome.BEDS_KEPT, done, told)


def _of_house(command: BedCommand, by: Actor) -> Verdict:
    """COUNT asks; ALL OK, the right COUNT, and FULL where nothing is free, confirm."""
    page = houses.rooms(by=by)
    free = page.beds("free")
    is_right = {
        BedAct.ALL_OK: True,
        BedAct.FULL: free == 0,
        BedAct.COUNT: command.count == free,
    }[command.act]
    if is_right:
        beds.confirm_beds(by=by)
        return Verdict(Outcome.BEDS_KEPT, Template.COUNTS_KEPT, {"free": str(free)})
    if command.act is BedAct.COUNT and command.count is None:
        told = {
            "free": free,
            "held": page.beds("held", "booked"),
            "taken": page.beds("occupied"),
            "out": page.beds("void", "turnaround"),
        }
        return Verdict(Outcome.TOLD, Template.COUNT, {k: str(v) for k, v in told.items()})
    return Verdict(Outcome.NOT_CHANGED, Template.COUNT_DIFFERS, {"free": str(free)})


def _flawed(command: BedCommand, words: list[str]) -> Verdict:
    match command.flaw:
        case Flaw.BED_MISSING:
            return Verdict(Outcome.ASKED_AGAIN, Template.BED_MISSING)
        case Flaw.ONE_BED_EACH:
            return Verdict(Outcome.ASKED_AGAIN, Template.ONE_BED_EACH)
        case Flaw.REASON_MISSING:
            return _ask(Template.VOID_REASON, command, words=", ".join(words))
        case Flaw.TIME_UNREADABLE:
            return _ask(Template.VOID_UNTIL, command)
    if command.number is None:
        return Verdict(Outcome.ASKED_AGAIN, Template.NOT_UNDERSTOOD)
    return _ask(Template.BED_UNCLEAR, command)


def _ask(template: Template, command: BedCommand, **more: str) -> Verdict:
    return Verdict(Outcome.ASKED_AGAIN, template, {"bed": str(command.number), **more})
