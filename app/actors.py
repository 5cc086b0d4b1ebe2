"""Who acts: a signed-in person, a refuge's phone, or Waymark itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a person is to the service; one role a person."""

    OFFICER = "officer"
    FORCE_SUPERVISOR = "force_supervisor"
    REFUGE_WORKER = "refuge_worker"
    REFUGE_MANAGER = "refuge_manager"
    COORDINATOR = "coordinator"
    CHARITY_MANAGER = "charity_manager"
    ADMINISTRATOR = "administrator"
    DATA_PROTECTION_LEAD = "data_protection_lead"
    SYSTEM = "system"


POLICE = (Role.OFFICER, Role.FORCE_SUPERVISOR)
# Whoever sees most, or may let others in, signs in with what cannot be phished.
PASSKEY_ONLY = (
    *(Role.COORDINATOR, Role.ADMINISTRATOR, Role.REFUGE_MANAGER, Role.DATA_PROTECTION_LEAD),
)
REFUGE = (Role.REFUGE_WORKER, Role.REFUGE_MANAGER)


@dataclass(frozen=True, kw_only=True)
class Actor:
    """The one who acts, as every service, policy and audit row sees them.

    ``refuge_id`` is set for refuge staff and for a refuge's phone, ``contact_id`` for a phone only.
    ``proved_at`` is when this sign-in last proved by a second factor who it is; None: not yet.
    ``is_set_up`` is False for a person who must first choose what to sign in with.
    """

    role: Role
    user_id: int | None = None
    organisation_id: int | None = None
    refuge_id: int | None = None
    contact_id: int | None = None
    name: str = ""
    sign_in_id: int | None = None
    proved_at: datetime | None = None
    is_set_up: bool = True

    def context(self) -> dict[str, str]:
        """What the database is told at the start of each transaction; empty means none."""
        return {
            "user_id": str(self.user_id or ""),
            "role": self.role.value,
            "organisation_id": str(self.organisation_id or ""),
            "refuge_id": str(self.refuge_id or ""),
        }


SYSTEM = Actor(role=Role.SYSTEM, name="Waymark")
