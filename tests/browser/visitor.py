"""Somebody at a screen: a browser of their own, and a note of everything that went wrong in it."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Locator, Request, expect

SCREENSHOTS = Path(__file__).resolve().parents[2] / "var" / "screenshots"
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
HEIGHTS = {360: 740, 1280: 900}
PATIENCE_MS = 60_000
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
REFUSAL = re.compile(r"Failed to load resource: the server responded with a status of (422|404)")
IS_TOO_WIDE = "document.documentElement.scrollWidth > innerWidth"


class Visitor:
    """One person's browser at one width; ``page`` is the page they look at."""

    def __init__(
        self, browser: Browser, url: str, phone_url: str, width: int, *, script: bool
    ) -> None:
        self.url, self.phone_url, self.width, self.script = url, phone_url, width, script
        self.troubles: list[str] = []
        self.context = browser.new_context(
            viewport={"width": width, "height": HEIGHTS[width]},
            java_script_enabled=script,
            is_mobile=width < 600,
            has_touch=width < 600,
            locale="en-GB",
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.on("request", self._judge_request)
        self.context.on("console", self._judge_message)
        self.context.on("weberror", lambda error: self.troubles.append(str(error.error)))
        self.page = self.context.new_page()

    def _judge_request(self, request: Request) -> None:
        asked = urlsplit(request.url)
        ours = (urlsplit(self.url).netloc, urlsplit(self.phone_url).netloc)
        if asked.scheme not in ("data", "blob", "about") and asked.netloc not in ours:
            self.troubles.append(f"a request to a foreign origin: {request.url}")

    def _judge_message(self, message: ConsoleMessage) -> None:
        # Chromium reports every answer that is not well: a form that needs another look (422)
        # and an address where nothing is (404). Tests that want neither look at the answer.
        if message.type in ("error", "warning") and not REFUSAL.search(message.text):
            self.troubles.append(f"{message.text} on {self.page.url}")

    def go(self, path: str) -> Visitor:
        self.page.goto(self.url + path)
        return self

    def be(self, name: str) -> Visitor:
        """Sign in by one tap on the front page."""
        self.go("/")
        self.page.get_by_role("button", name=f"Be {name}", exact=True).click()
        expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()
        return self

    def tap(self, name: str, *, within: Locator | None = None) -> None:
        """Press the button or link that is called this."""
        box = within or self.page
        box.get_by_role("button", name=name).or_(box.get_by_role("link", name=name)).first.click()

    def wait_for(self, seen: Locator, *, times: int = 30) -> None:
        """The page brings it by itself; without script the person looks again."""
        if self.script:
            expect(seen).to_be_visible(timeout=PATIENCE_MS)
            return
        for _ in range(times):
            if seen.is_visible():
                return
            self.page.wait_for_timeout(1000)
            self.page.reload()
        expect(seen).to_be_visible()

    def show_at_top(self, seen: Locator) -> None:
        """Scroll until this stands at the top of the screen."""
        seen.evaluate("(found) => scrollBy(0, found.getBoundingClientRect().top - 16)")

    def picture(self, name: str, *, full: bool = False) -> Path:
        """Keep what this person sees, and hold the page to what every page must keep."""
        self.check_page()
        suffix = "" if self.script else "-no-script"
        path = SCREENSHOTS / f"{name}{suffix}.png"
        self.page.screenshot(path=path, full_page=full)
        return path

    def check_page(self) -> None:
        """Fits the screen, and says nothing of its purpose in the title bar."""
        assert not self.page.evaluate(IS_TOO_WIDE), f"{self.page.url} is wider than the screen"
        assert self.page.title().startswith("Waymark - "), self.page.title()

    def axe_faults(self) -> list[str]:
        """What axe-core finds on the page; injected past the page's own content policy."""
        axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
        session = self.context.new_cdp_session(self.page)
        session.send("Runtime.evaluate", {"expression": axe})
        session.detach()
        result = self.page.evaluate(
            "(tags) => axe.run({runOnly: {type: 'tag', values: tags}})", AXE_TAGS
        )
        return [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in result["violations"]]

    def text(self) -> str:
        """What the page says."""
        return self.page.locator("main").inner_text()

    def leave(self) -> list[str]:
        """Close the browser; what went wrong in it."""
        self.context.close()
        return self.troubles
