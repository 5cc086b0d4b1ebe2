"""Makes the stand-in's own Flask application, apart from Waymark's."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response

from app.demo_phone.api import api
from app.demo_phone.contract import contract
from app.demo_phone.control import control
from app.demo_phone.ledger import Ledger
from app.demo_phone.pages import pages
from app.demo_phone.state import Exchange
from app.demo_phone.webhooks import Courier

MOST_BYTES = 64 * 1024
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
        " img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # Not "no-referrer": a browser would then hide the origin of our own forms, which is checked.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def create_phone(*, account_sid: str, token: str, public_url: str, ledger_path: Path) -> Flask:
    """Make the application and start its courier; ``exchange().stop()`` ends it.

    ``public_url`` is where Waymark answers, the only place that webhooks are sent to.
    """
    ledger = Ledger(ledger_path)
    courier = Courier(ledger, public_url, token)
    phone = Flask(__name__)
    phone.config.update(
        MAX_CONTENT_LENGTH=MOST_BYTES,
        TRUSTED_HOSTS=["127.0.0.1", "localhost"],
        PROPAGATE_EXCEPTIONS=True,
    )
    phone.extensions["exchange"] = Exchange(
        account_sid=account_sid,
        token=token,
        public_url=public_url,
        ledger=ledger,
        courier=courier,
        contract=contract(),
    )
    phone.register_blueprint(api)
    phone.register_blueprint(control)
    phone.register_blueprint(pages)
    phone.after_request(_protect)
    courier.start()
    return phone


def _protect(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response
