"""``python -m app.demo_phone``: serves the demo phone on this machine only."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from werkzeug.serving import WSGIRequestHandler, make_server

from app.demo_phone.application import create_phone

HOST = "127.0.0.1"
DEMO_ACCOUNT = "AC" + "0" * 32


class QuietHandler(WSGIRequestHandler):
    """Logs nothing: a request line can carry a number."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Drop it."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m app.demo_phone", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--public-url", required=True, help="where Waymark answers")
    parser.add_argument("--ledger", type=Path, required=True, help="SQLite file; made when missing")
    given = parser.parse_args(arguments)
    token = os.environ.get("TWILIO_AUTH_TOKEN", "")
    if not token:
        parser.error("set TWILIO_AUTH_TOKEN to the same value as Waymark's.")
    phone = create_phone(
        account_sid=os.environ.get("TWILIO_ACCOUNT_SID") or DEMO_ACCOUNT,
        token=token,
        public_url=given.public_url,
        ledger_path=given.ledger,
    )
    try:
        server = make_server(HOST, given.port, phone, threaded=True, request_handler=QuietHandler)
    except (OSError, SystemExit):
        parser.exit(1, f"The demo phone cannot use port {given.port}: choose another --port.\n")
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: threading.Thread(target=server.shutdown).start())
    sys.stdout.write(f"Demo phone: http://{HOST}:{server.server_port}\n")
    sys.stdout.flush()
    try:
        server.serve_forever(poll_interval=0.2)
    finally:
        phone.extensions["exchange"].stop()
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
