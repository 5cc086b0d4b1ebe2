"""One blueprint for each audience; the audience is the trust boundary."""

from __future__ import annotations

from flask import Flask


def init_views(app: Flask) -> None:
    """Register every blueprint; ``demo`` exists in demo mode only."""
    from importlib import import_module
    from importlib.util import find_spec

    for name in (
        "public",
        "auth",
        "police",
        "coordinator",
        "refuge",
        "manager",
        "admin",
        "webhooks",
        "health",
    ):
        if find_spec(f"app.views.{name}"):
            app.register_blueprint(import_module(f"app.views.{name}").bp)
