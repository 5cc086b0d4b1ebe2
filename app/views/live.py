"""What an open page asks each second: is there anything new for this person?"""

from __future__ import annotations

import threading

from flask import Blueprint, Flask, Response, current_app
from flask.typing import ResponseReturnValue

from app.live import Listener
from app.policy import live_topic
from app.security import me

bp = Blueprint("live", __name__)
_one_at_a_time = threading.Lock()


@bp.get("/live")
def stamp() -> ResponseReturnValue:
    """A word that changes when something of theirs has; empty: this process cannot tell."""
    topic = live_topic(me())
    return Response(listener_of(current_app).stamp(topic) if topic else "", mimetype="text/plain")


def listener_of(app: Flask) -> Listener:
    """The one listener of this process, on a connection of its own beside the pool."""
    with _one_at_a_time:
        if "live" not in app.extensions:
            app.extensions["live"] = Listener(
                app.config["SQLALCHEMY_DATABASE_URI"].replace("+psycopg", ""),
                app.config["SQLALCHEMY_ENGINE_OPTIONS"]["connect_args"]["options"],
            )
        found: Listener = app.extensions["live"]
        return found
