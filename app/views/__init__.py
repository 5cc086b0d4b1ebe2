"""One blueprint for each audience; the audience is the trust boundary."""

from __future__ import annotations

from flask import Flask


def init_views(app: Flask) -> None:
    """Register every blueprint."""
    from app.views import (
        admin,
        auth,
        coordinator,
        health,
        live,
        manager,
        police,
        public,
        refuge,
        stays,  # noqa: F401 - more pages of the house's blueprint
        webhooks,
    )

    audiences = (public, auth, police, coordinator, refuge, manager, admin)
    for module in (*audiences, live, webhooks, health):
        app.register_blueprint(module.bp)
