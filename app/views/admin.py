"""What an administrator does: who may sign in. No request, bed or figure is shown here."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.errors import Conflict, Invalid, NotAllowed, ProofNeeded
from app.pages import try_again
from app.schemas import Form
from app.schemas.accounts import PEOPLE, NewUserSchema
from app.security import me
from app.services import accounts, invitations

bp = Blueprint("admin", __name__, url_prefix="/people")


@bp.get("/")
def list_users() -> ResponseReturnValue:
    """Everybody who may sign in, by organisation."""
    return render_template("admin/people.html", accounts=accounts.list_accounts(by=me()))


@bp.route("/new", methods=["GET", "POST"])
def new_user() -> ResponseReturnValue:
    """Add a person; the code with which they come in is shown this once."""
    form = Form[accounts.NewUser](NewUserSchema())
    if form.accepted:
        try:
            code = invitations.invite(form.data, by=me())
            return _code(form.data.name, code, is_recovery=False)
        except Invalid as error:
            form.refuse(error.field, str(error))
        except Conflict as error:
            form.refuse("email", str(error))
    organisations, refuges = accounts.list_choices(by=me())
    return (
        render_template(
            "admin/new_person.html",
            form=form,
            roles=[role.value for role in PEOPLE],
            organisations=organisations,
            refuges=refuges,
        ),
        form.status,
    )


def _code(name: str, code: str, *, is_recovery: bool) -> ResponseReturnValue:
    """Shown in answer to the form itself: it stands at no address to come back to."""
    return render_template("account/code.html", name=name, code=code, is_recovery=is_recovery)


@bp.post("/<uuid:person>/recover")
def recover(person: UUID) -> ResponseReturnValue:
    """Somebody lost what they sign in with: the code that lets them in again."""
    try:
        name, code = invitations.recover(person, by=me())
    except ProofNeeded:
        raise
    except NotAllowed as error:
        return try_again(error, ".list_users")
    return _code(name, code, is_recovery=True)


@bp.post("/<uuid:person>/active")
def set_active(person: UUID) -> ResponseReturnValue:
    """Stop an account, which ends its sign-ins at once, or let it in again."""
    wanted = {"yes": True, "no": False}.get(request.form.get("active", ""))
    try:
        if wanted is None:
            raise Invalid("Nothing was changed. Use the buttons beside each person.")
        accounts.set_active(person, wanted, by=me())
    except (Invalid, NotAllowed) as error:
        return try_again(error, ".list_users")
    flash("The account may sign in again." if wanted else "The account is stopped.")
    return redirect(url_for(".list_users"), code=303)
