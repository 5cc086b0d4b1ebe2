"""What may stand in a text: nothing that names a person, a place, a need, or what we are for."""

from __future__ import annotations

import re
from datetime import UTC, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notices import (
    GSM7,
    ONE_SEGMENT,
    SHAPES,
    TEXTS,
    Template,
    check,
    names_in,
    number_list,
    render,
    until_text,
)

codes = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=5, max_size=8)
times = st.times().map(lambda at: time(at.hour, at.minute).strftime("%H:%M"))
numbers = st.sets(st.integers(1, 9), min_size=1).map(lambda chosen: number_list(list(chosen)))
beds = st.integers(1, 999).map(str)
counts = st.integers(0, 999).map(str)
words = st.lists(st.from_regex(r"[A-Z]{3,6}", fullmatch=True), min_size=1, max_size=9)
VALUES = {
    "code": codes,
    "reply_by": times,
    "numbers": numbers,
    "bed": beds,
    "beds": st.lists(beds, min_size=1, max_size=7).map(", ".join),
    "until": st.datetimes(timezones=st.just(UTC)).map(until_text),
    "words": words.map(", ".join),
    "ref": st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=7, max_size=7).map(
        "R-".__add__
    ),
    "manager": st.sampled_from(["duty manager", "regional manager"]),
    **dict.fromkeys(("free", "held", "taken", "out"), counts),
}

# What a stranger who picks up the phone, or sees its lock screen, must not learn.
BETRAYS = re.compile(
    r"refuge|shelter|house|victim|survivor|woman|women|girl|child|baby|famil|traffick"
    r"|abuse|violen|rescue|police|officer|force|charit|address|street|town|london|name"
    r"|pregnan|wheelchair|interpret|health|drug|room|her\b|she\b|hers\b|waymark|http|www\.|\.[a-z]{2,}",
    re.IGNORECASE,
)


@st.composite
def texts(draw: st.DrawFn) -> tuple[Template, dict[str, str]]:
    template = draw(st.sampled_from(Template))
    return template, {name: draw(VALUES[name]) for name in sorted(names_in(template))}


@given(texts())
def test_every_text_is_one_segment_and_gives_nothing_away(
    text: tuple[Template, dict[str, str]],
) -> None:
    template, variables = text

    body = render(template, variables)

    assert len(body) <= ONE_SEGMENT
    assert set(body) <= GSM7
    assert body == body.strip()
    assert "{" not in body
    assert "}" not in body
    words = body
    for value in variables.values():
        assert value in body
        words = words.replace(value, "")
    assert not BETRAYS.search(words)


def test_the_offer_is_the_text_that_was_agreed() -> None:
    body = render(Template.OFFER, {"code": "7KQ4M2", "reply_by": "21:40"})

    assert body == "Bed request 7KQ4M2. Reply ACCEPT 7KQ4M2 or DECLINE 7KQ4M2 by 21:40, or sign in."


def test_every_template_has_a_text_of_known_variables() -> None:
    assert set(TEXTS) == set(Template)
    for template in Template:
        assert names_in(template) <= set(SHAPES)
        assert TEXTS[template].count("{") == len(re.findall(r"\{[a-z_]+\}", TEXTS[template]))


@pytest.mark.parametrize(
    "text", ["Rowan House has a bed", "see www.example", "for Ana, she is 24", "go to bit.ly"]
)
def test_the_search_for_what_betrays_finds_it(text: str) -> None:
    assert BETRAYS.search(text)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"code": "7KQ4M2"},
        {"reply_by": "21:40"},
        {"code": "7KQ4M2", "reply_by": "21:40", "name": "Ana"},
        {"code": "Ana", "reply_by": "21:40"},
        {"code": "7kq4m2", "reply_by": "21:40"},
        {"code": "7KQ4M2\n", "reply_by": "21:40"},
        {"code": "7KQ4M2 call 0207", "reply_by": "21:40"},
        {"code": "٣٣٣٣٣٣", "reply_by": "21:40"},
        {"code": "7KQ4M2", "reply_by": "24:00"},
        {"code": "7KQ4M2", "reply_by": "nine"},
        {"code": "{reply_by}", "reply_by": "21:40"},
    ],
)
def test_other_variables_are_refused(variables: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"^offer"):
        check(Template.OFFER, variables)


@pytest.mark.parametrize(
    ("given_numbers", "listed"),
    [
        ([1], "1"),
        ([3, 1, 2], "1-3"),
        ([1, 2, 4, 5, 9], "1-2, 4-5, 9"),
        ([2, 4, 6, 8], "2, 4, 6, 8"),
    ],
)
def test_numbers_are_listed_as_runs(given_numbers: list[int], listed: str) -> None:
    assert number_list(given_numbers) == listed
    assert SHAPES["numbers"].fullmatch(listed)
