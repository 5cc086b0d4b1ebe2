"""Random lives of requests on the real services and PostgreSQL, held against a plain model.

WAYMARK_HYPOTHESIS_EXAMPLES sets how many lives are lived. A new act is a method of the model and a
rule beside its like in ``tests/property/life``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis.stateful import initialize, run_state_machine_as_test

from app.embedded_postgres import EmbeddedPostgres
from tests.cast import Cast
from tests.fake_twilio import fake_twilio
from tests.property.life.asking import Asking
from tests.property.life.deciding import Deciding
from tests.property.life.ground import AIMED, Ground, asked
from tests.property.life.houses import Houses
from tests.property.life.living import Living

EXAMPLES = int(os.environ.get("WAYMARK_HYPOTHESIS_EXAMPLES", "6"))
LIVES = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class LifeCycle(Asking, Deciding, Living, Houses):
    """Each rule does one thing to the model and to the service; both must agree that it may be."""

    @initialize(first=asked, second=asked, third=asked)
    def begin(self, first: Any, second: Any, third: Any) -> None:
        """Nothing happens where nobody is asked for: a life begins with a night."""
        for urgency, ages in (first, second, third):
            self.ask(urgency, ages)
        self.plan_and_confirm(is_everyone=True, asks_beside=True)


@pytest.fixture
def lived(
    postgres: EmbeddedPostgres,
    cast_once: Cast,
    web_app: Flask,
    worker_app: Flask,
    owner_app: Flask,
    tmp_path: Path,
) -> Iterator[type[LifeCycle]]:
    with fake_twilio(tmp_path / "ledger.sqlite") as phones:
        LifeCycle.ground = Ground(postgres, web_app, worker_app, owner_app, cast_once, phones)
        yield LifeCycle


@pytest.mark.slow
def test_no_life_is_other_than_the_model_says(lived: type[LifeCycle]) -> None:
    run_state_machine_as_test(lived, settings=LIVES)


def test_one_life_with_every_turn(lived: type[LifeCycle]) -> None:
    """What random lives seldom reach: two moves, the first of which fails, and both homes left."""
    life = lived()
    model, turn = life.model, life.all_is_as_the_model_says
    try:
        life.begin(first=("urgent", ()), second=("urgent", ()), third=("emergency", (6,)))
        home = model.stays[0]
        for woman in model.women:
            if woman is not home.woman:
                life.is_withdrawn(woman)
        life.says_yes(home, "text")
        turn()
        life.keep_it_longer(n=AIMED - 1, is_desk=False, is_read=True)
        turn()
        life.she_sets_out(n=0)
        turn()
        life.is_there(home, "text")
        turn()
        life.ask_for_another_house(n=0, urgency="emergency")
        turn()
        life.depart(n=0, is_house=True)  # refused: first the move
        turn()
        assert (home.state, home.woman.state) == ("arrived", "resident")
        for is_there in (False, True):
            moving = model.move_of(home)
            assert moving is not None
            room = next(each for each in model.rooms if model.may_have(moving, each))
            life.desk_gives(moving, room)
            there = model.stays[-1]
            life.says_yes(there, "web")
            turn()
            if is_there:
                life.is_there(there, "web")
            else:
                life.does_not_come(there)
                life.ask_for_another_house(n=0, urgency="urgent")
            turn()
        assert (home.state, home.woman.state) == ("departed", "moved_on")
        life.moves_on(there)
        turn()
        assert life.reopens(model.women[3]) is False
        turn()
        life.worker_sweeps()
        turn()
    finally:
        life.teardown()
