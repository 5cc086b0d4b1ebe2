"""How houses answer: web, text and desk; maybe, and one question."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
)

from app.models.enquiries import QuestionAnswer
from app.models.placements import Channel
from app.services import (
    offers,
    questions,
)
from app.services.questions import NewAnswer
from tests.property.life.ground import (
    MOST_WRONG,
    PHONES,
    QUESTIONS,
    Life,
    nth,
    pick,
    refuse,
    ways,
)
from tests.property.life.model import (
    ASKED,
    Stay,
)
from tests.property.life.seen import question_of


class Answering(Life):
    """A house answers what it is asked, and only that."""

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, way=ways)
    def accept(self, n: int, way: str) -> None:
        self.says_yes(pick(self.model.stays, n, *ASKED), way)

    def says_yes(self, stay: Stay, way: str) -> None:
        expected = lambda: self.model.accept(stay)  # noqa: E731
        if way == "text":
            self.says(stay, f"ACCEPT {self.codes[stay]}", expected, "accepted")
            return
        by, channel = self.who(stay, way)
        self.both(expected, offers.accept_offer, by=by, channel=channel, public_id=self.ids[stay])

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, way=ways)
    def decline(self, n: int, way: str) -> None:
        stay = pick(self.model.stays, n, *ASKED)
        expected = lambda: self.model.decline(stay)  # noqa: E731
        if way == "text":
            self.says(stay, f"DECLINE {self.codes[stay]} 2", expected, "declined")
            return
        by, channel = self.who(stay, way)
        answer = {"by": by, "channel": channel, "reason": "room_not_right"}
        self.both(expected, offers.decline_offer, public_id=self.ids[stay], **answer)

    @precondition(lambda self: self.model.stays)
    @rule(n=nth)
    def maybe(self, n: int) -> None:
        """The house wants to ask first: that answers nothing."""
        stay = pick(self.model.stays, n, *ASKED)
        expected = lambda: None if self.model.is_open(stay) else refuse()()  # noqa: E731
        self.says(stay, f"MAYBE {self.codes[stay]}", expected, "asked_first")

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, question=st.sampled_from(sorted(QUESTIONS)), by_text=st.booleans())
    def house_asks(self, n: int, question: str, by_text: bool) -> None:
        stay = pick(self.model.stays, n, *ASKED)
        expected = lambda: self.model.ask_question(stay, question)  # noqa: E731
        if by_text:
            body = f"MAYBE {self.codes[stay]} {QUESTIONS[question]}"
            self.says(stay, body, expected, "asked_first")
            return
        by = self.ground.staff(stay.room.house)
        asks = {"by": by, "channel": Channel.WEB, "public_id": self.ids[stay]}
        self.both(expected, questions.ask_question, question, **asks)

    @precondition(lambda self: any(stay.question for stay in self.model.stays))
    @rule(n=nth)
    def house_is_answered(self, n: int) -> None:
        stay = pick([stay for stay in self.model.stays if stay.question], n, *ASKED)
        asked, yes = self.web(question_of, self.ids[stay]), NewAnswer(answer=QuestionAnswer.YES)
        desk = self.ground.cast.dee.actor
        expected = lambda: self.model.answer_question(stay)  # noqa: E731
        self.both(expected, questions.answer_question, asked, yes, by=desk)

    @precondition(lambda self: self.model.stays)
    @rule(n=nth, by_text=st.booleans())
    def another_house_answers(self, n: int, by_text: bool) -> None:
        stay = pick(self.model.stays, n, *ASKED)
        other = next(house for house in PHONES if house != stay.room.house)
        if not by_text:
            by, channel = self.ground.staff(other), Channel.WEB
            ours = {"by": by, "channel": channel, "public_id": self.ids[stay]}
            self.both(refuse("NotFound"), offers.accept_offer, **ours)
        elif self.wrong < MOST_WRONG:
            self.wrong += 1
            assert self.text(other, f"ACCEPT {self.codes[stay]}") == "wrong_code"
