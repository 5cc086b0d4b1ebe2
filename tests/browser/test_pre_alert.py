"""The desk is told of an operation: recorded on a phone, rehearsed, called off."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Arrive
from tests.browser.test_journey import ask
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def accessible(desk: Visitor) -> None:
    """axe-core is itself a script, so it can only look where scripts run."""
    if desk.script:
        assert desk.axe_faults() == []


@pytest.mark.parametrize("script", [True, False])
def test_an_operation_is_recorded_rehearsed_and_called_off(arrive: Arrive, script: bool) -> None:
    desk = arrive(360, script=script)
    page = desk.be("Dee").page
    desk.tap("Pre-alerts")
    desk.tap("Record a pre-alert")
    page.get_by_label("How many women, at least?").fill("8")
    page.get_by_label("How many at most?").fill("12")
    page.get_by_label("Where?").select_option(label="London")
    page.get_by_label("From which day?").select_option(label="Tomorrow")
    page.get_by_label("From what time?").fill("half five")
    page.get_by_label("Until which day?").select_option(label="Tomorrow")
    page.get_by_label("Until what time?").fill("09:00")
    page.get_by_label("Albanian").check()
    desk.tap("Record and rehearse")

    expect(page.get_by_role("alert")).to_contain_text("Type a time such as 05:30.")
    expect(page.get_by_label("Until what time?")).to_have_value("09:00")
    expect(page.get_by_label("Albanian")).to_be_checked()
    accessible(desk)
    desk.picture("40-pre-alert-again", full=True)
    page.get_by_label("From what time?").fill("05:30")
    desk.tap("Record and rehearse")

    desk.wait_for(page.locator("main .wm-lede", has_text="would have a bed tonight"))
    accessible(desk)
    desk.picture("41-pre-alert", full=True)
    desk.go("/desk/board")
    expect(page.get_by_text("8 to 12 women")).to_be_visible()
    desk.tap("8 to 12 women")
    page.get_by_text("It will not happen").click()
    desk.tap("Call it off")
    expect(page.get_by_text("Called off").first).to_be_visible()
    accessible(desk)


def test_the_desk_reads_what_is_scarce(arrive: Arrive) -> None:
    desk = arrive(360)
    desk.be("Dee").go("/desk/scarce")

    expect(desk.page.get_by_text("Prices of")).to_be_visible()
    assert desk.axe_faults() == []
    desk.picture("42-scarce", full=True)


def test_a_cost_is_read_before_another_room_is_chosen(arrive: Arrive) -> None:
    officer, desk = arrive(360), arrive(360)
    ref = ask(officer.be("Amara"), "cost-request")

    choice = desk.be("Dee").go(f"/desk/requests/{ref}").page
    choice.get_by_label("Another free room").check()
    choice.get_by_label("Free rooms").select_option(index=1)
    choice.get_by_label("Why this room and not the plan's?").select_option(index=1)
    choice.get_by_label("Note").fill("Told by phone")
    desk.tap("Ask this house instead")

    expect(choice.get_by_role("alert").first).to_be_visible()
    expect(choice.get_by_label("Note")).to_have_value("Told by phone")
    assert desk.axe_faults() == []
    desk.picture("43-cost", full=True)
