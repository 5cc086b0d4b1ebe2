"""The commands in script/: what they need, what they say when it is missing, and how they watch."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from script import bootstrap
from script.start import demo_secrets, hold_alone, refuse_busy_port
from script.supervisor import CannotStartError, Child, StopAskedError, StopSwitch, run_step

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def switch() -> Iterator[StopSwitch]:
    """A switch, and afterwards the signal handlers that were there before."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield StopSwitch()
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def child(tmp_path: Path, program: str, *, stop_seconds: float = 20) -> Child:
    command = [sys.executable, "-c", program]
    return Child("tester", command, os.environ, tmp_path / "tester.log", stop_seconds=stop_seconds)


def wait_for_words(path: Path, words: str) -> None:
    deadline = time.monotonic() + 20
    while not (path.exists() and words in path.read_text()):
        assert time.monotonic() < deadline, f"{words} never came"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "name", ["start", "test", "bench", "lock", "flask", "sbom", "check-supply-chain"]
)
def test_a_machine_without_python_is_told_so(tmp_path: Path, name: str) -> None:
    for program in ("sh", "dirname"):
        (tmp_path / program).symlink_to(str(shutil.which(program)))

    result = subprocess.run(
        [ROOT / "script" / name], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )

    assert result.returncode == 1
    assert result.stderr.startswith("Waymark needs Python 3.11 or later and found none.")
    assert len(result.stderr.splitlines()) == 1


def test_a_python_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    for program in ("sh", "dirname"):
        (tmp_path / program).symlink_to(str(shutil.which(program)))
    for number, answer in (("3.13", 1), ("3.12", 0)):
        fake = tmp_path / f"python{number}"
        fake.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exit {answer}\necho "{number} $2 $3"\n')
        fake.chmod(0o755)

    result = subprocess.run(
        [ROOT / "script" / "start"], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )

    assert result.stdout == "3.12 runtime script.start\n"


def test_a_finished_environment_is_used_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    stamp = {"runtime": bootstrap.digest(bootstrap.LOCKS["runtime"])}
    (folder / bootstrap.STAMP).write_text(json.dumps(stamp))

    assert bootstrap.prepare("runtime", folder) == folder / "bin" / "python"


def test_a_shared_environment_is_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYMARK_VENV", str(tmp_path / "venv"))
    (tmp_path / "venv").mkdir()

    with pytest.raises(bootstrap.CannotPrepareError, match="WAYMARK_VENV"):
        bootstrap.prepare("runtime", tmp_path / "venv")
    assert list((tmp_path / "venv").iterdir()) == []


def test_packages_that_cannot_be_had_are_named_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    (site_packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (site_packages / "pip_of.pth").write_text(sysconfig.get_path("purelib"))
    lock = tmp_path / "some.txt"
    lock.write_text(f"no-such-package==1 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)

    with pytest.raises(bootstrap.CannotPrepareError) as refused:
        bootstrap.install(tmp_path / "venv" / "bin" / "python", lock)

    assert "Could not install the packages of some.txt" in str(refused.value)
    assert "no-such-package" in str(refused.value)
    assert "Check the network" in str(refused.value)


def test_a_second_start_on_the_same_data_is_refused_by_name(tmp_path: Path) -> None:
    refusal = rf"process {os.getpid()}\b.*WAYMARK_DATA="
    with hold_alone(tmp_path), pytest.raises(CannotStartError, match=refusal):
        hold_alone(tmp_path)

    hold_alone(tmp_path).close()


def test_a_busy_port_is_refused_with_the_next_one_to_try() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(CannotStartError, match=rf"port {port} is in use.*PORT={port + 1}"):
            refuse_busy_port(port)

    refuse_busy_port(port)


def test_the_demonstration_invents_its_secrets_once_and_keeps_them_private(tmp_path: Path) -> None:
    first = demo_secrets(tmp_path, {})

    assert demo_secrets(tmp_path, {}) == first
    assert min(len(secret) for secret in first.values()) >= 48
    assert (tmp_path / "demo_secrets.json").stat().st_mode & 0o777 == 0o600
    assert "SECRET_KEY" not in demo_secrets(tmp_path, {"SECRET_KEY": "mine"})


def test_production_is_given_no_invented_secret(tmp_path: Path) -> None:
    assert demo_secrets(tmp_path, {"WAYMARK_ENV": "production"}) == {}


def test_a_crashed_process_is_started_again_after_longer_and_longer_pauses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crasher = child(tmp_path, "import sys; sys.exit(7)")
    crasher.start()

    deadline = time.monotonic() + 20
    while crasher.failures < 2 and time.monotonic() < deadline:
        crasher.revive()
        time.sleep(0.05)

    said = capsys.readouterr().out.splitlines()
    assert [line.split(" Its log")[0] for line in said] == [
        "The tester stopped (exit code 7); starting it again in 1 s.",
        "The tester stopped (exit code 7); starting it again in 2 s.",
    ]


def test_a_process_that_ignores_being_asked_is_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deaf = child(
        tmp_path,
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('deaf', flush=True); time.sleep(60)",
        stop_seconds=0.2,
    )
    deaf.start()
    wait_for_words(deaf.log_path, "deaf")

    deaf.stop()

    assert deaf.process is not None
    assert deaf.process.returncode == -signal.SIGKILL
    assert "does not stop" in capsys.readouterr().out


def test_a_log_is_private(tmp_path: Path) -> None:
    talker = child(tmp_path, "print('hello')")
    talker.start()
    talker.stop()

    assert talker.log_path.stat().st_mode & 0o777 == 0o600


def test_a_failed_step_gives_its_last_words(tmp_path: Path, switch: StopSwitch) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('the reason')"]

    with pytest.raises(CannotStartError, match="the reason"):
        run_step(command, os.environ, tmp_path / "step.log", switch)


def test_a_signal_stops_a_step_in_the_middle(tmp_path: Path, switch: StopSwitch) -> None:
    command = [sys.executable, "-c", f"import os, time; os.kill({os.getpid()}, 15); time.sleep(60)"]

    with pytest.raises(StopAskedError):
        run_step(command, os.environ, tmp_path / "step.log", switch)
