"""The duty coordinator's pages: look at the plan, decide line by line, see to what went wrong."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import (
    Blueprint,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue

from app.errors import Conflict, Invalid, NotFound
from app.models.abuse import CallBackOutcome
from app.models.placements import Channel
from app.pages import live_part, try_again
from app.schemas import Form
from app.schemas.decisions import Confirmed, ConfirmSchema, OverrideSchema
from app.schemas.referrals import ReasonSchema
from app.security import me
from app.services import (
    call_backs,
    case,
    closing,
    matching,
    moving_on,
    offers,
    phones,
    tasks,
)
from app.services.asked import ChosenReason
from app.services.board import look
from app.services.costs import CostUnread
from app.services.scarce import read_scarce

bp = Blueprint("coordinator", __name__, url_prefix="/desk")
BACK = "She is in the plan again, unless another house is still asked."
CALL_BUTTONS = "Nothing was recorded. Use one of the two buttons."


@bp.get("/board")
def board() -> ResponseReturnValue:
    """Everybody who waits, with the plan's word, the reasons and the next best rooms."""
    return _board()


def _board(form: Form[Confirmed] | None = None) -> ResponseReturnValue:
    return (
        render_template(
            "coordinator/board.html",
            board=look(by=me()),
            form=form,
            ticked=form.values.get("line", []) if form else [],
            beside=form.values.get("also", []) if form else [],
            outcome=session.pop("outcome", None),
        ),
        form.status if form else 200,
    )


@bp.get("/board/live")
def board_live() -> ResponseReturnValue:
    """Both live parts, read from the database once; unchanged they are answered with 304."""
    html = render_template(
        "coordinator/_live.html",
        board=look(by=me(), is_live=True),
        ticked=request.args.getlist("tick"),
        beside=request.args.getlist("also"),
    )
    return live_part(html)


@bp.post("/board")
def confirm() -> ResponseReturnValue:
    """Ask the houses of the ticked lines, or of all; each line's outcome is said by itself."""
    form = Form[Confirmed](ConfirmSchema())
    if form.accepted:
        refs, also = form.data.refs, form.data.also
        try:
            outcome = matching.confirm_plan(form.data.run_id, refs, by=me(), also=also)
            stale = [ref for ref in refs if ref not in outcome.offered]
            session["outcome"] = {
                "offered": outcome.offered,
                "dropped": dict.fromkeys(stale, matching.STALE) | outcome.dropped,
                "beside": outcome.beside,
                "not_asked": outcome.not_asked,
            }
            return redirect(url_for(".board"), code=303)
        except (Invalid, Conflict, NotFound) as error:
            form.refuse("", str(error))
    return _board(form)


@bp.get("/requests/<ref>")
def show_request(ref: str) -> ResponseReturnValue:
    """One request: why this room, which others and at what cost, and what came before."""
    return case_page(ref)


def case_page(
    ref: str,
    form: Form[Any] | None = None,
    form_for: str = "",
    chosen: UUID | None = None,
    offer: UUID | None = None,
) -> ResponseReturnValue:
    """The page, with the answer that needs another look, which it is and which house it is of."""
    return (
        render_template(
            "coordinator/request.html",
            page=case.show_case(ref, by=me(), chosen=chosen),
            form=form,
            form_for=form_for,
            form_offer=offer,
        ),
        form.status if form else 200,
    )


@bp.get("/requests/<ref>/news")
def request_news(ref: str) -> ResponseReturnValue:
    """Whether the page still says what is so; it holds nothing of hers."""
    stamp = request.args.get("stamp", "")
    news = case.news(ref, stamp, by=me())
    return live_part(render_template("coordinator/_news.html", ref=ref, stamp=stamp, news=news))


@bp.get("/requests/<ref>/cost/<uuid:room>")
def room_cost(ref: str, room: UUID) -> ResponseReturnValue:
    """What one room would cost the others, once it has been worked out."""
    chosen = case.cost_of(ref, room, by=me())
    return live_part(render_template("coordinator/_cost.html", chosen=chosen))


@bp.post("/requests/<ref>/override")
def override(ref: str) -> ResponseReturnValue:
    """Offer another room than the plan's; the safety rules hold for people too."""
    form = Form[matching.Choice](OverrideSchema())
    unread = None
    if form.accepted:
        try:
            matching.override(ref, form.data, by=me())
            flash(f"{ref}: the house of your choice has been asked.")
            return redirect(url_for(".show_request", ref=ref), code=303)
        except (Invalid, Conflict, NotFound) as error:
            unread = form.data.room if isinstance(error, CostUnread) else None
            form.refuse(error.field if isinstance(error, Invalid) else "room", str(error))
    return case_page(ref, form, "override", unread)


@bp.post("/requests/<ref>/offers/<uuid:offer>/accept")
def accept(ref: str, offer: UUID) -> ResponseReturnValue:
    """The house said yes by phone."""
    mine = case.offer_of(ref, offer, by=me())
    try:
        offers.accept_offer(by=me(), channel=Channel.COORDINATOR, public_id=mine)
    except Conflict as error:
        return try_again(error, ".show_request", ref=ref)
    flash(f"{ref}: the house has promised the room. The officer sees it now.")
    return redirect(url_for(".show_request", ref=ref), code=303)


@bp.post("/requests/<ref>/offers/<uuid:offer>/decline")
def decline(ref: str, offer: UUID) -> ResponseReturnValue:
    """The house said no by phone, with its reason."""
    mine = case.offer_of(ref, offer, by=me())
    form = Form[ChosenReason](ReasonSchema())
    if form.accepted:
        try:
            offers.decline_offer(
                by=me(), channel=Channel.COORDINATOR, public_id=mine, reason=form.data.reason
            )
            flash(f"{ref}: the house said no. {BACK}")
            return redirect(url_for(".show_request", ref=ref), code=303)
        except (Invalid, Conflict) as error:
            form.refuse("reason", str(error))
    return case_page(ref, form, "decline", offer=offer)


@bp.post("/requests/<ref>/offers/<uuid:offer>/withdraw")
def withdraw(ref: str, offer: UUID) -> ResponseReturnValue:
    """Take an offer or a promised room back; she returns to the plan."""
    mine = case.offer_of(ref, offer, by=me())
    form = Form[ChosenReason](ReasonSchema())
    if form.accepted:
        try:
            offers.withdraw_offer(mine, form.data.reason, by=me())
            flash(f"{ref}: it is taken back and the house is told. {BACK}")
            return redirect(url_for(".show_request", ref=ref), code=303)
        except (Invalid, Conflict) as error:
            form.refuse("reason", str(error))
    return case_page(ref, form, "withdraw", offer=offer)


@bp.post("/requests/<ref>/call-back")
def call_back(ref: str) -> ResponseReturnValue:
    """The control room was rung: it knows the officer, or it could not say so."""
    try:
        outcome = CallBackOutcome(request.form.get("outcome", ""))
        refs = call_backs.record_call_back(ref, outcome, by=me())
    except ValueError:
        return try_again(Invalid(CALL_BUTTONS), ".show_request", ref=ref)
    except Conflict as error:
        return try_again(error, ".show_request", ref=ref)
    if outcome is CallBackOutcome.GENUINE:
        flash(f"Recorded for {', '.join(refs)}: genuine. They are told how to meet.")
    else:
        flash(f"Recorded for {', '.join(refs)}: not confirmed. Nobody is told how to meet.")
    return redirect(url_for(".show_request", ref=ref), code=303)


@bp.post("/requests/<ref>/reopen")
def reopen(ref: str) -> ResponseReturnValue:
    """Back into the queue."""
    try:
        closing.reopen(ref, by=me())
    except Conflict as error:
        return try_again(error, ".show_request", ref=ref)
    flash(f"{ref} is back in the queue. A new plan is on its way.")
    return redirect(url_for(".show_request", ref=ref), code=303)


@bp.post("/requests/<ref>/unmet")
def close_unmet(ref: str) -> ResponseReturnValue:
    """No place was found, and why."""
    form = Form[ChosenReason](ReasonSchema())
    if form.accepted:
        try:
            closing.close_unmet(ref, form.data.reason, by=me())
            flash(f"{ref} is closed and counted: she needed a place and did not get one.")
            return redirect(url_for(".show_request", ref=ref), code=303)
        except (Invalid, Conflict) as error:
            form.refuse("reason", str(error))
    return case_page(ref, form, "unmet")


@bp.get("/scarce")
def scarce() -> ResponseReturnValue:
    """What rooms cost those still to come, and why."""
    return render_template("coordinator/scarce.html", page=read_scarce(by=me()))


@bp.get("/freeing")
def freeing() -> ResponseReturnValue:
    """When rooms may free, by plan or by how long others stayed."""
    return render_template("coordinator/freeing.html", rooms=moving_on.frees_everywhere(by=me()))


@bp.get("/tasks", endpoint="tasks")
def task_list() -> ResponseReturnValue:
    """What needs a person, and the texts that failed."""
    return render_template("coordinator/tasks.html", page=tasks.list_tasks(by=me()))


@bp.post("/phones/<uuid:contact>/keep-old")
def keep_old_number(contact: UUID) -> ResponseReturnValue:
    """A house did not change its number: what it had counts again."""
    try:
        phones.keep_old_number(contact, by=me())
    except Conflict as error:
        return try_again(error, ".tasks")
    flash("The old number is kept. The new one is worth nothing any more.")
    return redirect(url_for(".tasks"), code=303)


@bp.post("/tasks/<uuid:task>/done")
def finish_task(task: UUID) -> ResponseReturnValue:
    """Somebody has seen to it."""
    tasks.finish_task(task, by=me())
    flash("Done. It is off the list.")
    return redirect(url_for(".tasks"), code=303)
