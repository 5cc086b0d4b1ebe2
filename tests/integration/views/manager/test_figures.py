"""The manager's page and file: the figures of her charity, and no page for anybody else."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.actors import SYSTEM, Role
from app.services import funding
from tests.browser_without_a_window import Browser, text_of
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room

Sign = Callable[[str], Browser]
PAGES = ("/figures/", "/figures/figures.csv")


def add_grant(run: Run, **changes: object) -> None:
    today = datetime.now(UTC).date()
    given: dict[str, object] = {
        "charity": "Harbour",
        "name": "Pentameter 2 grant",
        "source": "The Guardian, 4 October 2007",
        "amount_pence": 10_000_000,
        "bed_night_pence": 9_800,
        "starts_on": today - timedelta(days=364),
        "ends_on": today,
    }
    run(funding.add_fund, funding.NewFund(**(given | changes)), by=SYSTEM)  # type: ignore[arg-type]


def test_the_page_says_it_in_words_and_in_six_figures(
    cast: Cast, run: Run, browser_of: Sign
) -> None:
    add_grant(run)
    run(accept, run(offer_room, _ask(run, cast), by=cast.dee.actor), by=cast.bea.actor)
    _ask(run, cast)

    page = text_of(browser_of(cast.mara.email).get("/figures/"))

    assert "In the last 28 days police asked for fewer than 10 places." in page
    assert "Requests received, all forces not shown" in page
    assert "now 0 of 4 places" in page
    assert "Pentameter 2 grant: £100,000" in page
    assert "1,020 bed-nights : one place for 2.8 years" in page
    assert "Source: The Guardian, 4 October 2007" in page
    assert "houses and money of Harbour alone" in page


def test_an_empty_world_reads_well(cast: Cast, browser_of: Sign) -> None:
    page = text_of(browser_of(cast.mara.email).get("/figures/?days=7"))

    assert "In the last 7 days police asked for fewer than 10 places." in page
    assert "fewer than 10 were promised a place in this time" in page
    assert "No money is entered" in page


@pytest.mark.parametrize("days", [7, 28, 90])
def test_every_period_can_be_chosen(cast: Cast, browser_of: Sign, days: int) -> None:
    response = browser_of(cast.mara.email).get(f"/figures/?days={days}")

    assert response.status_code == 200
    assert f"In the last {days} days" in text_of(response)


@pytest.mark.parametrize("days", ["8", "-7", "abc", "9" * 400, "%F0%9F%92%A5", "7;--"])
@pytest.mark.parametrize("path", PAGES)
def test_another_period_is_refused_in_words(
    cast: Cast, browser_of: Sign, path: str, days: str
) -> None:
    response = browser_of(cast.mara.email).get(f"{path}?days={days}")

    assert response.status_code == 422
    assert "Choose the last 7, 28 or 90 days." in text_of(response)


@pytest.mark.parametrize("path", PAGES)
def test_only_a_charitys_manager_has_these_pages(cast: Cast, browser_of: Sign, path: str) -> None:
    for person in cast.everybody().values():
        status = browser_of(person.email).get(path).status_code
        assert status == (200 if person.actor.role is Role.CHARITY_MANAGER else 404), person.email


@pytest.mark.parametrize("path", PAGES)
def test_nobody_else_is_asked_to_sign_in(anonymous: Browser, path: str) -> None:
    response = anonymous.get(path)

    assert response.status_code == 302
    assert response.location == "/sign-in"


def test_the_file_holds_the_same_figures_and_no_formula(
    cast: Cast, run: Run, browser_of: Sign
) -> None:
    add_grant(run, name="=HYPERLINK(1)", amount_pence=50_000, bed_night_pence=10_000)
    _ask(run, cast)

    response = browser_of(cast.mara.email).get("/figures/figures.csv?days=7")

    assert response.mimetype == "text/csv"
    assert response.headers["Content-Disposition"] == 'attachment; filename="figures-7-days.csv"'
    lines = list(csv.reader(io.StringIO(response.get_data(as_text=True))))
    assert lines[0] == ["about", "whose", "figure", "value"]
    assert ["Everywhere", "the whole network", "requests received", "not shown"] in lines
    assert ["Inside London", "our charity", "places open now", "2"] in lines
    assert ["'=HYPERLINK(1) (The Guardian, 4 October 2007)", "our charity",
            "bed-nights in all", "5"] in lines  # fmt: skip
    assert not [cell for line in lines for cell in line if cell[:1] in "=+-@" and cell]


def test_from_ten_on_numbers_are_rounded_on_the_page_in_the_chart_and_in_the_file(
    cast: Cast, run: Run, browser_of: Sign
) -> None:
    for _ in range(13):
        _ask(run, cast)
    browser = browser_of(cast.mara.email)

    page = text_of(browser.get("/figures/?days=7"))
    lines = list(csv.reader(io.StringIO(browser.get(f"{PAGES[1]}?days=7").get_data(as_text=True))))

    assert "police asked for about 15 places." in page
    assert "Requests received, all forces 15" in page
    # All wait. Beside the whole, "about 15 wait" would say that the four others are under five.
    assert ["requests", "the whole network", "waiting of these", "not shown"] in lines
    assert ["requests", "the whole network", "withdrawn", "not shown"] in lines
    assert not [line for line in lines if line[1] == "the whole network" and line[3] == "13"]


def test_no_reference_name_or_house_stands_on_either(
    cast: Cast, run: Run, browser_of: Sign
) -> None:
    ref = _ask(run, cast)
    run(accept, run(offer_room, ref, by=cast.dee.actor), by=cast.bea.actor)
    browser = browser_of(cast.mara.email)

    for path in PAGES:
        body = browser.get(path).get_data(as_text=True)
        for secret in (ref, "Rowan", "Cedar", "SE15", "OP-LANTERN-7", "7700900555", "Amara"):
            assert secret not in body, (path, secret)


def _ask(run: Run, cast: Cast) -> str:
    return str(run(make_referral, cast.amara.actor).ref)
