"""Two people, two browsers: what one does stands on the other's board without a reload."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Arrive
from tests.browser.test_journey import ask

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def mark(page: Page) -> None:
    """Anything that loads the page anew takes this away."""
    page.evaluate("() => { window.isStillThisPage = true; }")


def is_still_this_page(page: Page) -> bool:
    return bool(page.evaluate("() => window.isStillThisPage === true"))


def test_a_new_request_stands_on_an_open_board(arrive: Arrive) -> None:
    desk, officer = arrive(1280).be("Dee"), arrive(360).be("Amara")
    desk.go("/desk/board")
    mark(desk.page)

    ref = ask(officer, "live-request")

    line = desk.page.locator(f"#page-{ref}")
    expect(line).to_be_visible()
    assert is_still_this_page(desk.page)

    tick = desk.page.locator(f"#line-{ref}")
    desk.wait_for(tick)
    tick.check()
    other = ask(officer, "live-second-request")

    expect(desk.page.get_by_text("This has changed since you began.")).to_be_visible()
    expect(tick).to_be_checked()
    expect(desk.page.locator(f"#page-{other}")).to_have_count(0)
    desk.page.get_by_role("button", name="Show it now").click()
    expect(desk.page.locator(f"#page-{other}")).to_be_visible()
    assert is_still_this_page(desk.page)
    desk.check_page()


def test_what_happens_to_a_request_stands_on_the_officers_phone(arrive: Arrive) -> None:
    officer = arrive(360).be("Amara")
    ref = ask(officer, "live-to-withdraw")
    watching = arrive(360).be("Amara").go(f"/police/requests/{ref}")
    mark(watching.page)

    officer.page.get_by_text("She no longer needs this").click()
    officer.page.locator("#withdraw-reason").select_option("entered_in_error")
    officer.tap("Withdraw this request")

    expect(watching.page.locator("[data-wm-headline]")).to_have_text("Withdrawn")
    assert is_still_this_page(watching.page)
