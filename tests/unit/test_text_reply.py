"""Reading replies: any handwriting, no doubtful yes."""

# ruff: noqa: RUF001 - look-alike letters are what is tested

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.codes import CODE_LETTERS
from app.services.text_reply import (
    ACCEPT_WORDS,
    CODE_LENGTH,
    TURNING_WORDS,
    Answer,
    read_reply,
)

CODE = "7KQ4M2"


@pytest.mark.parametrize(
    "body",
    [
        "ACCEPT 7KQ4M2",
        "accept 7kq4m2",
        "  Accept   7kQ4m2  ",
        "ACCEPT7KQ4M2",
        "accept: 7KQ4M2!!!",
        "✅ ACCEPT ✅ 7KQ4M2 ✅",
        "accept✅7kq4m2👍🏽",
        "ACCEPT 7KQ 4M2",
        "ACCEPT 7KQ-4M2",
        "ACCEPT\n7KQ4M2\n",
        "“Accept 7KQ4M2”",
        "Hello, we ACCEPT 7KQ4M2. Thanks, Bea",
        "7KQ4M2 accepted",
        "7KQ4M2 ACCEPT",
        "yes 7KQ4M2",
        "ＡＣＣＥＰＴ ７ＫＱ４Ｍ２",
        "ACCEPT ٧KQ٤M٢",
        "ACCEPT 7\u200bKQ4M2",
        "ACCEPT 7KQ4M2\x00",
        "𝗔𝗖𝗖𝗘𝗣𝗧 𝟳𝗞𝗤𝟰𝗠𝟮",
    ],
)
def test_a_yes_is_read_however_it_is_written(body: str) -> None:
    reply = read_reply(body)

    assert reply.answer is Answer.ACCEPT
    assert CODE in reply.codes


@pytest.mark.parametrize(
    ("body", "number"),
    [
        ("DECLINE 7KQ4M2 1", 1),
        ("decline 7kq4m2 reason 3", 3),
        ("DECLINE 7KQ4M2 no. 3", 3),
        ("decline 7KQ4M2, number 9, sorry", 9),
        ("DECLINE 7KQ4M2 ٣", 3),
        ("DECLINE 7KQ4M2 3️⃣", 3),
        ("DECLINE 7KQ4M2 ②", 2),
        ("DECLINE 4 7KQ4M2", 4),
        ("DECLINE 7KQ4M2 2 we do not have 4 free", 2),
        ("DECLINE 7KQ4M2 because we cannot, 5", 5),
        ("DECLINE 7KQ4M2", None),
        ("NO 7KQ4M2", None),
        ("DECLINE 7KQ4M2 sorry, ask at 21:40", None),
        ("DECLINE 7KQ4M2 123", None),
    ],
)
def test_a_no_is_read_with_its_number(body: str, number: int | None) -> None:
    reply = read_reply(body)

    assert reply.answer is Answer.DECLINE
    assert reply.reason_number(CODE) == number


@pytest.mark.parametrize(
    "body",
    [
        "cannot ACCEPT 7KQ4M2",
        "we can't accept 7KQ4M2",
        "We can’t accept 7KQ4M2",
        "do not accept 7KQ4M2",
        "ACCEPT 7KQ4M2 if she comes by ten",
        "Yes, but we are unable to take 7KQ4M2",
        "ACCEPT 7KQ4M2 no sorry DECLINE",
        "Reply ACCEPT 7KQ4M2 or DECLINE 7KQ4M2 by 21:40",
        "ACCEPT 7KQ4M2 no problem",
        "do not DECLINE 7KQ4M2 yet",
    ],
)
def test_a_doubtful_answer_is_not_acted_on(body: str) -> None:
    assert read_reply(body).answer is Answer.UNCLEAR


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "👍",
        "7KQ4M2",
        "ok",
        "sí 7KQ4M2",
        "J'accepte 7KQ4M2",
        "pranoj 7KQ4M2",
        "przyjmuję 7KQ4M2",
        "принимаю 7KQ4M2",
        "接受 7KQ4M2",
        "قبول 7KQ4M2",
        "Who is this?",
        "EXCEPT 7KQ4M2",
        "ACEPT 7KQ4M2",
    ],
)
def test_other_words_are_no_answer(body: str) -> None:
    assert read_reply(body).answer is Answer.NOTHING


@pytest.mark.parametrize(
    "body", ["ACCEPT 7KQ4MO", "ACCEPT 7KQ4M", "ACCEPT 7KQ4M2X", "DECLINE 7KQ4M21", "ACCEPT 7KQ4MI"]
)
def test_a_code_is_never_guessed(body: str) -> None:
    assert CODE not in read_reply(body).codes


@pytest.mark.parametrize(
    ("body", "coded"),
    [
        ("ACCEPT 7KQ4M3", True),
        ("ACCEPT HGKWQT", True),
        ("ACCEPT, many THANKS", False),
        ("ACCEPT please", False),
        ("yes", False),
    ],
)
def test_what_looks_like_a_code_is_told_from_a_word(body: str, coded: bool) -> None:
    assert read_reply(body).looks_coded is coded


@pytest.mark.parametrize("body", ["STOP", "stop.", " Stop! ", "UNSUBSCRIBE", "Cancel"])
def test_stop_stands_alone(body: str) -> None:
    assert read_reply(body).is_stop


@pytest.mark.parametrize("body", ["please stop", "STOP 7KQ4M2", "we cancel", "full stop"])
def test_stop_inside_a_sentence_is_a_word(body: str) -> None:
    assert not read_reply(body).is_stop


def test_one_text_holds_few_guesses() -> None:
    guesses = " ".join(f"{a}{b}KQ4M" for a in "23456789" for b in "23456789")

    assert len(read_reply("ACCEPT " + guesses).codes) <= 12


@given(st.text())
def test_nothing_breaks_the_reader(body: str) -> None:
    reply = read_reply(body)

    for code in reply.codes:
        reply.reason_number(code)
        assert len(code) == CODE_LENGTH
    if reply.answer is Answer.ACCEPT:
        assert {"ACCEPT", "ACCEPTED", "ACCEPTS", "ACCEPTING", "YES"} & set(reply.words)


@given(st.text(CODE_LETTERS, min_size=6, max_size=6), st.text(max_size=20))
def test_the_right_form_is_always_read(code: str, noise: str) -> None:
    assume(code not in ACCEPT_WORDS | TURNING_WORDS)  # once in some hundred million offers
    noise = "".join(letter for letter in noise if not letter.isalnum())

    reply = read_reply(f"{noise} ACCEPT {code} {noise}")

    assert code in reply.codes
    assert reply.answer is Answer.ACCEPT


def test_no_letter_of_a_code_reads_like_another() -> None:
    assert len(set(CODE_LETTERS)) == len(CODE_LETTERS) == 30
    assert not set("01ILOU") & set(CODE_LETTERS)


@pytest.mark.parametrize(
    ("body", "number"),
    [
        ("MAYBE 7KQ4M2 3", 3),
        ("maybe, 7kq4m2: 3!", 3),
        ("MAYBE7KQ4M2 3", 3),
        ("MAYBE 7KQ4M2", None),
        ("MAYBE 7KQ4M2 3 children?", None),
        ("MAYBE 3 7KQ4M2", None),
        ("MAYBE 7KQ4M2 can she come at 9", None),
        ("MAYBE 7KQ4M2 123", None),
    ],
)
def test_only_a_number_that_ends_the_text_is_one(body: str, number: int | None) -> None:
    reply = read_reply(body)

    assert reply.number_at_the_end("7KQ4M2") == number
