"""Declines worth a call: what does not fit what the house told us, by dated rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import insert

from app.actors import SYSTEM, Actor, Role
from app.db import db, transaction
from app.errors import NotFound
from app.events import Fact, record
from app.fields import open_fields, seal
from app.london import london_day
from app.models.accounts import User
from app.models.beds import Refuge, Room
from app.models.declines import DeclineReview, DeclineRule, DeclineRuleCode
from app.models.placements import Placement, PlacementState
from app.models.reference import Feature, Reason
from app.models.referrals import Needs, Referral
from app.policy import only_for
from app.services.dated import all_begun
from app.services.desk_rooms import rooms_shown

FULL = "full"
LONGEST_WINDOW = timedelta(days=28)
Key = tuple[DeclineRuleCode, int, str]


@dataclass(frozen=True, kw_only=True)
class ReviewShown:
    """One thing to ask a house about, or that was asked; ``about`` is the reason or the need."""

    public_id: UUID
    rule: str
    alias: str
    duty_line: str
    about: str
    declines: int
    what_to_do: str
    found_at: datetime
    seen_at: datetime | None
    seen_by: str
    outcome: str


@dataclass(frozen=True, kw_only=True)
class ReviewsPage:
    """What is to be asked, oldest first; what was seen in the last 28 days, newest first."""

    open: list[ReviewShown]
    seen: list[ReviewShown]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer of a house to an offer, within the longest window."""

    placement_id: int
    refuge_id: int
    room_size: tuple[int, int]
    is_no: bool
    reason: str
    at: datetime
    needs: list[str]


@dataclass(frozen=True, kw_only=True)
class Found:
    """Declines of one house that a rule is about, the newest last."""

    key: Key
    declines: list[Answer]


def find() -> int:
    """Put every house on the list whose declines a rule is about; how many are new.

    What somebody has seen to is not counted again: only declines after that are.
    """
    with transaction(by=SYSTEM) as now:
        answers = _answers(now)
        if not any(answer.is_no for answer in answers):
            return 0
        rules = _rules(now)
        seen = _last_seen()
        return sum(
            _keep(rules[found.key[0]], found)
            for found in (
                *_full_but_free(answers, rules, now),
                *_same_reason(answers, rules, seen, now),
                *_same_need(answers, rules, seen, now),
            )
        )


def _answers(now: datetime) -> list[Answer]:
    rows = db.session.execute(
        select(Placement, func.coalesce(Needs.essential, []))
        .join(Referral, Referral.id == Placement.referral_id)
        .outerjoin(Needs, Needs.id == Referral.needs_id)
        .where(Placement.answered_at > now - LONGEST_WINDOW)
        .order_by(Placement.answered_at, Placement.id)
    ).all()
    return [
        Answer(
            placement_id=placement.id,
            refuge_id=placement.refuge_id,
            room_size=(placement.bed_spaces, placement.cots),
            is_no=placement.state == PlacementState.DECLINED,
            reason=placement.reason_code or "",
            at=placement.answered_at,
            needs=list(needs),
        )
        for placement, needs in rows
        if placement.answered_at is not None
    ]


def _rules(now: datetime) -> dict[DeclineRuleCode, DeclineRule]:
    """The newest row of each rule that has begun."""
    return {DeclineRuleCode(rule.code): rule for rule in all_begun(DeclineRule, london_day(now))}


def _last_seen() -> dict[Key, datetime]:
    rows = db.session.execute(
        select(
            DeclineReview.rule,
            DeclineReview.refuge_id,
            DeclineReview.about,
            func.max(DeclineReview.seen_at),
        )
        .where(DeclineReview.seen_at.is_not(None))
        .group_by(DeclineReview.rule, DeclineReview.refuge_id, DeclineReview.about)
    )
    return {(DeclineRuleCode(rule), refuge, about): at for rule, refuge, about, at in rows if at}


def _full_but_free(
    answers: list[Answer], rules: dict[DeclineRuleCode, DeclineRule], now: datetime
) -> Iterator[Found]:
    code = DeclineRuleCode.FULL_BUT_FREE
    said = [
        answer
        for answer in answers
        if answer.is_no
        and answer.reason == FULL
        and code in rules
        and answer.at > now - timedelta(days=rules[code].window_days)
    ]
    if not said:
        return
    free = {room_id for room_id, room in rooms_shown(SYSTEM, now).items() if room.is_free}
    sizes: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for room in db.session.scalars(select(Room).where(Room.id.in_(free))):
        sizes[room.refuge_id].append((room.bed_spaces, room.cots))
    for answer in said:
        holds_her = any(
            beds >= answer.room_size[0] and cots >= answer.room_size[1]
            for beds, cots in sizes[answer.refuge_id]
        )
        if holds_her:
            yield Found(key=(code, answer.refuge_id, FULL), declines=[answer])


def _same_reason(
    answers: list[Answer],
    rules: dict[DeclineRuleCode, DeclineRule],
    seen: dict[Key, datetime],
    now: datetime,
) -> Iterator[Found]:
    code = DeclineRuleCode.SAME_REASON
    groups: dict[Key, list[Answer]] = defaultdict(list)
    for answer in answers:
        if answer.is_no:
            groups[code, answer.refuge_id, answer.reason].append(answer)
    for key, declines in groups.items():
        recent = _since(declines, key, rules, seen, now)
        if code in rules and len(recent) >= rules[code].at_least:
            yield Found(key=key, declines=recent)


def _same_need(
    answers: list[Answer],
    rules: dict[DeclineRuleCode, DeclineRule],
    seen: dict[Key, datetime],
    now: datetime,
) -> Iterator[Found]:
    """One yes is enough: the house does take women with this need."""
    code = DeclineRuleCode.SAME_NEED
    groups: dict[Key, list[Answer]] = defaultdict(list)
    for answer in answers:
        for need in answer.needs:
            groups[code, answer.refuge_id, need].append(answer)
    for key, answered in groups.items():
        recent = _since(answered, key, rules, seen, now)
        is_always_no = all(answer.is_no for answer in recent)
        if code in rules and is_always_no and len(recent) >= rules[code].at_least:
            yield Found(key=key, declines=recent)


def _since(
    answers: list[Answer],
    key: Key,
    rules: dict[DeclineRuleCode, DeclineRule],
    seen: dict[Key, datetime],
    now: datetime,
) -> list[Answer]:
    if key[0] not in rules:
        return []
    begins = now - timedelta(days=rules[key[0]].window_days)
    return [answer for answer in answers if answer.at > max(begins, seen.get(key, begins))]


def _keep(rule: DeclineRule, found: Found) -> bool:
    code, refuge_id, about = found.key
    newest = found.declines[-1]
    made = db.session.scalar(
        insert(DeclineReview)
        .values(
            rule=code,
            rule_from=rule.valid_from,
            refuge_id=refuge_id,
            about=about,
            placement_id=newest.placement_id,
            declines=len(found.declines),
        )
        .on_conflict_do_nothing()
        .returning(DeclineReview.id)
    )
    if made is not None:
        detail: dict[str, object] = {"rule": code.value, "about": about, "review_id": made}
        record(
            Fact.DECLINE_DOUBTED,
            by=SYSTEM,
            refuge_id=refuge_id,
            placement_id=newest.placement_id,
            detail=detail,
        )
    return made is not None


def count_open() -> int:
    """How many wait to be asked about: a step inside the desk's transaction."""
    found = select(func.count()).select_from(DeclineReview).where(DeclineReview.seen_at.is_(None))
    return db.session.scalar(found) or 0


def list_reviews(*, by: Actor) -> ReviewsPage:
    """What to ask houses about, with what to do."""
    only_for(by, Role.COORDINATOR)
    with transaction(by=by) as now:
        rows = db.session.execute(
            select(DeclineReview, DeclineRule.text, Refuge, User.name, _about_in_words())
            .join(DeclineRule, DeclineRule.code == DeclineReview.rule)
            .join(Refuge, Refuge.id == DeclineReview.refuge_id)
            .outerjoin(User, User.id == DeclineReview.seen_by_id)
            .where(DeclineRule.valid_from == DeclineReview.rule_from)
            .where(DeclineReview.seen_at.is_(None) | (DeclineReview.seen_at > now - LONGEST_WINDOW))
            .order_by(DeclineReview.found_at, DeclineReview.id)
        ).all()
        outcomes = open_fields([row[0] for row in rows], "outcome")
        shown = [
            ReviewShown(
                public_id=review.public_id,
                rule=review.rule,
                alias=refuge.alias,
                duty_line=refuge.duty_line,
                about=about,
                declines=review.declines,
                what_to_do=text,
                found_at=review.found_at,
                seen_at=review.seen_at,
                seen_by=name or "",
                outcome=outcome,
            )
            for (review, text, refuge, name, about), outcome in zip(rows, outcomes, strict=True)
        ]
        seen = [each for each in shown if each.seen_at is not None]
        return ReviewsPage(
            open=[each for each in shown if each.seen_at is None],
            seen=sorted(seen, key=lambda each: each.seen_at or now, reverse=True),
        )


def _about_in_words() -> ColumnElement[str]:
    reason = select(Reason.text).where(Reason.code == DeclineReview.about).scalar_subquery()
    need = select(Feature.asked_as).where(Feature.code == DeclineReview.about).scalar_subquery()
    return func.coalesce(need, reason, "")


def see(public_id: UUID, outcome: str, *, by: Actor) -> None:
    """Somebody has asked the house; ``outcome`` is what came of it. The first word stands.

    Raises:
        NotFound: no such thing to ask about.
    """
    only_for(by, Role.COORDINATOR)
    with transaction(by=by) as now:
        review = db.session.scalar(
            select(DeclineReview).where(DeclineReview.public_id == public_id).with_for_update()
        )
        if review is None:
            raise NotFound("We cannot find that decline.")
        if review.seen_at is not None:
            return
        review.seen_at, review.seen_by_id = now, by.user_id
        seal(review, outcome=outcome)
        record(
            Fact.DECLINE_REVIEWED,
            by=by,
            refuge_id=review.refuge_id,
            placement_id=review.placement_id,
            detail={"review_id": review.id, "rule": review.rule},
        )
