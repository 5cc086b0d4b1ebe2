"""The web process: ``gunicorn wsgi:app`` and ``flask --app wsgi ...``."""

from __future__ import annotations

import os
import sys

from app import create_app
from config import SettingsError

STOP_GUNICORN = 4  # its own word for "this application cannot be loaded; do not try again"

try:
    app = create_app()
except SettingsError as error:
    if "gunicorn" not in os.environ.get("SERVER_SOFTWARE", ""):
        raise
    print(f"Waymark cannot start: {error}", file=sys.stderr)  # noqa: T201 - there is no log yet
    sys.exit(STOP_GUNICORN)
