"""What Twilio tells us: replies, and how far our texts have come. Only with its signature."""

from __future__ import annotations

import re
from uuid import UUID

from flask import Blueprint, Response, abort, current_app, request
from flask.typing import ResponseReturnValue

from app import outbox
from app.security import csrf
from app.services import texts
from app.sms import valid_signature

bp = Blueprint("webhooks", __name__, url_prefix="/hooks/twilio")
csrf.exempt(bp)  # the signature over every field is the stronger proof of who sends

SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")
STATUS = re.compile(r"[a-z_]{1,40}")
ERROR_CODE = re.compile(r"[0-9]{1,8}")


@bp.before_request
def only_twilio() -> None:
    """Checked on the configured address; what the request says of its own host is not believed."""
    settings = current_app.config["SETTINGS"]
    tokens = (settings.twilio_auth_token, settings.twilio_previous_auth_token)
    query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
    url = f"{settings.public_url}{request.path}{query}"
    signature = request.headers.get("X-Twilio-Signature", "")
    if not valid_signature(url, request.form, signature, tokens):
        abort(403)


@bp.post("/inbound")
def inbound() -> ResponseReturnValue:
    """Store and answer at once; the worker reads it."""
    sid = request.form.get("MessageSid", "")
    sender = request.form.get("From", "")
    if not SID.fullmatch(sid) or not sender:
        abort(422)
    texts.receive_text(sid, sender, request.form.get("To", ""), request.form.get("Body", ""))
    return _thanks()


@bp.post("/status/<uuid:message_id>/<int:attempt>")
def status(message_id: UUID, attempt: int) -> ResponseReturnValue:
    """How far one text has come; unknown ones are thanked too, so that Twilio does not repeat."""
    sid = request.form.get("MessageSid", "")
    word = request.form.get("MessageStatus", "")
    error = request.form.get("ErrorCode", "")
    if not SID.fullmatch(sid) or not STATUS.fullmatch(word):
        abort(422)
    outbox.record_status(
        message_id, attempt, sid, word, error if ERROR_CODE.fullmatch(error) else ""
    )
    return _thanks()


def _thanks() -> Response:
    return Response("<Response/>", mimetype="text/xml")
