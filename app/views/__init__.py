"""One blueprint for each audience; the audience is the trust boundary."""

from __future__ import annotations

from flask import Flask


def init_views(app: Flask) -> None:
    """Register every blueprint."""
    from app.views import (
        account,
        admin,
        auth,
        coordinator,
        health,
        manager,
        police,
        public,
        records,
        refuge,
        team,
        webhooks,
    )

    for module in (
        *(public, auth, account, police, coordinator, refuge, team, manager, admin),
        *(records, webhooks, health),
    ):
        app.register_blueprint(module.bp)
