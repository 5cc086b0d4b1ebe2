"""Who may see what: every query for a thing starts from ``visible_...(by)``. Deny by default."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, exists, false, select, true

from app.actors import REFUGE, Actor, Role
from app.models.accounts import User
from app.models.beds import Refuge, Room
from app.models.messages import Task
from app.models.placements import Placement, PlacementState
from app.models.pre_alerts import PreAlert
from app.models.referrals import Referral

# Where a refuge sees a woman's needs: while it is asked, and while she is theirs.
ASKED_OR_HERS = (PlacementState.OFFERED, PlacementState.ACCEPTED, PlacementState.ARRIVED)


def visible_referrals(by: Actor) -> Select[Referral]:
    """Officers see their own, supervisors their force's, refuges those they are asked about.

    What was purged is nobody's to see.
    """
    return select(Referral).where(_referral_rule(by), Referral.purged_at.is_(None))


def _referral_rule(by: Actor) -> ColumnElement[bool]:
    if by.role is Role.OFFICER:
        return Referral.officer_id == by.user_id
    if by.role is Role.FORCE_SUPERVISOR:
        return Referral.force_id == by.organisation_id
    if by.role in REFUGE:
        return exists().where(
            Placement.referral_id == Referral.id,
            Placement.refuge_id == by.refuge_id,
            Placement.state.in_(ASKED_OR_HERS),
        )
    if by.role in (Role.COORDINATOR, Role.SYSTEM):
        return true()
    return false()


def visible_placements(by: Actor) -> Select[Placement]:
    """Refuge staff see their own house's; police those of their own requests; the desk all."""
    if by.role in REFUGE:
        return select(Placement).where(Placement.refuge_id == by.refuge_id)
    if by.role in (Role.COORDINATOR, Role.SYSTEM):
        return select(Placement)
    if by.role in (Role.OFFICER, Role.FORCE_SUPERVISOR):
        own = select(Referral.id).where(_referral_rule(by))
        return select(Placement).where(Placement.referral_id.in_(own))
    return select(Placement).where(false())


def visible_refuges(by: Actor) -> Select[Refuge]:
    """Refuge staff see their own house, charity managers their charity's, the desk all."""
    if by.role in REFUGE:
        return select(Refuge).where(Refuge.id == by.refuge_id)
    if by.role is Role.CHARITY_MANAGER:
        return select(Refuge).where(Refuge.organisation_id == by.organisation_id)
    if by.role in (Role.COORDINATOR, Role.ADMINISTRATOR, Role.SYSTEM):
        return select(Refuge)
    return select(Refuge).where(false())


def visible_rooms(by: Actor) -> Select[Room]:
    """Rooms of the houses one may see; administrators see no beds."""
    if by.role is Role.ADMINISTRATOR:
        return select(Room).where(false())
    return select(Room).where(Room.refuge_id.in_(visible_refuges(by).with_only_columns(Refuge.id)))


def visible_users(by: Actor) -> Select[User]:
    """Administrators see accounts, and nothing else of the service."""
    if by.role in (Role.ADMINISTRATOR, Role.SYSTEM):
        return select(User)
    return select(User).where(User.id == by.user_id)


def visible_tasks(by: Actor) -> Select[Task]:
    """What needs a person is the desk's."""
    return select(Task).where(true() if by.role in (Role.COORDINATOR, Role.SYSTEM) else false())


def visible_pre_alerts(by: Actor) -> Select[PreAlert]:
    """What the desk was told in confidence: no force and no house reads of an operation."""
    return select(PreAlert).where(true() if by.role in (Role.COORDINATOR, Role.SYSTEM) else false())
