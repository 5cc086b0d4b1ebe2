"""A small web browser on the standard library: cookies, links, forms; no JavaScript."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

TIMEOUT_SECONDS = 30
BUSY, BUSY_SECONDS = 503, 1.0
Values = Mapping[str, str | Sequence[str]]


class PageError(Exception):
    """The service answered with something a person could not go on from."""


@dataclass
class WebForm:
    """A form as it stands in the page: where it goes and what is filled in already."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def filled(self, values: Values) -> list[tuple[str, str]]:
        """What a browser would send after a person typed ``values``.

        Raises:
            PageError: the page has no such field; a person could not have filled it in.
        """
        unknown = set(values) - self.names
        if unknown:
            raise PageError(f"the form {self.action} has no field {', '.join(sorted(unknown))}")
        sent = [(name, value) for name, value in self.fields if name not in values]
        for name, value in values.items():
            sent += [(name, one) for one in ([value] if isinstance(value, str) else value)]
        return sent


class _Reader(HTMLParser):
    """Picks forms and visible text out of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[WebForm] = []
        self.words: list[str] = []
        self._open: WebForm | None = None
        self._select = ""
        self._options: list[tuple[str, bool]] = []
        self._textarea: tuple[str, list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = WebForm(own.get("action", ""), own.get("method", "get").lower())
            self.forms.append(self._open)
        elif self._open is not None and "disabled" not in own:
            self._control(tag, own)

    def _control(self, tag: str, own: dict[str, str]) -> None:
        assert self._open is not None
        name = own.get("name", "")
        if name:
            self._open.names.add(name)
        if tag == "input":
            self._input(own, name)
        elif tag == "button" and name:
            self._open.buttons.append((name, own.get("value", "")))
        elif tag == "select":
            self._select, self._options = name, []
        elif tag == "option" and self._select:
            self._options.append((own.get("value", ""), "selected" in own))
        elif tag == "textarea":
            self._textarea = (name, [])

    def _input(self, own: dict[str, str], name: str) -> None:
        assert self._open is not None
        kind = own.get("type", "text")
        if not name or kind in ("submit", "button", "file"):
            return
        if kind in ("radio", "checkbox"):
            if "checked" in own:
                self._open.fields.append((name, own.get("value", "on")))
            return
        self._open.fields.append((name, own.get("value", "")))

    def handle_data(self, data: str) -> None:
        if self._textarea is not None:
            self._textarea[1].append(data)
        elif data.strip():
            self.words.append(data.strip())

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select" and self._select and self._open is not None:
            chosen = [value for value, is_selected in self._options if is_selected]
            first = [value for value, _ in self._options][:1]
            self._open.fields += [(self._select, value) for value in chosen or first]
            self._select = ""
        elif tag == "textarea" and self._textarea is not None and self._open is not None:
            name, typed = self._textarea
            self._open.fields.append((name, "".join(typed).lstrip("\n")))
            self._textarea = None


@dataclass(frozen=True)
class Page:
    """What came back: status, address after redirects, forms and text."""

    status: int
    url: str
    html: str
    forms: list[WebForm]
    text: str

    def form(self, part_of_action: str) -> WebForm:
        """The form whose address contains ``part_of_action``.

        Raises:
            PageError: there is none; its text is what the person would have read instead.
        """
        for form in self.forms:
            if part_of_action in (form.action or self.url):
                return form
        raise PageError(f"no form for {part_of_action!r} on {self.url}: {self.text[:300]}")

    def has_form(self, part_of_action: str) -> bool:
        return any(part_of_action in (form.action or self.url) for form in self.forms)


class Browser:
    """One person's browser. Every page must be a success unless ``expect`` names another status."""

    def __init__(self, base_url: str) -> None:
        self._base = base_url
        self._opener: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))
        self.requests = 0

    def get(self, path: str, *, expect: int = 200) -> Page:
        return self._fetch(Request(urljoin(self._base, path)), expect)  # noqa: S310 - http only

    def send(self, page: Page, form: WebForm, values: Values, *, expect: int = 200) -> Page:
        """Fill in and send one form of ``page``."""
        address = urljoin(page.url, form.action or page.url)
        body = urlencode(form.filled(values)).encode()
        return self._fetch(Request(address, data=body), expect)  # noqa: S310 - http only

    def _fetch(self, request: Request, expect: int, *, tries: int = 5) -> Page:
        """As a person would, once more where the service says that it is very busy."""
        page = self._fetch_once(request)
        if page.status == BUSY != expect and tries > 1:
            time.sleep(BUSY_SECONDS)
            return self._fetch(request, expect, tries=tries - 1)
        if page.status != expect:
            raise PageError(
                f"{request.get_method()} {request.full_url} gave {page.status}: {page.text[:500]}"
            )
        return page

    def _fetch_once(self, request: Request) -> Page:
        self.requests += 1
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return _page(answer.status, answer.url, answer)
        except HTTPError as error:
            return _page(error.code, error.url or request.full_url, error)


def _page(status: int, url: str, answer: IO[bytes] | Any) -> Page:
    html = answer.read().decode("utf-8", "replace")
    reader = _Reader()
    reader.feed(html)
    return Page(status, url, html, reader.forms, " ".join(_squeezed(reader.words)))


def _squeezed(words: list[str]) -> Iterator[str]:
    for word in words:
        yield " ".join(word.split())
