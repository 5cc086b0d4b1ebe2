"""How the invented houses of a week behave on their phones: quick, late, confused, silent, gone.

A persona decides when and what a house answers, and which texts it sends on the way there.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from app.codes import CODE_LETTERS
from app.demo.answers import Answer, Reply, answer_of
from app.services.reference import read_rows

NUMBER_OF = {row["code"]: row["text_number"] for row in read_rows("reasons.csv")}
PLAIN_REASON = "room_not_right"  # where the reason drawn has no number for a text
ANSWERS_WITHIN = 0.75  # of the time to answer: who is in time is well in time
LATE_MINUTES = 12
LATE_SHARE, DECLINE_SHARE = 0.6, 0.6


class Persona(StrEnum):
    """One for each house of the week; the value stands in the table."""

    QUICK = "answers by text within two minutes"
    TWO_DOORS = "answers on the web, then again by text"
    DECLINER = "often declines by text, forgets the number first"
    NOISE = "dictates, sends nonsense and emoji before the answer"
    TWO_PHONES = "two phones answer, sometimes each its own way"
    SILENT = "never answers"
    LATE = "often answers when the time has passed"
    MIXED_CODES = "types a wrong code and another house's first"
    STOPS = "texts STOP to the first offer, START half a day later"
    DEAD_PHONE = "has a phone that is off: the desk rings the duty line"


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text that a house sends; ``phone`` counts the phones of the house from 0."""

    body: str
    phone: int = 0


@dataclass(frozen=True, kw_only=True)
class Web:
    """Somebody of the house signs in and answers on the offer's page."""


Step = Text | Web


@dataclass(frozen=True, kw_only=True)
class Personas:
    """Which house is which: usable as the ``answering`` of a story."""

    of_house: Mapping[str, Persona]

    def __call__(
        self, seed: int, /, *, woman: str, refuge: str, attempt: int, reply_minutes: int
    ) -> Answer:
        drawn = answer_of(
            seed, woman=woman, refuge=refuge, attempt=attempt, reply_minutes=reply_minutes
        )
        persona = self.of_house[refuge]
        lot = random.Random(f"waymark/{seed}/persona/{woman}/{refuge}/{attempt}").random()
        if persona is Persona.SILENT:
            return replace(drawn, reply=Reply.SILENCE)
        if persona is Persona.LATE and lot < LATE_SHARE:
            return replace(drawn, reply=Reply.SILENCE, minutes=reply_minutes + LATE_MINUTES)
        in_time = max(1, min(drawn.minutes, int(ANSWERS_WITHIN * reply_minutes)))
        if persona is Persona.QUICK:
            in_time = 1 + round(lot)
        declines = drawn.reply is Reply.DECLINE
        if persona is Persona.DECLINER:
            declines = lot < DECLINE_SHARE
        numbered = drawn.reason if NUMBER_OF.get(drawn.reason) else PLAIN_REASON
        return Answer(
            reply=Reply.DECLINE if declines else Reply.ACCEPT,
            minutes=in_time,
            by_text=persona is not Persona.DEAD_PHONE,
            reason=numbered if declines else "",
        )


def steps(persona: Persona, code: str, other_code: str, answer: Answer) -> list[Step]:
    """What the house does to give this answer, in order; the first that is valid counts.

    ``other_code`` is of another house's open offer, empty when there is none.
    """
    return list(_WAYS[persona](code, other_code, answer))


def plain(code: str, answer: Answer) -> Text:
    """The answer as the offer asks for it."""
    if answer.reply is Reply.ACCEPT:
        return Text(body=f"ACCEPT {code}")
    return Text(body=f"DECLINE {code} {NUMBER_OF[answer.reason]}")


def _quick(code: str, _: str, answer: Answer) -> list[Step]:
    return [Text(body=plain(code, answer).body.lower() + " thanks")]


def _two_doors(code: str, _: str, answer: Answer) -> list[Step]:
    return [Web(), plain(code, answer)]


def _decliner(code: str, _: str, answer: Answer) -> list[Step]:
    if answer.reply is Reply.ACCEPT:
        return [Text(body=f"Yes {code[:3]} {code[3:]}")]
    number = NUMBER_OF[answer.reason]
    return [
        Text(body=f"DECLINE {code}"),
        Text(body=f"no sorry {code[:3]}-{code[3:]} number {number}"),
    ]


def _noise(code: str, _: str, answer: Answer) -> list[Step]:
    return [
        Text(body="um hello is this the bed people I am in the car comma new line"),
        Text(body="\N{THUMBS UP SIGN}\N{THUMBS UP SIGN}\N{HOUSE BUILDING}"),
        plain(code.lower(), answer),
    ]


def _two_phones(code: str, _: str, answer: Answer) -> list[Step]:
    """The second phone agrees on some days and on others it does not: the first text counts."""
    agrees = code[0] < "J"
    if agrees:
        second = plain(code, answer).body
    elif answer.reply is Reply.ACCEPT:
        second = f"DECLINE {code} {NUMBER_OF[PLAIN_REASON]}"
    else:
        second = f"ACCEPT {code}"
    return [plain(code, answer), Text(body=second, phone=1)]


def _mixed_codes(code: str, other_code: str, answer: Answer) -> list[Step]:
    wrong = code[:-1] + next(letter for letter in CODE_LETTERS if letter != code[-1])
    first: list[Step] = [Text(body=f"ACCEPT {wrong}")]
    if other_code:
        first.append(Text(body=f"ACCEPT {other_code}"))
    return [*first, plain(code, answer)]


def _plainly(code: str, _: str, answer: Answer) -> list[Step]:
    return [plain(code, answer)]


_WAYS: Mapping[Persona, Callable[[str, str, Answer], list[Step]]] = {
    Persona.QUICK: _quick,
    Persona.TWO_DOORS: _two_doors,
    Persona.DECLINER: _decliner,
    Persona.NOISE: _noise,
    Persona.TWO_PHONES: _two_phones,
    Persona.SILENT: _plainly,
    Persona.LATE: _plainly,
    Persona.MIXED_CODES: _mixed_codes,
    Persona.STOPS: _plainly,
    Persona.DEAD_PHONE: _plainly,
}
