"""The audit trail's one way in: ``record()`` in the same transaction as the act or the look."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError, OperationalError

from app.actors import Actor
from app.db import db
from app.errors import Unrecorded
from app.models.events import Event
from app.models.placements import Placement

log = structlog.get_logger()
UNRECORDED = (
    "This could not be written down, and what is not written down is neither shown nor done."
    " Please try again in a moment."
)


class Fact(StrEnum):
    """What happened, in the past tense; ``*_viewed`` are looks at a person's record."""

    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGN_IN_ATTACKED = "sign_in_attacked"
    SIGN_INS_ENDED = "sign_ins_ended"
    PROVED = "proved"
    PROOF_REFUSED = "proof_refused"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    PASSKEY_DOUBTED = "passkey_doubted"
    AUTHENTICATOR_ADDED = "authenticator_added"
    AUTHENTICATOR_REMOVED = "authenticator_removed"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the word, not one
    INVITATION_MADE = "invitation_made"
    INVITATION_USED = "invitation_used"
    RECOVERY_STARTED = "recovery_started"
    ORGANISATION_CREATED = "organisation_created"
    USER_CREATED = "user_created"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    REFUGE_OPENED = "refuge_opened"
    ROOM_OPENED = "room_opened"
    CONTACT_ADDED = "contact_added"
    CONTACT_STOPPED = "contact_stopped"
    CONTACT_STARTED = "contact_started"
    NUMBER_CHANGED = "number_changed"
    NUMBER_KEPT = "number_kept"
    FUND_ADDED = "fund_added"
    BEDS_CONFIRMED = "beds_confirmed"
    ROOM_CONFIRMED = "room_confirmed"
    BEDS_ASKED_FOR = "beds_asked_for"
    TURNAROUND_SET = "turnaround_set"
    WINDOW_OPENED = "window_opened"
    WINDOW_CLOSED = "window_closed"
    VOID_PLANNED = "void_planned"
    VOID_STARTED = "void_started"
    VOID_ENDED = "void_ended"
    REFERRAL_MADE = "referral_made"
    REFERRAL_VIEWED = "referral_viewed"
    REFERRALS_LISTED = "referrals_listed"
    REFERRAL_WITHDRAWN = "referral_withdrawn"
    REFERRAL_REOPENED = "referral_reopened"
    REFERRAL_PAUSED = "referral_paused"
    REFERRAL_RESUMED = "referral_resumed"
    REFERRAL_UNMET = "referral_unmet"
    PERSON_HANDED_ON = "person_handed_on"
    PLAN_MADE = "plan_made"
    PLAN_EXPLAINED = "plan_explained"
    PLAN_VIEWED = "plan_viewed"
    PRICES_MADE = "prices_made"
    OFFER_MADE = "offer_made"
    HOUSE_ASKED_AS_WELL = "house_asked_as_well"
    QUESTION_ASKED = "question_asked"
    QUESTION_ANSWERED = "question_answered"
    SHE_DECLINED = "she_declined"
    OFFER_VIEWED = "offer_viewed"
    OFFER_ACCEPTED = "offer_accepted"
    OFFER_DECLINED = "offer_declined"
    OFFER_LAPSED = "offer_lapsed"
    OFFER_WITHDRAWN = "offer_withdrawn"
    SET_OUT = "set_out"
    HOLD_RENEWED = "hold_renewed"
    ARRIVED = "arrived"
    NOT_ARRIVED = "not_arrived"
    ROOM_CHANGED = "room_changed"
    TRANSFER_ASKED = "transfer_asked"
    TRANSFER_CANCELLED = "transfer_cancelled"
    DEPARTURE_EXPECTED = "departure_expected"
    DEPARTED = "departed"
    STAY_VIEWED = "stay_viewed"
    RECOVERY_EXTENDED = "recovery_extended"
    DECISIONS_DATED = "decisions_dated"
    SUPPORT_RECORDED = "support_recorded"
    STAY_EXTENDED = "stay_extended"
    MOVE_PLANNED = "move_planned"
    FORECAST_VIEWED = "forecast_viewed"
    PRE_ALERT_RECORDED = "pre_alert_recorded"
    PRE_ALERT_VIEWED = "pre_alert_viewed"
    PRE_ALERT_REHEARSED = "pre_alert_rehearsed"
    PRE_ALERT_ARRIVED = "pre_alert_arrived"
    PRE_ALERT_EXPIRED = "pre_alert_expired"
    PRE_ALERT_CANCELLED = "pre_alert_cancelled"
    TEXT_RECEIVED = "text_received"
    TASK_OPENED = "task_opened"
    TASK_DONE = "task_done"
    CLAIMED = "claimed"
    CLAIM_TAKEN_OVER = "claim_taken_over"
    CLAIM_LET_GO = "claim_let_go"
    CLAIM_PASSED_OVER = "claim_passed_over"
    DECLINE_DOUBTED = "decline_doubted"
    DECLINE_REVIEWED = "decline_reviewed"
    NEXT_NUMBER_ASKED = "next_number_asked"
    ROTA_SLOT_ADDED = "rota_slot_added"
    ROTA_SLOT_ENDED = "rota_slot_ended"
    ESCALATED = "escalated"
    MANAGER_ADDED = "manager_added"
    MANAGER_ENDED = "manager_ended"
    CALL_BACK_ASKED = "call_back_asked"
    CALLED_BACK = "called_back"
    CONTROL_ROOM_SET = "control_room_set"
    CLOCK_SHIFTED = "clock_shifted"
    REFERRAL_REFUSED = "referral_refused"
    TRAIL_VIEWED = "trail_viewed"
    TRAIL_CHECKED = "trail_checked"
    HEAD_ANCHORED = "head_anchored"
    HONEY_SEEN = "honey_seen"
    PEOPLE_KEPT_OUT = "people_kept_out"
    RULES_VIEWED = "rules_viewed"
    RULE_ADDED = "rule_added"
    RULE_ENDED = "rule_ended"
    GLASS_ASKED = "glass_asked"
    GLASS_APPROVED = "glass_approved"
    IDENTITY_VIEWED = "identity_viewed"
    REFERRAL_PURGED = "referral_purged"
    OLD_RECORDS_PURGED = "old_records_purged"
    LEGAL_HOLD_PLACED = "legal_hold_placed"
    LEGAL_HOLD_LIFT_ASKED = "legal_hold_lift_asked"
    LEGAL_HOLD_LIFTED = "legal_hold_lifted"
    ACCESS_ASKED = "access_asked"
    ACCESS_APPROVED = "access_approved"
    ACCESS_TAKEN = "access_taken"
    FIELD_KEYS_ROTATED = "field_keys_rotated"


def record(
    fact: Fact,
    *,
    by: Actor,
    referral_id: int | None = None,
    placement_id: int | None = None,
    refuge_id: int | None = None,
    room_id: int | None = None,
    subject_user_id: int | None = None,
    run_id: UUID | None = None,
    detail: dict[str, object] | None = None,
) -> Event:
    """Append one row to the audit trail. ``detail`` holds ids, codes and counts, never values.

    Raises:
        Unrecorded: the trail took no row. Nothing of the act is kept and nothing may be shown.
    """
    db.session.flush()  # what else waits to be written fails by its own name, not by the trail's
    event = Event(
        kind=fact.value,
        actor_role=by.role,
        actor_user_id=by.user_id,
        actor_contact_id=by.contact_id,
        referral_id=referral_id,
        placement_id=placement_id,
        refuge_id=refuge_id,
        room_id=room_id,
        subject_user_id=subject_user_id,
        run_id=run_id,
        detail=detail or {},
    )
    db.session.add(event)
    try:
        db.session.flush()
    except OperationalError:
        raise
    except DBAPIError as error:
        log.error("trail_took_no_row", sqlstate=getattr(error.orig, "sqlstate", None))
        raise Unrecorded(UNRECORDED) from None
    return event


def record_stay(fact: Fact, placement: Placement, *, by: Actor, **detail: object) -> Event:
    """Append one row about an offer or the stay that came of it, as ``record`` does."""
    return record(
        fact,
        by=by,
        referral_id=placement.referral_id,
        placement_id=placement.id,
        refuge_id=placement.refuge_id,
        room_id=placement.room_id,
        detail=detail,
    )
