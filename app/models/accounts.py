"""Organisations, the people in them, and their sign-ins."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.actors import Actor, Role
from app.db import Base
from app.models.columns import BigId, Created, PublicId, Word, one_of


class OrganisationKind(StrEnum):
    """What an organisation does here."""

    FORCE = "force"
    CHARITY = "charity"
    COORDINATION = "coordination"


class Organisation(Base):
    """A police force, a charity that runs refuges, or the coordinating desk."""

    __tablename__ = "organisation"
    __table_args__ = (
        one_of("kind", OrganisationKind),
        CheckConstraint("(kind = 'force') = (force_code IS NOT NULL)", name="force_has_code"),
    )
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    kind: Mapped[OrganisationKind] = mapped_column(Word)
    name: Mapped[str] = mapped_column(Text, unique=True)
    force_code: Mapped[str | None] = mapped_column(ForeignKey("police_force.code"), unique=True)
    created_at: Mapped[Created]


class User(Base):
    """A person who may sign in. Refuge staff belong to exactly one refuge of their charity."""

    __tablename__ = "user_account"
    __table_args__ = (
        one_of("role", Role),
        ForeignKeyConstraint(
            ["refuge_id", "organisation_id"], ["refuge.id", "refuge.organisation_id"]
        ),
        CheckConstraint(
            "(role IN ('refuge_worker', 'refuge_manager')) = (refuge_id IS NOT NULL)",
            name="refuge_staff_have_refuge",
        ),
        CheckConstraint("role <> 'system'", name="no_system_user"),
        CheckConstraint("(force_issuer IS NULL) = (force_subject IS NULL)", name="force_login"),
        UniqueConstraint("force_issuer", "force_subject"),
        Index("uq_user_account_email", text("lower(email)"), unique=True,
              info={"conflict": "Somebody already signs in with that e-mail address."}),
    )  # fmt: skip
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    refuge_id: Mapped[int | None] = mapped_column(BigInteger)
    role: Mapped[Role] = mapped_column(Word)
    name: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str | None] = mapped_column(Text)
    # Who this is to the force's own sign-in, from the first time on: addresses are given anew.
    force_issuer: Mapped[str | None] = mapped_column(Text)
    force_subject: Mapped[str | None] = mapped_column(Text)
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[Created]

    def as_actor(self) -> Actor:
        """The frozen view of this person that services act for."""
        return Actor(
            role=Role(self.role),
            user_id=self.id,
            organisation_id=self.organisation_id,
            refuge_id=self.refuge_id,
            name=self.name,
        )


class How(StrEnum):
    """What somebody signed in with; ``code`` is a password with an authenticator app's code."""

    PASSKEY = "passkey"
    CODE = "code"
    PASSWORD = "password"  # noqa: S105 - the word, not one
    INVITATION = "invitation"
    FORCE = "force"
    DEMO = "demo"


class SignIn(Base):
    """One signed-in browser. Only a hash of its token is kept; ending the row ends the session."""

    __tablename__ = "sign_in"
    __table_args__ = (
        UniqueConstraint("token_sha256"),
        one_of("how", How),
        CheckConstraint("last_seen_at <= started_at + interval '12 hours'", name="longest"),
    )
    id: Mapped[BigId]
    public_id: Mapped[PublicId]
    how: Mapped[How] = mapped_column(Word)
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    started_at: Mapped[Created]
    last_seen_at: Mapped[Created]
    proved_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
