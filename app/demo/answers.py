"""How the refuges of the synthetic world answer: when, by which way, and what."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from enum import StrEnum

from app.services.reference import calibration

EMERGENCY_REPLY_MINUTES = 20


class Reply(StrEnum):
    """What a refuge does with an offer."""

    ACCEPT = "accept"
    DECLINE = "decline"
    SILENCE = "silence"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """``minutes`` after the offer; ``reason`` is a code of ``reasons.csv`` when declined."""

    reply: Reply
    minutes: int
    by_text: bool
    reason: str = ""


def answer_of(seed: int, *, woman: str, refuge: str, attempt: int, reply_minutes: int) -> Answer:
    """The answer to one offer: the same whenever and in whatever order it is asked for.

    ``attempt`` counts the offers made for this woman, from 1. ``reply_minutes`` is how long the
    refuge has; the drawn time stretches with it, so an answer can also come too late.
    """
    rng = random.Random(f"waymark/{seed}/answer/{woman}/{refuge}/{attempt}")
    shares = calibration()["answers"]
    shape = shares["reply_minutes"]
    drawn = rng.lognormvariate(math.log(shape["median"]), shape["sigma"])
    minutes = max(1, round(drawn * reply_minutes / EMERGENCY_REPLY_MINUTES))
    by_text = rng.random() < shares["answers_by_text"]
    lot = rng.random()
    if lot < shares["refuge_does_not_answer"]:
        return Answer(reply=Reply.SILENCE, minutes=minutes, by_text=by_text)
    if lot < shares["refuge_does_not_answer"] + shares["refuge_says_no"]:
        reasons: dict[str, float] = shares["decline_reasons"]
        reason = rng.choices(list(reasons), list(reasons.values()))[0]
        return Answer(reply=Reply.DECLINE, minutes=minutes, by_text=by_text, reason=reason)
    return Answer(reply=Reply.ACCEPT, minutes=minutes, by_text=by_text)
