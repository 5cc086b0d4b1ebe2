"""The look in a browser: every sample page at two widths, and each comfort that the script adds."""

from __future__ import annotations

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
Open = Callable[..., Page]


class Site:
    """The samples over HTTP, with a status that a test may change, and how often it was read."""

    def __init__(self) -> None:
        self.status = "looking"
        self.is_signed_in = True
        self.polls = 0
        self.app = self._app()
        self.server = make_server("127.0.0.1", 0, self.app, threaded=True)
        self.url = f"http://127.0.0.1:{self.server.port}"

    def _app(self) -> Flask:
        app = sample_app()
        app.add_url_rule("/sample/<name>", "sample", lambda name: render(app, name))
        app.view_functions["police.request_status"] = self._status
        app.view_functions["public.leave"] = lambda: "harmless"
        app.add_url_rule("/sign-in", "sign_in", lambda: "please sign in")
        app.after_request(self._headers)
        app.jinja_env.globals["csrf_token"] = lambda: f"token-{self.polls}"
        app.jinja_env.globals["csp_nonce"] = csp_nonce
        return app

    def _status(self, ref: str) -> Response | str:
        self.polls += 1
        if not self.is_signed_in:
            return redirect("/sign-in")  # type: ignore[return-value]
        page = render(self.app, self.status)
        start = page.index("data-wm-live")
        return page[page.index(">", start) + 1 : page.index('<p class="wm-flash')]

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


def test_news_arrives_by_itself_and_is_spoken(open_page: Open, site: Site) -> None:
    page = open_page("looking", clock=True)
    expect(page.locator("[data-wm-headline]")).to_have_text("We are looking for a place")

    site.status = "placed"
    page.clock.fast_forward(10_000)

    expect(page.locator("[data-wm-headline]")).to_have_text("Placed: Rowan")
    expect(page.get_by_role("status")).to_have_text("Placed: Rowan")


def test_what_she_opened_stays_open_and_no_news_changes_nothing(
    open_page: Open, site: Site
) -> None:
    site.status = "placed"
    page = open_page("placed", clock=True)
    page.get_by_text("She did not arrive").click()
    page.clock.fast_forward(10_000)
    expect(page.locator("[name=csrf_token][value=token-1]")).to_have_count(2)
    page.evaluate("() => { document.querySelector('#arrived').isTheSame = true; }")

    page.clock.fast_forward(10_000)

    expect(page.locator("#not-arrived")).to_have_attribute("open", "")
    page.wait_for_timeout(200)
    assert site.polls == 2
    assert page.evaluate("() => document.querySelector('#arrived').isTheSame")


def test_news_waits_while_she_is_choosing(open_page: Open, site: Site) -> None:
    page = open_page("placed", clock=True)
    page.get_by_text("She did not arrive").click()
    page.get_by_label("What happened?").select_option("hospital")

    site.status = "arrived"
    page.clock.fast_forward(30_000)

    expect(page.get_by_label("What happened?")).to_have_value("hospital")
    assert site.polls == 0


def test_nobody_is_asked_while_the_page_is_hidden(open_page: Open, site: Site) -> None:
    page = open_page("looking", clock=True)
    page.evaluate(
        "() => Object.defineProperty(document, 'hidden', {value: true, configurable: true})"
    )
    page.clock.fast_forward(60_000)
    assert site.polls == 0

    page.evaluate(
        """() => {
            Object.defineProperty(document, 'hidden', {value: false, configurable: true});
            document.dispatchEvent(new Event('visibilitychange'));
        }"""
    )

    expect(page.locator("[data-wm-headline]")).to_be_visible()
    page.wait_for_timeout(200)
    assert site.polls == 1


def test_a_lost_connection_is_said_and_taken_back(open_page: Open, site: Site) -> None:
    page = open_page("looking", clock=True)
    warning = page.get_by_text("This page may be out of date")
    page.context.set_offline(True)
    for _ in range(3):
        page.clock.fast_forward(10_000)
        page.wait_for_timeout(100)
    expect(warning).to_be_visible()

    page.context.set_offline(False)
    page.clock.fast_forward(10_000)

    expect(warning).to_be_hidden()


def test_when_the_sign_in_has_ended_the_page_does_not_stay(open_page: Open, site: Site) -> None:
    page = open_page("placed", clock=True)
    site.is_signed_in = False

    with page.expect_navigation():
        page.clock.fast_forward(10_000)


def test_a_second_tap_does_not_send_twice(open_page: Open) -> None:
    page = open_page("placed")

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
