"""The canary sweep: a word found nowhere else in each sensitive field, looked for everywhere.

Which reader may meet which word is worked out from the access matrix; any other meeting is a leak.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select

from app import notices
from app.actors import REFUGE, SYSTEM
from app.authz import Stage
from app.backup import back_up
from app.backup_tools import program
from app.db import db, transaction
from app.embedded_postgres import EmbeddedPostgres
from app.logs import init_logs
from app.models.messages import Message
from app.services import texts
from tests.browser_without_a_window import Browser
from tests.integration.authz.conftest import DATABASE
from tests.integration.authz.doors import (
    EVERY_PAGE,
    LEADS,
    LISTS_EVERY_LANGUAGE,
    NOBODY,
    ON_RECORDS,
    REFUSED,
    TOLD_BY,
    gives,
    paths,
    stage_at,
    url,
    values_for,
)
from tests.integration.authz.world import (
    AWAY_FROM,
    GLASS_REASON,
    OVERRIDE_NOTE,
    PRE_ALERT_LANGUAGE,
    RULE_REASON,
    Record,
    World,
)

TEXT_BODY, TEXT_FROM = "lilac umbrella by the canal", "+447700900678"
Fields = set[tuple[str, str]]
LISTS_EVERY_PLACE = {"police.new_request"}
PRE_ALERT_LISTS = LISTS_EVERY_LANGUAGE


@dataclass(frozen=True, kw_only=True)
class Canary:
    """One word, the fields of the matrix that show it, and what each reader is to it."""

    kind: str
    words: tuple[str, ...]
    told_by: Fields = field(hash=False)
    stages: dict[str, Stage] = field(hash=False)
    is_on_lists: frozenset[str] = frozenset()
    is_sealed: bool = False
    record: Record | None = field(default=None, hash=False)

    def is_in(self, said: str) -> bool:
        """Mara's address is also the end of Amara's."""
        return any(re.search(f"(?<![a-z]){re.escape(word)}", said) for word in self.words)

    def may_meet(self, person: str, endpoint: str) -> bool:
        stage = self.stages.get(person)
        if self.record is not None:
            stage = stage_at(endpoint, self.record, person) or stage
        return gives(stage, self.told_by)


REF_FIELDS: Fields = {
    ("follow.RequestRow", "ref"),
    ("houses.WomanRow", "ref"),
    ("admissions.OfferPage", "ref"),
    ("admissions.StayPage", "ref"),
    ("desk_people.Person", "ref"),
    ("data_rights.HoldShown", "ref"),
}
# What is found in the clear in the database would be a fault of sealing.
SEALED = ("callback_phone", "incident_ref")


def forms_of(number: str) -> tuple[str, ...]:
    """A number as it is kept, without its plus, and as people write it."""
    plain = number.replace(" ", "")
    if plain.startswith("0"):
        plain = "+44" + plain[1:]
    spaced = f"0{plain[3:7]} {plain[7:]}", f"0{plain[3:6]} {plain[6:9]} {plain[9:]}"
    return plain, plain[1:], f"0{plain[3:]}", *spaced


def of_records(world: World) -> Iterator[Canary]:
    for record in world.records.values():
        stages = {
            person: stage
            for person in (*world.people, NOBODY)
            if (stage := record.stage_for(person)) is not None
        }
        for kind, word in record.tokens.items():
            yield Canary(
                kind=kind,
                words=forms_of(word) if kind == "callback_phone" else (word,),
                told_by=TOLD_BY[kind],
                stages=stages,
                is_on_lists=frozenset(LISTS_EVERY_LANGUAGE if kind == "language" else ()),
                is_sealed=kind in SEALED,
                record=record,
            )
        leads = dict.fromkeys(LEADS, Stage.LEAD)
        yield Canary(kind="ref", words=(record.ref,), told_by=REF_FIELDS, stages=stages | leads)
    yield Canary(
        kind="override note",
        words=(OVERRIDE_NOTE,),
        told_by={("case_offers.PastOffer", "override_note")},
        stages=dict.fromkeys(("dee", "dora"), Stage.DESK),
        is_sealed=True,
    )
    yield Canary(
        kind="where she must not be",
        words=(AWAY_FROM,),
        told_by=set(),
        stages={},
        is_on_lists=frozenset(LISTS_EVERY_PLACE),
    )


def of_rules(world: World) -> Iterator[Canary]:
    told = ("dee", "dora", "rowan_manager", *LEADS)
    yield Canary(
        kind="reason of a broken glass",
        words=(GLASS_REASON, GLASS_REASON.replace("'", "&#39;")),
        told_by={("break_glass.GlassShown", "reason")},
        stages=dict.fromkeys(told, Stage.LOOKS),
    )
    yield Canary(
        kind="why somebody is kept out",
        words=(RULE_REASON,),
        told_by={("restrictions.RuleShown", "reason")},
        stages=dict.fromkeys(("dee", "rowan_manager"), Stage.KEEPS_LIST),
    )
    yield Canary(
        kind="language of a pre-alert",
        words=(PRE_ALERT_LANGUAGE[1],),
        told_by={("pre_alerts.PreAlertShown", "languages")},
        stages=dict.fromkeys(("dee", "dora"), Stage.DESK),
        is_on_lists=frozenset(PRE_ALERT_LISTS),
    )
    yield Canary(kind="text received", words=(TEXT_BODY,), told_by=set(), stages={}, is_sealed=True)
    yield Canary(
        kind="sender of a text",
        words=forms_of(TEXT_FROM),
        told_by=set(),
        stages={},
        is_sealed=True,
    )


def of_houses(world: World) -> Iterator[Canary]:
    desk = dict.fromkeys(("dee", "dora"), Stage.DESK)
    of_house = {
        "Rowan": ("amara", "rowan_manager", "+447700900101", "+442079460171"),
        "Cedar": ("cora", "chloe", "+447700900102", "+442079460172"),
    }
    for house, (officer, manager, phone, duty_line) in of_house.items():
        yield Canary(
            kind="phone of a house",
            words=forms_of(phone),
            told_by={("phones.PhoneShown", "phone")},
            stages={manager: Stage.HOUSE},
            is_sealed=True,
        )
        yield Canary(
            kind="duty line",
            words=forms_of(duty_line),
            told_by={("standing.Handover", "duty_line"), ("desk_rooms.RoomShown", "duty_line")},
            stages={officer: Stage.ASKER, **desk},
        )
        yield Canary(
            kind="meeting point",
            words=(f"Meeting point of {house}",),
            told_by={("standing.Handover", "handover_point")},
            stages={officer: Stage.ASKER},
            is_sealed=True,
        )


def of_staff(world: World) -> Iterator[Canary]:
    managers = {"bea": "rowan_manager", "rowan_manager": "rowan_manager", "chloe": "chloe"}
    for name, person in world.people.items():
        house = {managers[name]: Stage.HOUSE} if person.actor.role in REFUGE else {}
        yield Canary(
            kind="address of staff",
            words=(person.email,),
            told_by={("account.AccountPage", "email"), ("accounts.Account", "email")},
            stages={"ada": Stage.ACCOUNTS, **house, name: Stage.EVERYBODY},
        )


@pytest.fixture(scope="module")
def canaries(world: World) -> list[Canary]:
    return [
        *of_records(world),
        *of_rules(world),
        *of_houses(world),
        *of_staff(world),
    ]


@dataclass
class Writes:
    """Files that this process opens to write, while it is told to look."""

    is_looking: bool = False
    paths: list[str] = field(default_factory=list)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_looking or event != "open":
            return
        path, mode, flags = arguments
        writes = any(letter in (mode or "") for letter in "wax+")
        if writes or (flags or 0) & (os.O_WRONLY | os.O_RDWR):
            self.paths.append(str(path))


@dataclass(kw_only=True)
class Sweep:
    """What everybody was answered, what was logged and which files were written meanwhile."""

    met: set[tuple[str, str, str]]  # kind, person, word's first form
    leaked: list[tuple[str, str, str]]  # kind, person, path
    answers: int
    log: str
    written: list[str]


def asked(app: Flask, world: World) -> Iterator[tuple[str, str, str]]:
    """Every page there is, forms that are sent empty, and addresses that lead nowhere."""
    for endpoint, _ in EVERY_PAGE:
        for path, _record in paths(app, world, endpoint):
            yield endpoint, "GET", path
    for (endpoint, method), (_, names, status) in ON_RECORDS.items():
        if method == "POST" and status == REFUSED:
            record: Record = world.records[names[0]]
            yield endpoint, method, url(app, endpoint, values_for(endpoint, record))
    for lost in (f"/desk/requests/{world.records['asked'].ref}/nothing", "/nowhere"):
        yield "", "GET", lost


@pytest.fixture(scope="module")
def sweep(
    authz_app: Flask, world: World, browsers: dict[str, Browser], canaries: list[Canary]
) -> Sweep:
    """One walk of everybody through everything."""
    with authz_app.app_context():
        texts.receive_text("SM" + "c" * 32, TEXT_FROM, "+447700900000", TEXT_BODY)
    log, writes = StringIO(), Writes()
    sys.addaudithook(writes.hear)
    init_logs(authz_app.config["SETTINGS"], log)
    found = Sweep(met=set(), leaked=[], answers=0, log="", written=[])
    report = {"csp-report": {"effective-directive": "script-src", "script-sample": TEXT_BODY}}
    writes.is_looking = True
    try:
        browsers[NOBODY].client.post("/csp", json=report)
        for endpoint, method, path in asked(authz_app, world):
            for person, browser in browsers.items():
                response = browser.get(path) if method == "GET" else browser.post(path)
                said = response.get_data(as_text=True) + str(response.headers)
                found.answers += 1
                _look(found, canaries, endpoint, path, person, said)
    finally:
        writes.is_looking = False
        init_logs(authz_app.config["SETTINGS"])
    found.log, found.written = log.getvalue(), writes.paths
    return found


def _look(
    found: Sweep, canaries: list[Canary], endpoint: str, path: str, person: str, said: str
) -> None:
    for canary in canaries:
        if endpoint in canary.is_on_lists or not canary.is_in(said):
            continue
        found.met.add((canary.kind, person, canary.words[0]))
        if not canary.may_meet(person, endpoint):
            found.leaked.append((canary.kind, person, path))


def test_nobody_meets_a_word_that_the_matrix_does_not_give(
    sweep: Sweep, canaries: list[Canary]
) -> None:
    assert sweep.leaked == []
    assert sweep.answers > 1000
    # Every kind that somebody is shown was met: the sweep cannot pass for want of words.
    assert {kind for kind, _, _ in sweep.met} == {each.kind for each in canaries if each.told_by}


def test_those_with_no_business_meet_nothing(sweep: Sweep) -> None:
    own = {"address of staff"}
    met = {(kind, person) for kind, person, _ in sweep.met if kind not in own}

    for person in (NOBODY, "mara", "olga", "ada"):
        assert {kind for kind, who in met if who == person} == set(), person


def test_the_log_of_all_this_holds_none_of_it(sweep: Sweep, canaries: list[Canary]) -> None:
    assert "content_policy" in sweep.log  # it did write
    assert [each.kind for each in canaries if each.is_in(sweep.log)] == []


def test_no_file_is_written(sweep: Sweep) -> None:
    assert [path for path in sweep.written if "__pycache__" not in path] == []


def owners(postgres: EmbeddedPostgres, query: str) -> list[str]:
    url = postgres.url(database=DATABASE).replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        return [str(row[0]) for row in connection.execute(query.encode())]


def test_the_trail_holds_ids_and_codes(
    postgres: EmbeddedPostgres, sweep: Sweep, canaries: list[Canary]
) -> None:
    details = owners(postgres, "SELECT detail::text FROM event")

    assert len(details) > 100
    found = [(each.kind, detail) for each in canaries for detail in details if each.is_in(detail)]
    assert found == []


def test_no_text_that_goes_out_says_any_of_it(
    authz_app: Flask, sweep: Sweep, canaries: list[Canary]
) -> None:
    with authz_app.app_context(), transaction(by=SYSTEM):
        bodies = [
            notices.render(notices.Template(row.template), row.variables)
            for row in db.session.scalars(select(Message))
        ]
    assert len(bodies) > 5
    found = [(each.kind, body) for each in canaries for body in bodies if each.is_in(body)]
    assert found == []


def test_a_backup_holds_no_word_that_is_sealed(
    postgres: EmbeddedPostgres, sweep: Sweep, canaries: list[Canary], tmp_path: Path
) -> None:
    back_up(postgres.url(database=DATABASE), tmp_path / "dump")
    sealed = [each for each in canaries if each.is_sealed]
    assert len(sealed) > 20

    for name in ("dump", "dump.keys"):
        kept = subprocess.run(
            [program("pg_restore", 18), "--file=-", tmp_path / name],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "COPY public." in kept or "INSERT INTO public." in kept
        found = [
            each.kind
            for each in sealed
            if any(word in kept or word.encode().hex() in kept for word in each.words)
        ]
        assert found == [], name
