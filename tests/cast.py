"""The people of the tests: each story uses these, and Chloe must never see what is Bea's."""

from __future__ import annotations

from dataclasses import dataclass

from app.actors import SYSTEM, Actor, Role
from app.db import db, transaction
from app.models.accounts import Organisation, OrganisationKind, User
from app.models.beds import Refuge
from app.services.accounts import DEMO_DOMAIN
from tests.factories import make_refuge


@dataclass(frozen=True)
class Person:
    """Somebody who can sign in, and act in a service."""

    email: str
    actor: Actor


@dataclass(frozen=True)
class Cast:
    """Who there is, and the two houses: Rowan (London) is Bea's, Cedar (Wales) is Chloe's."""

    amara: Person  # officer of the Metropolitan Police
    bram: Person  # her colleague: must not see her requests
    sergeant: Person  # supervises Amara's force
    cora: Person  # officer of Greater Manchester Police
    bea: Person  # worker at Rowan
    rowan_manager: Person
    chloe: Person  # manager of Cedar: must see nothing of Rowan's
    dee: Person  # duty coordinator
    mara: Person  # charity manager of Rowan's and Cedar's charity
    olga: Person  # charity manager of another charity
    ada: Person  # administrator
    hana: Person  # data protection lead
    rowan_id: int
    cedar_id: int

    def everybody(self) -> dict[str, Person]:
        return {name: each for name, each in vars(self).items() if isinstance(each, Person)}


def invite_cast() -> Cast:
    """Make everybody; runs with the owner's rights."""
    with transaction(by=SYSTEM):
        met = _organisation("Metropolitan Police", OrganisationKind.FORCE, "metropolitan")
        gmp = _organisation("Greater Manchester", OrganisationKind.FORCE, "greater-manchester")
        desk = _organisation("The desk", OrganisationKind.COORDINATION)
        charity = _organisation("Harbour", OrganisationKind.CHARITY)
        other = _organisation("Lantern", OrganisationKind.CHARITY)
    rowan = make_refuge("Rowan", organisation_id=charity, region="E12000007", phone="+447700900101")
    cedar = make_refuge("Cedar", organisation_id=charity, region="W92000004", phone="+447700900102")
    with transaction(by=SYSTEM):
        people = {
            "amara": _user("amara", Role.OFFICER, met),
            "bram": _user("bram", Role.OFFICER, met),
            "sergeant": _user("sergeant", Role.FORCE_SUPERVISOR, met),
            "cora": _user("cora", Role.OFFICER, gmp),
            "bea": _user("bea", Role.REFUGE_WORKER, charity, rowan),
            "rowan_manager": _user("rowan.manager", Role.REFUGE_MANAGER, charity, rowan),
            "chloe": _user("chloe", Role.REFUGE_MANAGER, charity, cedar),
            "dee": _user("dee", Role.COORDINATOR, desk),
            "mara": _user("mara", Role.CHARITY_MANAGER, charity),
            "olga": _user("olga", Role.CHARITY_MANAGER, other),
            "ada": _user("ada", Role.ADMINISTRATOR, desk),
            "hana": _user("hana", Role.DATA_PROTECTION_LEAD, desk),
        }
    return Cast(**people, rowan_id=rowan.id, cedar_id=cedar.id)


def _organisation(name: str, kind: OrganisationKind, force_code: str | None = None) -> int:
    made = Organisation(name=name, kind=kind, force_code=force_code)
    db.session.add(made)
    db.session.flush()
    return made.id


def _user(word: str, role: Role, organisation_id: int, refuge: Refuge | None = None) -> Person:
    user = User(
        organisation_id=organisation_id,
        refuge_id=refuge.id if refuge else None,
        role=role,
        name=word.replace(".", " ").title(),
        email=word + DEMO_DOMAIN,
    )
    db.session.add(user)
    db.session.flush()
    return Person(user.email, user.as_actor())
