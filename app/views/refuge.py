"""All that a house can do: answer offers, say who came and went, keep its rooms true."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.errors import Conflict, Invalid
from app.html import BlankForm
from app.models.placements import Channel, PlacementState
from app.pages import live_part, try_again
from app.schemas import Form
from app.schemas.questions import CHOOSE_QUESTION, QuestionSchema
from app.schemas.referrals import ReasonSchema
from app.security import me
from app.services import admissions, beds, houses, moving_on, offers, questions, voids
from app.services.asked import ChosenReason
from app.services.telling import clock_text

bp = Blueprint("refuge", __name__, url_prefix="/refuge")


@bp.get("/")
def home() -> ResponseReturnValue:
    """Tonight: offers with their clock, women on the way, women living here, rooms."""
    return render_template("refuge/home.html", tonight=houses.tonight(by=me()))


@bp.get("/tonight")
def tonight() -> ResponseReturnValue:
    """The live part of the first page alone, unchanged parts answered with 304."""
    html = render_template("refuge/_tonight.html", tonight=houses.tonight(by=me(), is_live=True))
    return live_part(html)


@bp.get("/rooms")
def rooms() -> ResponseReturnValue:
    """Every room, its state, and out of use or back in one tap more."""
    return _rooms()


def _rooms(form: Form[ChosenReason] | None = None, room: str = "") -> ResponseReturnValue:
    return (
        render_template(
            "refuge/rooms.html",
            house=houses.rooms(by=me()),
            frees=moving_on.frees_in_house(by=me()),
            form=form,
            form_for=room,
        ),
        form.status if form else 200,
    )


@bp.get("/offers/<uuid:public_id>")
def show_offer(public_id: UUID) -> ResponseReturnValue:
    """What decides suitability, why this house, and the two answers."""
    return _offer(public_id)


def _offer(
    public_id: UUID, form: Form[ChosenReason] | None = None, form_for: str = ""
) -> ResponseReturnValue:
    page = admissions.show_offer(public_id, by=me())
    if page.state in (PlacementState.ACCEPTED, PlacementState.ARRIVED):
        return redirect(url_for(".show_stay", public_id=public_id), code=303)
    html = render_template("refuge/offer.html", offer=page, form=form, form_for=form_for)
    return html, form.status if form else 200


@bp.post("/offers/<uuid:public_id>/accept")
def accept(public_id: UUID) -> ResponseReturnValue:
    """Yes: the room is hers and the officer knows at once."""
    try:
        offers.accept_offer(by=me(), channel=Channel.WEB, public_id=public_id)
    except Conflict as error:
        return try_again(error, ".show_offer", public_id=public_id)
    flash("You have accepted her. Ring the officer to arrange where to meet.")
    return redirect(url_for(".show_stay", public_id=public_id), code=303)


@bp.post("/offers/<uuid:public_id>/decline")
def decline(public_id: UUID) -> ResponseReturnValue:
    """No, and why; the search goes on at once without this house."""
    form = Form[ChosenReason](ReasonSchema())
    if form.accepted:
        try:
            offers.decline_offer(
                by=me(), channel=Channel.WEB, reason=form.data.reason, public_id=public_id
            )
        except Conflict as error:
            return try_again(error, ".show_offer", public_id=public_id)
        except Invalid as error:
            form.refuse("reason", str(error))
        else:
            flash("You have declined. We are looking for another place for her.")
            return redirect(url_for(".home"), code=303)
    return _offer(public_id, form, "decline")


@bp.post("/offers/<uuid:public_id>/question")
def ask_question(public_id: UUID) -> ResponseReturnValue:
    """Maybe: one thing must be known first."""
    form = Form[ChosenReason](QuestionSchema())
    if form.accepted:
        try:
            until = questions.ask_question(
                form.data.reason, by=me(), channel=Channel.WEB, public_id=public_id
            )
        except Conflict as error:
            return try_again(error, ".show_offer", public_id=public_id)
        except Invalid:
            form.refuse("question", CHOOSE_QUESTION)
        else:
            flash(
                f"Your question is asked. You have until {clock_text(until)} to answer, and we tell"
                " you when there is something to read."
            )
            return redirect(url_for(".show_offer", public_id=public_id), code=303)
    return _offer(public_id, form, "question")


@bp.get("/stays/<uuid:public_id>")
def show_stay(public_id: UUID) -> ResponseReturnValue:
    """One woman on her way or living here."""
    return stay_page(public_id)


def stay_page(
    public_id: UUID, form: Form[Any] | None = None, form_for: str = ""
) -> ResponseReturnValue:
    """The page, with the answer that needs another look and which it is."""
    page = admissions.show_stay(public_id, by=me())
    return (
        render_template(
            "refuge/stay.html", stay=page, starts=_starts(page), form=form, form_for=form_for
        ),
        form.status if form else 200,
    )


def _starts(page: admissions.StayPage) -> dict[str, BlankForm]:
    """The forms filled in with what is written down; leaving, with where she planned to go."""
    if page.after is None:
        return {}
    decisions, plan = page.after.decisions, page.after.plan
    return {
        "decisions": BlankForm(
            values={
                "reasonable_on": [str(decisions.reasonable_on or "")],
                "conclusive_on": [str(decisions.conclusive_on or "")],
            }
        ),
        "move": BlankForm(
            values={
                "leaves_on": [str(plan.leaves_on or "")],
                "destination": [plan.destination],
            }
        ),
        "depart": BlankForm(values={"reason": [plan.destination]}),
    }


@bp.post("/stays/<uuid:public_id>/arrived")
def arrived(public_id: UUID) -> ResponseReturnValue:
    """She is here."""
    try:
        offers.record_arrival(public_id, by=me())
    except Conflict as error:
        return try_again(error, ".home")
    flash("She is recorded as arrived. Her room is shown as taken.")
    return redirect(url_for(".home"), code=303)


@bp.post("/stays/<uuid:public_id>/not-arrived")
def not_arrived(public_id: UUID) -> ResponseReturnValue:
    """She did not come, and what happened."""
    form = Form[ChosenReason](ReasonSchema())
    if form.accepted:
        try:
            offers.record_not_arrived(public_id, form.data.reason, by=me())
        except Conflict as error:
            return try_again(error, ".show_stay", public_id=public_id)
        except Invalid as error:
            form.refuse("reason", str(error))
        else:
            flash("She is recorded as not arrived. The duty coordinator is looking into it.")
            return redirect(url_for(".home"), code=303)
    return stay_page(public_id, form, "not_arrived")


@bp.post("/stays/<uuid:public_id>/depart")
def depart(public_id: UUID) -> ResponseReturnValue:
    """She has moved on, and where to."""
    form = Form[ChosenReason](ReasonSchema())
    if form.accepted:
        try:
            offers.record_departure(public_id, form.data.reason, by=me())
        except Conflict as error:
            return try_again(error, ".show_stay", public_id=public_id)
        except Invalid as error:
            form.refuse("reason", str(error))
        else:
            flash(
                "She is recorded as moved on. Tap Back in use when her room is ready for the next."
            )
            return redirect(url_for(".home"), code=303)
    return stay_page(public_id, form, "depart")


@bp.post("/rooms/<uuid:public_id>/out-of-use")
def start_void(public_id: UUID) -> ResponseReturnValue:
    """A room out of use; the button that is tapped is the reason."""
    form = Form[ChosenReason](ReasonSchema())
    if form.accepted:
        try:
            voids.start_void(public_id, form.data.reason, by=me())
        except Conflict as error:
            return try_again(error, ".rooms")
        except Invalid as error:
            form.refuse("reason", str(error))
        else:
            flash("The room is out of use. Nobody is offered it until you bring it back.")
            return redirect(url_for(".home"), code=303)
    return _rooms(form, str(public_id))


@bp.post("/rooms/back-in-use/<uuid:public_id>")
def end_void(public_id: UUID) -> ResponseReturnValue:
    """A room back in use."""
    try:
        voids.end_void(public_id, by=me())
    except Conflict as error:
        return try_again(error, ".rooms")
    flash("The room is back in use and can be offered from now on.")
    return redirect(url_for(".home"), code=303)


@bp.post("/rooms/confirm")
def confirm_beds() -> ResponseReturnValue:
    """Everything is as shown."""
    beds.confirm_beds(by=me())
    flash("Thank you. Your rooms are confirmed.")
    return redirect(url_for(".home"), code=303)
