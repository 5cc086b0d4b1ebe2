"""A raid sent into the running demonstration: many women at once, from one address."""

from __future__ import annotations

import secrets

from sqlalchemy import select

from app.actors import SYSTEM, Actor
from app.db import db, transaction
from app.demo.asking import request_for
from app.demo.people import OFFICER
from app.demo.world import surge
from app.errors import NotFound
from app.models.accounts import User
from app.services.reference import calibration
from app.services.referrals import make_referral

SURGE_SIZE: int = calibration()["arrivals"]["surge_women"]


def send_surge(people: int = SURGE_SIZE) -> list[str]:
    """Let the demonstration's officer ask for each woman of a new raid; returns the references.

    Raises:
        NotFound: the demonstration has not been laid out.
    """
    officer = _officer()
    refs: list[str] = []
    for woman in surge(secrets.randbelow(1_000_000), people=people):
        new = request_for(woman, same_as=refs[0] if refs else "")
        refs.append(make_referral(new, by=officer))
    return refs


def _officer() -> Actor:
    with transaction(by=SYSTEM):
        user = db.session.scalar(select(User).where(User.email == OFFICER.email))
        if user is None:
            raise NotFound("The demonstration has no officer. Run `flask --app wsgi seed` first.")
        return user.as_actor()
