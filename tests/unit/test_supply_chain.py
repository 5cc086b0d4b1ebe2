"""What Waymark is made of: each check notices what is planted; none is green unlooked."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from script.advisories import CANARIES, DATA, FRESH_DAYS, CouldNotLookError, read_knowledge
from script.supply_chain import (
    BASELINE,
    LOCKS,
    OLD_KNOWLEDGE,
    known_faults,
    new_secrets,
    pins,
    say_how_far_we_see,
    tracked,
    unsafe_lines,
)

ROOT = Path(__file__).resolve().parents[2]
TODAY = datetime.now(UTC).date()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of its own, with our locks, baseline and advisories."""
    for name in (*LOCKS, BASELINE):
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / "data" / "advisories").mkdir(parents=True)
    shutil.copyfile(DATA, tmp_path / "data" / "advisories" / DATA.name)
    return tmp_path


def rewrite(project: Path, **changes: Any) -> None:
    path = project / "data" / "advisories" / DATA.name
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes))


def lock(project: Path, text: str) -> None:
    for name in LOCKS:
        (project / name).write_text(text)


def test_our_locks_are_pinned_and_hashed_and_have_no_known_fault() -> None:
    assert list(unsafe_lines(ROOT)) == []
    assert list(known_faults(ROOT)) == []
    assert len(pins(ROOT)) > 100


@pytest.mark.parametrize(
    "line",
    [
        "flask==3.1.3\n",  # no hash
        "flask>=3.1 \\\n    --hash=sha256:0000\n",  # no pin
        "flask @ https://evil.example/flask.whl \\\n    --hash=sha256:0000\n",
        "flask==3.1.3 \\\n    --hash=md5:0000\n",
        "",
    ],
)
def test_a_requirement_without_pin_or_hash_is_found(project: Path, line: str) -> None:
    lock(project, line)

    assert len(list(unsafe_lines(project))) == len(LOCKS)


def test_a_planted_secret_is_found_and_not_repeated(project: Path) -> None:
    key = "AKIA" + secrets.token_hex(8).upper()
    (project / "app.py").write_text(f'aws = "{key}"\npassword = "{secrets.token_urlsafe(24)}"\n')

    found = list(new_secrets(project, ["app.py"]))

    assert any(each.startswith("app.py:1: AWS") for each in found)
    assert any(each.startswith("app.py:2: ") for each in found)
    assert key not in " ".join(found)


def test_a_file_without_a_secret_is_quiet_and_a_lost_baseline_is_not(project: Path) -> None:
    (project / "app.py").write_text("answer = 42\n")
    assert list(new_secrets(project, ["app.py"])) == []

    (project / BASELINE).unlink()
    assert "nothing was looked at" in next(new_secrets(project, ["app.py"]))


def test_every_file_of_ours_is_looked_at() -> None:
    """The whole scan is a stage of script/test; here only that nothing of ours is left out."""
    names = tracked(ROOT)

    for name in ("app/security.py", "config.py", "README.md", "tests/conftest.py", "script/run.sh"):
        assert name in names
    assert not [name for name in names if name.startswith((".venv", "var/"))]


@pytest.mark.parametrize(("package", "version"), sorted(CANARIES.items()))
def test_a_version_with_a_known_fault_is_found(project: Path, package: str, version: str) -> None:
    lock(project, f"{package}=={version} \\\n    --hash=sha256:0000\n")

    assert next(known_faults(project)).startswith(f"{package} {version}: PYSEC-")


@pytest.mark.parametrize(
    ("version", "is_faulty"),
    [("2.2.4", True), ("2.2.5", False), ("2.3.0", True), ("2.3.1", True), ("2.3.2", False)],
)
def test_the_edges_of_a_fault_are_exact(version: str, is_faulty: bool) -> None:
    assert bool(read_knowledge().faults({"flask": version})) is is_faulty


@pytest.mark.parametrize("damage", ["missing", "empty", "broken", "no advisories", "blind"])
def test_whoever_could_not_look_is_never_green(project: Path, damage: str) -> None:
    path = project / "data" / "advisories" / DATA.name
    given = json.loads(path.read_text("utf-8"))
    if damage == "missing":
        path.unlink()
    elif damage == "empty":
        path.write_text("")
    elif damage == "broken":
        path.write_text(json.dumps({**given, "known_until": "some day"}))
    elif damage == "no advisories":
        path.write_text(json.dumps({**given, "advisories": []}))
    else:  # everything is there but one canary's advisory
        kept = [each for each in given["advisories"] if each["package"] != "jinja2"]
        path.write_text(json.dumps({**given, "advisories": kept}))

    assert next(known_faults(project)).startswith("could not look for known faults")
    with pytest.raises(CouldNotLookError):
        read_knowledge(path)


def test_old_knowledge_and_packages_nobody_looked_up_are_no_clean_bill(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    looked_up = sorted(pins(project))
    fresh, old = TODAY - timedelta(days=FRESH_DAYS), TODAY - timedelta(days=FRESH_DAYS + 1)
    for until, looked, code in (
        (fresh, looked_up, 0),
        (old, looked_up, OLD_KNOWLEDGE),
        (fresh, looked_up[1:], OLD_KNOWLEDGE),
    ):
        rewrite(project, known_until=until.isoformat(), no_advisory_for=looked)
        assert say_how_far_we_see(project) == code
        said = capsys.readouterr().out
        assert ("NO CLEAN BILL" in said) is (code != 0)
        assert until.isoformat() in said


def test_what_is_shipped_says_how_far_it_sees() -> None:
    """Today's file is honest about itself: it names its source, its licence and its end."""
    given = json.loads(DATA.read_text("utf-8"))

    assert given["licence"] == "CC-BY-4.0"
    assert "pypa/advisory-database" in given["source"]
    assert all(each["published"] <= given["known_until"] for each in given["advisories"])
    assert given["known_until"] <= given["read_on"]


def test_the_bill_of_materials_names_every_locked_package(tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    command = [sys.executable, "-m", "script.sbom", str(file)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    bill = json.loads(file.read_text("utf-8"))
    named = {each["name"].lower(): each["version"] for each in bill["components"]}
    locked = dict(
        line.split(" ")[0].split("==")
        for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()
        if "==" in line and not line.startswith("#")
    )
    assert bill["bomFormat"] == "CycloneDX"
    assert len(locked) > 50
    assert named == locked
    assert all(each["externalReferences"][0]["hashes"] for each in bill["components"])
