"""Passkeys (WebAuthn level 2): a question kept here, answered once by a key that proves its user.

The key itself checks finger, face or PIN, and that it talks to this very site: that is two factors,
and nothing that a person could be talked into telling somebody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn
from urllib.parse import urlsplit
from uuid import UUID

import webauthn
from sqlalchemy import delete, select, update
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from app.actors import PASSKEY_ONLY, SYSTEM, Actor
from app.db import db, transaction
from app.errors import Invalid, NotAllowed, NotFound
from app.events import Fact, record
from app.models.accounts import How, User
from app.models.factors import Challenge, Passkey, Purpose
from app.services.factors import refuse_to_change_factors
from app.services.sign_ins import renew, start

ANSWER_WITHIN = timedelta(minutes=5)
WAIT_MS = int(ANSWER_WITHIN.total_seconds() * 1000)
MOST_PASSKEYS = 10
REFUSED = "That passkey was not accepted. Try once more, or sign in another way."
NOT_ADDED = "That passkey could not be added. Try once more, or use another device."
LAST_ONE = "This is your only passkey, and your role signs in with nothing else. Add another first."
# What the library raises over an answer that is wrong, and over one that is no answer at all.
UNREADABLE = (WebAuthnException, ValueError, KeyError, TypeError, RecursionError)
VERIFIED = UserVerificationRequirement.REQUIRED


@dataclass(frozen=True)
class Site:
    """Where passkeys are bound to: a host name, and the address pages are opened at."""

    host: str
    origin: str

    @classmethod
    def of(cls, public_url: str) -> Site:
        """The site of PUBLIC_URL. Passkeys know no bare addresses: 127.0.0.1 is localhost."""
        parts = urlsplit(public_url)
        host = "localhost" if parts.hostname == "127.0.0.1" else parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
        return cls(host, f"{parts.scheme}://{host}{port}")


@dataclass(frozen=True)
class Question:
    """What the browser passes to the passkey; its session keeps the ``challenge_id``."""

    challenge_id: UUID
    options: str


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
        own = _credentials(by)
        if len(own) >= MOST_PASSKEYS:
            raise Invalid("You have ten passkeys. Remove one first.", field="credential")
        user = db.session.get_one(User, by.user_id)
        challenge = _ask(Purpose.ADD, by, now)
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
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in own],
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
    value = _answered(challenge_id, Purpose.ADD, by)
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
        count = len(_credentials(by))
        passkey = Passkey(
            user_id=by.user_id,
            credential_id=made.credential_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            label=label or f"Passkey {count + 1}",
        )
        db.session.add(passkey)
        db.session.flush()
        detail: dict[str, object] = {"passkey": passkey.id}
        record(Fact.PASSKEY_ADDED, by=by, subject_user_id=by.user_id, detail=detail)
        return renew(by, now, how=How.PASSKEY), count == 0


def ask_to_sign_in(site: Site) -> Question:
    """Options for anybody: the device says whose passkey it has."""
    with transaction(by=SYSTEM) as now:
        challenge = _ask(Purpose.SIGN_IN, SYSTEM, now)
    return _request(site, challenge, [])


def ask_to_prove(site: Site, *, by: Actor) -> Question:
    """Options for this person's own passkeys alone."""
    with transaction(by=SYSTEM) as now:
        challenge = _ask(Purpose.PROVE, by, now)
        own = _credentials(by)
    return _request(site, challenge, own)


def sign_in(credential: str, *, challenge_id: UUID | None, site: Site) -> str:
    """The token of a new sign-in, which has proved who it is.

    Raises:
        NotAllowed: the answer is wrong, late, of nobody known, or of somebody stopped.
    """
    value = _answered(challenge_id, Purpose.SIGN_IN, SYSTEM)
    passkey, user = _named(credential)
    _verify(credential, passkey, value, site)
    with transaction(by=user.as_actor()) as now:
        return start(user, How.PASSKEY, now)


def prove(credential: str, *, challenge_id: UUID | None, site: Site, by: Actor) -> str:
    """A fresh proof; the sign-in goes on under the token that comes back.

    Raises:
        NotAllowed: the answer is wrong, late, or of another person's passkey.
    """
    value = _answered(challenge_id, Purpose.PROVE, by)
    passkey, user = _named(credential)
    if user.id != by.user_id:
        raise NotAllowed(REFUSED)
    _verify(credential, passkey, value, site)
    with transaction(by=by) as now:
        return renew(by, now)


def list_passkeys(*, by: Actor) -> list[PasskeyShown]:
    """The person's own, oldest first."""
    with transaction(by=by):
        rows = db.session.scalars(
            select(Passkey)
            .where(Passkey.user_id == by.user_id, Passkey.ended_at.is_(None))
            .order_by(Passkey.id)
        ).all()
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
        rows = db.session.scalars(
            select(Passkey)
            .where(Passkey.user_id == by.user_id, Passkey.ended_at.is_(None))
            .order_by(Passkey.id)
            .with_for_update()
        ).all()
        found = next((row for row in rows if row.public_id == public_id), None)
        if found is None:
            raise NotFound("We cannot find that passkey.")
        if len(rows) == 1 and by.role in PASSKEY_ONLY:
            raise NotAllowed(LAST_ONE)
        found.ended_at = now
        detail: dict[str, object] = {"passkey": found.id}
        record(Fact.PASSKEY_REMOVED, by=by, subject_user_id=by.user_id, detail=detail)


def _credentials(by: Actor) -> list[bytes]:
    return list(
        db.session.scalars(
            select(Passkey.credential_id)
            .where(Passkey.user_id == by.user_id, Passkey.ended_at.is_(None))
            .order_by(Passkey.id)
        )
    )


def _request(site: Site, challenge: Challenge, own: list[bytes]) -> Question:
    options = webauthn.generate_authentication_options(
        rp_id=site.host,
        challenge=challenge.value,
        timeout=WAIT_MS,
        allow_credentials=[PublicKeyCredentialDescriptor(id=each) for each in own],
        user_verification=VERIFIED,
    )
    return Question(challenge.id, webauthn.options_to_json(options))


def _ask(purpose: Purpose, by: Actor, now: datetime) -> Challenge:
    db.session.execute(delete(Challenge).where(Challenge.made_at < now - ANSWER_WITHIN))
    challenge = Challenge(
        value=webauthn.helpers.generate_challenge(), purpose=purpose, user_id=by.user_id
    )
    db.session.add(challenge)
    db.session.flush()
    return challenge


def _answered(challenge_id: UUID | None, purpose: Purpose, by: Actor) -> bytes | None:
    """What was asked, once, and only of this person and purpose; kept even if the answer fails."""
    with transaction(by=SYSTEM) as now:
        return db.session.scalar(
            update(Challenge)
            .where(
                Challenge.id == challenge_id,
                Challenge.purpose == purpose,
                Challenge.user_id.is_not_distinct_from(by.user_id),
                Challenge.used_at.is_(None),
                Challenge.made_at > now - ANSWER_WITHIN,
            )
            .values(used_at=now)
            .returning(Challenge.value)
        )


def _named(credential: str) -> tuple[Passkey, User]:
    """The passkey that an answer says it comes from, and whose it is; not believed yet."""
    try:
        said = parse_authentication_credential_json(credential)
    except UNREADABLE:
        raise NotAllowed(REFUSED) from None
    with transaction(by=SYSTEM):
        row = db.session.execute(
            select(Passkey, User)
            .join(User, User.id == Passkey.user_id)
            .where(Passkey.credential_id == said.raw_id, Passkey.ended_at.is_(None), User.is_active)
        ).first()
    if row is None:
        raise NotAllowed(REFUSED)
    handle = said.response.user_handle
    if handle is not None and handle != row[1].public_id.bytes:
        raise NotAllowed(REFUSED)
    return row[0], row[1]


def _verify(credential: str, passkey: Passkey, value: bytes | None, site: Site) -> None:
    """Check the answer and move the key's sign count on.

    Raises:
        NotAllowed: it is wrong; or the count went back, so that somebody has a copy of this key.
    """
    if value is None:
        raise NotAllowed(REFUSED)
    try:
        found = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=value,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,  # compared in the database, once for all workers
            require_user_verification=True,
        )
    except UNREADABLE:
        _refuse(Fact.SIGN_IN_REFUSED, passkey)
    if not _count(passkey, found.new_sign_count):
        _refuse(Fact.PASSKEY_DOUBTED, passkey)


def _count(passkey: Passkey, new_count: int) -> bool:
    """Whether the count went on. Keys that do not count say 0 for ever."""
    goes_on = (Passkey.sign_count < new_count) | (Passkey.sign_count + new_count == 0)
    with transaction(by=SYSTEM) as now:
        counted = db.session.scalar(
            update(Passkey)
            .where(Passkey.id == passkey.id, Passkey.ended_at.is_(None), goes_on)
            .values(sign_count=new_count, last_used_at=now)
            .returning(Passkey.id)
        )
    return counted is not None


def _refuse(fact: Fact, passkey: Passkey) -> NoReturn:
    with transaction(by=SYSTEM):
        detail: dict[str, object] = {"passkey": passkey.id}
        record(fact, by=SYSTEM, subject_user_id=passkey.user_id, detail=detail)
    raise NotAllowed(REFUSED)
