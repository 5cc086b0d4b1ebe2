"""Make .venv match the lock, then run a module in it; standard library only."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {"runtime": ROOT / "requirements.txt", "dev": ROOT / "requirements-dev.txt"}
STAMP = "waymark-locks.json"


class CannotPrepareError(Exception):
    """Something that this machine lacks; the text names it and says what to do."""


def main(arguments: Sequence[str]) -> None:
    """``bootstrap.py PROFILE MODULE [ARGUMENT...]``: replaces this process by the module's."""
    profile, module, *rest = arguments
    try:
        python = prepare(profile, venv_folder())
    except CannotPrepareError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"Cannot prepare Waymark: {error.strerror}: {error.filename or ROOT}")
    except KeyboardInterrupt:
        sys.exit("Stopped before Waymark was installed; start again when you like.")
    rest = [_absolute_if_a_path(argument) for argument in rest]
    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ["PYTHONUNBUFFERED"] = "1"
    # Without compiled files each of our processes takes seconds longer to start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if os.environ.get("WAYMARK_DATA"):
        os.environ["WAYMARK_DATA"] = os.path.abspath(os.environ["WAYMARK_DATA"])
    os.chdir(ROOT)
    os.execv(python, [str(python), "-m", module, *rest])  # noqa: S606 - our own Python


def venv_folder() -> Path:
    """``WAYMARK_VENV``, a finished environment that copies of the code share, or ``.venv``."""
    return Path(os.path.abspath(os.environ.get("WAYMARK_VENV") or ROOT / ".venv"))


def prepare(profile: str, folder: Path) -> Path:
    """Return the Python of an environment that holds what the profile's lock lists.

    Raises:
        CannotPrepareError: something is missing.
    """
    python = folder / "bin" / "python"
    with _one_at_a_time(folder):
        stamp = _read_stamp(folder) if _runs(python) else {}
        if stamp.get(profile) == digest(LOCKS[profile]):
            return python
        if os.environ.get("WAYMARK_VENV"):
            raise CannotPrepareError(
                f"WAYMARK_VENV ({folder}) does not hold what {LOCKS[profile].name} lists. Run "
                "script/test where it was made, or unset WAYMARK_VENV."
            )
        if not _runs(python):
            _make_venv(folder)
        # What a developer has stays: the dev lock holds the runtime lock's packages too.
        wanted = "dev" if "dev" in stamp else profile
        (folder / STAMP).unlink(missing_ok=True)
        print(f"Installing packages into {folder} (once) ...", file=sys.stderr, flush=True)
        install(python, LOCKS[wanted])
        profiles = ("runtime", "dev") if wanted == "dev" else ("runtime",)
        (folder / STAMP).write_text(json.dumps({name: digest(LOCKS[name]) for name in profiles}))
    return python


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.with_name(f"{folder.name}.lock")
    try:
        lock = path.open("w")
    except PermissionError:
        # Somebody else's finished environment: nothing to lock, for nothing can be changed.
        yield
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def _read_stamp(folder: Path) -> dict[str, str]:
    try:
        stamp = json.loads((folder / STAMP).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _runs(python: Path) -> bool:
    """False for no environment, and for one whose Python was upgraded away or moved."""
    return _succeeds([python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"])


def _make_venv(folder: Path) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise CannotPrepareError(
            f"Python {version} here lacks its venv part. Install it "
            f"(Debian and Ubuntu: apt-get install python{version}-venv) and start again."
        )
    shutil.rmtree(folder, ignore_errors=True)
    try:
        venv.create(folder, with_pip=True)
    except subprocess.CalledProcessError as error:
        raise CannotPrepareError(
            f"Python could not make {folder}: {_last_line(error.output)}"
        ) from error


def install(python: Path, lock: Path) -> None:
    """Install exactly the lock: by uv, which is many times quicker, else by pip."""
    uv = python.with_name("uv")
    common = ["--require-hashes", "--only-binary", ":all:"]
    pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", *common]
    requirement = python.parent.parent / "uv-requirement.txt"
    requirement.write_text(_uv_requirement())
    have_uv = uv.exists() or _succeeds([*pip, "-r", requirement])
    if have_uv and _succeeds([uv, "pip", "sync", "--quiet", "--python", python, *common, lock]):
        return
    result = subprocess.run([*pip, "-r", lock], check=False, capture_output=True, text=True)
    if result.returncode != 0:
        raise CannotPrepareError(
            f"Could not install the packages of {lock.name}: {_last_line(result.stderr)} "
            "Check the network, the proxy and the free disk space, then start again."
        )


def _succeeds(command: Sequence[str | Path]) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def _uv_requirement() -> str:
    """uv's own lines of the developers' lock, with their hashes."""
    found = re.search(r"^uv==.*\n(?:    --hash.*\n)+", LOCKS["dev"].read_text(), re.MULTILINE)
    if found is None:
        raise CannotPrepareError("requirements-dev.txt does not list uv; run script/lock.")
    return found.group()


def _absolute_if_a_path(argument: str) -> str:
    """Paths, also pytest's ``file.py::test``, mean the caller's folder, but work starts in ours."""
    path, separator, test = argument.partition("::")
    if argument.startswith("-") or not Path(path).exists():
        return argument
    return f"{os.path.abspath(path)}{separator}{test}"


def _last_line(text: str | bytes | None) -> str:
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[-1] if lines else "no reason was given."


if __name__ == "__main__":
    main(sys.argv[1:])
