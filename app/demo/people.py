"""The invented people who can be signed in as, and the organisations they belong to."""

from __future__ import annotations

from dataclasses import dataclass

from app.actors import Role
from app.demo.plans import ForcePlan
from app.demo.world import DEMO_FORCE

MAIL = "demo.waymark.example"  # .example is nobody's, by RFC 2606; this domain signs in by one tap
FORCE_MAIL = "forces.waymark.example"  # nobody signs in as these
DESK = "Bed desk (demonstration)"
SHORT_NAME_FORCE = "{} (demonstration)"


@dataclass(frozen=True, kw_only=True)
class PersonPlan:
    """Somebody invented. ``force`` or ``refuge`` (an alias) says where they work, if anywhere."""

    email: str
    name: str
    role: Role
    force: str = ""
    refuge: str = ""


OFFICER = PersonPlan(email=f"officer@{MAIL}", name="PC Amara", role=Role.OFFICER, force=DEMO_FORCE)
COORDINATOR = PersonPlan(email=f"coordinator@{MAIL}", name="Dee Example", role=Role.COORDINATOR)
WORKER = PersonPlan(
    email=f"worker@{MAIL}", name="Bea Example", role=Role.REFUGE_WORKER, refuge="Rowan House"
)
MANAGER = PersonPlan(
    email=f"manager@{MAIL}", name="Chloe Example", role=Role.REFUGE_MANAGER, refuge="Cedar House"
)
CAST = (
    OFFICER,
    COORDINATOR,
    WORKER,
    MANAGER,
    PersonPlan(email=f"charity@{MAIL}", name="Ella Example", role=Role.CHARITY_MANAGER),
    PersonPlan(
        email=f"supervisor@{MAIL}",
        name="Farah Example",
        role=Role.FORCE_SUPERVISOR,
        force=DEMO_FORCE,
    ),
    PersonPlan(email=f"administrator@{MAIL}", name="Gwen Example", role=Role.ADMINISTRATOR),
    PersonPlan(email=f"protection@{MAIL}", name="Hana Example", role=Role.DATA_PROTECTION_LEAD),
)
# Has left; planted records stand in this name.
LEAVER = PersonPlan(
    email=f"leaver@{FORCE_MAIL}", name="PC Ines Example", role=Role.OFFICER, force=DEMO_FORCE
)


def force_name(force: ForcePlan) -> str:
    """What a force is called here; the word in brackets says that it sent nothing."""
    return SHORT_NAME_FORCE.format(force.name)


def officer_of(force: ForcePlan, *, mail: str = FORCE_MAIL) -> PersonPlan:
    """The one officer who stands for a whole force in the synthetic world."""
    if force.code == DEMO_FORCE:
        return OFFICER
    return PersonPlan(
        email=f"officer.{force.code}@{mail}",
        name=f"PC Example of {force.name}",
        role=Role.OFFICER,
        force=force.code,
    )


def worker_of(alias: str) -> PersonPlan:
    """Somebody who answers for a house on the web, in the replay."""
    name = alias.lower().replace(" ", "-")
    return PersonPlan(
        email=f"{name}@{MAIL}",
        name=f"Worker of {alias}",
        role=Role.REFUGE_WORKER,
        refuge=alias,
    )
