"""Reading what a text says of beds: any handwriting, nothing doubtful."""

# ruff: noqa: RUF001 - look-alike letters are what is tested

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.text_beds import FILLER, LONGEST, BedAct, BedCommand, Ends, Flaw, read_command
from app.services.text_reply import QUESTION_MARKS, Answer, read_reply

REASONS = ("CLEAN", "REPAIR", "CHECK", "STAFF", "PESTS", "KEPT", "DAMAGE", "CALM", "FUNDS")
NOW = datetime(2026, 11, 24, 21, 0, tzinfo=UTC)  # a Tuesday, winter time


def read(body: str) -> BedCommand | None:
    reply = read_reply(body)
    return read_command(reply.words, REASONS, asks=reply.asks)


@pytest.mark.parametrize(
    "body",
    [
        "B 3 FREE",
        "b3free",
        "B3 free",
        "  B   3   Free  ",
        "Bed 3 is free now, thanks",
        "bed three free",
        "bee 3 free",
        "✅ B 3 ✅ FREE ✅",
        "B 3️⃣ FREE",
        "Ｂ ３ ＦＲＥＥ",
        "B ٣ FREE",
        "FREE B 3",
        "room 3 has been free again",
        "B 003 FREE",
        "B 3 FREE B 3",
        "Hi, please mark bed number 3 as available. Thank you!",
    ],
)
def test_free_is_read_however_it_is_written(body: str) -> None:
    assert read(body) == BedCommand(act=BedAct.FREE, number=3)


@pytest.mark.parametrize(
    ("body", "reason", "ends"),
    [
        ("B 3 VOID CLEAN 2D", "CLEAN", Ends(hours=48)),
        ("b3 void clean 2d", "CLEAN", Ends(hours=48)),
        ("B3VOIDCLEAN2D", None, None),
        ("B 3 void cleaning 2 days", "CLEAN", Ends(hours=48)),
        ("bed three avoid clean two days", "CLEAN", Ends(hours=48)),
        ("B 3 VOID STAFF 12H", "STAFF", Ends(hours=12)),
        ("B 3 VOID REPAIR 1 week", "REPAIR", Ends(hours=168)),
        ("B 3 VOID REPAIR", "REPAIR", None),
        ("B 3 out of use for repairs until Friday", "REPAIR", Ends(weekday=4)),
        ("B 3 VOID PESTS UNTIL 3 DEC", "PESTS", Ends(day_month=(3, 12))),
        ("B 3 VOID PESTS TILL 3RD DECEMBER", "PESTS", Ends(day_month=(3, 12))),
        ("B 3 VOID PESTS UNTIL DEC 3", "PESTS", Ends(day_month=(3, 12))),
        ("B 3 VOID PESTS UNTIL 3/12", "PESTS", Ends(day_month=(3, 12))),
        ("B 3 VOID CALM TOMORROW", "CALM", Ends(hours=24)),
    ],
)
def test_a_void_is_read_with_its_reason_and_end(
    body: str, reason: str | None, ends: Ends | None
) -> None:
    found = read(body)

    if reason is None:
        assert found is None
    else:
        assert found == BedCommand(act=BedAct.VOID, number=3, reason=reason, ends=ends)


@pytest.mark.parametrize(
    ("body", "act"),
    [
        ("ALL OK", BedAct.ALL_OK),
        ("all ok!", BedAct.ALL_OK),
        ("All okay thanks", BedAct.ALL_OK),
        ("all o.k.", BedAct.ALL_OK),
        ("allok 👍", BedAct.ALL_OK),
        ("COUNT", BedAct.COUNT),
        ("count?", BedAct.COUNT),
        ("HELP", BedAct.HELP),
        ("help me please", BedAct.HELP),
        ("FULL", BedAct.FULL),
        ("we are full", BedAct.FULL),
    ],
)
def test_the_whole_house_in_one_word(body: str, act: BedAct) -> None:
    assert read(body) == BedCommand(act=act)


def test_a_count_is_read() -> None:
    assert read("Count 4") == BedCommand(act=BedAct.COUNT, count=4)


@pytest.mark.parametrize(
    ("body", "flaw"),
    [
        ("B 3 is not free", Flaw.UNCLEAR),
        ("B 3 isn't free", Flaw.UNCLEAR),
        ("no B 3 free", Flaw.UNCLEAR),
        ("B 3 free?", Flaw.UNCLEAR),
        ("B 3 free؟", Flaw.UNCLEAR),
        ("B 3 will be free", Flaw.UNCLEAR),
        ("B 3 free on Friday", Flaw.UNCLEAR),
        ("B 3 free void clean", Flaw.UNCLEAR),
        ("B 3 4 FREE", Flaw.UNCLEAR),
        ("ACCEPT B 3 FREE", Flaw.UNCLEAR),
        ("B 3 VOID CLEAN REPAIR", Flaw.UNCLEAR),
        ("B 3 not void clean", Flaw.UNCLEAR),
        ("B 3 VOID CLEAN 2D?", Flaw.UNCLEAR),
        ("all ok?", Flaw.UNCLEAR),
        ("B 3 and B 4 FREE", Flaw.UNCLEAR),
        ("B 3 B 4 FREE", Flaw.ONE_BED_EACH),
        ("FREE", Flaw.BED_MISSING),
        ("3 free", Flaw.BED_MISSING),
        ("we have 3 beds free", Flaw.BED_MISSING),
        ("B FREE", Flaw.BED_MISSING),
        ("B 0 FREE", Flaw.BED_MISSING),
        ("B to free", Flaw.BED_MISSING),
        ("B 1234 FREE", Flaw.BED_MISSING),
        ("B 3 VOID", Flaw.REASON_MISSING),
        ("B 3 VOID FLOOD", Flaw.REASON_MISSING),
        ("B 3 VOID 2D", Flaw.REASON_MISSING),
        ("B 3 VOID CLEAN 2", Flaw.TIME_UNREADABLE),
        ("B 3 VOID CLEAN 0D", Flaw.TIME_UNREADABLE),
        ("B 3 VOID CLEAN 999D", Flaw.TIME_UNREADABLE),
        ("B 3 VOID CLEAN UNTIL", Flaw.TIME_UNREADABLE),
        ("B 3 VOID CLEAN UNTIL SOON", Flaw.TIME_UNREADABLE),
        ("B 3 VOID CLEAN UNTIL 3 MAYBE", Flaw.TIME_UNREADABLE),
    ],
)
def test_a_mistake_is_told_and_never_acted_on(body: str, flaw: Flaw) -> None:
    found = read(body)

    assert found is not None
    assert found.flaw is flaw or (flaw is Flaw.UNCLEAR and found.flaw is Flaw.ONE_BED_EACH)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "👍",
        "hello",
        "not all ok",
        "all not ok",
        "ok",
        "B 3",
        "B 3 clean",
        "we could count on you",
        "please help her, she is here",
        "the house is full of joy",
        "ACCEPT 7KQ4M2",
        "STOP",
    ],
)
def test_other_words_are_no_command(body: str) -> None:
    assert read(body) is None


@pytest.mark.parametrize(
    ("ends", "at"),
    [
        (Ends(hours=48), "2026-11-26T21:00:00+00:00"),
        (Ends(weekday=4), "2026-11-27T00:00:00+00:00"),
        (Ends(weekday=1), "2026-12-01T00:00:00+00:00"),
        (Ends(day_month=(3, 12)), "2026-12-03T00:00:00+00:00"),
        (Ends(day_month=(24, 1)), "2027-01-24T00:00:00+00:00"),
        (Ends(day_month=(24, 11)), None),
        (Ends(day_month=(31, 2)), None),
        (Ends(day_month=(1, 8)), None),
        (Ends(day_month=(999, 999)), None),
    ],
)
def test_an_end_is_a_moment_or_nothing(ends: Ends, at: str | None) -> None:
    assert ends.at(NOW) == (datetime.fromisoformat(at) if at else None)


def test_a_day_of_summer_begins_at_londons_midnight() -> None:
    found = Ends(day_month=(3, 7)).at(datetime(2026, 6, 24, 21, 0, tzinfo=UTC))

    assert found == datetime(2026, 7, 2, 23, 0, tzinfo=UTC)


@given(st.text())
def test_nothing_breaks_the_reader(body: str) -> None:
    _check(body)


WORDS = st.sampled_from(
    [
        *("B", "3", "4", "FREE", "VOID", "CLEAN", "REPAIR", "2D", "2", "DAYS", "UNTIL", "FRIDAY"),
        *("NOT", "NO", "ISNT", "WILL", "ALL", "OK", "COUNT", "FULL", "HELP", "?", "ACCEPT", "BED"),
        *("DEC", "TOMORROW", "7KQ4M2", "ARRIVED", "MAYBE", "12", "👍", "PLEASE", "YES", "IF"),
    ]
)


@given(st.lists(WORDS, max_size=8).map(" ".join))
def test_nothing_but_the_form_is_acted_on(body: str) -> None:
    _check(body)


def _check(body: str) -> None:
    found = read(body)
    if found is None:
        return
    if found.ends is not None:
        at = found.ends.at(NOW)
        assert at is None or NOW < at <= NOW + LONGEST
    if found.flaw is None and found.number is not None:
        said = set(read_reply(body).words)
        assert found.number > 0
        assert not said & {"NOT", "NO", "ISNT", "WILL", "IF", "ACCEPT", "YES", "MAYBE", "ARRIVED"}
        assert found.act is BedAct.FREE or found.reason in REASONS
        assert "?" not in body


@given(
    st.integers(1, 999),
    st.sampled_from(["B{}FREE", "B {} FREE", "bed {} free", "{noise} b{} {noise} free {noise}"]),
    st.text(max_size=10),
)
def test_the_right_form_is_always_read(number: int, form: str, noise: str) -> None:
    noise = "".join(sign for sign in noise if _is_noise(sign))

    assert read(form.format(number, noise=noise)) == BedCommand(act=BedAct.FREE, number=number)


def _is_noise(sign: str) -> bool:
    plain = unicodedata.normalize("NFKC", sign)
    return not (
        unicodedata.digit(sign, None) is not None
        or any(each.isalnum() or each in QUESTION_MARKS for each in (*plain, *plain.upper()))
    )


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("MAYBE 7KQ4M2", Answer.MAYBE),
        ("maybe, 7kq4m2: does she have a dog?", Answer.MAYBE),
        ("perhaps 7KQ 4M2", Answer.MAYBE),
        ("maybe accept 7KQ4M2", Answer.UNCLEAR),
        ("ARRIVED 7KQ4M2", Answer.ARRIVED),
        ("7KQ4M2 has arrived safely, thanks", Answer.ARRIVED),
        ("arrived7kq4m2", Answer.ARRIVED),
        ("arrived 7 K Q 4 M 2", Answer.ARRIVED),
        ("not arrived 7KQ4M2", Answer.UNCLEAR),
        ("7KQ4M2 hasn't arrived", Answer.UNCLEAR),
        ("arrived 7KQ4M2?", Answer.UNCLEAR),
        ("when arrived 7KQ4M2 ring", Answer.UNCLEAR),
        ("nobody arrived 7KQ4M2", Answer.UNCLEAR),
        ("arrived yesterday or so 7KQ4M2", Answer.UNCLEAR),
        ("we refuse to accept 7KQ4M2", Answer.UNCLEAR),
        ("full, accept 7KQ4M2 elsewhere", Answer.UNCLEAR),
    ],
)
def test_the_newer_answers_are_read_as_strictly(body: str, answer: Answer) -> None:
    assert read_reply(body).answer is answer


def test_no_word_around_a_command_turns_it_round() -> None:
    assert not FILLER & {"NO", "NOT", "IF", "UNTIL", "SOON", "WILL", "WAS", "OR", "BUT", "AND"}
