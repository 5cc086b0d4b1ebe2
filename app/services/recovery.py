"""Her minimum right to recover, and the days of decisions. Never a limit, never a count-down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select

from app.actors import REFUGE, Actor
from app.db import db, transaction
from app.errors import Invalid, NotFound
from app.events import Fact, record_stay
from app.london import london_day
from app.models.care import Identification, Recovery, RecoveryExtension
from app.models.placements import Placement, PlacementState
from app.models.reference import Reason, ReasonKind, RecoveryRule
from app.policy import only_for, visible_placements
from app.services.asked import DecisionDays, LongerRecovery
from app.services.choices import check_reason
from app.services.locks import GONE

LONGEST = timedelta(days=731)
TWENTY_YEARS = timedelta(days=7305)


@dataclass(frozen=True, kw_only=True)
class RecoveryShown:
    """The rule of her first day, and the last day that is hers by right at least.

    ``because`` holds the reasons of the extensions, oldest first; none: the rule's own length.
    """

    days: int
    starts_on: date
    at_least_until: date
    rule: str
    source: str
    because: list[str]


def extend_recovery(public_id: UUID, longer: LongerRecovery, *, by: Actor) -> None:
    """Write down a longer minimum and why; a shorter one cannot be written down.

    Raises:
        NotFound: nobody of this stay lives in this house.
        Invalid: no such reason, or not a later day.
    """
    only_for(by, *REFUGE)
    with transaction(by=by) as now:
        placement = lives_here(public_id, by)
        shown = recovery_of(placement)
        if shown is None:
            raise Invalid("No law is known that says how long she has. There is nothing to extend.")
        if longer.until <= shown.at_least_until:
            raise Invalid(
                "Choose a later day: what she has already is never made shorter.", field="until"
            )
        if longer.until > london_day(now) + LONGEST:
            raise Invalid("Choose a day in the next two years.", field="until")
        check_reason(
            longer.extension_reason, ReasonKind.RECOVERY_EXTENSION, field="extension_reason"
        )
        db.session.add(
            RecoveryExtension(
                placement_id=placement.id,
                refuge_id=placement.refuge_id,
                until_day=longer.until,
                reason_code=longer.extension_reason,
                recorded_by_id=by.user_id,
            )
        )
        record_stay(Fact.RECOVERY_EXTENDED, placement, by=by, reason=longer.extension_reason)


def date_decisions(public_id: UUID, days: DecisionDays, *, by: Actor) -> None:
    """Write down on which days the two decisions came. Safety: never what they said.

    Raises:
        NotFound: nobody of this stay lives in this house.
        Invalid: a day that is still to come, or the second before the first.
    """
    only_for(by, *REFUGE)
    with transaction(by=by) as now:
        placement = lives_here(public_id, by)
        today = london_day(now)
        for name in ("reasonable_on", "conclusive_on"):
            day = getattr(days, name)
            if day is not None and not today - TWENTY_YEARS <= day <= today:
                raise Invalid("Choose the day on which it came, not one to come.", field=name)
        first, last = days.reasonable_on, days.conclusive_on
        if first is not None and last is not None and last < first:
            raise Invalid(
                "The second decision cannot come before the first.", field="conclusive_on"
            )
        db.session.merge(
            Identification(
                placement_id=placement.id,
                refuge_id=placement.refuge_id,
                reasonable_on=first,
                conclusive_on=last,
                changed_at=now,
                changed_by_id=by.user_id,
            )
        )
        record_stay(
            Fact.DECISIONS_DATED, placement, by=by, first=first is not None, second=last is not None
        )


# Steps that other use cases share; each runs inside the caller's transaction.


def lives_here(public_id: UUID, by: Actor) -> Placement:
    """The stay, locked, of a woman who lives in the house of ``by``.

    Raises:
        NotFound: there is no such stay, or she does not live there.
    """
    placement = db.session.scalar(
        visible_placements(by)
        .where(Placement.public_id == public_id, Placement.state == PlacementState.ARRIVED)
        .with_for_update()
    )
    if placement is None:
        raise NotFound(GONE)
    return placement


def recovery_of(placement: Placement) -> RecoveryShown | None:
    """Her minimum as it stands; None where no law is known for the day and the place."""
    row = db.session.execute(
        select(Recovery, RecoveryRule)
        .join(RecoveryRule, RecoveryRule.id == Recovery.rule_id)
        .where(Recovery.placement_id == placement.id)
    ).first()
    if row is None:
        return None
    frozen, rule = row
    extensions = db.session.execute(
        select(RecoveryExtension.until_day, Reason.text)
        .join(Reason, Reason.code == RecoveryExtension.reason_code)
        .where(RecoveryExtension.placement_id == placement.id)
        .order_by(RecoveryExtension.until_day)
    ).all()
    return RecoveryShown(
        days=frozen.days,
        starts_on=frozen.starts_on,
        at_least_until=max([frozen.at_least_until, *(day for day, _ in extensions)]),
        rule=rule.text,
        source=rule.source,
        because=[text for _, text in extensions],
    )


def decisions_of(placement: Placement) -> DecisionDays:
    """The days of the decisions, as far as they are known."""
    row = db.session.get(Identification, placement.id)
    if row is None:
        return DecisionDays()
    return DecisionDays(reasonable_on=row.reasonable_on, conclusive_on=row.conclusive_on)
