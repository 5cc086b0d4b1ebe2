"""The people of requests as the desk reads them: in words, by clock, with what has come of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select

from app.actors import Actor
from app.db import db
from app.models.beds import Refuge
from app.models.placements import Placement, PlacementState
from app.models.reference import (
    District,
    Feature,
    Language,
    Reason,
    ReasonKind,
    Region,
    Urgency,
)
from app.models.referrals import London, Needs, Referral, ReferralLink
from app.policy import visible_referrals
from app.services import claims
from app.services.claims import Taken
from app.services.desk_clocks import ClockShown, clocks_shown
from app.services.follow import people


@dataclass(frozen=True, kw_only=True)
class Tie:
    """Another open request that she must stay with or be kept apart from."""

    kind: str
    ref: str


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who waits, in words. ``region`` is all that is said of where she is now.

    ``lives_at`` is the house of a woman who is to move to another one, and keeps her bed meanwhile.
    Houses that ``said_no``, that were ``silent`` and that ``she_declined`` are counted apart.
    """

    ref: str
    state: str
    urgency: str
    people: str
    needs: list[str]
    region: str
    submitted_at: datetime
    clock: ClockShown
    said_no: int
    silent: int
    she_declined: int
    taken: Taken | None
    ties: list[Tie]
    lives_at: str

    @property
    def turn(self) -> tuple[datetime, int, datetime]:
        """Whoever's clock runs out first; of two at one moment, or of none, the more urgent."""
        return self.clock.turn, Urgency(self.urgency).priority, self.submitted_at


def people_shown(by: Actor, *which: ColumnElement[bool]) -> dict[int, Person]:
    """The people of these requests by the request's id."""
    rows = db.session.execute(
        visible_referrals(by)
        .join(Needs, Needs.id == Referral.needs_id)
        .join(District, District.code == Needs.district_code)
        .join(Region, Region.code == District.region_code)
        .join(Language, Language.code == Needs.language_code)
        .with_only_columns(Referral, Needs, Region.name, Language.name)
        .where(*which)
    ).all()
    ids = [row[0].id for row in rows]
    asked = dict(db.session.execute(select(Feature.code, Feature.asked_as)).all())
    ties, ended, homes = _ties(ids), _ended(ids), _homes(ids)
    clocks = clocks_shown([row[0] for row in rows])
    now: datetime = db.session.execute(select(func.waymark_now())).scalar_one()
    taken = claims.of_requests(ids, by, now)
    return {
        referral.id: Person(
            ref=referral.ref,
            state=referral.state,
            urgency=referral.urgency,
            people=people(needs),
            needs=[*_needs_in_words(needs, asked), f"Speaks {language}"],
            region=region,
            submitted_at=referral.submitted_at,
            clock=clocks[referral.id],
            said_no=ended[referral.id, PlacementState.DECLINED],
            silent=ended[referral.id, PlacementState.LAPSED],
            she_declined=ended[referral.id, PlacementState.WITHDRAWN],
            taken=taken.get(referral.id),
            ties=ties[referral.id],
            lives_at=homes.get(referral.id, ""),
        )
        for referral, needs, region, language in rows
    }


LONDON_WISHES = {
    London.INSIDE_ONLY: "Only inside London",
    London.OUTSIDE_ONLY: "Only outside London",
    London.PREFERS_INSIDE: "Rather inside London",
    London.PREFERS_OUTSIDE: "Rather outside London",
}


def _needs_in_words(needs: Needs, asked: dict[str, str]) -> list[str]:
    words = [text for code, text in asked.items() if code in needs.essential]
    words += [f"Not: {text[:1].lower()}{text[1:]}" for code, text in asked.items()
              if code in needs.excludes]  # fmt: skip
    wish = LONDON_WISHES.get(London(needs.london))
    return [*words, *([wish] if wish else []), *(["Would share a bedroom"] * needs.may_share)]


def _ties(ids: list[int]) -> dict[int, list[Tie]]:
    one, other = Referral.__table__.alias("one"), Referral.__table__.alias("other")
    rows = db.session.execute(
        select(ReferralLink.kind, one.c.id, one.c.ref, other.c.id, other.c.ref)
        .join(one, one.c.id == ReferralLink.a_id)
        .join(other, other.c.id == ReferralLink.b_id)
        .where(
            or_(one.c.id.in_(ids), other.c.id.in_(ids)),
            one.c.closed_at.is_(None),
            other.c.closed_at.is_(None),
        )
        .order_by(one.c.id, other.c.id)
    ).all()
    found: dict[int, list[Tie]] = defaultdict(list)
    for kind, a, a_ref, b, b_ref in rows:
        found[a].append(Tie(kind=kind, ref=b_ref))
        found[b].append(Tie(kind=kind, ref=a_ref))
    return found


def _homes(ids: list[int]) -> dict[int, str]:
    rows = db.session.execute(
        select(Referral.id, Refuge.alias)
        .join(Placement, Placement.id == Referral.transfer_of_id)
        .join(Refuge, Refuge.id == Placement.refuge_id)
        .where(Referral.id.in_(ids), Placement.state == PlacementState.ARRIVED)
    )
    return {referral_id: alias for referral_id, alias in rows}  # noqa: C416 - a row is no pair


def _ended(ids: list[int]) -> Counter[tuple[int, str]]:
    """Offers of each that the house declined, that nobody answered, and that she declined."""
    she = select(Reason.code).where(Reason.kind == ReasonKind.DECLINED_BY_SURVIVOR)
    by_her = (Placement.state == PlacementState.WITHDRAWN) & Placement.reason_code.in_(she)
    by_others = Placement.state.in_((PlacementState.DECLINED, PlacementState.LAPSED))
    rows = db.session.execute(
        select(Placement.referral_id, Placement.state, func.count())
        .where(Placement.referral_id.in_(ids), or_(by_her, by_others))
        .group_by(Placement.referral_id, Placement.state)
    )
    return Counter({(referral_id, state): count for referral_id, state, count in rows})
