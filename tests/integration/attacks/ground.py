"""What the attack tests stand on: the night's ids, and every route with real ids put in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import select, text

from app.actors import SYSTEM
from app.db import db, transaction
from app.models.accounts import User
from app.models.beds import Refuge
from tests.browser_without_a_window import Browser

# What looking may write: the audit trail, when somebody was last there, the worker's queue, and
# what a page of signing in asks or counts.
WRITTEN_BY_LOOKING = {"event", "sign_in", "challenge", "sign_in_try"}
NO_BROWSER = ("webhooks.", "public.content_report")  # posted to by machines, without a form

# One-button forms: whatever else is sent along, the button does what it says.
WITHOUT_ANSWERS = {
    *("auth.sign_out", "public.send_surge"),
    *("coordinator.accept", "coordinator.reopen", "coordinator.finish_task"),
    *("coordinator.they_are_here", "coordinator.cancel_pre_alert", "police.arrived"),
    *("refuge.accept", "refuge.arrived", "refuge.confirm_beds", "refuge.end_void"),
    *("refuge.close_window", "coordinator.close_window"),
    *("coordinator.claim_request", "coordinator.claim_task", "police.set_out", "refuge.set_out"),
    *("coordinator.set_out", "police.resume", "coordinator.resume"),
    *("account.new_authenticator", "account.sign_out_everywhere", "account.demo_prove"),
    *("admin.recover", "team.recover"),
}
# Whose id a path of a house holds; every other one holds an offer's.
OF_A_ROOM = {
    *("start_void", "change_void", "show_room", "close_room", "open_window", "close_window"),
}
OF_A_STAY = {
    *("show_stay", "arrived", "not_arrived", "depart"),
    *("extend_recovery", "date_decisions", "record_support", "plan_move"),
}


@dataclass(frozen=True, kw_only=True)
class Night:
    """The ids of things that are really there."""

    waiting: str
    offered: str
    promised: str
    offer: UUID
    stay: UUID
    room: UUID
    alert: UUID
    person: UUID
    house: UUID
    window: UUID
    closure: UUID
    on: date

    def fill(self, arguments: set[str], endpoint: str) -> dict[str, Any]:
        """Ids for a route, so that the page behind it is a real one."""
        known: dict[str, Any] = {
            "ref": self.promised,
            "offer": self.offer,
            "alert": self.alert,
            "room": self.room,
            "person": self.person,
            "house": self.house,
            "window": self.window,
            "void": self.closure,
            "year": self.on.year,
            "month": self.on.month,
            "day": self.on.day,
            "part": "lines",
            "public_id": self._public_id(endpoint),
            "filename": "waymark.js",
            "attempt": 1,
        }
        return {name: known.get(name, uuid4()) for name in arguments}

    def _public_id(self, endpoint: str) -> UUID:
        name = endpoint.split(".")[1]
        if name in OF_A_ROOM:
            return self.room
        if name == "end_void":
            return self.closure
        return self.stay if name in OF_A_STAY else self.offer


def routes(app: Flask, night: Night, method: str) -> Iterator[tuple[str, str]]:
    """Every route that takes ``method``, as (endpoint, path)."""
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if method in (rule.methods or ()) and rule.endpoint != "static":
            filled = night.fill(rule.arguments, rule.endpoint)
            yield rule.endpoint, adapter.build(rule.endpoint, filled, method=method)


def forms(app: Flask, night: Night) -> list[tuple[str, str]]:
    found = [each for each in routes(app, night, "POST") if not each[0].startswith(NO_BROWSER)]
    assert len(found) > 20
    return found


def owner_of(endpoint: str, everybody: dict[str, Browser]) -> Browser:
    """Somebody who may use this form, so that only its origin can be why it is refused."""
    names = {"police": "amara", "refuge": "bea", "coordinator": "dee", "admin": "ada"}
    return everybody[names.get(endpoint.split(".")[0], "mara")]


def public_id_of(email: str) -> UUID:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(User.public_id).where(User.email == email)).one()


def house_of(alias: str) -> UUID:
    with transaction(by=SYSTEM):
        return db.session.scalars(select(Refuge.public_id).where(Refuge.alias == alias)).one()


def digest() -> dict[str, str]:
    """A fingerprint of every table of ours that looking must not touch."""
    with transaction(by=SYSTEM):
        names = db.session.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).all()
        ours = sorted(set(names) - WRITTEN_BY_LOOKING)
        return {
            name: str(
                db.session.scalar(
                    text(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t")
                )
            )
            for name in ours
            if not name.startswith("procrastinate")
        }
