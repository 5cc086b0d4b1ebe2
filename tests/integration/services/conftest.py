"""What the tests of the figures share, those of pre-alerts, and those of keeping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from app.services import clock, pre_alerts, retention
from tests.cast import Cast, invite_cast
from tests.conftest import Run
from tests.factories import rooms_need_no_time
from tests.integration.services.expected import coming, now_is
from tests.integration.services.keeping import Time
from tests.known_world import START, World


@pytest.fixture
def world(run_as_owner: Run, run: Run) -> World:
    """The houses open at noon on 20 October, so that nights before it are nobody's."""
    run_as_owner(clock.shift_to, START)
    cast = run_as_owner(invite_cast)  # at that moment, unlike the fixture's
    run_as_owner(rooms_need_no_time)
    return World(cast, run, run_as_owner)


@pytest.fixture
def told(cast: Cast, run: Run) -> Any:
    """``told(women_most=2)`` writes down a pre-alert and returns its public id."""

    def tell(**changes: Any) -> UUID:
        new = coming(run(now_is), **changes)
        made: UUID = run(pre_alerts.record_pre_alert, new, by=cast.dee.actor)
        return made

    return tell


@pytest.fixture
def time(run_as_owner: Run) -> Time:
    return Time(run_as_owner)


@pytest.fixture
def purge(run_as_worker: Run) -> Callable[[], int]:
    return lambda: run_as_worker(retention.purge_due)
