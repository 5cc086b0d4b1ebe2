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
        manager,
        police,
        public,
        refuge,
        stays,  # noqa: F401 - more pages of the house's blueprint
        webhooks,
    )

    for module in (public, auth, police, coordinator, refuge, manager, admin, webhooks, health):
        app.register_blueprint(module.bp)
