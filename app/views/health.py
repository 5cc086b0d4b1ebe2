"""For machines that watch: alive, ready, and the figures behind that answer."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from app.errors import Busy
from app.services import health

bp = Blueprint("health", __name__)


@bp.get("/health/live")
def live() -> ResponseReturnValue:
    """This process answers; nothing else is asked."""
    return jsonify(status="alive")


@bp.get("/health/ready")
def ready() -> ResponseReturnValue:
    """Database, migrations, worker and texts; 503 names what is missing."""
    try:
        faults = health.faults(health.vital_signs())
    except Busy:
        faults = ["the database does not answer"]
    if faults:
        return jsonify(status="not ready", faults=faults), 503
    return jsonify(status="ready")


@bp.get("/metrics")
def metrics() -> ResponseReturnValue:
    """The vital signs for Prometheus; no value of any person is among them."""
    try:
        return Response(health.as_prometheus(health.vital_signs()), mimetype="text/plain")
    except Busy:
        return Response("waymark_database_up 0\n", status=503, mimetype="text/plain")
