"""One sample of every page and state, as its template's header asks; no database behind them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace as Sample
from typing import Any
from uuid import uuid4

from flask import Flask, render_template
from werkzeug.datastructures import MultiDict

from app import html
from tests.unit import sample_account, sample_stays
from tests.unit.sample_account import TWO, account, authenticator, colleague, factors, house_phone

NOW = datetime(2026, 11, 22, 5, 20, tzinfo=UTC)
LINKS = {
    **sample_account.LINKS,
    "access.approve": "/access/looks/<asked>/approve",
    "access.ask": "/access/requests/<ref>/who-asked",
    "access.end_rule": "/access/rules/<rule>/end",
    "access.list_looks": "/access/",
    "access.list_rules": "/access/requests/<ref>/people",
    "access.open_record": "/access/looks/<asked>",
    "auth.demo_sign_in": "/demo/sign-in",
    "auth.sign_out": "/sign-out",
    "live.stamp": "/live",
    "police.answer_question": "/police/requests/<ref>/questions/<question>",
    "police.not_this_house": "/police/requests/<ref>/not-this-house",
    "police.arrived": "/police/requests/<ref>/arrived",
    "police.new_request": "/police/requests/new",
    "police.not_arrived": "/police/requests/<ref>/not-arrived",
    "police.renew_hold": "/police/requests/<ref>/renew",
    "police.set_out": "/police/requests/<ref>/set-out",
    "police.pause": "/police/requests/<ref>/pause",
    "police.resume": "/police/requests/<ref>/resume",
    "police.request_status": "/police/requests/<ref>/status",
    "police.show_request": "/police/requests/<ref>",
    "police.withdraw": "/police/requests/<ref>/withdraw",
    "public.about_data": "/about-the-data",
    "public.leave": "/leave",
    "public.send_surge": "/demo/surge",
    "data_rights.overview": "/data-rights/",
    "data_rights.place_hold": "/data-rights/holds",
    "data_rights.lift_hold": "/data-rights/holds/<uuid:hold>/lift",
    "data_rights.ask_for_copy": "/data-rights/copies",
    "data_rights.approve_copy": "/data-rights/copies/<uuid:copy>/approve",
    "data_rights.take_copy": "/data-rights/copies/<uuid:copy>/take",
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
STAIRS = Sample(public_id="1", text="Can she climb stairs?", asked_at=NOW)
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
    app.jinja_env.globals["csp_nonce"] = lambda: "sample-nonce"
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
        "may_pause": state == "ready",
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
        "hold": None,
        "pause": None,
        "arrived_at": None,
        "closed_reason": None,
        "houses_asked": 1,
        "questions": [],
    }
    return Sample(**(known | changes))


def request(state: str, stands: Sample, **changes: Any) -> dict[str, Any]:
    return FRAME | {
        "referral": row(state),
        "status": stands,
        "siblings": [row("ready", ref="R-9QD3ZTA", tie="apart")],
        "withdraw_reasons": [("duplicate", "Sent twice")],
        "not_arrived_reasons": [("hospital", "She is in hospital")],
        "pause_reasons": [("pause_asked", "She asked to wait")],
        "her_reasons": [("too_far", "It is too far away")],
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


def data_rights(*, is_lead: bool, errors: dict[str, Any] | None = None) -> dict[str, Any]:
    held = Sample(
        public_id=uuid4(),
        ref="R-7KQ4M2A",
        reason="court_order",
        placed_at=NOW,
        placed_by="Lena Holt",
        lift_asked_by="" if is_lead else "Lena Holt",
        may_agree=not is_lead,
    )
    copy = Sample(
        public_id=uuid4(),
        ref="R-7KQ4M2A",
        asked_at=NOW,
        asked_by="Lena Holt",
        approved_by="Dee Marsh" if is_lead else "",
        may_approve=not is_lead,
        may_take=is_lead,
    )
    rules = [Sample(text="Texts are kept for 28 days.", days=28)]
    page = Sample(holds=[held], copies=[copy], rules=rules, is_lead=is_lead)
    forms = {"hold_form": form(errors=errors), "copy_form": form()}
    return FRAME | forms | {"page": page, "reasons": ["court_order", "complaint"]}


def broken(code: int) -> dict[str, Any]:
    return FRAME | {"status": code, "error_id": "e7f3"}


NO_FIT = status(
    0,
    reasons=["No house with a free room has staff there day and night."],
    unlock=["A room at a house with staff by day only."],
    meanwhile=["Keep her with an officer she trusts."],
)


def set_up(**changes: Any) -> dict[str, Any]:
    return FRAME | {"account": account(NOW, **changes), "first": "/police/requests"}


def prove(**changes: Any) -> dict[str, Any]:
    return FRAME | {
        "form": form({}, {"code": ["That did not prove it."]}) if not changes else form(),
        "account": account(NOW, **changes),
        "back": "/account",
    }


PAGES: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "tour": ("public/tour.html", tour),
    "data rights": ("data_rights/overview.html", lambda: data_rights(is_lead=True)),
    "data rights with errors": (
        "data_rights/overview.html",
        lambda: data_rights(is_lead=True, errors={"ref": ["No such."], "reason": ["Choose."]}),
    ),
    "data rights of the second": (
        "data_rights/overview.html",
        lambda: data_rights(is_lead=False),
    ),
    "about the data": ("public/about_data.html", lambda: OPEN),
    "sign in": (
        "public/sign_in.html",
        lambda: OPEN | {"form": form(), "tour_url": "/", "force_url": None},
    ),
    "sign in refused": (
        "public/sign_in.html",
        lambda: (
            OPEN
            | {
                "form": form(TYPED, {"password": ["No."], "form": ["No."]}),
                "tour_url": None,
                "force_url": "/force/sign-in",
            }
        ),
    ),
    "join": ("public/join.html", lambda: OPEN | {"form": form({}, {"code": ["No."]})}),
    "account": ("account/home.html", lambda: FRAME | {"account": account(NOW)}),
    "bare account": (
        "account/home.html",
        lambda: (
            FRAME
            | {"account": account(NOW, factors=factors(), passkeys=[], sign_ins=[], happenings=[])}
        ),
    ),
    "set up": ("account/set_up.html", lambda: set_up(is_set_up=False, factors=factors())),
    "set up with a passkey": (
        "account/set_up.html",
        lambda: set_up(is_set_up=False, factors=factors(), needs_passkey=True),
    ),
    "set up half": (
        "account/set_up.html",
        lambda: set_up(is_set_up=False, factors=factors(has_password=True)),
    ),
    "set up done": ("account/set_up.html", lambda: set_up()),
    "new passkey": (
        "account/new_passkey.html",
        lambda: FRAME | {"form": form({}, {"label": ["Too long."]})},
    ),
    "authenticator": ("account/authenticator.html", lambda: FRAME | authenticator(form())),
    "no authenticator": (
        "account/authenticator.html",
        lambda: FRAME | {"form": form(), "new": None, "picture": ""},
    ),
    "password": (
        "account/password.html",
        lambda: FRAME | {"account": account(NOW), "form": form({}, {"password": ["Too easy."]})},
    ),
    "prove": ("account/prove.html", lambda: prove()),
    "prove in the demonstration": (
        "account/prove.html",
        lambda: prove(factors=factors(), how="demo"),
    ),
    "prove through the force": (
        "account/prove.html",
        lambda: prove(factors=factors(), how="force"),
    ),
    "nothing to prove with": ("account/prove.html", lambda: prove(factors=factors())),
    "prove first": (
        "errors/prove_first.html",
        lambda: FRAME | {"message": "Prove it.", "kept": [("reason", "her_wish"), ("note", "x")]},
    ),
    "code": (
        "account/code.html",
        lambda: FRAME | {"name": "Bea", "code": "7K2M-4QXR-9TWF-H3PC-6VNB", "is_recovery": True},
    ),
    "team": (
        "team/people.html",
        lambda: (
            FRAME
            | {
                "people": [colleague(), colleague(name="Eve", is_active=False)],
                "phones": [
                    house_phone(ends_at=NOW),
                    house_phone(answers_from=NOW, public_id=TWO),
                    house_phone(is_stopped=True),
                ],
            }
        ),
    ),
    "empty team": ("team/people.html", lambda: FRAME | {"people": [], "phones": []}),
    "number": (
        "team/number.html",
        lambda: (
            FRAME | {"form": form({"phone": "x"}, {"phone": ["Type it."]}), "phone": house_phone()}
        ),
    ),
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
        lambda: request("offered", status(2, reply_by=NOW, houses_asked=2, questions=[STAIRS])),
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
    **sample_stays.pages(NOW, request, status, ROWAN),
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
