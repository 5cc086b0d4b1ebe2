"""What a texted reply says: forgiving of how it is written, strict about the code."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from app.codes import CODE_LETTERS

CODE_LENGTH = 6
READ_CHARACTERS = 480  # three segments; nobody needs more to say yes or no
READ_CODES = 12  # more guesses in one text than that are not read

ACCEPT_WORDS = frozenset({"ACCEPT", "ACCEPTED", "ACCEPTS", "ACCEPTING", "YES"})
MAYBE_WORDS = frozenset({"MAYBE", "PERHAPS"})
ARRIVED_WORDS = frozenset({"ARRIVED"})
# Beside ARRIVED and its code nothing else may stand: "has not arrived" and "when arrived" do not.
ARRIVAL_FILLER = frozenset(
    {
        *("SHE", "HAS", "HAVE", "JUST", "NOW", "IS", "HERE", "SAFE", "SAFELY", "WITH", "US", "AND"),
        *("THANKS", "THANK", "YOU", "HI", "HELLO", "PLEASE", "CODE", "OK", "TODAY", "TONIGHT"),
    }
)
QUESTION_MARKS = frozenset("?؟¿❓❔")
DECLINE_WORDS = frozenset({"DECLINE", "DECLINED", "DECLINES", "DECLINING", "NO"})
# "cannot accept" must never be read as a yes; when in doubt we ask again.
TURNING_WORDS = frozenset(
    {
        *("NOT", "CANNOT", "CANT", "DONT", "WONT", "NEVER", "UNABLE", "COULDNT", "WOULDNT"),
        *("ISNT", "WASNT", "HAVENT", "DIDNT", "NEITHER", "NOR", "UNLESS", "IF", "BEFORE"),
        *("UNTIL", "MAYBE", "ALMOST", "RATHER", "REFUSE", "REFUSED", "REJECT", "FULL", "HARDLY"),
    }
)
# Source: Twilio's default opt-out and opt-in words; they count only when they stand alone.
STOP_WORDS = frozenset(
    {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
)
START_WORDS = frozenset({"START", "UNSTOP", "YES"})
LINK_WORDS = frozenset({"REASON", "NUMBER", "NO", "CODE", "BECAUSE", "WITH"})

_APOSTROPHES = re.compile("['’‘`´ʼ]")  # noqa: RUF001 - what phones type for an apostrophe
_NOT_A_WORD = re.compile(r"[^0-9A-Z]+")
_GLUED = re.compile(rf"(ACCEPT|DECLINE|MAYBE|ARRIVED)([{CODE_LETTERS}]{{{CODE_LENGTH}}})")
_NUMBER = re.compile(r"[0-9]{1,2}")


class Answer(StrEnum):
    """What a text asks for; ``unclear`` has an answer in it, but not one we may act on."""

    ACCEPT = "accept"
    DECLINE = "decline"
    MAYBE = "maybe"
    ARRIVED = "arrived"
    UNCLEAR = "unclear"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Reply:
    """The words of a text. ``codes`` maps what may be a code to where it stands in ``words``.

    ``asks`` says that there was a question mark.
    """

    words: tuple[str, ...]
    answer: Answer
    codes: dict[str, tuple[int, int]]
    looks_coded: bool
    asks: bool = False

    @property
    def is_stop(self) -> bool:
        return len(self.words) == 1 and self.words[0] in STOP_WORDS

    @property
    def is_start(self) -> bool:
        return len(self.words) == 1 and self.words[0] in START_WORDS

    def reason_number(self, code: str) -> int | None:
        """The number beside the code, or the only number there is; None when there is none."""
        first, after = self.codes[code]
        rest = [word for word in self.words[after:] if word not in LINK_WORDS]
        if rest and _NUMBER.fullmatch(rest[0]):
            return int(rest[0])
        others = (*self.words[:first], *self.words[after:])
        numbers = {int(word) for word in others if _NUMBER.fullmatch(word)}
        return numbers.pop() if len(numbers) == 1 else None

    def number_at_the_end(self, code: str) -> int | None:
        """The number right behind the code, where nothing else follows; otherwise None."""
        _, after = self.codes[code]
        rest = self.words[after:]
        return int(rest[0]) if len(rest) == 1 and _NUMBER.fullmatch(rest[0]) else None


def read_reply(body: str) -> Reply:
    """Read any text whatsoever; never fails."""
    words = tuple(_words(body))
    codes = _codes(words)
    answers = {_answer_of(word) for word in words} - {None}
    asks = not QUESTION_MARKS.isdisjoint(unicodedata.normalize("NFKC", body[:READ_CHARACTERS]))
    answer = _decide(words, answers)
    if answer is Answer.ARRIVED and (asks or not _only_says_arrived(words, codes)):
        answer = Answer.UNCLEAR
    return Reply(
        words=words,
        answer=answer,
        codes=codes,
        asks=asks,
        looks_coded=any(_stands_like_a_code(words, code, at) for code, at in codes.items()),
    )


def _words(body: str) -> list[str]:
    """Upper-case words of plain letters and digits; any script's digits count as digits."""
    text = unicodedata.normalize("NFKC", body[:READ_CHARACTERS])
    text = "".join(_plain(character) for character in text)
    text = _APOSTROPHES.sub("", text).upper()
    return _NOT_A_WORD.sub(" ", _GLUED.sub(r"\1 \2 ", text)).split()


def _plain(character: str) -> str:
    digit = unicodedata.digit(character, None)
    return character if digit is None else str(digit)


def _answer_of(word: str) -> Answer | None:
    return _ANSWER_OF.get(word)


_ANSWER_OF = {
    **dict.fromkeys(ACCEPT_WORDS, Answer.ACCEPT),
    **dict.fromkeys(DECLINE_WORDS, Answer.DECLINE),
    **dict.fromkeys(MAYBE_WORDS, Answer.MAYBE),
    **dict.fromkeys(ARRIVED_WORDS, Answer.ARRIVED),
}


def _only_says_arrived(words: tuple[str, ...], codes: dict[str, tuple[int, int]]) -> bool:
    """Nothing but the word, one code, and words that turn nothing round."""
    return any(
        {*words[:first], *words[after:]} <= ARRIVED_WORDS | ARRIVAL_FILLER
        for first, after in codes.values()
    )


def _decide(words: tuple[str, ...], answers: set[Answer | None]) -> Answer:
    if not answers:
        return Answer.NOTHING
    if len(answers) > 1:
        return Answer.UNCLEAR
    if Answer.MAYBE in answers or Answer.ARRIVED in answers:
        return next(answer for answer in answers if answer is not None)
    if Answer.ACCEPT in answers:
        return Answer.UNCLEAR if TURNING_WORDS & set(words) else Answer.ACCEPT
    # A no often comes with "we do not have ..."; only what stands right before it turns it round.
    first = next(at for at, word in enumerate(words) if word in DECLINE_WORDS)
    before = set(words[max(first - 2, 0) : first])
    return Answer.UNCLEAR if TURNING_WORDS & before else Answer.DECLINE


def _codes(words: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """Everything that may be a code: a word, or neighbours that make one ("7KQ 4M2")."""
    found: dict[str, tuple[int, int]] = {}
    for first in range(len(words)):
        joined = ""
        for after in range(first, len(words)):
            joined += words[after]
            if len(joined) >= CODE_LENGTH:
                break
        if len(found) < READ_CODES and _has_shape(joined) and _answer_of(joined) is None:
            found.setdefault(joined, (first, after + 1))
    return found


def _has_shape(word: str) -> bool:
    return len(word) == CODE_LENGTH and set(CODE_LETTERS).issuperset(word)


def _stands_like_a_code(words: tuple[str, ...], code: str, at: tuple[int, int]) -> bool:
    """Has a digit, or stands right behind an answer; "THANKS" at the end does not."""
    behind_an_answer = at[0] > 0 and _answer_of(words[at[0] - 1]) is not None
    return behind_an_answer or any(letter.isdigit() for letter in code)
