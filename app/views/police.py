"""All that police can do: ask for a place, follow it, say that she arrived. Never an address."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.actors import Role
from app.db import patiently
from app.errors import Busy, Conflict, Invalid
from app.html import phone_text
from app.models.reference import HandOnFor
from app.pages import live_part
from app.schemas import Form, one
from app.schemas.questions import AnswerSchema
from app.schemas.referrals import ReasonSchema, ReferralSchema, hand_on_for
from app.security import me
from app.services import choices, follow, offers, questions, referrals
from app.services.asked import ChosenReason, NewReferral
from app.services.questions import NewAnswer

bp = Blueprint("police", __name__, url_prefix="/police")


@bp.get("/requests")
def list_requests() -> ResponseReturnValue:
    """The officer's own requests, or the force's for its supervisor."""
    open_requests, closed_requests = follow.list_requests(by=me())
    return render_template(
        "police/requests.html",
        open_requests=open_requests,
        closed_requests=closed_requests,
        is_force=me().role is Role.FORCE_SUPERVISOR,
    )


@bp.route("/requests/new", methods=["GET", "POST"])
def new_request() -> ResponseReturnValue:
    """Eight questions on one page; the same form sent twice is one request.

    When the database is too busy the page comes back as it was typed, to be sent again.
    """
    typed = request.form.to_dict(flat=False)
    same_as = one(typed, "same_as") or request.args.get("same_as", "")
    if request.method == "POST" and (who := hand_on_for(typed)) is not None:
        return _hand_on(who)
    form = Form[NewReferral](ReferralSchema(), start=_start(same_as))
    if form.accepted:
        try:
            ref = patiently(lambda: referrals.make_referral(form.data, by=me()))
            return redirect(url_for(".show_request", ref=ref), code=303)
        except (Invalid, Conflict, Busy) as error:
            field = error.field if isinstance(error, Invalid) else ""
            form.refuse(field, str(error), status=503 if isinstance(error, Busy) else 422)
    lists = patiently(lambda: choices.request_choices(by=me()))
    return (
        render_template(
            "police/new_request.html",
            form=form,
            districts=lists.districts,
            common_languages=lists.common_languages,
            other_languages=lists.other_languages,
            features=lists.features,
            regions=lists.regions,
            first={"ref": same_as} if same_as else None,
        ),
        form.status,
    )


def _start(same_as: str) -> dict[str, list[str]]:
    if request.method == "POST":
        return {}
    shared = follow.shared_answers(same_as, by=me()) if same_as else {}
    if "callback_phone" in shared:
        shared["callback_phone"] = [phone_text(shared["callback_phone"][0])]
    return {**shared, "form_key": [str(uuid4())], "same_as": [same_as]}


def _hand_on(who: HandOnFor) -> ResponseReturnValue:
    contacts = [{"text": text, "phone": phone} for text, phone in referrals.hand_on(who, by=me())]
    return render_template("police/hand_on.html", who=who.value, contacts=contacts, first=None)


@bp.get("/requests/<ref>")
def show_request(ref: str) -> ResponseReturnValue:
    """One request, its reference big and its status live."""
    return request_page(ref)


def request_page(
    ref: str, form: Form[Any] | None = None, form_for: str = ""
) -> ResponseReturnValue:
    """The page, with the answer that needs another look and which it is."""
    page = follow.show_request(ref, by=me())
    return (
        render_template(
            "police/request.html",
            referral=page.referral,
            status=page.status,
            siblings=page.siblings,
            withdraw_reasons=page.withdraw_reasons,
            not_arrived_reasons=page.not_arrived_reasons,
            pause_reasons=page.pause_reasons,
            her_reasons=page.her_reasons,
            form=form,
            form_for=form_for,
        ),
        form.status if form else 200,
    )


@bp.get("/requests/<ref>/status")
def request_status(ref: str) -> ResponseReturnValue:
    """The live part alone, unchanged parts answered with 304."""
    state, status, not_arrived_reasons, her_reasons = follow.request_status(ref, by=me())
    html = render_template(
        "police/_status.html",
        referral={"ref": ref, "state": state},
        status=status,
        not_arrived_reasons=not_arrived_reasons,
        her_reasons=her_reasons,
        form=None,
        form_for="",
    )
    return live_part(html)


@bp.post("/requests/<ref>/withdraw")
def withdraw(ref: str) -> ResponseReturnValue:
    """She no longer needs this."""
    form = Form[ChosenReason](ReasonSchema())
    if form.accepted:
        try:
            referrals.withdraw(ref, form.data.reason, by=me())
            flash("The request is withdrawn.")
            return redirect(url_for(".show_request", ref=ref), code=303)
        except (Invalid, Conflict) as error:
            form.refuse("reason", str(error))
    return request_page(ref, form, "withdraw")


@bp.post("/requests/<ref>/arrived")
def arrived(ref: str) -> ResponseReturnValue:
    """She is at the door."""
    try:
        offers.record_arrival(follow.placement_of(ref, by=me()), by=me())
    except Conflict as error:
        flash(str(error), "warning")
    return redirect(url_for(".show_request", ref=ref), code=303)


@bp.post("/requests/<ref>/not-arrived")
def not_arrived(ref: str) -> ResponseReturnValue:
    """She did not come, and what happened."""
    form = Form[ChosenReason](ReasonSchema())
    if form.accepted:
        try:
            offers.record_not_arrived(follow.placement_of(ref, by=me()), form.data.reason, by=me())
            return redirect(url_for(".show_request", ref=ref), code=303)
        except (Invalid, Conflict) as error:
            form.refuse("reason", str(error))
    return request_page(ref, form, "not_arrived")


@bp.post("/requests/<ref>/not-this-house")
def not_this_house(ref: str) -> ResponseReturnValue:
    """She does not want this house, and goes on waiting for another."""
    form = Form[ChosenReason](ReasonSchema())
    if form.accepted:
        try:
            offers.decline_for_her(follow.her_room(ref, by=me()), form.data.reason, by=me())
            flash("Recorded: she does not want this house. We are looking for another.")
            return redirect(url_for(".show_request", ref=ref), code=303)
        except (Invalid, Conflict) as error:
            form.refuse("reason", str(error))
    return request_page(ref, form, "her_no")


@bp.post("/requests/<ref>/questions/<uuid:question>")
def answer_question(ref: str, question: UUID) -> ResponseReturnValue:
    """Tell a house the one thing that it must know first."""
    form = Form[NewAnswer](AnswerSchema())
    if form.accepted:
        try:
            questions.answer_question(question, form.data, by=me())
            flash("Thank you. The house is told.")
            return redirect(url_for(".show_request", ref=ref), code=303)
        except (Invalid, Conflict) as error:
            form.refuse("answer", str(error))
    return request_page(ref, form, f"answer-{question}")
