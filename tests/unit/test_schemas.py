"""What arrives from outside: where each answer begins and ends, and that no text breaks a form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import EXCLUDE, Schema, ValidationError

from app.actors import Role
from app.models.reference import HandOnFor, Urgency
from app.models.referrals import LinkKind, London
from app.schemas.accounts import NewUserSchema
from app.schemas.decisions import MOST_LINES, ConfirmSchema, OverrideSchema
from app.schemas.referrals import (
    AVOID_ROWS,
    CHILD_ROWS,
    ReasonSchema,
    ReferralSchema,
    british_phone,
    hand_on_for,
    tidy_place,
)
from app.schemas.sign_ins import SignInSchema
from app.services.asked import AvoidedPlace, NewChild

Values = dict[str, list[str]]
ASKED: Values = {
    "who": ["woman"],
    "form_key": ["7f6c1e9a-2f0f-4d2b-9a53-0f4f7e0f8f11"],
    "place": ["SE15"],
    "urgency": ["emergency"],
    "household": ["alone"],
    "language": ["sq"],
    "callback_phone": ["07700 900123"],
}
RUN = "0b2b9a6e-7a0b-4c39-8f0e-3f1a6c1b7d55"


def load(schema: Schema, values: Values) -> Any:
    return schema.load(values, unknown=EXCLUDE)


def ask(**changes: str | list[str]) -> Any:
    typed = {name: [text] if isinstance(text, str) else text for name, text in changes.items()}
    return load(ReferralSchema(), ASKED | {k.replace("__", "-"): v for k, v in typed.items()})


def errors_of(schema: Schema, values: Values) -> dict[str, Any]:
    with pytest.raises(ValidationError) as refused:
        load(schema, values)
    return refused.value.messages_dict


def wrong(**changes: str | list[str]) -> dict[str, Any]:
    with pytest.raises(ValidationError) as refused:
        ask(**changes)
    return refused.value.messages_dict


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("SE15", "SE15"),
        (" se15 ", "SE15"),
        ("e1", "E1"),
        ("EC1A", "EC1A"),
        ("W1T", "W1T"),
        ("SE15 4QL", "SE15"),
        ("se154ql", "SE15"),
        ("ec1a 1bb", "EC1A"),
        ("M1 1AE", "M1"),
        ("D01", "D01"),
        ("d6w", "D6W"),
        ("D01 F5P2", "D01"),
        ("d6wxy00", "D6W"),
        ("A65 B2CD", "A65"),
        ("Peckham", "Peckham"),
        ("King's   Lynn", "King's Lynn"),
        ("Stratford-upon-Avon", "Stratford-upon-Avon"),
        ("Dún Laoghaire", "Dún Laoghaire"),
        ("Y" * 59, "Y" * 59),
    ],
)
def test_a_place_is_a_district_a_routing_key_or_a_town(typed: str, kept: str) -> None:
    assert tidy_place(typed) == kept


@pytest.mark.parametrize("typed", ["SE15 4QL", "se154ql", "EC1A1BB", "D01 F5P2", "d6wxy00"])
def test_the_half_of_a_postcode_that_names_a_street_is_kept_nowhere(typed: str) -> None:
    found = ask(place=typed, avoid__0__place=typed)

    half = typed.replace(" ", "").upper()[-3:]
    assert half not in repr(found).upper()


@pytest.mark.parametrize(
    "typed",
    [
        *("", " ", "1", "12 Acacia Avenue", "SE15 4QL London", "SE155 4QL", "SE15 4Q"),
        *("Y" * 60, "Y", "_x", "\u0663\u0664", "SE1\u0665", "-"),
    ],
)
def test_what_could_be_an_address_is_no_place(typed: str) -> None:
    with pytest.raises(ValidationError, match="first half of the postcode"):
        tidy_place(typed)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("07700 900123", "+447700900123"),
        ("(020) 7946-0101", "+442079460101"),
        ("+44 7700 900123", "+447700900123"),
        ("0044 7700 900123", "+447700900123"),
        ("+353 85 012 3456", "+353850123456"),
        ("00353 1 679 1234", "+35316791234"),
        ("+33 1 70 18 99 00", "+33170189900"),
        ("+355 67 212 3456", "+355672123456"),
    ],
)
def test_a_phone_is_kept_as_the_world_dials_it(typed: str, kept: str) -> None:
    assert british_phone(typed) == kept


@pytest.mark.parametrize(
    "typed", ["", "999", "0770", "900123", "call me", "+44", "07700 900123" + " " * 40, "0" * 30]
)
def test_a_number_that_reaches_nobody_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError, match="phone number that reaches you"):
        british_phone(typed)


def test_the_shortest_request_has_the_kindest_defaults() -> None:
    found = ask()

    assert (found.urgency, found.london, found.tie) == (Urgency.EMERGENCY, London.EITHER, None)
    assert (found.children, found.needs, found.avoid, found.may_share) == ((), (), (), False)


@pytest.mark.parametrize("name", list(ASKED))
def test_each_of_the_questions_must_be_answered(name: str) -> None:
    assert set(errors_of(ReferralSchema(), ASKED | {name: [" "]})) == {name}
    assert set(errors_of(ReferralSchema(), {k: v for k, v in ASKED.items() if k != name})) == {name}


@pytest.mark.parametrize("age", ["0", "17"])
def test_a_child_is_0_to_17(age: str) -> None:
    found = ask(household="children", **{"children-0-age": age, "children-0-sex": "f"})

    assert found.children == (NewChild(age=int(age), sex="f"),)


@pytest.mark.parametrize("age", ["18", "-1", "1.5", "ten", "1" * 5000])
def test_nobody_else_is_a_child(age: str) -> None:
    found = wrong(household="children", **{"children-0-age": age})

    assert list(found["children"]) == [0]
    assert "age" in found["children"][0]


def test_a_sex_that_is_not_known_stays_unknown() -> None:
    found = ask(household="children", **{"children-0-age": "3", "children-0-sex": ""})

    assert found.children == (NewChild(age=3, sex=None),)


def test_children_without_an_age_are_asked_for_it() -> None:
    assert "children-0-age" in wrong(household="children")
    assert wrong(household="children", **{"children-0-sex": "m"})["children"] == {
        0: {"age": ["Type the child's age in whole years, 0 for a baby."]}
    }


def test_a_row_keeps_its_number_when_another_is_left_empty() -> None:
    last = CHILD_ROWS - 1
    found = wrong(
        household="children",
        **{
            "children-0-age": "4",
            f"children-{last}-age": "18",
            "avoid-2-place": "12 Acacia Avenue",
            f"avoid-{AVOID_ROWS - 1}-place": "SE15",
            f"avoid-{AVOID_ROWS - 1}-km": "9",
        },
    )

    assert set(found["children"]) == {last}
    assert set(found["avoid"]) == {2, AVOID_ROWS - 1}
    assert "place" in found["avoid"][2]
    assert "km" in found["avoid"][AVOID_ROWS - 1]


def test_empty_rows_are_left_out_and_children_of_a_woman_alone_are_not_read() -> None:
    found = ask(**{"children-0-age": "4", "avoid-3-place": "D01 F5P2", "avoid-4-km": "80"})

    assert found.children == ()
    assert found.avoid == (AvoidedPlace(place="D01", km=16),)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("together", LinkKind.TOGETHER), ("apart", LinkKind.APART), ("either", None)],
)
def test_a_tie_is_one_of_three(typed: str, kept: LinkKind | None) -> None:
    assert ask(same_as="R-7K2M9QX", tie=typed).tie is kept


@pytest.mark.parametrize(
    ("name", "longest"), [("incident_ref", 40), ("language", 12), ("needs", 40)]
)
def test_each_text_has_its_longest(name: str, longest: int) -> None:
    ask(**{name: "x" * longest})

    assert name in wrong(**{name: "x" * (longest + 1)})


def test_the_same_need_twice_is_one_need() -> None:
    assert ask(needs=["step_free", "", "step_free"]).needs == ("step_free",)
    assert "needs" in wrong(needs=[f"need{number}" for number in range(21)])


@pytest.mark.parametrize("ref", ["R-7k2m9qx", "R-7K2M9Q", "R-7K2M9QX\n1", "x"])
def test_a_reference_has_one_spelling(ref: str) -> None:
    assert "same_as" in wrong(same_as=ref)


def test_only_those_whom_these_beds_are_not_for_are_sent_on() -> None:
    assert hand_on_for({"who": ["under_18"]}) is HandOnFor.UNDER_18
    assert hand_on_for({"who": ["woman"]}) is None
    assert hand_on_for({"who": ["<b>"]}) is None
    assert hand_on_for({}) is None


def test_lines_are_confirmed_as_ticked_or_all_that_stood_there() -> None:
    shown = {"run": [RUN], "line": ["R-AAAAAAA"], "shown": ["R-AAAAAAA", "R-BBBBBBB"]}

    assert load(ConfirmSchema(), shown).refs == ["R-AAAAAAA"]
    assert load(ConfirmSchema(), shown | {"which": ["all"]}).refs == ["R-AAAAAAA", "R-BBBBBBB"]
    assert set(errors_of(ConfirmSchema(), {"run": [RUN]})) == {"refs"}
    many = [f"R-{number:07d}" for number in range(MOST_LINES + 1)]
    assert set(errors_of(ConfirmSchema(), shown | {"line": many})) == {"refs"}


def test_another_room_needs_a_room_and_a_reason() -> None:
    assert load(OverrideSchema(), {"room": [RUN], "reason": ["her_wish"]}).note == ""
    other = {"room": ["other"], "other_room": [RUN], "reason": ["her_wish"]}
    assert str(load(OverrideSchema(), other).room) == RUN
    assert set(errors_of(OverrideSchema(), {"room": ["other"]})) == {"room", "reason"}


def test_a_note_may_have_500_characters() -> None:
    chosen = {"room": [RUN], "reason": ["her_wish"]}
    assert len(load(OverrideSchema(), chosen | {"note": ["x" * 500]}).note) == 500
    assert set(errors_of(OverrideSchema(), chosen | {"note": ["x" * 501]})) == {"note"}


def test_a_password_is_kept_with_its_spaces() -> None:
    found = load(SignInSchema(), {"email": [" a@b.example "], "password": [" four words here "]})

    assert (found.email, found.password) == ("a@b.example", " four words here ")


def test_nobody_is_added_as_the_system_itself() -> None:
    new = {
        "role": [Role.SYSTEM.value],
        "name": ["Some One"],
        "email": ["someone@force.example"],
        "organisation": ["The desk"],
        "password": ["x" * 15],
    }

    assert set(errors_of(NewUserSchema(), new)) == {"role"}
    assert load(NewUserSchema(), new | {"role": ["coordinator"]}).role is Role.COORDINATOR


# Every name of every form, and the rows in it.
ROWS = [f"children-{n}-{name}" for n in (0, CHILD_ROWS - 1) for name in ("age", "sex")]
ROWS += [f"avoid-{n}-{name}" for n in (0, AVOID_ROWS - 1) for name in ("place", "km")]
FORMS: list[tuple[Schema, Values, list[str]]] = [
    (
        ReferralSchema(),
        ASKED | {"household": ["children"], "children-0-age": ["3"]},
        [*ASKED, *ROWS, "needs", "unsafe_regions", "london", "may_share", "same_as", "tie"],
    ),
    (ReasonSchema(), {"reason": ["full"]}, ["reason"]),
    (ConfirmSchema(), {"run": [RUN], "line": ["R-AAAAAAA"]}, ["run", "line", "which", "shown"]),
    (
        OverrideSchema(),
        {"room": [RUN], "reason": ["her_wish"]},
        ["room", "other_room", "reason", "note"],
    ),
    (
        SignInSchema(),
        {"email": ["a@b.example"], "password": ["words"]},
        ["email", "password"],
    ),
    (NewUserSchema(), {}, ["role", "name", "email", "organisation", "refuge"]),
]
# Text of all kinds, and what lies near an answer: numbers, postcodes, phones, ids.
ANSWERS = st.one_of(
    st.text(st.characters(codec=None), max_size=60),
    st.integers(-(10**30), 10**30).map(str),
    st.floats().map(str),
    st.from_regex(r"[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2}", fullmatch=True),
    st.from_regex(r"[+0-9 ()-]{1,24}", fullmatch=True),
    st.sampled_from(
        ["\x00", "\ud800", "on", "other", "all", RUN, "R-AAAAAAA", "9" * 5000, "\u0663"]
    ),
)


@pytest.mark.parametrize(("schema", "whole", "names"), FORMS, ids=lambda v: type(v).__name__)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_text_in_any_field_does_more_than_be_refused(
    schema: Schema, whole: Values, names: list[str], data: st.DataObject
) -> None:
    typed = st.dictionaries(st.sampled_from(names), st.lists(ANSWERS, max_size=3), max_size=4)
    values = whole | data.draw(typed)

    refusal = None
    try:
        load(schema, values)
    except ValidationError as error:
        refusal = error
    assert refusal is None or refusal.messages_dict, "a refusal says what is wrong"
