"""One's own passkeys: added, listed and removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import webauthn
from webauthn.helpers.structs import AuthenticatorSelectionCriteria, ResidentKeyRequirement
from webauthn.registration.verify_registration_response import VerifiedRegistration

from app.actors import PASSKEY_ONLY, SYSTEM, Actor
from app.db import db, transaction
from app.errors import Invalid, NotAllowed, NotFound
from app.events import Fact
from app.models.accounts import How, User
from app.models.factors import Passkey, Purpose
from app.services.factors import refuse_to_change_factors
from app.services.passkeys import (
    UNREADABLE,
    VERIFIED,
    WAIT_MS,
    Question,
    Site,
    answered,
    credentials_of,
    make_challenge,
    note,
    passkeys_of,
)
from app.services.sign_ins import renew

MOST_PASSKEYS = 10
NOT_ADDED = "That passkey could not be added. Try once more, or use another device."
LAST_ONE = "This is your only passkey, and your role signs in with nothing else. Add another first."


@dataclass(frozen=True, kw_only=True)
class PasskeyShown:
    """One passkey in its owner's list."""

    public_id: UUID
    label: str
    created_at: datetime
    last_used_at: datetime | None


def ask_to_add(site: Site, *, by: Actor) -> Question:
    """Options to make a passkey that the device keeps, so that no e-mail address is ever typed.

    Raises:
        ProofNeeded: somebody with a second factor must prove with it first.
        Invalid: there are enough.
    """
    with transaction(by=SYSTEM) as now:  # a question is nobody's row but Waymark's
        refuse_to_change_factors(by, now)
        own = credentials_of(by)
        if len(own) >= MOST_PASSKEYS:
            raise Invalid("You have ten passkeys. Remove one first.", field="credential")
        user = db.session.get_one(User, by.user_id)
        challenge = make_challenge(Purpose.ADD, by, now)
    options = webauthn.generate_registration_options(
        rp_id=site.host,
        rp_name="Waymark",
        user_id=user.public_id.bytes,
        user_name=user.email,
        user_display_name=user.name,
        challenge=challenge.value,
        timeout=WAIT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=VERIFIED
        ),
        exclude_credentials=own,
    )
    return Question(challenge.id, webauthn.options_to_json(options))


def add(
    credential: str, label: str, *, challenge_id: UUID | None, site: Site, by: Actor
) -> tuple[str, bool]:
    """Keep the new passkey. The sign-in's next token, and whether it is the person's first.

    Raises:
        Invalid: the answer is wrong, late, or not to this browser's question.
        ProofNeeded: somebody with a second factor must prove with it first.
        Conflict: it is registered already.
    """
    value = answered(challenge_id, Purpose.ADD, by)
    if value is None:
        raise Invalid(NOT_ADDED, field="credential")
    try:
        made: VerifiedRegistration = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=value,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except UNREADABLE:
        raise Invalid(NOT_ADDED, field="credential") from None
    with transaction(by=by) as now:
        refuse_to_change_factors(by, now)
        count = len(credentials_of(by))
        passkey = Passkey(
            user_id=by.user_id,
            credential_id=made.credential_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            label=label or f"Passkey {count + 1}",
        )
        db.session.add(passkey)
        db.session.flush()
        note(Fact.PASSKEY_ADDED, passkey, by)
        return renew(by, now, how=How.PASSKEY), count == 0


def list_passkeys(*, by: Actor) -> list[PasskeyShown]:
    """The person's own, oldest first."""
    with transaction(by=by):
        rows = db.session.scalars(passkeys_of(by)).all()
        return [
            PasskeyShown(
                public_id=row.public_id,
                label=row.label,
                created_at=row.created_at,
                last_used_at=row.last_used_at,
            )
            for row in rows
        ]


def remove(public_id: UUID, *, by: Actor) -> None:
    """It signs nobody in any more.

    Raises:
        ProofNeeded: not before a fresh proof.
        NotFound: no such passkey of this person.
        NotAllowed: the last one of somebody whose role needs one.
    """
    with transaction(by=by) as now:
        refuse_to_change_factors(by, now)
        rows = db.session.scalars(passkeys_of(by).with_for_update()).all()
        found = next((row for row in rows if row.public_id == public_id), None)
        if found is None:
            raise NotFound("We cannot find that passkey.")
        if len(rows) == 1 and by.role in PASSKEY_ONLY:
            raise NotAllowed(LAST_ONE)
        found.ended_at = now
        note(Fact.PASSKEY_REMOVED, found, by)
