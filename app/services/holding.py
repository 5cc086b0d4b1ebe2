"""Asking a house for a room: with the room held for her, or as one more house beside that one."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range

from app.actors import Actor
from app.codes import CODE_LETTERS
from app.db import db
from app.errors import NotFound
from app.events import Fact, record_stay
from app.fields import seal
from app.models.beds import Bed, BedKind, BedUse, Room
from app.models.placements import Placement, PlacementState
from app.models.referrals import Referral, ReferralState
from app.services.dated import policy_of
from app.services.locks import GONE, which_placement
from app.services.telling import owe_offer

# Steps of one transaction: the request is locked already, and where beds are taken, they are too.


@dataclass(frozen=True, kw_only=True)
class Override:
    """A choice against the plan: its reason, the note, and what it costs the others.

    ``cost`` is in words, as the person was shown it; ``loss`` the figures behind it. Where
    ``is_cost_known`` is false the person could not wait for it.
    """

    reason: str
    note: str
    cost: str
    loss: dict[str, int]
    is_cost_known: bool

    def detail(self) -> dict[str, object]:
        """What the audit trail keeps."""
        known: dict[str, object] = {"cost_known": self.is_cost_known, "loss": self.loss}
        return {"override": self.reason, "cost": self.cost, **known}


def hold_room(
    referral: Referral,
    room: Room,
    beds: list[Bed],
    *,
    size: tuple[int, int],
    by: Actor,
    now: datetime,
    run_id: UUID | None,
    override: Override | None = None,
) -> Placement:
    """Offer ``room`` to its refuge for ``referral``; both are locked already, ``beds`` too.

    ``size`` is (bed spaces, cots) she needs; ``override`` says why, when a person chose otherwise
    than the plan. The exclusion constraint stands behind every line of this.
    """
    placement = _ask(referral, room, PlacementState.OFFERED, size=size, by=by, now=now)
    placement.run_id = run_id
    if override is not None:
        placement.override_reason, placement.override_cost = override.reason, override.cost
        seal(placement, override_note=override.note)
    db.session.add(placement)
    db.session.flush()
    keep_beds(placement, beds)
    referral.move(ReferralState.OFFERED, at=now)
    record_stay(Fact.OFFER_MADE, placement, by=by, **(override.detail() if override else {}))
    owe_offer(placement)
    return placement


def enquire(
    referral: Referral, room: Room, *, size: tuple[int, int], by: Actor, now: datetime, cost: str
) -> Placement:
    """Ask one more house whether it would take her, so that a silent one costs no time.

    Nothing is held. ``cost`` is what the person had read that this room costs the others.
    """
    placement = _ask(referral, room, PlacementState.ENQUIRED, size=size, by=by, now=now)
    placement.override_cost = cost
    db.session.add(placement)
    db.session.flush()
    record_stay(Fact.HOUSE_ASKED_AS_WELL, placement, by=by, cost=cost)
    owe_offer(placement)
    return placement


def _ask(
    referral: Referral,
    room: Room,
    state: PlacementState,
    *,
    size: tuple[int, int],
    by: Actor,
    now: datetime,
) -> Placement:
    return Placement(
        referral_id=referral.id,
        refuge_id=room.refuge_id,
        room_id=room.id,
        bed_spaces=size[0],
        cots=size[1],
        state=state,
        during=Range(now, None),
        offer_code="".join(secrets.choice(CODE_LETTERS) for _ in range(6)),
        offered_at=now,
        offer_expires_at=now + timedelta(minutes=policy_of(referral).reply_minutes),
        decided_by_id=by.user_id,
    )


def keep_beds(placement: Placement, beds: list[Bed]) -> None:
    """These beds are hers for as long as the placement lives."""
    for bed in sorted(beds, key=lambda bed: bed.id):
        db.session.add(
            BedUse(
                bed_id=bed.id,
                refuge_id=bed.refuge_id,
                placement_id=placement.id,
                live=True,
                during=placement.during,
            )
        )
    db.session.flush()


def beds_for(room: Room, free: list[Bed], size: tuple[int, int]) -> list[Bed] | None:
    """All of a private room, just what she needs of a shared one; None if too few are free."""
    beds = [bed for bed in free if bed.kind == BedKind.BED]
    cots = [bed for bed in free if bed.kind == BedKind.COT]
    if len(beds) < size[0] or len(cots) < size[1]:
        return None
    if room.is_shared:
        return beds[: size[0]] + cots[: size[1]]
    whole = len(beds) == room.bed_spaces and len(cots) == room.cots
    return beds + cots if whole else None


def state_of(by: Actor, public_id: UUID | None, code: str) -> PlacementState:
    """Where an offer stands before it is locked.

    Raises:
        NotFound: there is no such offer for ``by``.
    """
    found = db.session.scalar(
        which_placement(by, public_id, code).with_only_columns(Placement.state)
    )
    if found is None:
        raise NotFound(GONE)
    return PlacementState(found)
