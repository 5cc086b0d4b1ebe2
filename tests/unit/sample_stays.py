"""What an officer's page says of a promised room, the way and a pause, for the samples of pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace as Sample
from typing import Any

from werkzeug.datastructures import MultiDict

# State, how far it has come, whether a room is promised, what the status says, and the form.
Given = tuple[str, int, bool, dict[str, Any], dict[str, Any]]


def pages(
    now: datetime, request: Callable[..., Any], status: Callable[..., Any], house: Any
) -> dict[str, tuple[str, Callable[[], dict[str, Any]]]]:
    """The officer's page with a hold, on the way and paused."""

    def context(state: str, reached: int, promised: bool, said: Any, more: Any) -> dict[str, Any]:
        room = {"placement": house} if promised else {}
        found: dict[str, Any] = request(state, status(reached, **room, **said), **more)
        return found

    return {
        name: ("police/request.html", partial(context, *given))
        for name, given in requests(now).items()
    }


def requests(now: datetime) -> dict[str, Given]:
    """By the name of the sample."""
    hold = Sample(
        until=now + timedelta(minutes=50),
        is_over=False,
        may_renew=True,
        set_out_at=None,
        expected_at=None,
    )
    often = Sample(**vars(hold) | {"may_renew": False, "set_out_at": now, "expected_at": now})
    too_long = Sample(**vars(hold) | {"until": now - timedelta(minutes=5), "is_over": True})
    return {
        "kept for her": ("confirmed", 3, True, {"hold": hold}, {}),
        "kept often": ("in_transit", 4, True, {"hold": often}, {}),
        "kept too long": ("confirmed", 3, True, {"hold": too_long}, {}),
        "kept, with a wrong time": (
            *("confirmed", 3, True, {"hold": hold}),
            refused("set_out", {"expected": "25"}, {"expected": ["Type a time such as 05:30."]}),
        ),
        "paused": (
            *("paused", 1, False),
            {"pause": Sample(reason="She asked to wait", until=now)},
            {},
        ),
        "pause without a day": (
            *("ready", 0, False, {}),
            refused("pause", {"until_time": "9"}, {"until_day": ["Type a day like 24/11/2026."]}),
        ),
    }


def refused(form_for: str, typed: dict[str, str], errors: dict[str, list[str]]) -> dict[str, Any]:
    """The page with a form that needs another look."""
    return {"form": Sample(values=MultiDict(typed), errors=errors), "form_for": form_for}
