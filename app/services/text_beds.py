"""What a text says of beds: "B 3 FREE", "B 3 VOID CLEAN 2D", "ALL OK", "COUNT", "FULL", "HELP".

Forgiving of how it is written; a word more than the form has makes it unclear, and nothing is done.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.london import LONDON, day_begins, london_day

BED_WORDS = frozenset({"B", "BED", "BEE", "ROOM", "RM"})
FREE_WORDS = frozenset({"FREE", "READY", "AVAILABLE"})
# A phone that listens often hears "avoid".
VOID_WORDS = frozenset({"VOID", "AVOID", "OUT", "CLOSED"})
HELP_WORDS = frozenset({"HELP", "INFO", "COMMANDS"})
OK_WORDS = frozenset({"OK", "OKAY", "CORRECT", "RIGHT"})
# Said around a command and changing nothing of it; nothing that turns a sentence round is here.
FILLER = frozenset(
    {
        *("PLEASE", "PLS", "THE", "IS", "NOW", "HI", "HELLO", "THANKS", "THANK", "YOU", "THX"),
        *("OF", "ORDER", "USE", "MARK", "SET", "AS", "HAS", "BEEN", "AGAIN", "FOR", "NUMBER"),
    }
)
UNTIL_WORDS = frozenset({"UNTIL", "TILL", "TIL"})
ORDINALS = frozenset({"ST", "ND", "RD", "TH"})
# "to", "for" and "won" sound like numbers and are not read as such.
NUMBERS = {
    word: number
    for number, word in enumerate(
        (
            *("ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE", "TEN"),
            *("ELEVEN", "TWELVE", "THIRTEEN", "FOURTEEN", "FIFTEEN", "SIXTEEN", "SEVENTEEN"),
            *("EIGHTEEN", "NINETEEN", "TWENTY"),
        ),
        start=1,
    )
}
HOURS_OF = {
    **dict.fromkeys(("H", "HR", "HRS", "HOUR", "HOURS"), 1),
    **dict.fromkeys(("D", "DAY", "DAYS"), 24),
    **dict.fromkeys(("W", "WK", "WEEK", "WEEKS"), 24 * 7),
}
MONTHS = (
    *("JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER"),
    *("OCTOBER", "NOVEMBER", "DECEMBER"),
)
WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
LONGEST = timedelta(days=180)
_PIECE = re.compile(r"[0-9]+|[A-Z]+")


class BedAct(StrEnum):
    """What is asked for."""

    FREE = "free"
    VOID = "void"
    ALL_OK = "all_ok"
    COUNT = "count"
    FULL = "full"
    HELP = "help"


class Flaw(StrEnum):
    """Why nothing may be done, and so what to write instead."""

    UNCLEAR = "unclear"
    BED_MISSING = "bed_missing"
    ONE_BED_EACH = "one_bed_each"
    REASON_MISSING = "reason_missing"
    TIME_UNREADABLE = "time_unreadable"


@dataclass(frozen=True, kw_only=True)
class Ends:
    """When a void is to end, as it was said: hours from now, a day and month, or a weekday."""

    hours: int = 0
    day_month: tuple[int, int] | None = None
    weekday: int | None = None

    def at(self, now: datetime) -> datetime | None:
        """The moment; a named day is the next of its kind, from its first minute in London.

        None: there is no such day, or it is more than half a year away.
        """
        if self.hours:
            return _within(now + timedelta(hours=self.hours), now)
        today = london_day(now)
        if self.weekday is not None:
            ahead = (self.weekday - today.weekday() - 1) % 7 + 1
            return day_begins(today + timedelta(days=ahead))
        found = _next_date(self.day_month, today) if self.day_month else None
        return _within(day_begins(found), now) if found else None


@dataclass(frozen=True, kw_only=True)
class BedCommand:
    """One command about beds. ``flaw`` is set where it must not be acted on.

    ``number`` is the bed's, ``count`` what COUNT was said to be, ``reason`` a word of the list.
    """

    act: BedAct
    flaw: Flaw | None = None
    number: int | None = None
    count: int | None = None
    reason: str = ""
    ends: Ends | None = None


@dataclass
class _Text:
    """The pieces of a text, taken away one after the other."""

    left: list[str] = field(default_factory=list)

    def take(self, words: Collection[str]) -> bool:
        found = [piece for piece in self.left if piece in words]
        self.left = [piece for piece in self.left if piece not in words]
        return bool(found)


def read_command(
    words: tuple[str, ...], reasons: Collection[str], *, asks: bool
) -> BedCommand | None:
    """Read the upper-case words of a text; None when it is not about beds. Never fails.

    ``reasons`` are the words a void may give; ``asks`` says that there was a question mark, which
    makes a statement doubtful.
    """
    pieces = [piece for word in words for piece in _PIECE.findall(word)]
    text = _Text([piece for piece in pieces if piece not in FILLER])
    command = _of_whole_house(text.left)
    if command is None:
        command = _of_one_bed(text, reasons)
    if command is not None and asks and command.act not in (BedAct.HELP, BedAct.COUNT):
        return BedCommand(act=command.act, flaw=Flaw.UNCLEAR, number=command.number)
    return command


def _of_whole_house(pieces: list[str]) -> BedCommand | None:
    match pieces:
        case [word] if word in HELP_WORDS:
            return BedCommand(act=BedAct.HELP)
        case ["HELP", "ME"]:
            return BedCommand(act=BedAct.HELP)
        case ["ALL", word] if word in OK_WORDS:
            return BedCommand(act=BedAct.ALL_OK)
        case ["ALLOK"] | ["ALL", "O", "K"]:
            return BedCommand(act=BedAct.ALL_OK)
        case ["COUNT"]:
            return BedCommand(act=BedAct.COUNT)
        case ["COUNT", number] if (count := _number(number)) is not None:
            return BedCommand(act=BedAct.COUNT, count=count)
        case ["FULL"] | ["WE", "ARE", "FULL"] | ["ALL", "FULL"]:
            return BedCommand(act=BedAct.FULL)
    return None


def _of_one_bed(text: _Text, reasons: Collection[str]) -> BedCommand | None:
    beds = _take_beds(text)
    is_free, is_void = text.take(FREE_WORDS), text.take(VOID_WORDS)
    if not (is_free or is_void):
        return None
    act = BedAct.FREE if is_free else BedAct.VOID
    if len(beds) != 1:
        return BedCommand(act=act, flaw=Flaw.ONE_BED_EACH if beds else Flaw.BED_MISSING)
    number = beds.pop()
    if is_free:
        flaw = Flaw.UNCLEAR if is_void or text.left else None
        return BedCommand(act=act, number=number, flaw=flaw)
    return _void(number, text, reasons)


def _void(number: int, text: _Text, reasons: Collection[str]) -> BedCommand:
    named = {reason for piece in text.left if (reason := _reason(piece, reasons))}
    text.left = [piece for piece in text.left if not _reason(piece, reasons)]
    ends, is_readable = _take_end(text)
    flaw: Flaw | None = None
    if not is_readable:
        flaw = Flaw.TIME_UNREADABLE
    elif len(named) > 1 or (named and text.left):
        flaw = Flaw.UNCLEAR
    elif not named:
        flaw = Flaw.REASON_MISSING
    return BedCommand(
        act=BedAct.VOID,
        number=number,
        reason=named.pop() if len(named) == 1 else "",
        ends=ends,
        flaw=flaw,
    )


def _take_beds(text: _Text) -> set[int]:
    """The beds named; each is a bed word with its number right behind it."""
    beds, left, at = set(), [], 0
    while at < len(text.left):
        number = _number(text.left[at + 1]) if at + 1 < len(text.left) else None
        if text.left[at] in BED_WORDS and number:
            beds.add(number)
            at += 2
        else:
            left.append(text.left[at])
            at += 1
    text.left = left
    return beds


def _reason(piece: str, reasons: Collection[str]) -> str:
    """CLEANING is CLEAN: an ending of at most three letters is forgiven."""
    return next(
        (word for word in reasons if piece.startswith(word) and len(piece) - len(word) <= 3), ""
    )


def _take_end(text: _Text) -> tuple[Ends | None, bool]:
    """(when it ends, whether it could be read); without a word of it, open and readable."""
    pieces = [piece for piece in text.left if piece not in ORDINALS]
    until = next((at for at, piece in enumerate(pieces) if piece in UNTIL_WORDS), None)
    said = pieces if until is None else pieces[until + 1 :]
    before = [] if until is None else pieces[:until]
    ends, used = _end_of(said, is_day=until is not None)
    text.left = before + said[used:]
    is_time = until is not None or any(piece[0].isdigit() for piece in said[used:])
    return ends, ends is not None or not is_time


def _end_of(said: list[str], *, is_day: bool) -> tuple[Ends | None, int]:
    """(the end, how many pieces say it), at the head of what was said."""
    first = said[0] if said else ""
    second = said[1] if len(said) > 1 else ""
    number = _number(first)
    if first == "TOMORROW":
        return Ends(hours=24), 1
    if number is not None and second in HOURS_OF:
        is_sane = 0 < number * HOURS_OF[second] <= LONGEST.days * 24
        return (Ends(hours=number * HOURS_OF[second]), 2) if is_sane else (None, 0)
    return _named_day(first, second) if is_day else (None, 0)


def _named_day(first: str, second: str) -> tuple[Ends | None, int]:
    """FRIDAY, 3 DEC, DEC 3 or 3/12."""
    if weekday := _place_in(WEEKDAYS, first):
        return Ends(weekday=weekday - 1), 1
    if (day := _number(second)) is not None and (month := _place_in(MONTHS, first)):
        return Ends(day_month=(day, month)), 2
    if (day := _number(first)) is None:
        return None, 0
    month = _place_in(MONTHS, second) or _number(second) or 0
    return (Ends(day_month=(day, month)), 2) if month else (None, 0)


def _place_in(names: tuple[str, ...], piece: str) -> int:
    """From 1; 0 for a word that is not the begin of a name, of three letters at least."""
    places = [at for at, name in enumerate(names, start=1) if name.startswith(piece)]
    return places[0] if len(piece) >= 3 and places else 0


def _number(piece: str) -> int | None:
    if piece.isdigit() and len(piece) <= 3:
        return int(piece)
    return NUMBERS.get(piece)


def _next_date(day_month: tuple[int, int], today: date) -> date | None:
    for year in (today.year, today.year + 1):
        try:
            found = date(year, day_month[1], day_month[0])
        except ValueError:
            continue
        if found > today:
            return found
    return None


def _within(at: datetime, now: datetime) -> datetime | None:
    return at.astimezone(LONDON) if at - now <= LONGEST else None
