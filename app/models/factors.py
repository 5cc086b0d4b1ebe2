"""What people prove with: passkeys, authenticator apps, codes that invite, and tries that wait."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.columns import BigId, Created, PublicId, RandomId, Sealed, Word, one_of


class Purpose(StrEnum):
    """What a passkey is asked for; an answer to one question never serves for another."""

    SIGN_IN = "sign_in"
    PROVE = "prove"
    ADD = "add"


class Passkey(Base):
    """A WebAuthn credential. Only its public half is here: nobody can sign in with this row."""

    __tablename__ = "passkey"
    __table_args__ = (
        CheckConstraint("sign_count >= 0", name="sign_count"),
        CheckConstraint("length(label) BETWEEN 1 AND 40", name="label"),
    )
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(
        LargeBinary, unique=True, info={"conflict": "That passkey is registered here already."}
    )
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    label: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Created]
    last_used_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class Challenge(Base):
    """A question put to a passkey: answered once, within minutes, by the browser it was put to."""

    __tablename__ = "challenge"
    __table_args__ = (one_of("purpose", Purpose),)
    id: Mapped[RandomId]
    value: Mapped[bytes] = mapped_column(LargeBinary)
    purpose: Mapped[Purpose] = mapped_column(Word)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[Created] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class Totp(Base):
    """An authenticator app's shared secret, sealed. It counts once a first code has confirmed it.

    ``last_step`` is the newest 30-second step whose code was taken: none is taken twice.
    """

    __tablename__ = "totp"
    __table_args__ = (
        Index("one_live_totp", "user_id", unique=True,
              postgresql_where=text("confirmed_at IS NOT NULL AND ended_at IS NULL")),
        CheckConstraint("(ended_at IS NULL) = (secret_sealed IS NOT NULL)", name="wiped"),
    )  # fmt: skip
    id: Mapped[BigId]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    key_id: Mapped[UUID | None]
    secret_sealed: Mapped[Sealed | None]
    last_step: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    created_at: Mapped[Created]
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class Invitation(Base):
    """A code that lets one person in once, to choose what they sign in with. Only its hash is kept.

    ``made_by_id`` is empty where the service's operator made it at the command line.
    """

    __tablename__ = "invitation"
    id: Mapped[BigId]
    code_sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    is_recovery: Mapped[bool]
    made_at: Mapped[Created]
    ended_at: Mapped[datetime | None]


class SignInTry(Base):
    """How often somebody has guessed, and when the next guess is heard. Its key names nobody."""

    __tablename__ = "sign_in_try"
    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    next_at: Mapped[Created]
    last_at: Mapped[Created] = mapped_column(index=True)
