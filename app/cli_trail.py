"""The commands ``flask audit ...`` and ``flask honey ...``."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import uuid4

import click
from flask import Flask, current_app

from app.db import db
from app.errors import DomainError
from app.models.reference import Urgency
from app.services.asked import NewReferral
from config import Settings

WORKER, OWNER = "waymark_worker", "waymark_owner"


def _as(role: str) -> Flask:
    """This service again, working as another database role."""
    from app import create_app

    return create_app(_settings(), role=role)


def _settings() -> Settings:
    settings: Settings = current_app.config["SETTINGS"]
    return settings


@click.group()
def audit() -> None:
    """The audit trail: check it, show its head, put its head out of reach."""


@audit.command()
@click.option(
    "--anchors",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Read the anchors from this folder: what their keeper gave back.",
)
def verify(anchors: Path | None) -> None:
    """Check every row against the chain and the chain against its anchors; exit 1 on a break."""
    from app.services import anchors as kept
    from app.services import trail_check

    settings = _settings()
    folder = anchors or settings.anchor_folder
    with _as(WORKER).app_context():
        found = trail_check.verify(kept.read_anchors(folder), kept.trusted_keys(settings))
        db.engine.dispose()
    if found.unsealed:
        click.echo(f"{found.unsealed} rows are not sealed yet: the worker does that.", err=True)
    if not found.anchors:
        click.echo(f"No anchors in {folder}: a cut end would not be seen.", err=True)
    if found.broken is not None:
        click.echo(f"The trail is broken at {found.broken}.", err=True)
        sys.exit(1)
    click.echo(f"The trail is whole: {found.rows} rows, {found.anchors} anchors.")


@audit.command()
def head() -> None:
    """Show the newest link and the key that anchors are signed by: what to write down on paper."""
    from app.actors import SYSTEM
    from app.db import transaction
    from app.services import anchors, trail

    with _as(WORKER).app_context():
        with transaction(by=SYSTEM) as now:
            position, newest = trail.head_of_chain()
        db.engine.dispose()
    click.echo(f"position {position}\nhash {newest.hex()}\nat {now.isoformat()}")
    click.echo(f"public key {anchors.public_key(_settings())}")


@audit.command()
@click.option(
    "--after-restore",
    is_flag=True,
    help="An older copy was restored on purpose: what was anchored beyond it is lost.",
)
def anchor(after_restore: bool) -> None:
    """Sign the head now and put it where AUDIT_ANCHOR says."""
    from app.services import anchors

    with _as(WORKER).app_context():
        try:
            position = anchors.anchor_head(_settings(), is_restart=after_restore)
        except DomainError as error:
            raise click.ClickException(str(error)) from None
        finally:
            db.engine.dispose()
    click.echo(f"Anchored at position {position}.")


@click.group()
def honey() -> None:
    """Planted records, which tell who reaches for them."""


@honey.command()
@click.option("--officer", required=True, help="E-mail of an officer's account that is stopped.")
@click.option("--place", required=True, help="A postcode district or a town, as on the form.")
@click.option("--callback-phone", required=True, help="A number that you answer, with +44.")
@click.option("--urgency", type=click.Choice([each.value for each in Urgency]), default="urgent")
@click.option("--language", default="en")
@click.option("--incident-ref", default="")
def add(
    officer: str, place: str, callback_phone: str, urgency: str, language: str, incident_ref: str
) -> None:
    """Plant a request in the name of somebody who has left."""
    from app.services import honey as planted

    new = NewReferral(
        form_key=uuid4(),
        place=place,
        urgency=Urgency(urgency),
        language=language,
        callback_phone=callback_phone,
        incident_ref=incident_ref,
    )
    with _as(OWNER).app_context():
        try:
            ref = planted.plant(new, officer=officer)
        except DomainError as error:
            raise click.ClickException(str(error)) from None
        finally:
            db.engine.dispose()
    click.echo(f"Planted {ref}. Tell it to nobody but the data protection lead.")
