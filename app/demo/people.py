"""The invented people who can be signed in as, and the organisations they belong to."""

from __future__ import annotations

from dataclasses import dataclass

from app.actors import Role
from app.demo.plans import ForcePlan
from app.demo.world import DEMO_FORCE

MAIL = "demo.waymark.example"  # .example is nobody's, by RFC 2606; this domain signs in by one tap
FORCE_MAIL = "forces.waymark.example"  # nobody signs in as these
COORDINATION = "Bed desk (demonstration)"


@dataclass(frozen=True, kw_only=True)
class PersonPlan:
    """Somebody invented. ``force`` or ``refuge`` (an alias) says where they work, if anywhere.

    ``shown`` gives their place on the demonstration's front page, 0 for none; ``does`` is what the
    page says of them.
    """

    email: str
    name: str
    role: Role
    force: str = ""
    refuge: str = ""
    shown: int = 0
    does: str = ""


CAST = (
    PersonPlan(
        email=f"officer@{MAIL}",
        name="PC Amara Example",
        role=Role.OFFICER,
        force=DEMO_FORCE,
        shown=1,
        does="Asks for a bed from a phone and follows what happens.",
    ),
    PersonPlan(
        email=f"coordinator@{MAIL}",
        name="Dee Example",
        role=Role.COORDINATOR,
        shown=2,
        does="Looks at the plan, then confirms it or chooses another bed.",
    ),
    PersonPlan(
        email=f"worker@{MAIL}",
        name="Bea Example",
        role=Role.REFUGE_WORKER,
        refuge="Rowan House",
        shown=3,
        does="Answers offers by text or here, and says who has arrived.",
    ),
    PersonPlan(
        email=f"refuge-manager@{MAIL}",
        name="Chloe Example",
        role=Role.REFUGE_MANAGER,
        refuge="Cedar House",
        shown=4,
        does="Runs one house: rooms, offers and stays.",
    ),
    PersonPlan(
        email=f"charity@{MAIL}",
        name="Ella Example",
        role=Role.CHARITY_MANAGER,
        shown=5,
        does="Sees beds, money, and who could not be placed and why.",
    ),
    PersonPlan(
        email=f"supervisor@{MAIL}",
        name="Sergeant Farah Example",
        role=Role.FORCE_SUPERVISOR,
        force=DEMO_FORCE,
        shown=6,
        does="Sees every request of the force.",
    ),
    PersonPlan(
        email=f"administrator@{MAIL}",
        name="Gwen Example",
        role=Role.ADMINISTRATOR,
        shown=7,
        does="Adds people and closes accounts. Sees no requests.",
    ),
)


def officer_of(force: ForcePlan) -> PersonPlan:
    """The one officer who stands for a whole force in the synthetic world."""
    if force.code == DEMO_FORCE:
        return CAST[0]
    return PersonPlan(
        email=f"officer.{force.code}@{FORCE_MAIL}",
        name=f"PC Example of {force.name}",
        role=Role.OFFICER,
        force=force.code,
    )
