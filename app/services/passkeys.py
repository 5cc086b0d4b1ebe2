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
from sqlalchemy import Select, delete, select, update
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import PublicKeyCredentialDescriptor, UserVerificationRequirement

from app.actors import SYSTEM, Actor
from app.db import db, transaction
from app.errors import NotAllowed
from app.events import Fact, record
from app.models.accounts import How, User
from app.models.factors import Challenge, Passkey, Purpose
from app.services.sign_ins import renew, start

ANSWER_WITHIN = timedelta(minutes=5)
WAIT_MS = int(ANSWER_WITHIN.total_seconds() * 1000)
REFUSED = "That passkey was not accepted. Try once more, or sign in another way."
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


def ask_to_sign_in(site: Site) -> Question:
    """Options for anybody: the device says whose passkey it has."""
    with transaction(by=SYSTEM) as now:
        challenge = make_challenge(Purpose.SIGN_IN, SYSTEM, now)
    return _request(site, challenge, [])


def ask_to_prove(site: Site, *, by: Actor) -> Question:
    """Options for this person's own passkeys alone."""
    with transaction(by=SYSTEM) as now:
        challenge = make_challenge(Purpose.PROVE, by, now)
        own = credentials_of(by)
    return _request(site, challenge, own)


def sign_in(credential: str, *, challenge_id: UUID | None, site: Site) -> str:
    """The token of a new sign-in, which has proved who it is.

    Raises:
        NotAllowed: the answer is wrong, late, of nobody known, or of somebody stopped.
    """
    value = answered(challenge_id, Purpose.SIGN_IN, SYSTEM)
    passkey, user = _named(credential)
    _verify(credential, passkey, value, site)
    with transaction(by=user.as_actor()) as now:
        return start(user, How.PASSKEY, now)


def prove(credential: str, *, challenge_id: UUID | None, site: Site, by: Actor) -> str:
    """A fresh proof; the sign-in goes on under the token that comes back.

    Raises:
        NotAllowed: the answer is wrong, late, or of another person's passkey.
    """
    value = answered(challenge_id, Purpose.PROVE, by)
    passkey, user = _named(credential)
    if user.id != by.user_id:
        raise NotAllowed(REFUSED)
    _verify(credential, passkey, value, site)
    with transaction(by=by) as now:
        return renew(by, now)


def passkeys_of(by: Actor) -> Select[Passkey]:
    """The person's own that still sign in, oldest first."""
    return (
        select(Passkey)
        .where(Passkey.user_id == by.user_id, Passkey.ended_at.is_(None))
        .order_by(Passkey.id)
    )


def credentials_of(by: Actor) -> list[PublicKeyCredentialDescriptor]:
    """What a browser knows the person's own by; a step inside a transaction."""
    ids = db.session.scalars(passkeys_of(by).with_only_columns(Passkey.credential_id))
    return [PublicKeyCredentialDescriptor(id=each) for each in ids]


def _request(
    site: Site, challenge: Challenge, own: list[PublicKeyCredentialDescriptor]
) -> Question:
    options = webauthn.generate_authentication_options(
        rp_id=site.host,
        challenge=challenge.value,
        timeout=WAIT_MS,
        allow_credentials=own,
        user_verification=VERIFIED,
    )
    return Question(challenge.id, webauthn.options_to_json(options))


def make_challenge(purpose: Purpose, by: Actor, now: datetime) -> Challenge:
    """A question for this person and purpose; a step inside a transaction of SYSTEM."""
    db.session.execute(delete(Challenge).where(Challenge.made_at < now - ANSWER_WITHIN))
    challenge = Challenge(
        value=webauthn.helpers.generate_challenge(), purpose=purpose, user_id=by.user_id
    )
    db.session.add(challenge)
    db.session.flush()
    return challenge


def answered(challenge_id: UUID | None, purpose: Purpose, by: Actor) -> bytes | None:
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
        note(fact, passkey, SYSTEM)
    raise NotAllowed(REFUSED)


def note(fact: Fact, passkey: Passkey, by: Actor) -> None:
    """Add to its owner's history; a step inside a transaction."""
    detail: dict[str, object] = {"passkey": passkey.id}
    record(fact, by=by, subject_user_id=passkey.user_id, detail=detail)
