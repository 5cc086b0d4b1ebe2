"""One sample of every page and state, as its template's header asks; no database behind them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace as Sample
from typing import Any

from flask import Flask, render_template
from werkzeug.datastructures import MultiDict

from app import html

NOW = datetime(2026, 11, 22, 5, 20, tzinfo=UTC)
LINKS = {
    "access.approve": "/access/looks/<asked>/approve",
    "access.ask": "/access/requests/<ref>/who-asked",
    "access.end_rule": "/access/rules/<rule>/end",
    "access.list_looks": "/access/",
    "access.list_rules": "/access/requests/<ref>/people",
    "access.open_record": "/access/looks/<asked>",
    "auth.demo_sign_in": "/demo/sign-in",
    "auth.sign_out": "/sign-out",
    "police.arrived": "/police/requests/<ref>/arrived",
    "police.new_request": "/police/requests/new",
    "police.not_arrived": "/police/requests/<ref>/not-arrived",
    "police.request_status": "/police/requests/<ref>/status",
    "police.show_request": "/police/requests/<ref>",
    "police.withdraw": "/police/requests/<ref>/withdraw",
    "public.about_data": "/about-the-data",
    "public.leave": "/leave",
    "public.send_surge": "/demo/surge",
}
FRAME: dict[str, Any] = {
    "demo": True,
    "me": Sample(name="PC Amara Osei", role="officer"),
    "nav": [
        Sample(text="New request", href="/police/requests/new", current=True),
        Sample(text="My requests", href="/police/requests", current=False),
    ],
    "home_url": "/",
}
OPEN: dict[str, Any] = {"demo": True, "me": None, "nav": []}
STEPS = (
    "The request was sent",
    "A place is proposed",
    "A house has been asked",
    "A house has said yes",
    "She has arrived",
)
ROWAN = Sample(alias="Rowan", duty_line="+442079460123", handover_point="Meeting point B")
TYPED = {
    "who": "woman",
    "place": "M14",
    "urgency": "emergency",
    "household": "children",
    "children-0-age": "4",
    "children-0-sex": "m",
    "avoid-0-place": "OL8",
    "avoid-0-km": "32",
    "callback_phone": "07700 900123",
}
ERRORS = {
    "language": ["Choose the language she speaks best."],
    "children": {0: {"age": ["Type the child's age in whole years."]}},
    "avoid": {1: {"place": ["We do not know that place."]}},
    "form": ["Part of the form was lost."],
}


def sample_app() -> Flask:
    """An app that can render every sample; its links lead nowhere."""
    app = Flask("app")
    app.config.update(SECRET_KEY="sample" * 8)
    html.init_html(app, now=lambda: NOW)
    app.jinja_env.globals["csrf_token"] = lambda: "sample-token"
    for endpoint, rule in LINKS.items():
        app.add_url_rule(rule, endpoint, lambda **_: "", methods=["GET", "POST"])
    return app


def render(app: Flask, name: str) -> str:
    """The page called ``name`` in PAGES."""
    template, context = PAGES[name]
    with app.test_request_context():
        return render_template(template, **context())


LOOK = Sample(
    public_id="1", ref="R-7K2M9QX", asked_by="Dee", reason="The officer's line is dead",
    asked_at=NOW, approved_by="", ends_at=None, may_approve=True, may_open=False,
)  # fmt: skip
OPENED = Sample(
    ref="R-7K2M9QX", officer="PC Amara Osei", force="Metropolitan Police",
    callback_phone="+447700900123", incident_ref="", ends_at=NOW,
)  # fmt: skip
RULE = Sample(
    public_id="1", name="Bea", role="refuge worker", kind="deny", reason="Known to him", at=NOW
)


def looks(are_there: bool) -> dict[str, Any]:
    agreed = Sample(**vars(LOOK) | {"approved_by": "Dora", "ends_at": NOW, "may_open": True})
    return FRAME | {"page": Sample(looks=[LOOK, agreed] if are_there else [])}


def rules(shown: Sample, kept: list[Sample]) -> dict[str, Any]:
    page = Sample(ref="R-7K2M9QX", rules=kept, people=[("1", "Bea, refuge worker")])
    return FRAME | {"page": page, "form": shown}


def form(typed: dict[str, str] | None = None, errors: dict[str, Any] | None = None) -> Sample:
    return Sample(values=MultiDict(typed or {}), errors=errors or {})


def new_request(shown: Sample, first: Sample | None = None) -> dict[str, Any]:
    return FRAME | {
        "form": shown,
        "first": first,
        "districts": [("M14", "Fallowfield"), ("OL8", "Oldham")],
        "common_languages": [("sq", "Albanian"), ("vi", "Vietnamese")],
        "other_languages": [("yo", "Yoruba")],
        "features": [("step_free", "No steps"), ("staff_24h", "Staff there day and night")],
        "regions": [("E12000007", "London"), ("W92000004", "Wales")],
    }


def row(state: str, **changes: Any) -> Sample:
    known = {
        "ref": "R-7K2M4QX",
        "state": state,
        "urgency": "emergency",
        "place": "M14, Fallowfield",
        "people": "1 woman, 2 children (4 and 9)",
        "language": "Albanian, with an interpreter",
        "needs": ["No steps", "Staff there day and night"],
        "submitted_at": NOW - timedelta(minutes=9),
        "callback_phone": "+447700900123",
        "incident_ref": "Larch 17",
        "may_withdraw": True,
        "is_own": True,
        "officer": None,
    }
    return Sample(**(known | changes))


def status(reached: int, **changes: Any) -> Sample:
    steps = [
        Sample(
            text=text,
            at=NOW - timedelta(minutes=9 - number) if number <= reached else None,
            state="done" if number < reached else "now" if number == reached else "next",
        )
        for number, text in enumerate(STEPS)
    ]
    known: dict[str, Any] = {
        "steps": steps,
        "reply_by": None,
        "is_proposed": False,
        "reasons": [],
        "unlock": [],
        "meanwhile": [],
        "placement": None,
        "arrived_at": None,
        "closed_reason": None,
    }
    return Sample(**(known | changes))


def request(state: str, stands: Sample, **changes: Any) -> dict[str, Any]:
    return FRAME | {
        "referral": row(state),
        "status": stands,
        "siblings": [row("ready", ref="R-9QD3ZTA", tie="apart")],
        "withdraw_reasons": [("duplicate", "Sent twice")],
        "not_arrived_reasons": [("hospital", "She is in hospital")],
        "form": None,
        "form_for": "",
        **changes,
    }


def listed(
    now_open: list[Sample], closed: list[Sample], *, is_force: bool = False
) -> dict[str, Any]:
    return FRAME | {"open_requests": now_open, "closed_requests": closed, "is_force": is_force}


def tour() -> dict[str, Any]:
    people = [
        Sample(key="officer", name="PC Amara Osei", short="Amara", role="officer", does="Asks."),
        Sample(key="desk", name="Dee Marsh", short="Dee", role="coordinator", does="Decides."),
    ]
    figures = Sample(waiting=6, free_beds=11, placed_this_week=24)
    return OPEN | {
        "people": people,
        "figures": figures,
        "phone_url": "http://127.0.0.1:8001/",
        "surge_size": 12,
    }


def broken(code: int) -> dict[str, Any]:
    return FRAME | {"status": code, "error_id": "e7f3"}


NO_FIT = status(
    0,
    reasons=["No house with a free room has staff there day and night."],
    unlock=["A room at a house with staff by day only."],
    meanwhile=["Keep her with an officer she trusts."],
)
PAGES: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "tour": ("public/tour.html", tour),
    "about the data": ("public/about_data.html", lambda: OPEN),
    "sign in": ("public/sign_in.html", lambda: OPEN | {"form": form(), "tour_url": "/"}),
    "new request": ("police/new_request.html", lambda: new_request(form())),
    "new request with errors": (
        "police/new_request.html",
        lambda: new_request(form(TYPED | {"avoid-1-place": "Oldhm"}, ERRORS)),
    ),
    "second woman": ("police/new_request.html", lambda: new_request(form(TYPED), row("ready"))),
    "hand on": (
        "police/hand_on.html",
        lambda: FRAME | {"who": "under_18", "contacts": [Sample(text="Call.", phone=None)]},
    ),
    "hand on a man": (
        "police/hand_on.html",
        lambda: FRAME | {"who": "man", "contacts": [Sample(text="Call.", phone="0800 808 3733")]},
    ),
    "requests": (
        "police/requests.html",
        lambda: listed([row("offered")], [row("resident")]),
    ),
    "no requests": (
        "police/requests.html",
        lambda: listed([], []),
    ),
    "requests of the force": (
        "police/requests.html",
        lambda: listed([row("ready", officer="PC Sam Cole")], [], is_force=True),
    ),
    "looking": ("police/request.html", lambda: request("ready", status(0))),
    "proposed": ("police/request.html", lambda: request("ready", status(1, is_proposed=True))),
    "no place fits": ("police/request.html", lambda: request("ready", NO_FIT)),
    "asked": (
        "police/request.html",
        lambda: request("offered", status(2, reply_by=NOW + timedelta(minutes=18))),
    ),
    "placed": ("police/request.html", lambda: request("confirmed", status(3, placement=ROWAN))),
    "reason missing": (
        "police/request.html",
        lambda: request(
            "confirmed",
            status(3, placement=ROWAN),
            form=form({}, {"reason": ["Choose a reason."]}),
            form_for="not_arrived",
        ),
    ),
    "arrived": (
        "police/request.html",
        lambda: request("resident", status(4, placement=ROWAN, arrived_at=NOW)),
    ),
    "did not arrive": ("police/request.html", lambda: request("not_arrived", status(3))),
    "unmet": ("police/request.html", lambda: request("unmet", NO_FIT)),
    "withdrawn": (
        "police/request.html",
        lambda: request("withdrawn", status(1, closed_reason="Sent twice")),
    ),
    "looks": ("access/looks.html", lambda: looks(True)),
    "no looks": ("access/looks.html", lambda: looks(False)),
    "see who asked": (
        "access/ask.html",
        lambda: FRAME | {"ref": "R-7K2M9QX", "form": form({}, {"reason": ["Say why."]})},
    ),
    "who asked": ("access/opened.html", lambda: FRAME | {"page": OPENED}),
    "who may see": ("access/rules.html", lambda: rules(form(), [RULE])),
    "nobody is kept out": (
        "access/rules.html",
        lambda: rules(form({}, {"person": ["Choose a person from the list."]}), []),
    ),
    **{
        f"error {code}": ("errors/error.html", partial(broken, code))
        for code in (400, 403, 404, 405, 409, 413, 418, 422, 429, 500, 502, 503)
    },
    "error without a frame": ("errors/error.html", lambda: {"status": 500}),
}
