"""Who may see what: every query for a thing starts from ``visible_...(by)``. Deny by default."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, exists, false, func, or_, select, true

from app.actors import REFUGE, Actor, Role
from app.errors import NotAllowed
from app.models.access import AccessNotice, BreakGlass, RecordRule
from app.models.accounts import User
from app.models.beds import Refuge, Room
from app.models.enquiries import HouseQuestion
from app.models.events import Event
from app.models.messages import Task
from app.models.placements import OPEN, Placement, PlacementState
from app.models.pre_alerts import PreAlert
from app.models.referrals import Referral

# Where a refuge sees a woman's needs: while it is asked, and while she is theirs.
ASKED_OR_HERS = (*OPEN, PlacementState.ACCEPTED, PlacementState.ARRIVED)


def only_for(by: Actor, *roles: Role) -> None:
    """Raises NotAllowed unless ``by`` has one of ``roles``; Waymark itself only where named."""
    if by.role not in roles:
        raise NotAllowed("Your account may not do this.")


def visible_referrals(by: Actor) -> Select[Referral]:
    """Officers see their own, supervisors their force's, refuges those they are asked about.

    Nobody sees one whose list keeps them out, whatever else they may see; nobody what is purged.
    """
    is_there = Referral.purged_at.is_(None)
    return select(Referral).where(_referral_rule(by), is_there, _not_denied(Referral.id, by))


def _not_denied(referral_id: Any, by: Actor) -> ColumnElement[bool]:
    """The database itself knows the lists, because whom they name may not read them."""
    if by.role is Role.SYSTEM:
        return true()
    denied = func.denied_referrals().column_valued("denied")
    found: ColumnElement[bool] = ~referral_id.in_(select(denied))
    return found


def _referral_rule(by: Actor) -> ColumnElement[bool]:
    if by.role is Role.OFFICER:
        return (Referral.officer_id == by.user_id) & ~func.is_planted(Referral.id)
    if by.role is Role.FORCE_SUPERVISOR:
        return (Referral.force_id == by.organisation_id) & ~func.is_planted(Referral.id)
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
    return select(Placement).where(_placement_rule(by), _not_denied(Placement.referral_id, by))


def _placement_rule(by: Actor) -> ColumnElement[bool]:
    if by.role in REFUGE:
        return Placement.refuge_id == by.refuge_id
    if by.role in (Role.COORDINATOR, Role.SYSTEM):
        return true()
    if by.role in (Role.OFFICER, Role.FORCE_SUPERVISOR):
        return Placement.referral_id.in_(select(Referral.id).where(_referral_rule(by)))
    return false()


def visible_questions(by: Actor) -> Select[HouseQuestion]:
    """A house sees its own, the desk all; an officer those about a woman whom she asked for."""
    which: ColumnElement[bool] = false()
    if by.role in REFUGE:
        which = HouseQuestion.refuge_id == by.refuge_id
    elif by.role in (Role.COORDINATOR, Role.SYSTEM):
        which = true()
    elif by.role in (Role.OFFICER, Role.FORCE_SUPERVISOR):
        which = Referral.officer_id == by.user_id
    return (
        select(HouseQuestion)
        .join(Placement, Placement.id == HouseQuestion.placement_id)
        .join(Referral, Referral.id == Placement.referral_id)
        .where(which, _not_denied(Placement.referral_id, by))
    )


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
    """Administrators see accounts, and nothing else of the service; a house's manager her staff."""
    if by.role in (Role.ADMINISTRATOR, Role.COORDINATOR, Role.SYSTEM):
        return select(User)
    if by.role is Role.REFUGE_MANAGER:
        return select(User).where(User.refuge_id == by.refuge_id)
    return select(User).where(User.id == by.user_id)


def visible_colleagues(by: Actor) -> Select[User]:
    """Whom somebody may help back in: administrators anybody, a manager the people of the house."""
    if by.role is Role.REFUGE_MANAGER:
        return select(User).where(User.refuge_id == by.refuge_id)
    if by.role in (Role.ADMINISTRATOR, Role.SYSTEM):
        return select(User)
    return select(User).where(false())


def visible_tasks(by: Actor) -> Select[Task]:
    """What needs a person is the desk's."""
    is_desk = true() if by.role in (Role.COORDINATOR, Role.SYSTEM) else false()
    is_seen = or_(Task.referral_id.is_(None), _not_denied(Task.referral_id, by))
    return select(Task).where(is_desk, is_seen)


def visible_rules(by: Actor) -> Select[RecordRule]:
    """A record's list is the desk's and the manager's of her house; never whom it keeps out."""
    if by.role not in (Role.COORDINATOR, Role.REFUGE_MANAGER):
        return select(RecordRule).where(false())
    own = visible_referrals(by).with_only_columns(Referral.id)
    return select(RecordRule).where(RecordRule.referral_id.in_(own))


def visible_glass(by: Actor) -> Select[BreakGlass]:
    """One's own looks; all for those who may agree to one; and those one is told of."""
    told = select(AccessNotice.break_glass_id).where(AccessNotice.user_id == by.user_id)
    is_second = by.role in (Role.COORDINATOR, Role.DATA_PROTECTION_LEAD)
    mine = or_(BreakGlass.asked_by_id == by.user_id, BreakGlass.id.in_(told))
    which = true() if is_second else mine
    return select(BreakGlass).where(which, _not_denied(BreakGlass.referral_id, by))


def visible_pre_alerts(by: Actor) -> Select[PreAlert]:
    """What the desk was told in confidence: no force and no house reads of an operation."""
    return select(PreAlert).where(true() if by.role in (Role.COORDINATOR, Role.SYSTEM) else false())


def visible_events(by: Actor) -> Select[Event]:
    """The desk and the data protection lead read the whole trail, everybody else their own rows."""
    if by.role in (Role.COORDINATOR, Role.DATA_PROTECTION_LEAD, Role.SYSTEM):
        return select(Event)
    return select(Event).where(Event.actor_user_id == by.user_id)


def live_topic(by: Actor) -> str:
    """On whose changes this person's open pages look again; empty: they have no such page.

    Migration ``0021`` tells the same topics.
    """
    if by.role in REFUGE:
        return f"refuge:{by.refuge_id}"
    return {
        Role.COORDINATOR: "desk",
        Role.OFFICER: f"officer:{by.user_id}",
        Role.FORCE_SUPERVISOR: f"force:{by.organisation_id}",
    }.get(by.role, "")
