"""The database we run ourselves: private, safe after a crash, and out of nobody's way."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from app.embedded_postgres import EmbeddedPostgres, PostgresError
from app.embedded_postgres.programs import account_for, find_install
from config import DATABASE_ROLES

ROOT = Path(__file__).resolve().parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux ends a server with its parent")

START_AND_WAIT = """
import sys, time
from pathlib import Path
from app.embedded_postgres import EmbeddedPostgres
postgres = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
print(postgres.start(), flush=True)
time.sleep(60)
"""


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every account can pass through, unlike pytest's own as root."""
    path = Path(tempfile.mkdtemp(prefix="wm-", dir="/tmp"))
    path.chmod(0o711)
    yield path
    for data in (note.parent for note in path.rglob("pgdata.lock")):
        EmbeddedPostgres(data).remove()
    shutil.rmtree(path)


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@pytest.fixture
def postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server to stop, kill or confuse."""
    with EmbeddedPostgres(folder, durable=False) as server:
        yield server


@pytest.fixture(scope="module")
def shared_folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@pytest.fixture(scope="module")
def shared(shared_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server that tests only look at."""
    with EmbeddedPostgres(shared_folder, durable=False) as server:
        yield server


def ask(server: EmbeddedPostgres, query: str, **place: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(server.url(**place).replace("+psycopg", "")) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def postmaster(data: Path) -> int:
    (lock,) = data.glob("pgdata/*/postmaster.pid")
    return int(lock.read_text().split("\n")[0])


def spawn(
    data: Path, *, python: str = sys.executable, user: str | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [python, "-c", START_AND_WAIT, str(data)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{sysconfig.get_path('purelib')}"},
        stdout=subprocess.PIPE,
        text=True,
        user=user,
    )


def python_for(user: str) -> str:
    """A Python of our version that this account can reach; ours may lie in root's own folder."""
    for candidate in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        command = [candidate, "-c", "import sys; print(sys.version_info[1])"]
        with contextlib.suppress(OSError):
            subprocess.run(command, user=user, cwd="/", check=True, capture_output=True)
            return candidate
    pytest.skip(f"user {user} can run no Python {sys.version_info.minor} here")


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_first_start_makes_roles_that_own_and_bypass_nothing(
    shared: EmbeddedPostgres,
) -> None:
    rows = ask(
        shared,
        "SELECT rolname, rolcreaterole, rolsuper OR rolbypassrls OR rolcreatedb OR rolreplication"
        " FROM pg_roles WHERE rolname LIKE 'waymark_%' ORDER BY rolname",
    )
    owners = ask(
        shared,
        "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'waymark'",
    )

    assert sorted(rows) == [
        (role, role == "waymark_owner", False) for role in sorted(DATABASE_ROLES)
    ]
    assert owners == [("waymark", "waymark_owner")]


@pytest.mark.parametrize("role", DATABASE_ROLES)
def test_each_role_gets_in_under_its_own_name(shared: EmbeddedPostgres, role: str) -> None:
    assert ask(shared, "SELECT current_user::text", role=role) == [(role,)]


def test_the_owner_finds_btree_gist_and_utf8(shared: EmbeddedPostgres) -> None:
    assert ask(shared, "SELECT 1 FROM pg_extension WHERE extname = 'btree_gist'") == [(1,)]
    assert ask(shared, "SHOW server_encoding") == [("UTF8",)]
    assert ask(shared, "SHOW data_checksums") == [("on",)]


def test_only_a_private_socket_listens(shared: EmbeddedPostgres, shared_folder: Path) -> None:
    account = account_for(None)

    assert ask(shared, "SHOW listen_addresses") == [("",)]
    for private in (shared_folder / "pgdata" / "socket", *shared_folder.glob("pgdata/[0-9]*")):
        assert account.owns_privately(private)


@as_root
@pytest.mark.parametrize(
    ("name", "refusal"), [("nobody", "Permission denied"), ("postgres", "Peer authentication")]
)
def test_other_accounts_are_refused(
    shared: EmbeddedPostgres, shared_folder: Path, name: str, refusal: str
) -> None:
    psql = str(find_install().program("psql"))
    socket = str(shared_folder / "pgdata" / "socket")
    command = [psql, "-h", socket, "-U", "waymark_owner", "-d", "waymark"]

    result = subprocess.run(
        [*command, "-c", "SELECT 1"],
        user=name,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode != 0
    assert refusal in result.stderr


def test_a_real_server_writes_safely_and_a_test_server_quickly(folder: Path) -> None:
    names = ("fsync", "synchronous_commit", "full_page_writes")
    found = {}
    for durable in (True, False):
        with EmbeddedPostgres(folder / str(durable), durable=durable) as server:
            found[durable] = [ask(server, f"SHOW {name}")[0][0] for name in names]

    assert found == {True: ["on"] * 3, False: ["off"] * 3}


def test_what_was_committed_outlives_a_kill(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    server.start()
    ask(server, "CREATE TABLE kept (number int)")
    ask(server, "INSERT INTO kept VALUES (7)")

    os.kill(postmaster(folder), signal.SIGKILL)
    server.start()

    assert ask(server, "SELECT number FROM kept") == [(7,)]
    server.stop()


def test_a_stale_lock_file_that_names_a_stranger_is_no_obstacle(
    postgres: EmbeddedPostgres, folder: Path
) -> None:
    (lock,) = folder.glob("pgdata/*/postmaster.pid")
    text = lock.read_text()
    postgres.stop()
    stranger = subprocess.Popen(["sleep", "30"])
    lock.write_text(text.replace(text.split("\n")[0], str(stranger.pid), 1))

    assert not postgres.is_running()
    postgres.stop()
    postgres.start()

    assert ask(postgres, "SELECT 1") == [(1,)]
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_an_interrupted_first_start_begins_again(folder: Path) -> None:
    half = folder / "pgdata" / f"{find_install().major}.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("half")

    with EmbeddedPostgres(folder, durable=False) as server:
        assert ask(server, "SELECT 1") == [(1,)]


def test_another_object_finds_the_running_server_and_may_stop_it(
    postgres: EmbeddedPostgres, folder: Path
) -> None:
    other = EmbeddedPostgres(folder, durable=False)
    running = postmaster(folder)

    other.start()

    assert postmaster(folder) == running
    other.stop()
    assert not postgres.is_running()
    postgres.stop()


def test_two_starts_at_once_share_one_server(folder: Path) -> None:
    processes = [spawn(folder) for _ in range(2)]
    try:
        urls = {first_line(process) for process in processes}

        assert len(urls) == 1
        assert ask(EmbeddedPostgres(folder), "SELECT 1") == [(1,)]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@on_linux
def test_a_server_does_not_outlive_a_killed_starter(folder: Path) -> None:
    process = spawn(folder)
    assert first_line(process).startswith("postgresql+psycopg://")

    process.kill()
    process.communicate()

    deadline = time.monotonic() + 10
    while EmbeddedPostgres(folder).is_running() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not EmbeddedPostgres(folder).is_running()


@pytest.mark.parametrize("name", ["a folder, with 'odd\" $(names) é", "long-" * 40])
def test_any_path_will_do(folder: Path, name: str) -> None:
    data = folder / name
    with EmbeddedPostgres(data, durable=False) as server:
        socket = Path(parse_qs(urlsplit(server.url()).query)["host"][0])

        assert ask(server, "SELECT 1", role="waymark_web") == [(1,)]
        assert socket.parent == Path("/tmp")
    assert not socket.exists()
    assert len(list(data.glob("pgdata/[0-9]*/PG_VERSION"))) == 1


def test_data_of_another_version_is_refused_and_left_alone(folder: Path) -> None:
    old = folder / "pgdata" / "13"
    old.mkdir(parents=True)
    (old / "PG_VERSION").write_text("13\n")

    with pytest.raises(PostgresError, match="of PostgreSQL 13, but this machine has"):
        EmbeddedPostgres(folder).start()
    assert [path.name for path in old.parent.glob("[0-9]*")] == ["13"]


def test_a_machine_without_postgresql_is_told_what_to_install(folder: Path) -> None:
    with pytest.raises(PostgresError, match="apt-get install postgresql"):
        EmbeddedPostgres(folder, bin_dir=folder / "none").start()


def test_a_data_folder_that_cannot_be_made_is_named(folder: Path) -> None:
    (folder / "file").write_text("")

    with pytest.raises(PostgresError, match="Set WAYMARK_DATA"):
        EmbeddedPostgres(folder / "file" / "data").start()


def test_no_statement_or_value_reaches_the_log(
    shared: EmbeddedPostgres, shared_folder: Path
) -> None:
    ask(shared, "CREATE TABLE guarded (word text CHECK (word <> 'canary-4711'))")

    with pytest.raises(psycopg.errors.CheckViolation):
        ask(shared, "INSERT INTO guarded VALUES ('canary-4711')")

    log = (shared_folder / "logs" / "postgres.log").read_text()
    assert "violates check constraint" in log
    assert "canary" not in log


def test_databases_are_cloned_and_dropped_even_in_use(shared: EmbeddedPostgres) -> None:
    shared.create_database("pattern")
    ask(shared, "CREATE TABLE made (number int)", database="pattern")
    shared.create_database("copy", template="pattern")
    user = psycopg.connect(shared.url(database="copy").replace("+psycopg", ""))

    assert user.execute("SELECT count(*) FROM made").fetchone() == (0,)
    shared.drop_database("copy")

    with pytest.raises(psycopg.OperationalError):
        ask(shared, "SELECT 1", database="copy")
    user.close()


@as_root
def test_a_private_folder_of_root_keeps_its_mode(folder: Path) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)
    data = private / "data"

    with EmbeddedPostgres(data, durable=False) as server:
        ask(server, "CREATE TABLE kept (number int)")
    with EmbeddedPostgres(data, durable=False) as server:
        assert ask(server, "SELECT count(*) FROM kept") == [(0,)]

    elsewhere = Path((data / "pgdata.location").read_text().strip())
    assert private.stat().st_mode & 0o777 == 0o700
    assert not elsewhere.is_relative_to(folder)
    EmbeddedPostgres(data).remove()
    assert not elsewhere.exists()


@as_root
def test_programs_in_a_private_folder_are_copied_for_the_server(folder: Path) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)
    package = find_install().bin_dir.parent.parent
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, private / part.name, symlinks=True)
    programs = private / package.name / "pginstall" / "bin"

    with EmbeddedPostgres(folder / "data", durable=False, bin_dir=programs) as server:
        assert ask(server, "SELECT 1") == [(1,)]
    assert private.stat().st_mode & 0o777 == 0o700


@as_root
def test_an_ordinary_user_starts_one_too(folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    shutil.chown(data, "nobody")
    process = spawn(data, python=python_for("nobody"), user="nobody")
    try:
        assert first_line(process).startswith("postgresql+psycopg://")
        assert (data / "pgdata").stat().st_uid == data.stat().st_uid
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(not Path("/usr/lib/postgresql/15/bin").exists(), reason="no PostgreSQL 15")
def test_the_oldest_supported_version_runs_too(folder: Path) -> None:
    oldest = Path("/usr/lib/postgresql/15/bin")
    with EmbeddedPostgres(folder, durable=False, bin_dir=oldest) as server:
        (version,) = ask(server, "SHOW server_version_num", role="waymark_web")[0]

    assert version.startswith("15")
