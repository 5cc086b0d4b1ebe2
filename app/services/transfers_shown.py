"""What a house and the desk read of a move to another house that is under way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select

from app.actors import Actor, Role
from app.authz import Stage, disclose
from app.db import as_waymark, db
from app.fields import open_field
from app.models.beds import Refuge
from app.models.placements import Placement
from app.models.reference import Feature, ReasonKind
from app.models.referrals import PROMISED, Needs, Referral
from app.services.choices import Choice, reason_choices, reason_text
from app.services.matching import rooms_that_fit
from app.services.standing import newest_placement
from app.services.transfers import NOT_THERE_YET, SAFETY, open_transfer_of


@dataclass(frozen=True, kw_only=True)
class TransferShown:
    """A move that is under way: its own request, and the house that has promised her a room.

    Safety: where the reason is her safety, the house she leaves is told nothing of the next one:
    whoever found her there may still be near. The desk then arranges the journey.
    """

    ref: str = ""
    state: str
    reason: str
    is_for_safety: bool
    asked_at: datetime
    alias: str = ""
    duty_line: str = ""
    handover_point: str = ""


@dataclass(frozen=True, kw_only=True)
class MoveHouse:
    """The move of a woman who lives in a house: the open one, or what the form for one lists.

    ``needs`` are the codes of what she needs now; ``rooms`` the free rooms of the house she lives
    in that she could have, for those who may give her another one.
    """

    open: TransferShown | None
    reasons: list[Choice]
    end_reasons: list[Choice]
    features: list[Choice]
    needs: list[str] = field(default_factory=list)
    rooms: list[Choice] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class MovesFrom:
    """Of a request that is such a move: the stay that she keeps until she is there."""

    ref: str
    alias: str
    duty_line: str
    reason: str


def move_house(
    placement: Placement, referral: Referral, stage: Stage, by: Actor, now: datetime
) -> MoveHouse:
    """A step of the caller's transaction, which has asked whose stay this is."""
    features = select(Feature.code, Feature.asked_as).where(Feature.is_on_form)
    needs = db.session.get_one(Needs, referral.needs_id)
    return MoveHouse(
        open=_open(placement, stage, by),
        reasons=reason_choices(ReasonKind.TRANSFER),
        end_reasons=reason_choices(ReasonKind.TRANSFER_ENDED),
        features=[
            (row[0], row[1]) for row in db.session.execute(features.order_by(Feature.position))
        ],
        needs=needs.essential,
        rooms=rooms_that_fit(placement, referral, now, by),
    )


def _open(placement: Placement, stage: Stage, by: Actor) -> TransferShown | None:
    with as_waymark():  # the next house is not this house's to read, but for how to reach it
        moving = open_transfer_of(placement.id)
        if moving is None:
            return None
        promise = newest_placement(moving) if moving.state in PROMISED else None
        is_for_safety = moving.transfer_reason == SAFETY
        is_told = by.role is Role.COORDINATOR or not is_for_safety
        house = db.session.get_one(Refuge, promise.refuge_id) if promise and is_told else None
        return disclose(
            TransferShown,
            stage,
            ref=lambda: moving.ref,
            state=lambda: moving.state,
            reason=lambda: reason_text(moving.transfer_reason),
            is_for_safety=lambda: is_for_safety,
            asked_at=lambda: moving.submitted_at,
            alias=lambda: house.alias if house else "",
            duty_line=lambda: house.duty_line if house else "",
            handover_point=lambda: open_field(house, "handover_point") if house else "",
        )


def moves_from(referral: Referral) -> MovesFrom | None:
    """Where she lives until she has moved; None for any other request, and once she has."""
    if referral.transfer_of_id is None or referral.state not in NOT_THERE_YET:
        return None
    home = db.session.execute(
        select(Referral.ref, Refuge.alias, Refuge.duty_line)
        .select_from(Placement)
        .join(Referral, Referral.id == Placement.referral_id)
        .join(Refuge, Refuge.id == Placement.refuge_id)
        .where(Placement.id == referral.transfer_of_id)
    ).one_or_none()
    if home is None:
        return None
    return MovesFrom(
        ref=home.ref,
        alias=home.alias,
        duty_line=home.duty_line,
        reason=reason_text(referral.transfer_reason),
    )
