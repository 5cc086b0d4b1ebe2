"""Puts the synthetic world's organisations, people, houses and money into an empty Waymark."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

from sqlalchemy import func, select

from app.actors import SYSTEM, Actor, Role
from app.db import db, transaction
from app.demo.people import CAST, DESK, FORCE_MAIL, LEAVER, PersonPlan, force_name, officer_of
from app.demo.plans import RefugePlan
from app.demo.world import World
from app.errors import NotFound
from app.models.accounts import Organisation, OrganisationKind, User
from app.models.reference import Urgency
from app.services import accounts, beds, funding, honey
from app.services.asked import NewReferral
from app.services.reference import calibration

POUND = 100  # pence
NOBODYS_PHONE = "+447700900999"  # Ofcom keeps this range for drama
HONEY = (("SE15", "sq"), ("M14", "vi"))
APRIL = 4  # a financial year begins on 1 April


def is_empty() -> bool:
    """Whether nobody works here yet."""
    with transaction(by=SYSTEM):
        return db.session.scalar(select(func.count(Organisation.id))) == 0


def lay_out(world: World, *, today: date, mail: str = FORCE_MAIL) -> None:
    """Forces, charities, the desk, everybody who works there, the houses open from the start.

    ``mail`` is the domain of the forces' officers: with the demonstration's own, all can sign in.
    """
    accounts.create_organisation(DESK, kind=OrganisationKind.COORDINATION, by=SYSTEM)
    for charity in world.charities:
        accounts.create_organisation(charity, kind=OrganisationKind.CHARITY, by=SYSTEM)
    for force in world.forces:
        accounts.create_organisation(
            force_name(force), kind=OrganisationKind.FORCE, force_code=force.code, by=SYSTEM
        )
    for refuge in world.refuges:
        if refuge.opens_on_day == 0:
            open_house(refuge)
    officers = {force.code: officer_of(force, mail=mail) for force in world.forces}
    for person in dict.fromkeys((*CAST, *officers.values())):
        hire(person, _workplace(person, world))
    _grant(world.charities[0], today)


def _workplace(person: PersonPlan, world: World) -> str:
    if person.force:
        return next(force_name(force) for force in world.forces if force.code == person.force)
    if person.refuge:
        return next(one.charity for one in world.refuges if one.alias == person.refuge)
    return world.charities[0] if person.role is Role.CHARITY_MANAGER else DESK


def hire(person: PersonPlan, organisation: str) -> None:
    """Make the account of somebody invented; they sign in by one tap or not at all."""
    accounts.create_user(
        accounts.NewUser(
            role=person.role,
            name=person.name,
            email=person.email,
            organisation=organisation,
            refuge=person.refuge,
        ),
        by=SYSTEM,
    )


def plant_honey() -> None:
    """Two requests of nobody, in the name of an officer who has left."""
    with transaction(by=SYSTEM):
        force = db.session.scalars(
            select(Organisation.name).where(Organisation.force_code == LEAVER.force)
        ).one()
    hire(LEAVER, force)
    with transaction(by=SYSTEM):
        leaver = db.session.scalars(select(User.public_id).where(User.email == LEAVER.email)).one()
    accounts.set_active(leaver, False, by=SYSTEM)
    for place, language in HONEY:
        new = NewReferral(
            form_key=uuid4(),
            place=place,
            urgency=Urgency.URGENT,
            language=language,
            callback_phone=NOBODYS_PHONE,
        )
        honey.plant(new, officer=LEAVER.email)


def open_house(plan: RefugePlan) -> None:
    """One house with its rooms, its beds and the phone that gets the texts."""
    house = beds.open_refuge(
        beds.NewRefuge(
            organisation=plan.charity,
            alias=plan.alias,
            region_code=plan.region_code,
            cell_lat=plan.cell_lat,
            cell_lon=plan.cell_lon,
            cell_radius_km=plan.cell_radius_km,
            boys_to_age=plan.boys_to_age,
            max_children=plan.max_children,
            max_high_support=plan.max_high_support,
            features=plan.features,
            duty_line=plan.duty_line,
            handover_point=plan.handover_point,
        ),
        by=SYSTEM,
    )
    for room in plan.rooms:
        new = beds.NewRoom(
            code=room.code,
            bed_spaces=room.bed_spaces,
            cots=room.cots,
            is_shared=room.is_shared,
            features=room.features,
        )
        beds.add_room(house, new, by=SYSTEM)
    beds.add_contact(house, plan.phone, "House phone", by=SYSTEM)


def _grant(charity: str, today: date) -> None:
    """The money of October 2007, dated into the financial year in which the week is played."""
    money = calibration()["money"]
    start = date(today.year if today.month >= APRIL else today.year - 1, APRIL, 1)
    for grant in money["grants"]:
        new = funding.NewFund(
            name=grant["name"],
            source=grant["source"],
            amount_pence=grant["gbp"] * POUND,
            bed_night_pence=sum(money["bed_night_gbp"]["poppy_2006_11"]) * POUND // 2,
            starts_on=start,
            ends_on=date(start.year + 1, APRIL, 1) - timedelta(days=1),
            charity=charity,
        )
        funding.add_fund(new, by=SYSTEM)


def actor(email: str) -> Actor:
    """The person who signs in with ``email``. Raises NotFound when the world was not laid out."""
    with transaction(by=SYSTEM):
        user = db.session.scalar(select(User).where(User.email == email))
        if user is None:
            raise NotFound("Nobody of that name is here. Run `flask --app wsgi seed` first.")
        return user.as_actor()
