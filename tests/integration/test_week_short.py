"""One day of the simulated week: personas on the phones, a raid, every invariant every hour."""

from __future__ import annotations

import pytest

from app.demo.answers import Answer, Reply
from app.embedded_postgres import EmbeddedPostgres
from app.services.text_reply import Answer as Read
from app.services.text_reply import read_reply
from bench import week_world
from bench.personas import Persona, Personas, Text, steps
from bench.week import RULES, Week, play, report
from bench.week_world import Size

SHORT = Size(days=1, people=5, surge=6, surge_day=0, warned_hours=5, occupied=0.1)
CODE, OTHER = "7KQ4M2", "PPPP22"
YES = Answer(reply=Reply.ACCEPT, minutes=3, by_text=True)
NO = Answer(reply=Reply.DECLINE, minutes=3, by_text=True, reason="room_not_right")


@pytest.fixture(scope="module")
def day(postgres: EmbeddedPostgres, template: str) -> Week:
    return play(size=SHORT, postgres=postgres, template=template)


@pytest.mark.slow
def test_no_rule_is_broken_after_any_hour_of_a_day(day: Week) -> None:
    assert day.broken == {}
    assert day.hours == 24


@pytest.mark.slow
def test_everybody_was_asked_for_and_the_raid_was_expected(day: Week) -> None:
    assert len(day.courses) + day.handed_on == SHORT.people + SHORT.surge
    assert len(day.raid) == SHORT.surge
    assert day.beside["pre-alerts"] == day.beside["raids announced"] == 1
    assert day.beside["forces rung back"] == 1  # more than five open at once


@pytest.mark.slow
def test_houses_answered_in_their_own_ways(day: Week) -> None:
    assert len(day.promised) >= 3
    assert day.answers["text"] >= 1
    assert day.texts_received > day.answers["text"]  # noise, wrong codes, second thoughts
    table = report(day)
    assert f"= {RULES * 24}" in table
    assert "median from the request" in table


def test_the_network_has_the_beds_of_2009() -> None:
    world = week_world.draw(1)
    spread = {True: 0, False: 0}
    for refuge in world.refuges:
        spread[refuge.in_london] += sum(room.bed_spaces for room in refuge.rooms)

    assert week_world.beds(world) == 54
    assert spread == {True: 40, False: 14}
    assert sum(woman.incident == "surge" for woman in world.women) == 40
    assert week_world.draw(1) == world
    assert week_world.draw(2) != world


@pytest.mark.parametrize("persona", list(Persona))
@pytest.mark.parametrize("answer", [YES, NO], ids=["yes", "no"])
def test_every_persona_says_in_the_end_what_it_means(persona: Persona, answer: Answer) -> None:
    texts = [each for each in steps(persona, CODE, OTHER, answer) if isinstance(each, Text)]
    read = [read_reply(each.body) for each in texts if each.phone == 0]
    meant = Read.ACCEPT if answer.reply is Reply.ACCEPT else Read.DECLINE

    last = read[-1]
    assert last.answer is meant
    assert CODE in last.codes
    assert answer.reply is Reply.ACCEPT or last.reason_number(CODE) == 2
    # Nothing on the way there gives the other answer for this offer.
    assert all(CODE not in each.codes or each.answer is meant for each in read)


def test_the_silent_and_the_late_do_not_answer_in_time() -> None:
    personas = Personas(of_house={"A": Persona.SILENT, "B": Persona.LATE, "C": Persona.QUICK})

    def minutes(house: str) -> list[Answer]:
        return [
            personas(7, woman=f"w{number}", refuge=house, attempt=1, reply_minutes=20)
            for number in range(40)
        ]

    assert {each.reply for each in minutes("A")} == {Reply.SILENCE}
    assert any(each.minutes > 20 for each in minutes("B"))
    assert max(each.minutes for each in minutes("C")) <= 2
