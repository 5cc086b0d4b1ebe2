"""Money for beds: entering a grant, so that what it pays for can be seen against what is needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select

from app.actors import Actor, Role
from app.db import db, transaction
from app.errors import Invalid, NotAllowed
from app.events import Fact, record
from app.models.accounts import Organisation, OrganisationKind
from app.models.funding import Fund


@dataclass(frozen=True, kw_only=True)
class NewFund:
    """A grant or donation for bed-nights from ``starts_on`` to ``ends_on``, both included.

    ``charity`` is the name of the charity it is for; a charity manager may leave it empty.
    ``source`` says where the amount can be looked up.
    """

    name: str
    source: str
    amount_pence: int
    bed_night_pence: int
    starts_on: date
    ends_on: date
    charity: str = ""


def add_fund(new: NewFund, *, by: Actor) -> UUID:
    """Enter money that a charity was given.

    Raises:
        NotAllowed: ``by`` is neither Waymark itself nor the manager of that charity.
        Invalid: something is missing or cannot be; ``field`` says which.
    """
    if by.role not in (Role.CHARITY_MANAGER, Role.SYSTEM):
        raise NotAllowed("Only a charity's manager may enter its money.")
    _check(new)
    with transaction(by=by):
        fund = Fund(
            organisation_id=_charity(new.charity, by),
            name=new.name.strip(),
            source=new.source.strip(),
            amount_pence=new.amount_pence,
            bed_night_pence=new.bed_night_pence,
            starts_on=new.starts_on,
            ends_on=new.ends_on,
        )
        db.session.add(fund)
        db.session.flush()
        record(Fact.FUND_ADDED, by=by, detail={"fund_id": fund.id})
        return fund.public_id


def _check(new: NewFund) -> None:
    """Raises Invalid for the first thing that does not fit."""
    wrong = {
        "name": not new.name.strip() and "Give the money a name, such as the grant's title.",
        "source": not new.source.strip() and "Say where the amount can be looked up.",
        "amount_pence": new.amount_pence <= 0 and "Give an amount above nothing.",
        "bed_night_pence": new.bed_night_pence <= 0 and "Give the price of one bed-night.",
        "ends_on": new.ends_on < new.starts_on and "The last day comes before the first.",
    }
    for field, message in wrong.items():
        if message:
            raise Invalid(message, field=field)


def _charity(name: str, by: Actor) -> int:
    """The charity the money is for. A manager's own is the only one there is for them."""
    query = select(Organisation.id).where(Organisation.kind == OrganisationKind.CHARITY)
    if by.role is Role.CHARITY_MANAGER:
        query = query.where(Organisation.id == by.organisation_id)
    if name or by.role is Role.SYSTEM:
        query = query.where(Organisation.name == name)
    found = db.session.scalar(query)
    if found is None:
        if by.role is Role.CHARITY_MANAGER:
            raise NotAllowed("You can enter money for your own charity only.")
        raise Invalid("Name a charity that is registered here.", field="charity")
    return found
