"""Every text we send, as data: harmless to whoever reads it, one segment each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

# Source: 3GPP TS 23.038, the default alphabet without its two-septet extension.
GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
ONE_SEGMENT = 160


class Template(StrEnum):
    """Which text; the word is kept with the message, the body is made when it is sent."""

    OFFER = "offer"
    OFFER_WITHDRAWN = "offer_withdrawn"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REASON_NEEDED = "reason_needed"
    TOO_LATE = "too_late"
    ALREADY_ACCEPTED = "already_accepted"
    ALREADY_DECLINED = "already_declined"
    ALREADY_WITHDRAWN = "already_withdrawn"
    NOT_POSSIBLE = "not_possible"
    WRONG_CODE = "wrong_code"
    CODE_MISSING = "code_missing"
    ONE_CODE_EACH = "one_code_each"
    ONE_ANSWER_EACH = "one_answer_each"
    NOT_UNDERSTOOD = "not_understood"
    ARRIVED = "arrived"
    ACCEPT_FIRST = "accept_first"
    MAYBE = "maybe"
    QUESTION_ASKED = "question_asked"
    QUESTION_NUMBER = "question_number"
    QUESTION_ONCE = "question_once"
    QUESTION_ANSWERED = "question_answered"
    HELP = "help"
    BED_FREE = "bed_free"
    BED_OUT = "bed_out"
    BED_OUT_UNTIL = "bed_out_until"
    BED_TAKEN = "bed_taken"
    BED_UNKNOWN = "bed_unknown"
    BED_CLOSED = "bed_closed"
    BED_MISSING = "bed_missing"
    BED_UNCLEAR = "bed_unclear"
    ONE_BED_EACH = "one_bed_each"
    VOID_REASON = "void_reason"
    VOID_UNTIL = "void_until"
    COUNT = "count"
    COUNTS_KEPT = "counts_kept"
    COUNT_DIFFERS = "count_differs"
    CHECK_BEDS = "check_beds"
    CONFIRM_BY_SIGNING_IN = "confirm_by_signing_in"
    NUMBER_REPLACED = "number_replaced"
    NUMBER_ADDED = "number_added"
    ESCALATED = "escalated"


TEXTS: Mapping[Template, str] = {
    Template.OFFER: (
        "Bed request {code}. Reply ACCEPT {code} or DECLINE {code} by {reply_by}, or sign in."
    ),
    Template.OFFER_WITHDRAWN: "Bed request {code} is withdrawn. There is nothing more to do.",
    Template.ACCEPTED: "{code} is accepted, thank you. Sign in to see what happens next.",
    Template.DECLINED: "{code} is declined, thank you. There is nothing more to do.",
    Template.REASON_NEEDED: (
        "Not done yet. To decline, reply DECLINE {code} and a reason number, one of {numbers}."
        " Sign in to see what the numbers mean."
    ),
    Template.TOO_LATE: (
        "Nothing was changed: the time to answer {code} has passed. Sign in to see what is open."
    ),
    Template.ALREADY_ACCEPTED: (
        "Nothing was changed: {code} is accepted already. To change that, sign in."
    ),
    Template.ALREADY_DECLINED: (
        "Nothing was changed: {code} is declined already. To change that, sign in."
    ),
    Template.ALREADY_WITHDRAWN: (
        "Nothing was changed: {code} was withdrawn. There is nothing more to do."
    ),
    Template.NOT_POSSIBLE: (
        "Nothing was changed: your answer to {code} cannot be taken now. Please sign in."
    ),
    Template.WRONG_CODE: (
        "Nothing was changed: that code is not open for you."
        " Check the code in our text and reply again, or sign in."
    ),
    Template.CODE_MISSING: (
        "Nothing was changed: the code is missing."
        " Reply ACCEPT or DECLINE and then the code from our text, or sign in."
    ),
    Template.ONE_CODE_EACH: (
        "Nothing was changed: that text has more than one code. Send one text for each, or sign in."
    ),
    Template.ONE_ANSWER_EACH: (
        "Nothing was changed: that could be yes or no."
        " Reply only ACCEPT {code}, or only DECLINE {code} and a reason number, or sign in."
    ),
    Template.NOT_UNDERSTOOD: (
        "Nothing was changed: we could not read that."
        " Reply ACCEPT or DECLINE and then the code from our text, or HELP, or sign in."
    ),
    Template.ARRIVED: "{code} is recorded as arrived, thank you. There is nothing more to do.",
    Template.ACCEPT_FIRST: (
        "Nothing was changed: {code} is not accepted yet. Reply ACCEPT {code} first, or sign in."
    ),
    Template.MAYBE: (
        "{code} stays open until {reply_by}. You will be rung about your question."
        " Then reply ACCEPT {code} or DECLINE {code}."
    ),
    Template.QUESTION_ASKED: (
        "{code} stays open until {reply_by}. Your question is asked; we text you when it has an"
        " answer. Then reply ACCEPT {code} or DECLINE {code}."
    ),
    Template.QUESTION_NUMBER: (
        "Nothing was changed: to ask, reply MAYBE {code} and a question number, one of {numbers}."
        " Sign in to see what the numbers mean."
    ),
    Template.QUESTION_ONCE: (
        "Nothing was changed: you have asked your one question on {code}."
        " Reply ACCEPT {code} or DECLINE {code}, or sign in."
    ),
    Template.QUESTION_ANSWERED: "Your question on {code} has an answer. Sign in to read it.",
    Template.HELP: (
        "Send one: ACCEPT code. DECLINE code number. MAYBE code number. ARRIVED code. B 3 FREE."
        " B 3 VOID CLEAN 2D. COUNT. ALL OK. STOP ends texts. Or sign in."
    ),
    Template.BED_FREE: "B {bed} is free and checked now, thank you. There is nothing more to do.",
    Template.BED_OUT: "B {bed} is out of use. When it is back, reply B {bed} FREE, or sign in.",
    Template.BED_OUT_UNTIL: (
        "B {bed} is out of use until {until}. If it is back sooner, reply B {bed} FREE, or sign in."
    ),
    Template.BED_TAKEN: (
        "Nothing was changed: B {bed} is held or in use. To change that, sign in."
    ),
    Template.BED_UNKNOWN: (
        "Nothing was changed: there is no B {bed}. Your beds: {beds}."
        " Reply with one of these, or sign in."
    ),
    Template.BED_CLOSED: (
        "Nothing was changed: B {bed} is not open at this time. To open it, sign in."
    ),
    Template.BED_MISSING: (
        "Nothing was changed: which bed? Reply B, its number, then FREE, or VOID and why."
        " Like B 3 FREE. Or sign in."
    ),
    Template.BED_UNCLEAR: (
        "Nothing was changed: we could not read that. Reply only B {bed} FREE,"
        " or B {bed} VOID CLEAN 2D, or sign in."
    ),
    Template.ONE_BED_EACH: (
        "Nothing was changed: that text has more than one bed. Send one text for each, or sign in."
    ),
    Template.VOID_REASON: (
        "Nothing was changed: why? Reply B {bed} VOID and one of {words}. Add 2D for 2 days."
    ),
    Template.VOID_UNTIL: (
        "Nothing was changed: until when? Reply like B {bed} VOID CLEAN 2D,"
        " or with UNTIL FRIDAY or UNTIL 3 DEC, or sign in."
    ),
    Template.COUNT: (
        "Free: {free}. Held: {held}. In use: {taken}. Out of use: {out}."
        " If that is right, reply ALL OK. If not, reply like B 3 FREE, or sign in."
    ),
    Template.COUNTS_KEPT: "Thank you: checked now with {free} free. There is nothing more to do.",
    Template.COUNT_DIFFERS: (
        "Nothing was changed: we show {free} free. If that is right, reply ALL OK."
        " If not, reply for each like B 3 FREE or B 3 VOID CLEAN, or sign in."
    ),
    Template.CHECK_BEDS: (
        "Please check your beds: we show {free} free. If that is right, reply ALL OK."
        " If not, reply like B 3 FREE, or sign in."
    ),
    Template.CONFIRM_BY_SIGNING_IN: (
        "Not done yet: this number is new. Sign in to confirm your answer to {code}."
    ),
    Template.NUMBER_REPLACED: (
        "This number is being replaced by a new one. If nobody of yours asked for that,"
        " sign in and keep this one, or ring the desk now."
    ),
    Template.NUMBER_ADDED: (
        "This number is new for bed requests. For 24 hours each answer from it"
        " is confirmed by signing in."
    ),
    Template.ESCALATED: (
        "{ref} needs the {manager}: its time has passed. Ring the desk now, or sign in."
    ),
}

# A value of any other shape never gets into a text, whatever is asked for.
SHAPES: Mapping[str, re.Pattern[str]] = {
    "code": re.compile(r"[0-9A-Z]{5,8}"),
    "reply_by": re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]"),
    "numbers": re.compile(r"[0-9]{1,2}(-[0-9]{1,2})?(, [0-9]{1,2}(-[0-9]{1,2})?){0,4}"),
    "bed": re.compile(r"[1-9][0-9]{0,2}"),
    "beds": re.compile(r"[1-9][0-9]{0,2}(-[0-9]{1,3})?(, [1-9][0-9]{0,2}(-[0-9]{1,3})?){0,6}"),
    "until": re.compile(r"[1-9][0-9]? [A-Z][a-z]{2,3} ([01][0-9]|2[0-3]):[0-5][0-9]"),
    "ref": re.compile(r"R-[0-9A-Z]{7}"),
    "manager": re.compile(r"(duty|regional) manager"),
    "words": re.compile(r"[A-Z]{3,8}(, [A-Z]{3,8}){0,9}"),
    **dict.fromkeys(("free", "held", "taken", "out"), re.compile(r"[0-9]{1,3}")),
}
_NAME = re.compile(r"\{([a-z_]+)\}")


def names_in(template: Template) -> frozenset[str]:
    """The variables that a template needs, no more and no fewer."""
    return frozenset(_NAME.findall(TEXTS[template]))


def check(template: Template, variables: Mapping[str, str]) -> None:
    """Raises ValueError unless ``variables`` are exactly the template's, each of its shape."""
    if set(variables) != names_in(template):
        raise ValueError(
            f"{template.value} takes {sorted(names_in(template))}, not {sorted(variables)}"
        )
    for name, value in variables.items():
        if not SHAPES[name].fullmatch(value):
            raise ValueError(f"{template.value}: {name} has the wrong shape")


def render(template: Template, variables: Mapping[str, str]) -> str:
    """The body as it goes out: one segment of GSM-7.

    Raises:
        ValueError: a variable is missing, not wanted, or of the wrong shape.
    """
    check(template, variables)
    return TEXTS[template].format(**variables)


def until_text(at: datetime) -> str:
    """A moment as texts say it, "3 Dec 09:30"; ``at`` is in the zone to be shown."""
    return f"{at.day} {at:%b %H:%M}"


def number_list(numbers: list[int]) -> str:
    """``[1, 2, 3, 5]`` as "1-3, 5"."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
