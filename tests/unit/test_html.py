"""Filters, strictness, assets and the palette. What pages say is tested beside the pages."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import pytest
from flask import Flask, render_template_string
from jinja2 import UndefinedError
from werkzeug.datastructures import MultiDict

from app import html
from app.actors import Role
from app.models.care import SupportState
from app.models.messages import MessageState, TaskKind
from app.models.placements import Channel, PlacementState
from app.models.reference import Urgency
from app.models.referrals import LinkKind, London, ReferralState

ROOT = Path(__file__).parents[2] / "app"
NOW = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)  # 13:00 in London: summer time


@pytest.fixture
def app() -> Flask:
    made = Flask("app")
    html.init_html(made, now=lambda: NOW)
    return made


def shown(app: Flask, source: str, **context: object) -> str:
    with app.test_request_context():
        return render_template_string(source, **context)


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 7, 15, 4, 12, tzinfo=UTC), "today 05:12"),
        (datetime(2026, 7, 14, 22, 59, tzinfo=UTC), "yesterday 23:59"),
        (datetime(2026, 7, 14, 23, 0, tzinfo=UTC), "today 00:00"),
        (datetime(2026, 7, 16, 8, 0, tzinfo=UTC), "tomorrow 09:00"),
        (datetime(2026, 7, 6, 8, 0, tzinfo=UTC), "Mon 6 Jul, 09:00"),
        (datetime(2025, 12, 25, 8, 0, tzinfo=UTC), "Thu 25 Dec 2025, 08:00"),
    ],
)
def test_times_are_short_and_british(at: datetime, text: str) -> None:
    assert html.when(at, now=NOW).striptags() == text


def test_the_exact_moment_stays_in_the_markup() -> None:
    said = html.when(datetime(2026, 7, 15, 4, 12, 9, tzinfo=UTC), now=NOW)

    assert 'datetime="2026-07-15T04:12:09+00:00"' in said


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (119, "1 minute left"),
        (59, "less than a minute left"),
        (0, "less than a minute left"),
        (-1, "time is up"),
        (-60, "1 minute late"),
        (3600, "1 hour left"),
        (7_380, "2 hours 3 minutes left"),
        (200_000, "2 days left"),
    ],
)
def test_time_left_is_never_rounded_up(seconds: int, text: str) -> None:
    assert html.minutes_left(NOW + timedelta(seconds=seconds), now=NOW) == text


@pytest.mark.parametrize(
    ("pence", "text"),
    [(10_000_000, "£100,000"), (9_450, "£94.50"), (5, "£0.05"), (-9_405, "-£94.05"), (0, "£0")],
)
def test_money_shows_pence_only_where_there_are_some(pence: int, text: str) -> None:
    assert html.money(pence) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("+442079460123", "020 7946 0123"),
        ("+447700900123", "07700 900123"),
        ("0800 808 3733", "0800 808 3733"),
        ("+35312345678", "+353 1 234 5678"),
        ("ask the desk", "ask the desk"),
        ("", ""),
    ],
)
def test_phone_numbers_are_shown_as_people_dial_them(number: str, text: str) -> None:
    assert html.phone_text(number) == text


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("referral", ReferralState),
        ("placement", PlacementState),
        ("urgency", Urgency),
        ("london", London),
        ("link", LinkKind),
        ("message", MessageState),
        ("task", TaskKind),
        ("channel", Channel),
        ("role", Role),
        ("support", SupportState),
    ],
)
def test_every_code_that_the_database_may_hold_has_plain_words(
    kind: str, codes: type[StrEnum]
) -> None:
    vocabulary = html._vocabulary()[kind]

    assert {code.value for code in codes} <= set(vocabulary)


def test_tones_are_ones_that_the_style_sheet_draws() -> None:
    css = (ROOT / "static/waymark.css").read_text(encoding="utf-8")

    for words in html._vocabulary().values():
        for _, tone in words.values():
            assert f".wm-tag--{tone}" in css


def test_an_unknown_code_is_still_readable() -> None:
    assert html.words("hospital_stay", "referral") == "Hospital stay"
    assert html.tone("hospital_stay", "referral") == "quiet"


@pytest.mark.parametrize("source", ["{{ misspelt }}", "{% if me.nam %}x{% endif %}", "{{ a.b }}"])
def test_a_misspelt_name_fails_loudly(app: Flask, source: str) -> None:
    with pytest.raises(UndefinedError):
        shown(app, source, me=NOW)


def test_options_that_nobody_gave_to_a_macro_are_empty(app: Flask) -> None:
    button = shown(
        app,
        '{% from "govuk_frontend_jinja/components/button/macro.html" import govukButton %}'
        '{{ govukButton({"text": "Send", "preventDoubleClick": true}) }}',
    )

    assert 'data-prevent-double-click="true"' in button
    assert "Send" in button


def test_errors_link_to_the_field_they_are_about() -> None:
    errors = {
        "place": ["Write where she is."],
        "children": {0: {"age": ["Write the age."]}, "_schema": ["Too many children."]},
        "_schema": ["This does not fit together."],
    }

    assert html.error_list(errors) == [
        {"text": "Write where she is.", "href": "#place"},
        {"text": "Write the age.", "href": "#children-0-age"},
        {"text": "Too many children.", "href": "#children"},
        {"text": "This does not fit together."},
    ]
    assert html.errors_of(errors, "children-0-age") == ["Write the age."]
    assert html.errors_of(errors, "children-1-age") == []


@pytest.mark.parametrize(
    "values",
    [MultiDict([("needs", "cot"), ("needs", "lift")]), {"needs": ["cot", "lift"]}],
)
def test_values_may_come_from_the_form_or_from_a_plain_mapping(values: dict[str, object]) -> None:
    assert html.values_of(values, "needs") == ["cot", "lift"]
    assert html.value_of(values, "needs") == "cot"
    assert html.value_of(values, "missing") == ""


def test_an_asset_url_changes_with_the_content_and_only_then(tmp_path: Path) -> None:
    urls = []
    for content in ("a", "a", "b"):
        (tmp_path / "x.css").write_text(content)
        made = Flask("app", static_folder=str(tmp_path), static_url_path="/static")
        html.init_html(made)
        urls.append(shown(made, "{{ asset('x.css') }}"))

    assert urls[0] == urls[1] != urls[2]
    assert urls[0].startswith("/static/x.css?v=")


# The look


def palette() -> dict[str, str]:
    text = (ROOT / "assets/scss/_palette.scss").read_text(encoding="utf-8")
    return dict(re.findall(r"\$([a-z-]+): (#[0-9a-f]{6});", text))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("text", "ground"),
    [
        *[("ink", g) for g in ("paper", "mist", "focus", "red-mist", "green-mist", "ochre-mist")],
        *[("ink-soft", g) for g in ("paper", "mist")],
        *[("teal-link", g) for g in ("paper", "mist", "mist-deep")],
        *[("paper", g) for g in ("teal", "teal-deep", "red", "green")],
        *[(c, f"{c}-mist") for c in ("red", "green", "ochre", "violet")],
        ("mist-deep", "teal-deep"),
        ("red", "paper"),
    ],
)
def test_every_pair_of_colours_that_meets_can_be_read(text: str, ground: str) -> None:
    lighter, darker = sorted((luminance(palette()[c]) for c in (text, ground)), reverse=True)

    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_what_the_browser_must_fetch_stays_small() -> None:
    assert (ROOT / "static/waymark.css").stat().st_size <= 80_000
    assert (ROOT / "static/waymark.js").stat().st_size <= 22_000


def test_the_style_sheet_has_no_other_bodys_brand_and_fetches_nothing() -> None:
    css = (ROOT / "static/waymark.css").read_text(encoding="utf-8").lower()

    for forbidden in ("gds transport", "#1d70b8", "url(", "@import", "@font-face"):
        assert forbidden not in css
