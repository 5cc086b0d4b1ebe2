"""Two weeks of the replay: real pages, real texts, a moved clock, and no invariant broken."""

from __future__ import annotations

import pytest

from app.demo.story import Stage
from app.embedded_postgres import EmbeddedPostgres
from bench.browser import Browser, PageError, WebForm
from bench.pentameter import Replay, replay, report

WEEKS = 2


@pytest.fixture(scope="module")
def fortnight(postgres: EmbeddedPostgres, template: str) -> Replay:
    return replay(weeks=WEEKS, postgres=postgres, template=template)


@pytest.mark.slow
def test_everybody_found_in_two_weeks_went_through_the_pages(fortnight: Replay) -> None:
    found = [
        woman for woman in fortnight.world.women if woman.arrives_minute <= WEEKS * 7 * 24 * 60
    ]

    assert len(found) >= 10
    assert len(fortnight.courses) + fortnight.handed_on == len(found)
    assert fortnight.handed_on == sum(woman.under_18 for woman in found)
    # Each woman's form alone takes four: sign-in page, sign-in, form, answer.
    assert fortnight.web_requests >= 4 * len(found)


@pytest.mark.slow
def test_some_are_placed_some_are_not_and_each_has_a_reason(fortnight: Replay) -> None:
    stages = [course.stage for course in fortnight.courses]

    assert len(fortnight.promised) >= 1
    assert stages.count(Stage.UNMET) >= 1
    assert sum(fortnight.unmet_because.values()) == stages.count(Stage.UNMET)
    assert all(minutes > 0 for minutes in fortnight.minutes)
    # No two houses hold one woman, and every house that said yes was one of the world's.
    aliases = {refuge.alias for refuge in fortnight.world.refuges}
    assert {course.refuge for course in fortnight.promised} <= aliases


@pytest.mark.slow
def test_the_houses_were_asked_by_text_and_nothing_broke(fortnight: Replay) -> None:
    assert fortnight.broken == {}
    assert fortnight.texts_failed == 0
    assert fortnight.texts_sent >= sum(fortnight.placements.values())
    assert fortnight.answers["text"] >= 1
    assert sum(fortnight.answers.values()) >= len(fortnight.promised)


@pytest.mark.slow
def test_the_table_says_how_many_how_long_and_why_not(fortnight: Replay) -> None:
    table = report(fortnight)

    for line in (
        "a house said yes",
        "18.2 % of 1,265 referrals",
        "median",
        "placed inside London",
        "placed outside London",
        "no place found",
        "invariants broken",
    ):
        assert line in table
    assert f"{len(fortnight.courses)}\n" in table


def test_the_browser_fills_in_only_fields_that_are_there() -> None:
    form = WebForm(
        "/ask", "post", [("csrf_token", "t"), ("place", "")], [], {"csrf_token", "place"}
    )

    assert form.filled({"place": "SE15"}) == [("csrf_token", "t"), ("place", "SE15")]
    with pytest.raises(PageError, match="has no field nowhere"):
        form.filled({"nowhere": "x"})


def test_the_browser_says_what_the_page_said_when_it_fails() -> None:
    browser = Browser("http://127.0.0.1:9")

    with pytest.raises(OSError, match="refused"):
        browser.get("/")
