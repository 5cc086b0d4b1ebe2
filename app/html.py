"""How pages are made: template loaders, filters and the functions that every template may use."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import phonenumbers
from flask import Flask, url_for
from jinja2 import ChoiceLoader, PackageLoader, PrefixLoader, Undefined
from markupsafe import Markup

from app.charts import bar_chart, occupancy_strip
from app.london import LONDON, london_day

WHOLE_FORM = ("_schema", "form")  # errors that belong to no single field
BRITAIN = 44
THEME_COLOUR = "#083a3f"
WORDS_FILE = Path(__file__).with_name("words.toml")
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class BlankForm:
    """Stands in for a form that nobody has sent yet: ``blank_form`` in templates."""

    values: Mapping[str, list[str]] = field(default_factory=dict)
    errors: Mapping[str, Any] = field(default_factory=dict)


class PageUndefined(Undefined):
    """Strict for our templates, lenient where govuk macros ask a dict for an option nobody gave.

    A misspelt variable or attribute fails loudly; ``params.hint`` missing from a dict is empty.
    """

    def _fail_unless_option(self) -> None:
        if not isinstance(self._undefined_obj, dict) and self._undefined_name != "caller":
            self._fail_with_undefined_error()

    def __bool__(self) -> bool:
        self._fail_unless_option()
        return super().__bool__()

    def __str__(self) -> str:
        self._fail_unless_option()
        return super().__str__()

    def __len__(self) -> int:
        self._fail_unless_option()
        return super().__len__()

    def __iter__(self) -> Iterator[Any]:
        self._fail_unless_option()
        return super().__iter__()

    def __eq__(self, other: object) -> bool:
        self._fail_unless_option()
        return isinstance(other, Undefined)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        self._fail_unless_option()
        return super().__hash__()


def init_html(app: Flask, *, now: Clock | None = None) -> None:
    """Give ``app`` its loaders, filters and template globals.

    ``now`` returns the aware time that "today" and "minutes left" are counted from; hand in the
    database's clock so that the demonstration's shifted time shows right.
    """
    clock = now or _utc_now
    env = app.jinja_env
    loaders = [PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})]
    env.loader = ChoiceLoader([env.loader, *loaders] if env.loader else loaders)
    env.undefined = PageUndefined
    env.trim_blocks = env.lstrip_blocks = True
    env.filters.update(
        when=lambda at: when(at, now=clock()),
        short_day=short_day,
        minutes_left=lambda at: minutes_left(at, now=clock()),
        how_long=lambda at: how_long(at, now=clock()),
        day=day,
        words=words,
        tone=tone,
        money=money,
        phone_text=phone_text,
        asset=_asset_url(app),
        error_list=error_list,
    )
    env.globals.update(
        asset=_asset_url(app),
        bar_chart=bar_chart,
        blank_form=BlankForm(),
        start_form=lambda **values: BlankForm(values=values),  # filled in, and not sent yet
        error_list=error_list,
        errors_of=errors_of,
        occupancy_strip=occupancy_strip,
        theme_colour=THEME_COLOUR,
        value_of=value_of,
        values_of=values_of,
        # govuk macros compare options with these two names, which Jinja does not know.
        undefined=Undefined(name="undefined"),
        null=None,
    )


# Time, money and words


def when(at: datetime | None, *, now: datetime) -> Markup:
    """A short British time such as "today 05:12"; the ``datetime`` attribute is exact."""
    if at is None:
        return Markup("")
    local, today = at.astimezone(LONDON), london_day(now)
    days = (today - local.date()).days
    clock = f"{local:%H:%M}"
    nearby = {0: f"today {clock}", 1: f"yesterday {clock}", -1: f"tomorrow {clock}"}
    year = "" if local.year == today.year else f" {local.year}"
    shown = nearby.get(days) or f"{local:%a} {local.day} {local:%b}{year}, {clock}"
    exact = at.astimezone(UTC).isoformat(timespec="seconds")
    return Markup('<time datetime="{}">{}</time>').format(exact, shown)


def day(on: date | None) -> str:
    """A day in full, 24 November 2026, because it may be read years later."""
    return f"{on.day} {on:%B} {on.year}" if on is not None else ""


def coming_days(now: datetime, *, count: int = 8) -> list[tuple[str, str]]:
    """The next days in London for a list to choose from, today first: (2026-11-24, "today")."""
    first = london_day(now)
    days = [first + timedelta(days=number) for number in range(count)]
    near = ["Today", "Tomorrow"]
    return [
        (day.isoformat(), near[number] if number < len(near) else f"{day:%A} {day.day} {day:%B}")
        for number, day in enumerate(days)
    ]


def short_day(day: date) -> str:
    """A date as people write it: "Thu 3 Dec 2026"."""
    return f"{day:%a} {day.day} {day:%b %Y}"


def minutes_left(at: datetime, *, now: datetime) -> str:
    """The time until ``at`` in words; whole minutes, rounded down so that nobody counts on more."""
    seconds = (at - now).total_seconds()
    if seconds < 0:
        return f"{_span(int(-seconds // 60))} late" if seconds <= -60 else "time is up"
    return f"{_span(int(seconds // 60))} left" if seconds >= 60 else "less than a minute left"


def how_long(since: datetime, *, now: datetime) -> str:
    """The time since then in words, in whole minutes, hours or days."""
    return _span(max(0, int((now - since).total_seconds() // 60)))


def _span(minutes: int) -> str:
    if minutes < 60:
        return _count(minutes, "minute")
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return _count(hours, "hour") + (f" {_count(rest, 'minute')}" if rest else "")
    return _count(hours // 24, "day")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def money(pence: int) -> str:
    """Pounds, with pence only where there are some: 10000000 -> "£100,000"."""
    pounds, rest = divmod(abs(pence), 100)
    sign = "-" if pence < 0 else ""
    return f"{sign}£{pounds:,}" + (f".{rest:02d}" if rest else "")


def phone_text(number: str) -> str:
    """A number as people dial it: national for Britain, with the country's code for others.

    What cannot be read as a number comes back as it was.
    """
    try:
        known = phonenumbers.parse(number, "GB")
    except phonenumbers.NumberParseException:
        return number
    is_british = known.country_code == BRITAIN
    form = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(known, form.NATIONAL if is_british else form.INTERNATIONAL)


def words(code: str, kind: str) -> str:
    """Plain words for a state or code of ``kind`` (a heading of words.toml)."""
    known = _vocabulary()[kind].get(str(code))
    return known[0] if known else str(code).replace("_", " ").capitalize()


def tone(code: str, kind: str) -> str:
    """The tag's tone beside ``words``: good, wait, stop, note or quiet."""
    known = _vocabulary()[kind].get(str(code))
    return known[1] if known else "quiet"


@cache
def _vocabulary() -> Mapping[str, Mapping[str, list[str]]]:
    return tomllib.loads(WORDS_FILE.read_text(encoding="utf-8"))


# Forms


def error_list(errors: Mapping[Any, Any], prefix: str = "") -> list[dict[str, str]]:
    """Marshmallow's messages, nested or flat, as govuk's error list.

    ``{"children": {0: {"age": ["Say ..."]}}}`` links to the field with id ``children-0-age``.
    ``prefix`` stands before each id where a page holds two forms with the same names.
    """
    return [
        {"text": message, "href": f"#{prefix}{name}"} if name else {"text": message}
        for name, message in _flat(errors, "")
    ]


def errors_of(errors: Mapping[Any, Any], name: str) -> list[str]:
    """The messages of one field by its flat name, e.g. ``children-0-age``."""
    return [message for path, message in _flat(errors, "") if path == name]


def _flat(errors: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(errors, Mapping):
        for key, inner in errors.items():
            name = "" if key in WHOLE_FORM else str(key)
            yield from _flat(inner, "-".join(part for part in (path, name) if part))
    elif isinstance(errors, str):
        yield path, errors
    else:
        for message in errors:
            yield from _flat(message, path)


def value_of(values: Mapping[str, Any], name: str) -> str:
    """What was typed in ``name``: the first of several values, "" when there is none."""
    return next(iter(values_of(values, name)), "")


def values_of(values: Mapping[str, Any], name: str) -> list[str]:
    """Everything that was chosen in ``name``; understands werkzeug's MultiDict too."""
    if hasattr(values, "getlist"):
        return [str(value) for value in values.getlist(name)]
    found = values.get(name, [])
    if isinstance(found, (list, tuple, set, frozenset)):
        return [str(value) for value in found]
    return [] if found is None else [str(found)]


# Files


def _asset_url(app: Flask) -> Callable[[str], str]:
    @cache
    def fingerprint(path: str) -> str:
        content = Path(str(app.static_folder), path).read_bytes()
        return hashlib.sha256(content).hexdigest()[:12]

    def asset(path: str) -> str:
        """The file's URL with its content's hash, so that it may be cached for ever."""
        return url_for("static", filename=path, v=fingerprint(path))

    return asset


def _utc_now() -> datetime:
    return datetime.now(UTC)
