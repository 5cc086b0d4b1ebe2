"""The commands: ``flask --app wsgi ...``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import click
from alembic import command
from alembic.config import Config
from flask import Flask, current_app
from sqlalchemy import make_url

from app.acting_key import share_key
from app.actors import SYSTEM, Role
from app.backup import back_up as write_backup
from app.backup import restore as read_backup
from app.backup_keys import (
    KEYS,
    KEYS_LAST,
    TOMBSTONES,
    forget_old_keys,
    newest_keys,
    tombstones_beside,
)
from app.backup_tools import BackupError
from app.cli_trail import audit, honey
from app.db import db
from app.errors import DomainError
from app.models.accounts import OrganisationKind

ROOT = Path(__file__).resolve().parents[1]
OWNER = "waymark_owner"
# What a restored database shows until a worker has caught up with the time that went by.
CATCHES_UP = ("I6 ", "I7 ", "I9 ", "I10 late")


def init_cli(app: Flask) -> None:
    """Register every command."""
    for each in (migrate, load_reference, seed, worker, create_user, set_control_room, invariants,
                 replay, backup, restore, rotate_field_keys, audit, honey):  # fmt: skip
        app.cli.add_command(each)


def alembic_config(url: str) -> Config:
    """Alembic pointed at our migrations and at ``url``."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def bring_up_to_date(url: str, secret_key: str) -> None:
    """Migrate the database at ``url``, the owner's, and share the key that signs who acts."""
    command.upgrade(alembic_config(url), "head")
    share_key(url, secret_key)


def _as(role: str) -> Flask:
    """This service again, working as another database role."""
    from app import create_app

    return create_app(current_app.config["SETTINGS"], role=role)


@click.command()
def migrate() -> None:
    """Bring the database to the newest migration."""
    from app import database_url

    settings = current_app.config["SETTINGS"]
    bring_up_to_date(database_url(settings, OWNER), settings.secret_key)
    click.echo("The database is up to date.")


@click.command("load-reference")
def load_reference() -> None:
    """Make the reference tables equal to the files in data/."""
    from app.services.reference import load_reference as load

    with _as(OWNER).app_context():
        counts = load()
    click.echo(", ".join(f"{count} {name}" for name, count in counts.items()))


@click.command()
def seed() -> None:
    """Fill an empty database with the demonstration's week; does nothing when it is not empty."""
    from app.demo.seed import seed_demo

    if not current_app.config["SETTINGS"].is_demo:
        raise click.ClickException("Only a demonstration is seeded (WAYMARK_ENV=demo).")
    with _as(OWNER).app_context():
        click.echo(seed_demo())


@click.command()
def worker() -> None:
    """Plan, send and sweep until asked to stop."""

    from app import connection_options, database_url
    from app.worker import run

    settings = current_app.config["SETTINGS"]
    address = make_url(database_url(settings, "waymark_worker")).set(drivername="postgresql")
    options = connection_options(settings, "waymark_worker")
    run(_as("waymark_worker"), address.render_as_string(hide_password=False), options)


@click.command("create-user")
@click.option(
    "--role", type=click.Choice([r.value for r in Role if r is not Role.SYSTEM]), required=True
)
@click.option("--name", required=True)
@click.option("--email", required=True)
@click.option("--organisation", required=True, help="Made when there is none of this name yet.")
@click.option("--force-code", default=None, help="For a police force that is not registered yet.")
@click.option("--refuge", default="", help="The alias of the house, for refuge staff.")
@click.password_option(help="At least 15 characters.")
def create_user(
    role: str,
    name: str,
    email: str,
    organisation: str,
    force_code: str | None,
    refuge: str,
    password: str,
) -> None:
    """Add a person who may sign in; the first administrator begins like this."""
    from app.services import accounts

    new = accounts.NewUser(
        role=Role(role),
        name=name,
        email=email,
        organisation=organisation,
        refuge=refuge,
        password=password,
    )
    kind = accounts.KIND_OF_ROLE[new.role]
    try:
        accounts.ensure_organisation(
            organisation, kind=OrganisationKind(kind), force_code=force_code, by=SYSTEM
        )
        accounts.create_user(new, by=SYSTEM)
    except DomainError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{name} may sign in as {role.replace('_', ' ')}.")


@click.command("set-control-room")
@click.option("--force", required=True, help="The organisation's name.")
@click.option("--phone", required=True, help="Looked up by you, never taken from a request.")
def set_control_room(force: str, phone: str) -> None:
    """Keep the number on which a police force is rung back."""
    from app.services import call_backs

    with _as(OWNER).app_context():
        try:
            call_backs.set_control_room(force, phone)
        except DomainError as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"{force} is rung back on {phone}.")


@click.command()
def invariants() -> None:
    """Check what must always hold; exit 1 and name each broken rule."""
    from app.services.invariants import broken

    found = broken()
    for name, count in found.items():
        click.echo(f"{name}: {count} rows", err=True)
    if found:
        sys.exit(1)
    click.echo("Every invariant holds.")


@click.command("rotate-field-keys")
@click.option("--check", is_flag=True, help="Change nothing; say what still needs an old key.")
def rotate_field_keys(check: bool) -> None:
    """Wrap what is sealed with the newest key; exit 1 while an old key is still needed."""
    from app.services import key_rotation

    with _as("waymark_worker").app_context():
        try:
            found = key_rotation.needs() if check else key_rotation.rotate()
        except DomainError as error:
            raise click.ClickException(str(error)) from None
        finally:
            db.engine.dispose()
    if not check:
        click.echo(f"{found.rewrapped} keys wrapped anew, {found.reindexed} fingerprints made anew")
    for name, setting, counts in (
        ("records", "FIELD_KEYS", found.waiting),
        ("fingerprints", "INDEX_KEYS", found.waiting_index),
    ):
        for key_id, count in counts.items():
            click.echo(f"{count} {name} still need {key_id} of {setting}", err=True)
    if not found.is_done:
        sys.exit(1)
    click.echo("Only the newest keys are needed: older ones can be taken away.")


@click.command()
@click.argument("run_id", type=click.UUID, required=False)
@click.option("--all", "everything", is_flag=True, help="Every kept plan, oldest first.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="With --all: from this day (UTC).")
def replay(run_id: UUID | None, everything: bool, since: datetime | None) -> None:
    """Make past plans again and compare them byte for byte; exit 1 when one is not the same."""
    from app.services import matching

    if (run_id is None) is not everything:
        raise click.UsageError("Name one plan, or say --all.")
    day = since.replace(tzinfo=UTC) if since else None
    is_wrong = False
    with _as("waymark_worker").app_context():
        try:
            for each in [run_id] if run_id else matching.kept_runs(since=day):
                found = matching.replay(each)
                click.echo(found.line)
                is_wrong = is_wrong or found.verdict is matching.Verdict.DIFFERS
        except DomainError as error:
            raise click.ClickException(str(error)) from None
        finally:
            db.engine.dispose()
    if is_wrong:
        sys.exit(1)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> None:
    """Save everything into FILE, which must be new; the service may go on running."""
    from app import database_url

    try:
        counts = write_backup(database_url(current_app.config["SETTINGS"], OWNER), file)
    except BackupError as error:
        raise click.ClickException(str(error)) from None
    _say_rows(counts)
    for old in forget_old_keys(file.resolve().parent, datetime.now(UTC)):
        click.echo(f"Deleted {old}: copies of keys are kept for {KEYS_LAST.days} days.")
    click.echo(
        f"Saved in {file.resolve()}, with {file.name}{KEYS} and {file.name}{TOMBSTONES} beside it. "
        "Encrypt them before they leave this machine, the keys apart from the rest."
    )


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--keys",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The copy of keys to use; without this, the youngest beside FILE.",
)
def restore(file: Path, keys: Path | None) -> None:
    """Fill an empty database from FILE, purge again what was purged since, and check it."""
    from app import database_url
    from app.services.invariants import broken
    from app.services.retention import bury_again

    url = database_url(current_app.config["SETTINGS"], OWNER)
    try:
        buried = tombstones_beside(file)
        keys = keys or newest_keys(file)
        counts = read_backup(url, file, keys)
    except BackupError as error:
        raise click.ClickException(str(error)) from None
    if keys is None:
        click.echo("There is no copy of keys beside it: what is sealed cannot be read.", err=True)
    bring_up_to_date(url, current_app.config["SETTINGS"].secret_key)
    _say_rows(counts)
    with _as(OWNER).app_context():
        click.echo(f"{bury_again(buried):>9} purged again")
        found = broken()
        db.engine.dispose()
    for name, count in found.items():
        click.echo(f"{name}: {count} rows", err=True)
    if any(not name.startswith(CATCHES_UP) for name in found):
        raise click.ClickException("The restored database breaks these rules: do not work with it.")
    if found:
        click.echo("That is time gone by. Start the worker and check again after two minutes.")
    click.echo("Restored.")


def _say_rows(counts: dict[str, int]) -> None:
    for table, count in counts.items():
        click.echo(f"{count:>9} {table}")
    click.echo(f"{sum(counts.values()):>9} rows in all")
