"""A thumb on a phone: it taps only what it sees on the page it is on, and counts its taps."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

from tests.browser_without_a_window import Browser


@dataclass
class Target:
    """A link, a button or a summary; ``words`` is what stands on it, ``inside`` what folds it."""

    kind: str
    inside: tuple[str, ...]
    href: str = ""
    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    words: str = ""
    opens: str = ""


class _Page(HTMLParser):
    """What can be tapped, with the details elements that fold it and the form around it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.targets: list[Target] = []
        self._folds: list[str] = []
        self._form: tuple[str, dict[str, str]] = ("", {})
        self._now: Target | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "details":
            self._folds.append(given["id"])
        elif tag == "form":
            self._form = (given.get("action", ""), {})
        elif tag == "input" and given.get("type") == "hidden":
            self._form[1][given["name"]] = given["value"]
        elif tag in ("a", "button", "summary"):
            self._begin(tag, given)

    def _begin(self, tag: str, given: dict[str, str]) -> None:
        folds = self._folds[:-1] if tag == "summary" else self._folds
        self._now = Target(tag, tuple(folds), given.get("href", ""), *self._form)
        self._now.opens = self._folds[-1] if tag == "summary" else ""
        if tag == "button" and "name" in given:
            self._now.fields = {**self._now.fields, given["name"]: given["value"]}
        self.targets.append(self._now)

    def handle_endtag(self, tag: str) -> None:
        if tag == "details":
            self._folds.pop()
        elif tag in ("a", "button", "summary"):
            self._now = None

    def handle_data(self, data: str) -> None:
        if self._now is not None:
            self._now.words = " ".join((self._now.words + data).split())


class Thumb:
    """Taps by what stands on the thing; ``taps`` counts from the page after the sign-in."""

    def __init__(self, browser: Browser, home: str) -> None:
        self.browser, self.taps, self.open = browser, 0, set[str]()
        self.html = browser.get(home).get_data(as_text=True)

    def tap(self, words: str) -> None:
        """The first visible thing that begins with these words."""
        seen = [each for each in _Page(self.html).targets if set(each.inside) <= self.open]
        target = next((each for each in seen if each.words.startswith(words)), None)
        assert target is not None, f"nothing to tap says {words!r}: {[t.words for t in seen]}"
        self.taps += 1
        if target.kind == "summary":
            self.open.add(target.opens)
            return
        self.open.clear()
        answer = (
            self.browser.get(target.href, follow_redirects=True)
            if target.kind == "a"
            else self.browser.post(target.action, target.fields, follow_redirects=True)
        )
        assert answer.status_code == 200, answer.status_code
        self.html = answer.get_data(as_text=True)
