"""One night as five people: asked, decided, answered by text and on the web, arrived, counted."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from secrets import token_hex

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Arrive
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PHONE_TYPED, PHONE_SHOWN = "07700900461", "07700 900461"
CASE = "OP HARBOUR 12"
FIRST_PASSWORD = "four words will do here"
BY_ONE_TAP = {"Rowan House": "Bea", "Cedar House": "Chloe"}
TIES = {"together": "Must stay together", "apart": "Must be kept apart"}
POSTCODE = re.compile(r"\b[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2}\b")
WHEREABOUTS = re.compile(r"\b(street|road|avenue|lane|miles?|km|minutes? away|map)\b", re.I)
NOT_SHOWN = "not shown"
DEMAND = ("Received", "Placed", "Waiting now", "Nights without a bed")  # of all forces: rounded
OF_NIGHTS = {"Slept in"}  # counts nights that are over, so not this one
NOT_TAKEN = {"Held", "Free"}  # counted as one: the demonstration's own offers may lapse meanwhile


@dataclass(frozen=True)
class Proposal:
    """What the board proposes for one request."""

    house: str
    is_in_london: bool


@pytest.mark.parametrize(("script", "tie"), [(True, "apart"), (False, "together")])
def test_two_women_of_one_place_have_beds_tonight(arrive: Arrive, script: bool, tie: str) -> None:
    officer, desk, manager = (arrive(width, script=script) for width in (360, 1280, 1280))
    phone, house = (arrive(360, script=script) for _ in range(2))
    manager.be("Ella")
    before = read_figures(manager.page)
    manager.picture("01-manager-before")

    officer.go("/").picture("02-tour")
    officer.be("Amara").picture("03-my-requests")
    refs = [ask(officer, "04-new-request"), ask_for_another(officer, tie)]
    officer.wait_for(headline(officer.page, "A place is proposed"))
    officer.picture("07-proposed")

    desk.be("Dee")
    proposals = [read_proposal(desk, ref) for ref in refs]
    desk.picture("08-board")
    assert (proposals[0].house == proposals[1].house) == (tie == "together")
    ring_the_force_where_asked(desk, refs)
    known = codes_on(phone, "09-phone-before")
    confirm(desk, refs, tie)
    officer.wait_for(headline(officer.page, "A house has been asked"))
    officer.picture("12-asked")

    answer_by_text(phone, known)
    placed = one_that_is_placed(officer, refs)
    waiting = 1 - refs.index(placed)
    answer_on_the_web(house, arrive, proposals[waiting].house, phone, known)
    for ref, proposal in zip(refs, proposals, strict=True):
        is_told_where(officer, ref, proposal.house)

    officer.tap("She has arrived")
    expect(headline(officer.page, "She has arrived")).to_be_visible()
    officer.picture("19-arrived")
    house.go("/refuge/")
    arrives_at_the_house(house, refs, officer)

    manager.page.reload()
    manager.picture("22-manager-after")
    have_changed_by_no_more_than_this(before, read_figures(manager.page))


def headline(page: Page, text: str) -> Locator:
    return page.locator("h2[data-wm-headline]", has_text=text)


def ask(officer: Visitor, picture: str) -> str:
    """Eight questions; the reference that the officer gets."""
    page = officer.page
    page.get_by_role("link", name="New request").first.click()
    page.get_by_role("group", name="1. Is she a woman").get_by_label("Yes").check()
    page.get_by_label("2. Where is she now?").fill("SE15")
    page.get_by_label("Tonight").check()
    page.get_by_label("Alone").check()
    page.get_by_label("5. Which language").select_option(label="Romanian")
    page.get_by_label("She would accept a shared bedroom").check()
    page.get_by_label("Place 1", exact=True).fill("Croydon")
    page.get_by_label("Your mobile number").fill(PHONE_TYPED)
    page.get_by_label("Operation or incident reference").fill(CASE)
    officer.picture(picture, full=True)
    officer.tap("Send request")
    ref = reference(page)
    expect(page.get_by_text("What happens next")).to_be_visible()
    officer.picture("05-reference")
    return ref


def reference(page: Page) -> str:
    shown = page.locator(".wm-ref--big")
    expect(shown).to_have_text(re.compile("^R-[0-9A-Z]{7}$"))
    return shown.inner_text()


def ask_for_another(officer: Visitor, tie: str) -> str:
    """The shared answers are kept; only what differs is asked for."""
    page, first = officer.page, reference(officer.page)
    officer.tap("Add another woman")
    page.get_by_label(TIES[tie]).check()
    expect(page.get_by_label("2. Where is she now?")).to_have_value("SE15")
    expect(page.get_by_label("Your mobile number")).to_have_value(re.compile("900 ?461$"))
    expect(page.get_by_label("Operation or incident reference")).to_have_value(CASE)
    page.get_by_role("group", name="1. Is she a woman").get_by_label("Yes").check()
    page.get_by_label("Alone").check()
    page.get_by_label("5. Which language").select_option(label="English")
    officer.picture("06-another-woman", full=True)
    officer.tap("Send request")
    expect(page.locator(".wm-ref--big")).not_to_have_text(first)
    sibling = page.locator("li", has_text=first)
    expect(sibling).to_contain_text(TIES[tie])
    return reference(page)


def read_proposal(desk: Visitor, ref: str) -> Proposal:
    """A room with its reasons and the next best, all before anything is confirmed."""
    line = desk.page.locator(".wm-line").filter(has=desk.page.locator(f"#page-{ref}"))
    desk.wait_for(line.locator("p:text-is('Next best') + ul li").first)
    assert line.locator("p:text-is('Why') + ul li").count() >= 2
    where = line.locator("h3 small").inner_text()
    name = (line.locator("h3").text_content() or "").removesuffix(where)
    return Proposal(name.split(",")[0].strip(), "outside London" not in where)


def confirm(desk: Visitor, refs: list[str], tie: str) -> None:
    """Women who stay together have one tick between them."""
    ticks = [desk.page.locator(f"#line-{ref}") for ref in refs]
    there = [tick for tick in ticks if tick.count()]
    assert len(there) == (1 if tie == "together" else len(refs))
    for tick in there:
        tick.check()
    desk.show_at_top(desk.page.locator(".wm-line:has(:checked)").first)
    desk.picture("10-ticked")
    desk.page.locator("#confirm-ticked").click()
    outcome = desk.page.locator("section[aria-labelledby=outcome]")
    for ref in refs:
        expect(outcome.locator("li", has_text=ref)).to_contain_text("offered")
    desk.picture("11-confirmed")


def ring_the_force_where_asked(desk: Visitor, refs: list[str]) -> None:
    """Other tests of this product may have asked for so much today that the force is rung back."""
    for ref in refs:
        desk.go(f"/desk/requests/{ref}")
        if desk.page.locator("#call-genuine").count():
            desk.tap("I rang: it is genuine")
            expect(desk.page.locator("#call-genuine")).to_have_count(0)
    desk.go("/desk/board")


def codes_on(phone: Visitor, picture: str) -> set[str]:
    """The codes that the houses' phones ask about now."""
    phone.page.goto(phone.phone_url)
    expect(phone.page.get_by_role("heading", name="Demo phone")).to_be_visible()
    phone.picture(picture)
    return codes(phone.page)


def codes(page: Page) -> set[str]:
    quick = page.locator("button[name=quick]").filter(has_text="ACCEPT")
    return {text.split()[-1] for text in quick.all_inner_texts()}


def answer_by_text(phone: Visitor, known: set[str]) -> None:
    """The text came, says nothing of her, and one tap answers it."""
    page = phone.page
    for _ in range(60):
        if len(codes(page) - known) == 2:
            break
        page.wait_for_timeout(1000)
        page.reload()
    code = sorted(codes(page) - known)[0]
    text = page.locator(".bubble", has_text=f"ACCEPT {code}").first
    assert not re.search("woman|girl|child|police|Romanian|http", text.inner_text(), re.I)
    text.scroll_into_view_if_needed()
    phone.picture("13-phone-asked")
    text.get_by_role("button", name=f"ACCEPT {code}").click()
    phone.wait_for(page.locator(".bubble-service", has_text=f"{code} is accepted").first)
    page.locator(".bubble-service", has_text=f"{code} is accepted").scroll_into_view_if_needed()
    phone.picture("14-phone-accepted")


def one_that_is_placed(officer: Visitor, refs: list[str]) -> str:
    """Either may be the one whose house answered."""
    for _ in range(60):
        for ref in refs:
            officer.go(f"/police/requests/{ref}")
            if headline(officer.page, "Placed").is_visible():
                return ref
        officer.page.wait_for_timeout(1000)
    raise AssertionError("the answer by text reached nobody")


def answer_on_the_web(
    house: Visitor, arrive: Arrive, alias: str, phone: Visitor, known: set[str]
) -> None:
    """The house's worker looks at what she needs, then accepts; only then whom to ring is shown."""
    if alias in BY_ONE_TAP:
        house.be(BY_ONE_TAP[alias])
    else:
        hire_and_sign_in(house, arrive, alias)
    expect(house.page.get_by_role("heading", name=f"Tonight at {alias}")).to_be_visible()
    house.picture("15-tonight")
    [code] = codes(phone.page) - known
    house.page.locator(f"#offer-{code}").click()
    expect(house.page.get_by_text("What she needs")).to_be_visible()
    assert CASE not in house.text()
    assert PHONE_SHOWN not in house.text()
    house.picture("16-offer")
    house.page.locator("#accept").click()
    expect(house.page.get_by_text("Ring the officer who is with her")).to_be_visible()
    expect(house.page.get_by_role("link", name=PHONE_SHOWN)).to_be_visible()
    expect(house.page.get_by_text(CASE)).to_be_visible()
    house.picture("17-accepted")


def hire_and_sign_in(house: Visitor, arrive: Arrive, alias: str) -> None:
    """A worker of this house comes in with the administrator's code and chooses a password."""
    email = f"worker.{token_hex(4)}@houses.example"
    administrator = arrive(1280, script=house.script).be("Gwen")
    page = administrator.page
    charities = (
        administrator.go("/people/new")
        .page.locator("#organisation optgroup")
        .filter(has=page.locator("option"))
    )
    names = charities.nth(1).locator("option").all_inner_texts()
    for name in names:
        page.get_by_label("House worker").check()
        page.get_by_label("Name", exact=True).fill("Ivy Example")
        page.get_by_label("Work e-mail address").fill(email)
        page.get_by_label("Organisation").select_option(label=name)
        page.get_by_label("House", exact=True).select_option(label=alias)
        with page.expect_navigation():
            administrator.tap("Add this person")
        if page.get_by_role("heading", name="A code for Ivy Example").is_visible():
            break
        expect(page.get_by_text("Choose a house of this organisation").first).to_be_visible()
    house.go("/join")
    house.page.get_by_label("The code you were given").fill(page.locator(".wm-ref").inner_text())
    house.tap("Come in")
    house.go("/account/password")
    house.page.get_by_label("New password").fill(FIRST_PASSWORD)
    house.tap("Keep this password")
    house.go("/refuge/")


def is_told_where(officer: Visitor, ref: str, house: str) -> None:
    """Alias, duty line and a place to meet; nothing from which the house could be found."""
    officer.go(f"/police/requests/{ref}")
    officer.wait_for(headline(officer.page, f"Placed: {house}"))
    officer.picture("18-placed")
    card = officer.page.locator(".wm-card--good")
    expect(card.get_by_role("link", name=re.compile("^[0-9 ]{11,14}$"))).to_be_visible()
    expect(card.get_by_text("Where to meet")).to_be_visible()
    said = card.inner_text()
    assert not POSTCODE.search(said), said
    assert not WHEREABOUTS.search(said), said


def arrives_at_the_house(house: Visitor, refs: list[str], officer: Visitor) -> None:
    """The house records the one whom the officer did not."""
    here = reference(officer.page)
    [other] = [ref for ref in refs if ref != here]
    arrived = house.page.locator(f"#arrived-{other}").or_(house.page.locator(f"#arrived-{here}"))
    if arrived.count():
        house.picture("20-on-the-way")
        arrived.first.click()
        expect(house.page.get_by_text("recorded as arrived")).to_be_visible()
        house.picture("21-living-here")
    officer.go(f"/police/requests/{other}")
    if headline(officer.page, "Placed").is_visible():
        officer.tap("She has arrived")
    expect(headline(officer.page, "She has arrived")).to_be_visible()


@dataclass(frozen=True)
class Seen:
    """The manager's figures as they stand on the page; a number that is not shown is None."""

    big: dict[str, int | None]
    demand: dict[str, dict[str, int | None]]
    ours: dict[str, Counter[str]]


def whole(text: str) -> int | None:
    return None if text == NOT_SHOWN else int(text.replace(",", ""))


def read_figures(page: Page) -> Seen:
    figures = page.locator(".wm-big-figures .wm-figure")
    labels = figures.locator(".wm-figure__label").all_inner_texts()
    values = figures.locator(".wm-figure__value").all_inner_texts()
    table = page.locator("table").filter(
        has=page.locator("caption", has_text="Inside and outside London")
    )
    heads = table.locator("thead tr").nth(1).locator("th").all_inner_texts()[1:]
    demand: dict[str, dict[str, int | None]] = {}
    ours: dict[str, Counter[str]] = {}
    for row in table.locator("tbody tr").all():
        name, *cells = row.locator("th, td").all_inner_texts()
        demand[name], ours[name] = {}, Counter()
        for head, cell in zip(heads, cells, strict=True):
            if head in DEMAND:
                demand[name][head] = whole(cell)
            elif head not in OF_NIGHTS:
                ours[name]["Not taken" if head in NOT_TAKEN else head] += whole(cell) or 0
    return Seen(
        big={label: whole(value) for label, value in list(zip(labels, values, strict=True))[:3]},
        demand=demand,
        ours=ours,
    )


def have_changed_by_no_more_than_this(before: Seen, after: Seen) -> None:
    """Two more asked for and arrived: a step of the rounding at most, and our places exactly."""
    for then, now in ((before.big, after.big), *rows_of(before.demand, after.demand)):
        for head, number in now.items():
            assert number is None or (number >= 10 and number % 5 == 0), head
            earlier = then[head]
            if number is not None and earlier is not None:
                assert 0 <= abs(number - earlier) <= 5, head
    taken = after.ours["Everywhere"]["Taken"] - before.ours["Everywhere"]["Taken"]
    assert 0 <= taken <= 2
    not_taken = after.ours["Everywhere"]["Not taken"] - before.ours["Everywhere"]["Not taken"]
    assert not_taken == -taken


Rows = dict[str, dict[str, int | None]]


def rows_of(before: Rows, after: Rows) -> list[tuple[dict[str, int | None], dict[str, int | None]]]:
    return [(before[name], after[name]) for name in after]
