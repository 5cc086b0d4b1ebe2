"""What the layout promises; each check is also shown to notice when its promise is broken."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("allocation", "app")
LONGEST_FILE = 450
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as run; run()"

# The contract, a module, and what it must not say.
BROKEN_ON_PURPOSE = [
    ("layers", "app/errors.py", "import app.db"),
    ("layers", "app/services/unplaced_yet.py", "import app.views"),
    ("pure-allocation", "allocation/problem.py", "import flask"),
    ("pure-allocation", "allocation/rules.py", "import app.errors"),
    ("one-door", "app/services/offers.py", "import allocation.problem"),
    ("one-door", "app/views/coordinator.py", "import allocation"),
    ("solver", "app/services/matching.py", "import highspy"),
    ("no-request", "app/services/offers.py", "from flask import request"),
    ("no-request", "app/policy.py", "import flask_login"),
    ("no-request", "app/notices.py", "import werkzeug"),
    ("twilio", "app/demo_phone/webhooks.py", "import twilio.request_validator"),
    ("demo-phone", "app/demo_phone/ledger.py", "import app.errors"),
]

# Held nowhere, because what is not held cannot be used against her.
NEVER_ASKED = re.compile(
    r"nationalit|immigration|passport|(?<![a-z])visas?(?![a-z])", re.IGNORECASE
)


def contracts() -> dict[str, str]:
    """Contract ids and the names they are reported by."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return {found["id"]: found["name"] for found in settings["tool"]["importlinter"]["contracts"]}


def lint_imports(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LINT_IMPORTS, "--no-cache", "--no-logo", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def python_files(*places: str) -> Iterator[Path]:
    for place in places:
        path = ROOT / place
        found = [path] if path.is_file() else sorted(path.rglob("*.py"))
        yield from (each for each in found if "node_modules" not in each.parts)


def named(paths: Iterable[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Our packages, to be spoilt."""
    for package in PACKAGES:
        for path in python_files(package):
            target = tmp_path / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


def test_imports_go_the_way_that_was_agreed() -> None:
    result = lint_imports(ROOT)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(("contract", "module", "line"), BROKEN_ON_PURPOSE)
def test_each_import_contract_notices_its_breach(
    copy: Path, contract: str, module: str, line: str
) -> None:
    with (copy / module).open("a") as file:
        file.write(f"\n{line}\n")

    result = lint_imports(copy, "--contract", contract)

    assert result.returncode == 1
    assert f"{contracts()[contract]} BROKEN" in result.stdout


def test_a_new_module_must_be_given_its_layer(copy: Path) -> None:
    (copy / "app" / "newcomer.py").write_text('"""New."""\n')

    result = lint_imports(copy, "--contract", "layers")

    assert result.returncode == 1
    assert "newcomer" in result.stdout


def test_no_contract_goes_unbroken_by_these_tests() -> None:
    assert {contract for contract, _, _ in BROKEN_ON_PURPOSE} == set(contracts())


def commits(text: str) -> bool:
    return ".commit(" in text


def test_only_the_database_module_commits() -> None:
    # The demo phone keeps a ledger of its own, in SQLite, as Twilio keeps one of its own.
    ours = [path for path in python_files("app") if "demo_phone" not in path.parts]

    assert named(path for path in ours if commits(path.read_text("utf-8"))) == ["app/db.py"]


def settings_read(source: str) -> set[str]:
    """The names in ``env.get("NAME")``."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == "get"
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
        and call.args[0].value.isupper()
    }


def test_the_readme_explains_every_setting() -> None:
    rows = re.findall(r"^\|(.*?)\|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    explained = set(re.findall(r"`([A-Z][A-Z_]+)`", " ".join(rows)))
    read = settings_read((ROOT / "config.py").read_text("utf-8"))

    assert len(read) > 5
    assert read - explained == set()


def links(text: str) -> set[str]:
    """Targets of Markdown links to files of ours, without what follows ``#``."""
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return {target.split("#")[0] for target in found if "://" not in target} - {""}


def test_every_link_in_the_documents_leads_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    dead = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in sorted(links(page.read_text("utf-8")))
        if not (page.parent / target).exists()
    ]

    assert dead == []


def test_every_document_that_the_code_names_exists() -> None:
    mentions = {
        (str(path.relative_to(ROOT)), mention)
        for path in python_files(*PACKAGES, "bench", "migrations", "script", "tests", "config.py")
        for mention in re.findall(r"\bdocs/[\w/.-]+\.md\b", path.read_text("utf-8"))
        if path != Path(__file__)
    }

    assert [pair for pair in sorted(mentions) if not (ROOT / pair[1]).exists()] == []


def test_no_file_is_too_long_to_read() -> None:
    # A migration is one step and is kept whole.
    ours = python_files(*PACKAGES, "bench", "script", "tests", "config.py", "wsgi.py")
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in ours}

    assert named(path for path, length in lengths.items() if length > LONGEST_FILE) == []


@pytest.mark.parametrize(
    "word", ["nationality", "immigration_status", "Passport number", "visa", "her_visa", "VISA"]
)
def test_a_forbidden_field_would_be_noticed(word: str) -> None:
    assert NEVER_ASKED.search(f"    {word}: str")


def test_no_field_or_prompt_asks_what_could_deport_her() -> None:
    endings = (".py", ".html", ".js", ".toml", ".sql", ".json")
    files = [
        path
        for place in ("app", "migrations")
        for path in sorted((ROOT / place).rglob("*"))
        if path.suffix in endings and "node_modules" not in path.parts
    ]

    assert len(files) > 50
    assert named(path for path in files if NEVER_ASKED.search(path.read_text("utf-8"))) == []


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", text, re.MULTILINE))


def test_what_is_tested_is_what_is_shipped() -> None:
    shipped, tested = pins("requirements.txt"), pins("requirements-dev.txt")

    assert len(shipped) > 30
    assert {name: tested.get(name) for name in shipped} == shipped


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_a_lock_names_hashes_but_no_place(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")

    assert text.count("--hash=sha256:") >= len(pins(lock))
    assert not re.search(r"://|--index|--find-links|@ |^/", text, re.MULTILINE)
