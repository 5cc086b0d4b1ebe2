"""Pages open to all: the front page, where the data comes from, and the quick way out."""

from __future__ import annotations

import structlog
from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from app import security
from app.actors import Role
from app.demo.surge import SURGE_SIZE
from app.demo.surge import send_surge as send_in
from app.pages import HOME
from app.services import accounts
from app.services.tonight import tonight

log = structlog.get_logger()
bp = Blueprint("public", __name__)
# Somewhere harmless that anybody might have been reading.
NEUTRAL_PAGE = "https://www.bbc.co.uk/weather"
MOST_REPORTS = 20
POLICY_RULES = (
    *("base-uri", "connect-src", "default-src", "font-src", "form-action", "frame-ancestors"),
    *("frame-src", "img-src", "manifest-src", "media-src", "object-src", "script-src"),
    *("script-src-attr", "script-src-elem", "style-src", "style-src-attr", "style-src-elem"),
    "worker-src",
)
DOES = {
    Role.OFFICER: "In a kitchen at 5 a.m., on a phone. Asks for a safe bed in under two minutes.",
    Role.COORDINATOR: "Sees tonight's plan and why it is so. Confirms it or decides otherwise.",
    Role.REFUGE_WORKER: "Answers by text between two crises: open the demo phone. Or answers here.",
    Role.REFUGE_MANAGER: "Answers on the web, keeps rooms up to date, says who came and who left.",
    Role.CHARITY_MANAGER: "Has a funding meeting in ten minutes. Beds, need and money on one page.",
}


@bp.get("/")
def home() -> ResponseReturnValue:
    """The tour in demo mode; otherwise the person's own first page, or sign-in."""
    if not current_app.config["SETTINGS"].is_demo:
        actor = security.somebody()
        return redirect(url_for(HOME[actor.role] if actor else "auth.sign_in"))
    people = [
        {
            "key": str(person.public_id),
            "name": person.name,
            "short": person.name.removeprefix("PC ").split()[0],
            "role": person.role,
            "does": DOES.get(person.role, ""),
        }
        for person in accounts.demo_people()
    ]
    return render_template(
        "public/tour.html",
        people=people,
        figures=tonight(),
        phone_url=current_app.config["SETTINGS"].twilio_api_base_url,
        surge_size=SURGE_SIZE,
    )


@bp.post("/surge")
def send_surge() -> ResponseReturnValue:
    """Send in a raid; the demonstration's alone."""
    if not current_app.config["SETTINGS"].is_demo:
        abort(404)
    refs = send_in(SURGE_SIZE)
    flash(f"{len(refs)} women have just been brought out of one raid. Be the coordinator now.")
    return redirect(url_for("public.home"))


@bp.get("/about-the-data")
def about_data() -> ResponseReturnValue:
    """Sources and licences of every public list."""
    return render_template("public/about_data.html")


@bp.get("/leave")
def leave() -> ResponseReturnValue:
    """End the sign-in and go somewhere harmless, in one tap.

    The one GET that does something: it must work without JavaScript and without a form. A link on
    somebody else's page leads to the harmless page and ends nothing.
    """
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        return redirect(NEUTRAL_PAGE, code=303)
    security.forget()
    response = redirect(NEUTRAL_PAGE, code=303)
    response.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'
    return response


@bp.post("/csp")
def content_report() -> ResponseReturnValue:
    """A browser says that a page tried what the content policy forbids.

    Only which rule it was is kept: the report's addresses and samples may hold what was typed.
    """
    for rule in sorted(reported_rules(request.get_json(force=True, silent=True))):
        log.warning("content_policy", rule=rule)
    return "", 204


security.csrf.exempt(content_report)  # a browser sends it by itself, without a form


def reported_rules(report: object) -> set[str]:
    """The names of rules in a report of either kind that browsers send."""
    entries = report if isinstance(report, list) else [report]
    bodies = [
        entry.get("body") or entry.get("csp-report")
        for entry in entries[:MOST_REPORTS]
        if isinstance(entry, dict)
    ]
    found = [
        body.get("effectiveDirective") or body.get("effective-directive")
        for body in bodies
        if isinstance(body, dict)
    ]
    return {rule for rule in POLICY_RULES if rule in found}


@bp.get("/robots.txt")
def robots() -> ResponseReturnValue:
    """Nothing here is for search engines."""
    return "User-agent: *\nDisallow: /\n", 200, {"Content-Type": "text/plain; charset=utf-8"}
