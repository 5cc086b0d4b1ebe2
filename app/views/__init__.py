"""One blueprint for each audience; the audience is the trust boundary."""

from __future__ import annotations

from flask import Flask


def init_views(app: Flask) -> None:
    """Register every blueprint."""
    from app.views import (
        admin,
        auth,
        coordinator,
        coordinator_houses,
        health,
        manager,
        police,
        public,
        refuge,
        refuge_rooms,
        webhooks,
    )

    modules = (
        *(public, auth, police, coordinator, coordinator_houses, refuge, refuge_rooms),
        *(manager, admin, webhooks, health),
    )
    # Two modules may hold the pages of one audience.
    for blueprint in dict.fromkeys(module.bp for module in modules):
        app.register_blueprint(blueprint)
