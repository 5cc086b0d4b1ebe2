"""Every text we send, as data: harmless to whoever reads it, one segment each."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    CONFIRM_BY_SIGNING_IN = "confirm_by_signing_in"
    NUMBER_REPLACED = "number_replaced"
    NUMBER_ADDED = "number_added"


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
        " Reply ACCEPT or DECLINE and then the code from our text, or sign in."
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
}

# A value of any other shape never gets into a text, whatever is asked for.
SHAPES: Mapping[str, re.Pattern[str]] = {
    "code": re.compile(r"[0-9A-Z]{5,8}"),
    "reply_by": re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]"),
    "numbers": re.compile(r"[0-9]{1,2}(-[0-9]{1,2})?(, [0-9]{1,2}(-[0-9]{1,2})?){0,4}"),
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


def number_list(numbers: list[int]) -> str:
    """``[1, 2, 3, 5]`` as "1-3, 5"."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
