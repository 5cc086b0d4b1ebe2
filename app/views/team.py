"""What the manager of a house does for its people."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from app.actors import Role
from app.security import me, only
from app.services import accounts, invitations

bp = Blueprint("team", __name__, url_prefix="/team")
bp.before_request(only(Role.REFUGE_MANAGER))


@bp.get("/")
def people() -> ResponseReturnValue:
    """Who else works in the house."""
    return render_template("team/people.html", people=accounts.list_colleagues(by=me()))


@bp.post("/<uuid:person>/recover")
def recover(person: UUID) -> ResponseReturnValue:
    """Somebody of the house lost what they sign in with: the code that lets them in again."""
    name, code = invitations.recover(person, by=me())
    return render_template("account/code.html", name=name, code=code, is_recovery=True)
