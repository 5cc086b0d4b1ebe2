"""The look in a browser: every sample page at two widths, and each comfort that the script adds."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from importlib import resources
from urllib.parse import quote

import pytest
from flask import Flask, Response, redirect
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from app.browsers import HEADERS, content_policy, csp_nonce
from tests.unit.sample_pages import PAGES, render, sample_app

pytestmark = pytest.mark.browser

AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (360, 1280)
SOON_MS = 10_000  # well before a page that has heard nothing looks by itself
Open = Callable[..., Page]


def _to_sign_in() -> Response:
    return redirect("/sign-in")  # type: ignore[return-value]


class Site:
    """The samples over HTTP, with a status that a test may change, and how often it was read."""

    def __init__(self) -> None:
        self.status = "looking"
        self.is_signed_in = True
        self.polls = self.asked = 0
        self.word, self.extra = "first", ""
        self.app = self._app()
        self.server = make_server("127.0.0.1", 0, self.app, threaded=True)
        self.url = f"http://127.0.0.1:{self.server.port}"

    def _app(self) -> Flask:
        app = sample_app()
        app.add_url_rule("/sample/<name>", "sample", self._sample)
        app.view_functions["police.request_status"] = self._status
        app.view_functions["live.stamp"] = self._stamp
        app.view_functions["public.leave"] = lambda: "harmless"
        app.view_functions["auth.sign_in"] = lambda: "please sign in"
        app.after_request(self._headers)
        app.jinja_env.globals["csrf_token"] = lambda: f"token-{self.polls}"
        app.jinja_env.globals["csp_nonce"] = csp_nonce
        return app

    def tell(self, status: str) -> None:
        """Something has changed, and the page's next question will be answered so."""
        self.status, self.word = status, f"after look {self.polls} of {status}"

    def _sample(self, name: str) -> Response | str:
        return render(self.app, name) if self.is_signed_in else _to_sign_in()

    def _stamp(self) -> Response | str:
        self.asked += 1
        return self.word if self.is_signed_in else _to_sign_in()

    def _status(self, ref: str) -> Response | str:
        self.polls += 1
        if not self.is_signed_in:
            return _to_sign_in()
        page = render(self.app, self.status)
        start = page.index("data-wm-live")
        part = page[page.index(">", start) + 1 : page.index('<p class="wm-flash')]
        return part.rstrip().removesuffix("</div>") + self.extra

    @staticmethod
    def _headers(response: Response) -> Response:
        response.headers.update(HEADERS)
        response.headers["Content-Security-Policy"] = content_policy(csp_nonce())
        response.headers["Cache-Control"] = "no-store"
        return response


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def open_page(site: Site, browser: Browser) -> Iterator[Open]:
    contexts = []

    def visit(name: str, *, width: int = 360, script: bool = True, clock: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 740}, java_script_enabled=script
        )
        contexts.append(context)
        page = context.new_page()
        if clock:
            page.clock.install()
        page.goto(f"{site.url}/sample/{quote(name)}")
        return page

    yield visit
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_is_accessible_fits_and_breaks_no_content_rule(
    open_page: Open, width: int
) -> None:
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    page = open_page("tour", width=width)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    found = {}

    for name in PAGES:
        page.goto(page.url.rsplit("/", 1)[0] + "/" + quote(name))
        session = page.context.new_cdp_session(page)
        session.send("Runtime.evaluate", {"expression": axe})
        result = page.evaluate(
            "(tags) => axe.run({runOnly: {type: 'tag', values: tags}})", AXE_TAGS
        )
        faults = [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in result["violations"]]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            faults.append("wider than the screen")
        if faults:
            found[name] = faults

    assert found == {}
    assert complaints == []


def test_buttons_and_fields_are_large_enough_for_a_thumb(open_page: Open) -> None:
    page = open_page("new request")

    small = page.evaluate(
        """() => ["button", "input:not([type=hidden])", "select", "summary", "nav a"]
            .flatMap((kind) => [...document.querySelectorAll(kind)])
            .filter((e) => e.checkVisibility())
            .filter((e) => e.getBoundingClientRect().height < 44)
            .map((e) => e.outerHTML.slice(0, 80))"""
    )

    assert small == []


def test_children_are_asked_for_only_when_she_has_some(open_page: Open) -> None:
    page = open_page("new request")
    age = page.locator("#children-0-age")
    expect(age).to_be_hidden()

    page.get_by_label("With children").check()

    expect(age).to_be_visible()


def test_rows_are_added_and_removed_and_a_removed_row_sends_nothing(open_page: Open) -> None:
    page = open_page("new request")
    page.get_by_label("With children").check()
    page.locator("#children-0-age").fill("4")

    page.get_by_role("button", name="Add another child").click()
    expect(page.locator("#children-1-age")).to_be_focused()
    page.locator("#children-1-age").fill("9")
    page.get_by_role("button", name="Remove child 2").click()

    expect(page.locator("#children-1-age")).to_be_hidden()
    expect(page.locator("#children-1-age")).to_have_value("")
    expect(page.locator("#children-0-age")).to_have_value("4")


def test_rows_with_something_in_them_are_shown_when_the_form_comes_back(open_page: Open) -> None:
    page = open_page("new request with errors")

    expect(page.locator("#avoid-1-place")).to_have_value("Oldhm")
    expect(page.locator("#avoid-1-place")).to_be_visible()
    expect(page.locator("#avoid-2-place")).to_be_hidden()
    expect(page.locator(".govuk-error-summary")).to_be_focused()


def test_without_script_every_question_can_be_answered(open_page: Open) -> None:
    page = open_page("new request", script=False)

    expect(page.locator("#children-2-age")).to_be_visible()
    page.get_by_text("More than 3 children").click()
    expect(page.locator("#children-7-age")).to_be_visible()
    expect(page.locator("#avoid-2-place")).to_be_visible()


def wait_for_looks(page: Page, site: Site, looks: int) -> None:
    """Real time passes for the network, though the page's clock stands still."""
    for _ in range(100):
        if site.polls >= looks:
            break
        page.wait_for_timeout(50)
    page.wait_for_timeout(100)  # the answer is on the screen
    assert site.polls == looks


def test_news_arrives_within_a_second_and_is_spoken(open_page: Open, site: Site) -> None:
    page = open_page("looking", clock=True)
    expect(page.locator("[data-wm-headline]")).to_have_text("We are looking for a place")
    wait_for_looks(page, site, 1)

    site.tell("placed")
    page.clock.fast_forward(1_000)

    expect(page.locator("[data-wm-headline]")).to_have_text("Placed: Rowan", timeout=SOON_MS)
    expect(page.get_by_role("status")).to_have_text("Placed: Rowan")


def test_without_news_a_page_asks_for_a_word_and_looks_seldom(open_page: Open, site: Site) -> None:
    site.status = "placed"
    page = open_page("placed", clock=True)
    wait_for_looks(page, site, 1)
    page.evaluate("() => { document.querySelector('#arrived').isTheSame = true; }")
    asked = site.asked

    for _ in range(5):
        page.clock.fast_forward(1_000)
        page.wait_for_timeout(100)
    assert site.asked >= asked + 4
    assert site.polls == 1

    page.clock.fast_forward(20_000)  # "12 minutes left" has changed without news
    wait_for_looks(page, site, 2)
    assert page.evaluate("() => document.querySelector('#arrived').isTheSame")


def test_news_that_has_been_looked_at_is_no_news_from_another_process(
    open_page: Open, site: Site
) -> None:
    page = open_page("looking", clock=True)
    wait_for_looks(page, site, 1)

    for word in ("began later", "first", "began later", "first"):
        site.word = word
        page.clock.fast_forward(1_000)
        page.wait_for_timeout(100)

    assert site.polls == 2, "once for each word"


def test_what_she_opened_stays_open_and_new_tokens_come_in(open_page: Open, site: Site) -> None:
    site.status = "placed"
    page = open_page("placed", clock=True)
    wait_for_looks(page, site, 1)
    page.get_by_text("She did not arrive").click()

    site.extra = "<p id='brought'>Something new</p>"
    site.tell("placed")
    page.clock.fast_forward(1_000)

    expect(page.locator("#brought")).to_be_visible()
    expect(page.locator("[name=csrf_token][value=token-2]")).to_have_count(3)
    expect(page.locator("#not-arrived")).to_have_attribute("open", "")


def test_a_form_in_use_is_kept_whole_while_the_page_around_it_changes(
    open_page: Open, site: Site
) -> None:
    site.status = "placed"
    page = open_page("placed", clock=True)
    wait_for_looks(page, site, 1)
    page.get_by_text("She did not arrive").click()
    page.get_by_label("What happened?").select_option("hospital")

    site.extra = "<p id='brought'>Something new</p>"
    site.tell("placed")
    page.clock.fast_forward(1_000)

    expect(page.locator("#brought")).to_be_visible()
    expect(page.get_by_label("What happened?")).to_have_value("hospital")


def test_where_the_form_in_use_is_gone_news_waits_until_she_asks(
    open_page: Open, site: Site
) -> None:
    site.status = "placed"
    page = open_page("placed", clock=True)
    wait_for_looks(page, site, 1)
    page.get_by_text("She did not arrive").click()
    page.get_by_label("What happened?").select_option("hospital")

    site.tell("arrived")
    page.clock.fast_forward(1_000)

    show = page.get_by_role("button", name="Show it now")
    expect(show).to_be_visible()
    expect(page.get_by_label("What happened?")).to_have_value("hospital")
    show.click()
    expect(page.locator("[data-wm-headline]")).to_have_text("She has arrived")
    expect(show).to_have_count(0)


def test_news_that_waited_is_shown_once_the_form_is_as_it_was(open_page: Open, site: Site) -> None:
    site.status = "placed"
    page = open_page("placed", clock=True)
    wait_for_looks(page, site, 1)
    page.get_by_text("She did not arrive").click()
    page.get_by_label("What happened?").select_option("hospital")
    site.tell("arrived")
    page.clock.fast_forward(1_000)
    expect(page.get_by_role("button", name="Show it now")).to_be_visible()

    page.get_by_label("What happened?").select_option("")
    page.locator("summary", has_text="She did not arrive").focus()
    page.clock.fast_forward(1_000)

    expect(page.locator("[data-wm-headline]")).to_have_text("She has arrived")


def test_typing_survives_three_refreshes_with_its_caret(open_page: Open, site: Site) -> None:
    form = "<form action='/note'><textarea id='note' name='note'>{}</textarea></form>"
    site.extra = form.format("")
    page = open_page("looking", clock=True)
    note = page.locator("#note")
    note.press_sequentially("she likes tea")
    for _ in range(4):
        note.press("ArrowLeft")
    page.evaluate("() => { document.querySelector('#note').isTheSame = true; }")

    for status, headline in (
        ("placed", "Placed: Rowan"),
        ("looking", "We are looking for a place"),
        ("placed", "Placed: Rowan"),
    ):
        site.extra = form.format(f"what the service now has: {status}")
        site.tell(status)
        page.clock.fast_forward(1_000)
        expect(page.locator("[data-wm-headline]")).to_have_text(headline)
        note.press_sequentially("-")

    expect(note).to_be_focused()
    expect(note).to_have_value("she likes--- tea")
    assert page.evaluate("() => document.querySelector('#note').selectionStart") == 12
    assert page.evaluate("() => document.querySelector('#note').isTheSame")


def test_where_nobody_can_say_the_page_looks_by_the_clock(open_page: Open, site: Site) -> None:
    site.word = ""
    page = open_page("looking", clock=True)
    wait_for_looks(page, site, 1)

    site.status = "placed"
    page.clock.fast_forward(5_000)

    expect(page.locator("[data-wm-headline]")).to_have_text("Placed: Rowan", timeout=SOON_MS)
    expect(page.get_by_text("Not up to date")).to_be_hidden()


def test_nobody_is_asked_while_the_page_is_hidden(open_page: Open, site: Site) -> None:
    page = open_page("looking", clock=True)
    wait_for_looks(page, site, 1)
    page.evaluate(
        "() => Object.defineProperty(document, 'hidden', {value: true, configurable: true})"
    )
    asked = site.asked
    site.tell("placed")
    page.clock.fast_forward(60_000)
    page.wait_for_timeout(200)
    assert (site.asked, site.polls) == (asked, 1)

    page.evaluate(
        """() => {
            Object.defineProperty(document, 'hidden', {value: false, configurable: true});
            document.dispatchEvent(new Event('visibilitychange'));
        }"""
    )

    expect(page.locator("[data-wm-headline]")).to_have_text("Placed: Rowan")


def test_a_lost_connection_is_said_with_its_time_and_taken_back(
    open_page: Open, site: Site
) -> None:
    page = open_page("looking", clock=True)
    wait_for_looks(page, site, 1)
    warning = page.get_by_text(re.compile("Not up to date since [0-2][0-9]:[0-5][0-9]:"))
    page.context.set_offline(True)
    for _ in range(4):
        page.clock.fast_forward(5_000)
        page.wait_for_timeout(100)
    expect(warning).to_be_visible()

    page.context.set_offline(False)
    page.clock.fast_forward(5_000)

    expect(warning).to_be_hidden()


def test_when_the_sign_in_has_ended_the_page_does_not_stay(open_page: Open, site: Site) -> None:
    page = open_page("placed", clock=True)
    site.is_signed_in = False

    page.clock.fast_forward(10_000)

    expect(page.get_by_text("please sign in")).to_be_visible()


def test_a_second_tap_does_not_send_twice(open_page: Open) -> None:
    page = open_page("placed", clock=True)  # before the page looks again

    is_stopped = page.evaluate(
        """() => {
            const form = document.querySelector("#arrived").form;
            const stopped = [];
            window.addEventListener("submit", (event) => {
                stopped.push(event.defaultPrevented);
                event.preventDefault();
            });
            form.requestSubmit();
            form.requestSubmit();
            return stopped;
        }"""
    )

    assert is_stopped == [False, True]


def test_leaving_quickly_leaves_nothing_to_come_back_to(open_page: Open) -> None:
    page = open_page("requests")

    page.get_by_role("link", name="Leave this page quickly").click()
    expect(page.get_by_text("harmless")).to_be_visible()
    page.go_back()

    assert page.url == "about:blank"
