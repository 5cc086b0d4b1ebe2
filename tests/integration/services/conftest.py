"""What the tests of the figures share."""

from __future__ import annotations

import pytest

from app.services import clock
from tests.conftest import Run
from tests.known_world import START, World


@pytest.fixture
def world(run_as_owner: Run, run: Run, request: pytest.FixtureRequest) -> World:
    """The houses open at noon on 20 October, so that nights before it are nobody's."""
    run_as_owner(clock.shift_to, START)
    return World(request.getfixturevalue("cast"), run, run_as_owner)
