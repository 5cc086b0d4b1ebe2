"""The desk asks three houses at once, on a phone, and the officer reads that it did."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Arrive
from tests.browser.test_journey import ask

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_several_houses_are_asked_from_a_phone(arrive: Arrive) -> None:
    officer, desk = arrive(360), arrive(360)
    ref = ask(officer.be("Amara"), "several-request")

    board = desk.be("Dee").go("/desk/board").page
    desk.wait_for(board.locator(f"input[name=also][value^='{ref}:']").first)
    assert desk.axe_faults() == []
    desk.picture("44-several-board", full=True)
    board.goto(f"{desk.url}/desk/requests/{ref}")
    board.get_by_role("group", name="Ask these as well").get_by_role("checkbox").nth(0).check()
    board.get_by_role("group", name="Ask these as well").get_by_role("checkbox").nth(1).check()
    assert desk.axe_faults() == []
    desk.picture("45-several-request", full=True)
    board.locator("#ask").click()

    expect(board.get_by_text("and 2 more beside it")).to_be_visible()
    assert desk.axe_faults() == []
    desk.picture("46-several-asked", full=True)
    officer.wait_for(officer.page.get_by_role("heading", name="3 houses have been asked"))
    assert officer.axe_faults() == []
    officer.picture("47-several-officer", full=True)
