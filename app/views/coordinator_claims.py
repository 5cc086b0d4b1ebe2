"""More pages of the desk: who is on what, and being asked before deciding over a colleague."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.errors import Conflict
from app.pages import REFERENCE, try_again
from app.security import NEVER_KEPT, me
from app.services import claims
from app.views.coordinator import bp

# What decides on a request, or finishes a task: asked about first while a colleague is on it.
DECIDES = {
    *("coordinator.confirm", "coordinator.override", "coordinator.accept", "coordinator.decline"),
    *("coordinator.withdraw", "coordinator.reopen", "coordinator.close_unmet"),
    *("coordinator.ask", "coordinator.pause", "coordinator.resume"),
    *("coordinator.call_back", "coordinator.finish_task"),
}


@bp.before_request
def ask_before_deciding_over_a_colleague() -> ResponseReturnValue | None:
    """Whoever goes on says so; what was typed is sent along."""
    if request.method != "POST" or request.endpoint not in DECIDES:
        return None
    ids = request.view_args or {}
    refs = [ids["ref"]] if "ref" in ids else _ticked()
    refs = [ref for ref in refs if REFERENCE.fullmatch(ref)]
    taken = claims.in_the_way(refs, ids.get("task"), _ids(request.form.getlist("anyway")), by=me())
    if not taken:
        return None
    kept = [
        (name, text)
        for name, texts in request.form.lists()
        if name not in {*NEVER_KEPT, "anyway"}
        for text in texts
    ]
    back = url_for(".show_request", ref=ids["ref"]) if "ref" in ids else url_for(".board")
    back = url_for(".tasks") if "task" in ids else back
    return render_template("coordinator/claimed.html", taken=taken, kept=kept, back=back), 409


def _ticked() -> list[str]:
    return request.form.getlist("shown" if request.form.get("which") == "all" else "line")


def _ids(texts: list[str]) -> list[UUID]:
    """What the page was told of; what is no id was told by no page of ours."""
    found = []
    for text in texts:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


@bp.post("/requests/<ref>/claim")
def claim_request(ref: str) -> ResponseReturnValue:
    """I am on it, or: I take it over from the colleague whose claim is sent along."""
    back, place = _back(ref)
    try:
        claims.claim_request(
            ref, by=me(), instead_of=next(iter(_ids(request.args.getlist("instead_of"))), None)
        )
    except Conflict as error:
        return try_again(error, back, **place)
    flash(f"{ref}: the board says that you are on it.")
    return redirect(url_for(back, **place), code=303)


@bp.post("/requests/<ref>/let-go")
def let_go_of_request(ref: str) -> ResponseReturnValue:
    """I am not on it any more."""
    back, place = _back(ref)
    try:
        claims.let_go_of_request(ref, by=me())
    except Conflict as error:
        return try_again(error, back, **place)
    flash(f"{ref}: the board says no more that you are on it.")
    return redirect(url_for(back, **place), code=303)


def _back(ref: str) -> tuple[str, dict[str, Any]]:
    """To the line on the board it was pressed at, or to the request's own page."""
    if request.form.get("from") == "board":
        return ".board", {"_anchor": f"page-{ref}"}
    return ".show_request", {"ref": ref}


@bp.post("/tasks/<uuid:task>/claim")
def claim_task(task: UUID) -> ResponseReturnValue:
    """I am on it, or: I take it over."""
    try:
        claims.claim_task(
            task, by=me(), instead_of=next(iter(_ids(request.args.getlist("instead_of"))), None)
        )
    except Conflict as error:
        return try_again(error, ".tasks")
    flash("The list says that you are on it.")
    return redirect(url_for(".tasks", _anchor=f"task-{task}"), code=303)


@bp.post("/tasks/<uuid:task>/let-go")
def let_go_of_task(task: UUID) -> ResponseReturnValue:
    """I am not on it any more."""
    claims.let_go_of_task(task, by=me())
    flash("The list says no more that you are on it.")
    return redirect(url_for(".tasks", _anchor=f"task-{task}"), code=303)
