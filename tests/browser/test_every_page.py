"""Every page of every person at both widths: accessible, fitting, neutral, usable by keyboard."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Arrive
from tests.browser.visitor import SCREENSHOTS, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PEOPLE = ("Amara", "Dee", "Bea", "Chloe", "Ella", "Farah", "Gwen", "Hana")
OPEN_PAGES = ("/", "/sign-in", "/about-the-data")
OF_ONE = re.compile(
    r"/(R-[0-9A-Z]{7}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{4}/[0-9]{1,2}(/[0-9]{1,2})?)"
)
NOT_PAGES = ("/leave", "/figures/figures.csv")
OF_A_KIND = {360: 2, 1280: 1}  # pages that differ only in whom they are about; two states on phones
TITLE_SAYS_TOO_MUCH = re.compile(r"refuge|police|traffick|rescue|victim|women|woman", re.I)
MOST_TABS = 60
# What has the focus, and whether it looks different for it, itself or the mark drawn beside it.
FOCUS = """() => {
    const here = document.activeElement;
    if (here === document.body) return null;  // past the last link of the page
    const parts = [[here], [here.nextElementSibling, "::before"]].filter(([part]) => part);
    const looks = () => parts.map((part) => {
        const style = getComputedStyle(...part);
        return [style.outline, style.boxShadow, style.backgroundColor, style.color].join();
    }).join();
    const box = here.getBoundingClientRect();
    const focused = looks();
    here.blur();
    const differs = looks() !== focused;
    here.focus({preventScroll: true});
    return {
        what: here.id || here.textContent.trim().slice(0, 40) || here.name,
        is_main: here.matches("main .govuk-button:not(.govuk-button--secondary)"),
        is_visible: box.width > 0 && box.height > 0 && differs,
    };
}"""


def kind_of(path: str) -> str:
    return OF_ONE.sub("/one", path)


def pages_of(visitor: Visitor, start: str) -> Iterator[str]:
    """Follow every link from ``start``; each page once, pages about somebody ``OF_A_KIND`` times.

    While a page is yielded, the visitor is looking at it.
    """
    seen: Counter[str] = Counter()
    waiting, known = [start], {start}
    while waiting:
        path = waiting.pop(0)
        if path in NOT_PAGES or seen[kind_of(path)] >= OF_A_KIND[visitor.width]:
            continue
        seen[kind_of(path)] += 1
        answer = visitor.page.goto(visitor.url + path)
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"
        yield path
        links = visitor.page.locator("a[href^='/']")
        for href in links.evaluate_all("found => found.map((link) => link.getAttribute('href'))"):
            there = urlsplit(href).path
            if there not in known and there not in OPEN_PAGES:
                known.add(there)
                waiting.append(there)


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", PEOPLE)
def test_every_page_is_accessible_fits_and_gives_nothing_away(
    arrive: Arrive, name: str, width: int
) -> None:
    visitor = arrive(width).be(name)
    found: dict[str, list[str]] = {}

    for path in pages_of(visitor, urlsplit(visitor.page.url).path):
        visitor.check_page()
        picture = f"{name.lower()}-{kind_of(path).strip('/').replace('/', '-')}-{width}.png"
        visitor.page.screenshot(path=SCREENSHOTS / "pages" / picture, full_page=True)
        faults = [*visitor.axe_faults(), *too_much_in_the_title(visitor.page)]
        if faults:
            found[path] = faults

    assert found == {}


@pytest.mark.parametrize("width", [360, 1280])
def test_pages_before_signing_in_are_accessible_too(arrive: Arrive, width: int) -> None:
    visitor = arrive(width)
    found: dict[str, list[str]] = {}

    for path in (*OPEN_PAGES, "/no-such-page"):
        visitor.go(path)
        visitor.check_page()
        visitor.page.screenshot(
            path=SCREENSHOTS / "pages" / f"open{path.replace('/', '-')}-{width}.png", full_page=True
        )
        if faults := [*visitor.axe_faults(), *too_much_in_the_title(visitor.page)]:
            found[path] = faults

    assert found == {}


def too_much_in_the_title(page: Page) -> list[str]:
    return [f"title: {page.title()}"] if TITLE_SAYS_TOO_MUCH.search(page.title()) else []


@pytest.mark.parametrize("name", PEOPLE)
def test_tab_reaches_the_main_action_and_the_focus_is_always_seen(
    arrive: Arrive, name: str
) -> None:
    visitor = arrive(1280).be(name)
    unseen: dict[str, list[str]] = {}
    unreached: list[str] = []

    for path in pages_of(visitor, urlsplit(visitor.page.url).path):
        main = visitor.page.locator("main .govuk-button:not(.govuk-button--secondary):visible")
        wanted = main.count() > 0
        focused = list(tab_through(visitor.page, until_main=wanted))
        if hidden := [each["what"] for each in focused if not each["is_visible"]]:
            unseen[path] = hidden
        if wanted and not focused[-1]["is_main"]:
            unreached.append(path)

    assert unseen == {}, unseen
    assert unreached == [], unreached


def tab_through(page: Page, *, until_main: bool) -> Iterator[dict[str, Any]]:
    """What has the focus after each press of Tab, to the main action or for a short way."""
    last = page.evaluate_handle("null")
    for _ in range(MOST_TABS if until_main else 10):
        page.keyboard.press("Tab")
        while page.evaluate("(last) => document.activeElement === last", last):
            page.keyboard.press("Tab")  # a date is one thing with several stops
        focus = page.evaluate(FOCUS)
        last = page.evaluate_handle("document.activeElement")
        if focus is None:
            return
        yield focus
        if focus["is_main"]:
            return


def test_wrong_answers_are_kept_and_the_list_of_them_has_the_focus(arrive: Arrive) -> None:
    officer = arrive(360).be("Amara").go("/police/requests/new")
    page = officer.page
    page.get_by_role("group", name="1. Is she a woman").get_by_label("Yes").check()
    page.get_by_label("2. Where is she now?").fill("M14")
    page.get_by_label("With children").check()
    page.get_by_label("Age of child 1").fill("x")
    page.get_by_label("Place 1", exact=True).fill("Nowhere at all 77")
    page.get_by_label("Your mobile number").fill("not a number")

    officer.tap("Send request")

    summary = page.locator(".govuk-error-summary")
    expect(summary).to_be_focused()
    officer.picture("wrong-answers")
    assert officer.axe_faults() == []
    for label, typed in (
        ("2. Where is she now?", "M14"),
        ("Age of child 1", "x"),
        ("Place 1", "Nowhere at all 77"),
        ("Your mobile number", "not a number"),
    ):
        expect(page.get_by_label(label, exact=True)).to_have_value(typed)
    expect(page.get_by_label("With children")).to_be_checked()
    summary.get_by_role("link").last.click()
    expect(page.locator("input:focus")).to_have_value("not a number")


def test_wrong_answers_are_kept_without_script(arrive: Arrive) -> None:
    officer = arrive(360, script=False).be("Amara").go("/police/requests/new")
    page = officer.page
    page.get_by_label("Your mobile number").fill("not a number")

    officer.tap("Send request")

    expect(page.locator(".govuk-error-summary li").first).to_be_visible()
    expect(page.get_by_label("Your mobile number")).to_have_value("not a number")
