"""One blueprint for each audience; the audience is the trust boundary."""

from __future__ import annotations

from flask import Flask


def init_views(app: Flask) -> None:
    """Register every blueprint."""
    from app.views import (
        admin,
        auth,
        coordinator,
        data_rights,
        health,
        manager,
        police,
        public,
        refuge,
        webhooks,
    )

    for module in (
        *(public, auth, police, coordinator, refuge, manager, admin, data_rights),
        *(webhooks, health),
    ):
        app.register_blueprint(module.bp)
