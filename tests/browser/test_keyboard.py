"""A night at the desk with the keyboard alone: claimed, ticked, asked, answered, arrived, done."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Arrive
from tests.browser.test_journey import ask, headline

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MOST_TABS = 400
HAS_FOCUS = "(wanted) => document.activeElement && document.activeElement.matches(wanted)"
IS_SEEN = """() => {
    const here = document.activeElement, box = here.getBoundingClientRect();
    const style = getComputedStyle(here);
    const marked = style.outlineStyle !== "none" || style.boxShadow !== "none";
    return marked && box.bottom > 0 && box.top < innerHeight && box.width > 0;
}"""


def press(page: Page, wanted: str, key: str = "Enter") -> None:
    """Tab to it, see that one can see where one is, and press the key."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate(HAS_FOCUS, wanted):
            assert page.evaluate(IS_SEEN), f"{wanted} has the focus and does not look like it"
            page.keyboard.press(key)
            return
    pytest.fail(f"Tab does not reach {wanted} on {page.url}")


def test_a_night_needs_no_mouse(arrive: Arrive) -> None:
    officer, desk = arrive(1280).be("Amara"), arrive(1280).be("Dee")
    ref = ask(officer, "keyboard-request")
    page = desk.page
    desk.go("/desk/board")
    desk.wait_for(page.locator(f"#line-{ref}"))

    press(page, 'a[href="#queue"]')
    press(page, f"#claim-{ref}")
    expect(page.locator(".wm-line").filter(has=page.locator(f"#page-{ref}"))).to_contain_text(
        "You are on it since"
    )
    desk.check_page()

    press(page, f"#line-{ref}", "Space")
    expect(page.locator(f"#line-{ref}")).to_be_checked()
    press(page, "#confirm-ticked")
    expect(page.locator("section[aria-labelledby=outcome]")).to_contain_text(ref)

    press(page, 'a[href="#beside"]')
    press(page, f"#offer-{ref}")
    page.wait_for_url(f"**/desk/requests/{ref}")
    press(page, "#said-yes")
    expect(page.get_by_text("has promised the room")).to_be_visible()
    if page.locator("#call-genuine").count():  # others may have asked for much today
        press(page, "#call-genuine")

    phone = officer.page
    phone.reload()
    expect(headline(phone, "Placed:")).to_be_visible()
    press(phone, "form[action$='/arrived'] button")
    expect(headline(phone, "She has arrived")).to_be_visible()

    desk.go("/desk/tasks")
    open_before = page.locator("[id^=done-]").count()
    assert open_before > 0, "the demonstration has a task for the desk"
    press(page, "main [id^=claim-]")
    expect(page.get_by_text("You are on it since").first).to_be_visible()
    press(page, "[id^=done-]")
    expect(page.get_by_text("Done. It is off the list.")).to_be_visible()
    expect(page.locator("[id^=done-]")).to_have_count(open_before - 1)
    desk.picture("keyboard-tasks")
