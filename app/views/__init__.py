"""One blueprint for each audience; the audience is the trust boundary."""

from __future__ import annotations

from flask import Flask


def init_views(app: Flask) -> None:
    """Register every blueprint."""
    from app.views import (
        access,
        account,
        admin,
        auth,
        coordinator,
        coordinator_claims,  # noqa: F401 - more pages of the desk's blueprint
        coordinator_houses,  # noqa: F401 - more pages of the desk's blueprint
        coordinator_houses_asked,  # noqa: F401 - more pages of the desk's blueprint
        coordinator_lists,  # noqa: F401 - more pages of the desk's blueprint
        coordinator_pre_alerts,  # noqa: F401 - more pages of the desk's blueprint
        data_rights,
        escalation,
        force,
        health,
        live,
        manager,
        on_the_way,  # noqa: F401 - more pages of three blueprints
        pauses,  # noqa: F401 - more pages of two blueprints
        police,
        public,
        records,
        refuge,
        refuge_rooms,  # noqa: F401 - more pages of the house's blueprint
        stays,  # noqa: F401 - more pages of the house's blueprint
        team,
        transfers,  # noqa: F401 - more pages of two blueprints
        webhooks,
    )

    for module in (
        *(public, auth, force, account, police, coordinator, refuge, team, manager, admin),
        *(access, data_rights, escalation),
        *(records, live, webhooks, health),
    ):
        app.register_blueprint(module.bp)
    force.init_force(app)
