"""Start the database, the worker, the web and the demo phone; watch them; stop them in order."""

from __future__ import annotations

import argparse
import errno
import fcntl
import http.client
import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import psycopg

from app.demo.people import CAST
from app.embedded_postgres import EmbeddedPostgres, PostgresError
from app.embedded_postgres.server import DATABASE
from config import Settings, SettingsError
from script.supervisor import (
    CannotStartError,
    Child,
    StopAskedError,
    StopSwitch,
    run_step,
    say,
)

HOST = "127.0.0.1"
READY_SECONDS = 60
CRASHES_BEFORE_GIVING_UP = 3
PHONE_PORT_OFFSET = 1000
FLASK = (sys.executable, "-m", "flask", "--app", "wsgi")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="script/start", description=__doc__)
    parser.add_argument(
        "--no-demo", action="store_true", help="start empty, without the demonstration's people"
    )
    parser.add_argument(
        "--database-only", action="store_true", help="start nothing but the embedded database"
    )
    given = parser.parse_args(arguments)
    switch = StopSwitch()
    try:
        if given.database_only:
            run_database(switch)
        run(switch, with_demo=not given.no_demo)
    except StopAskedError:
        say("Stopped.")
        return 0
    except (CannotStartError, PostgresError, SettingsError) as error:
        print(f"Waymark cannot run: {error}", file=sys.stderr)
    except OSError as error:
        print(f"Waymark cannot run: {error.strerror}: {error.filename}", file=sys.stderr)
    return 1


def run(switch: StopSwitch, *, with_demo: bool) -> None:
    """Run until somebody asks to stop.

    Raises:
        StopAskedError: somebody did, and everything has stopped.
        CannotStartError, PostgresError, SettingsError: it cannot run.
    """
    data_dir = Path(os.environ.get("WAYMARK_DATA") or "var").resolve()
    with ExitStack() as stack:
        stack.enter_context(hold_alone(data_dir))
        environment = {**os.environ, "WAYMARK_DATA": str(data_dir)}
        environment |= demo_secrets(data_dir, environment)
        settings = Settings.from_env(environment)
        refuse_busy_port(settings.port)
        postgres = EmbeddedPostgres(data_dir) if settings.is_embedded else None
        if postgres is not None:
            stack.callback(postgres.stop)
            postgres.start()
        children = []
        if settings.is_demo and not settings.twilio_api_base_url:
            children.append(demo_phone(settings, environment))
        prepare(settings, environment, postgres, switch, with_demo=with_demo)
        children += [worker(settings, environment), web(settings, environment)]
        stack.callback(stop_all, children)
        for child in children:
            child.start()
        wait_until_ready(settings, children, switch)
        welcome(settings, environment, with_demo=with_demo)
        watch(children, postgres, switch)


def run_database(switch: StopSwitch) -> None:
    """The embedded database alone, to restore a dump or to look inside."""
    data_dir = Path(os.environ.get("WAYMARK_DATA") or "var").resolve()
    with hold_alone(data_dir), EmbeddedPostgres(data_dir) as postgres:
        say(f"Database: {postgres.url()}    Stop: Ctrl-C")
        watch([], postgres, switch)


def hold_alone(data_dir: Path) -> IO[str]:
    """Lock the data folder for as long as the returned file is open.

    Raises:
        CannotStartError: another Waymark has it.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = (data_dir / "start.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise CannotStartError(
            f"another Waymark (process {holder}) uses the data in {data_dir}. Stop it, or give "
            "this one a folder of its own: WAYMARK_DATA=var2 PORT=8001 script/start"
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def demo_secrets(data_dir: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Secrets that the demonstration invents once and keeps, for those that are not set."""
    names = ("SECRET_KEY", "TWILIO_AUTH_TOKEN")
    missing = [name for name in names if not environment.get(name)]
    if not missing or environment.get("WAYMARK_ENV", "demo") != "demo":
        return {}
    path = data_dir / "demo_secrets.json"
    try:
        kept = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        kept = {name: secrets.token_urlsafe(48) for name in names}
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(kept, file)
    return {name: kept[name] for name in missing}


def refuse_busy_port(port: int) -> None:
    """Raises CannotStartError when the web could not listen there."""
    problem = why_not_listen(port)
    if problem == errno.EADDRINUSE:
        raise CannotStartError(
            f"port {port} is in use. Stop the program that has it, or choose another port: "
            f"PORT={port + 1} script/start"
        )
    if problem:
        raise CannotStartError(
            f"port {port} cannot be used: {os.strerror(problem)}. Choose another port: "
            "PORT=8000 script/start"
        )


def why_not_listen(port: int) -> int:
    """0 when this port is free, else the error number."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error.errno or errno.EADDRNOTAVAIL
    return 0


def demo_phone(settings: Settings, environment: dict[str, str]) -> Child:
    """The demo phone, and the address of it in everybody's environment.

    Away from the web's port, so that a second Waymark on the next port does not meet this phone.
    """
    port = settings.port + PHONE_PORT_OFFSET
    if port > 65535 or why_not_listen(port):
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = probe.getsockname()[1]
    environment["TWILIO_API_BASE_URL"] = f"http://{HOST}:{port}"
    command = [sys.executable, "-m", "app.demo_phone", "--port", str(port)]
    command += ["--public-url", settings.public_url]
    command += ["--ledger", str(settings.data_dir / "demo_phone.sqlite")]
    return Child("demo phone", command, environment, settings.data_dir / "logs" / "phone.log")


def worker(settings: Settings, environment: Mapping[str, str]) -> Child:
    log = settings.data_dir / "logs" / "worker.log"
    return Child("worker", [*FLASK, "worker"], environment, log)


def web(settings: Settings, environment: Mapping[str, str]) -> Child:
    """gunicorn without an access log: a path names a reference.

    What a forwarding header says is for TRUSTED_PROXIES to believe, never for gunicorn.
    """
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket"]
    command += ["--forwarded-allow-ips", "", "--bind"]
    command += [f"{HOST}:{settings.port}", "--worker-class", "gthread", "--workers", "2"]
    command += ["--threads", "8", "--graceful-timeout", "10", "wsgi:app"]
    return Child("web server", command, environment, settings.data_dir / "logs" / "web.log")


def prepare(
    settings: Settings,
    environment: Mapping[str, str],
    postgres: EmbeddedPostgres | None,
    switch: StopSwitch,
    *,
    with_demo: bool,
) -> None:
    """Migrate, load the reference data and fill an empty demonstration."""
    steps = ["migrate", "load-reference"]
    # Kept while the demonstration is being filled; a start that finds it begins that again.
    unfinished = settings.data_dir / "demo.unfinished"
    if postgres is not None and unfinished.exists():
        say("An earlier start was stopped while it filled the demonstration: beginning again.")
        postgres.drop_database(DATABASE)
        postgres.start()
    if settings.is_demo and with_demo and (postgres is None or is_empty(postgres)):
        say("Filling the demonstration, if it is empty ...")
        unfinished.touch()
        steps.append("seed")
    log = settings.data_dir / "logs" / "prepare.log"
    run_step([sys.executable, "-m", "script.prepare", *steps], environment, log, switch)
    unfinished.unlink(missing_ok=True)


def is_empty(postgres: EmbeddedPostgres) -> bool:
    """True when nobody has worked with this database yet."""
    try:
        with psycopg.connect(postgres.url().replace("+psycopg", "")) as connection:
            found = connection.execute("SELECT 1 FROM organisation LIMIT 1").fetchone()
    except psycopg.errors.UndefinedTable:
        return True
    return found is None


def wait_until_ready(settings: Settings, children: Sequence[Child], switch: StopSwitch) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not is_ready(settings):
        for child in children:
            child.revive()
            if child.failures >= CRASHES_BEFORE_GIVING_UP:
                raise CannotStartError(
                    f"the {child.name} does not start: {child.last_words()} (see {child.log_path})"
                )
        if time.monotonic() > deadline:
            raise CannotStartError(
                f"the service was not ready after {READY_SECONDS} s. "
                f"http://{HOST}:{settings.port}/health/ready says what is missing; "
                f"the logs are in {settings.data_dir / 'logs'}."
            )
        switch.sleep(0.1)


def is_ready(settings: Settings) -> bool:
    """Asked by the public name, because the web answers to no other."""
    connection = http.client.HTTPConnection(HOST, settings.port, timeout=5)
    try:
        name = urlsplit(settings.public_url).netloc
        connection.request("GET", "/health/ready", headers={"Host": name})
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def welcome(settings: Settings, environment: Mapping[str, str], *, with_demo: bool) -> None:
    say(f"Ready: http://{HOST}:{settings.port}")
    if settings.is_demo and with_demo:
        say("Sign in with one tap on the front page as:")
        for person in CAST:
            say(f"  {person.name:<16} {person.role.replace('_', ' ')}")
    if environment.get("TWILIO_API_BASE_URL"):
        say(f"Demo phone: {environment['TWILIO_API_BASE_URL']}")
    say(f"Logs: {settings.data_dir / 'logs'}    Stop: Ctrl-C")


def watch(children: Sequence[Child], postgres: EmbeddedPostgres | None, switch: StopSwitch) -> None:
    """Start again what crashes, until a stop is asked."""
    while True:
        switch.sleep(0.5)
        if postgres is not None and not postgres.is_running():
            say("The database stopped; starting it again.")
            postgres.start()
        for child in children:
            child.revive()


def stop_all(children: Sequence[Child]) -> None:
    """The web first, so that nobody is promised what is no longer done, then what served it."""
    say("Stopping ...")
    for child in reversed(children):
        child.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
