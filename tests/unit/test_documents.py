"""What the documents say is so: names, states, tests, commands and numbers that they mention."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import EnumMeta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask

import allocation
import app.models
import app.services
from app import cli
from app.db import Base
from app.models.placements import PlacementState
from app.models.referrals import ReferralState
from app.services.health import VitalSigns
from app.services.invariants import RULES
from app.views import health
from config import Settings
from tests.unit.test_architecture import settings_read

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
RED_TEAM = ROOT / "tests" / "integration" / "test_red_team.py"
CODE = re.compile(r"`([^`]+)`")


def text_of(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def table(text: str, first: str) -> list[list[str]]:
    """The cells of the table whose first heading is ``first``, without its heading."""
    lines = text[text.index(f"| {first} |") :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def section(text: str, heading: str) -> str:
    return text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(package.__path__):
        if found.name != "__main__":
            yield importlib.import_module(f"{package.__name__}.{found.name}")


def migration(number: str) -> ModuleType:
    """A migration as a module; their names begin with a digit."""
    (path,) = (ROOT / "migrations" / "versions").glob(f"{number}_*.py")
    spec = importlib.util.spec_from_file_location(f"migration_{number}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parts_of(kind: type[Any]) -> set[str]:
    """Members of an enum, columns of a table, fields of a dataclass."""
    if isinstance(kind, EnumMeta):
        return set(kind.__members__)
    if is_dataclass(kind):
        return {field.name for field in fields(kind)}
    return set(vars(kind)) if issubclass(kind, Base) else set()


def words_of_the_code() -> set[str]:
    """Every name that the glossary could mean, as it writes them."""
    known = set(migration("0006").VIEWS)
    for column in (each for tab in Base.metadata.tables.values() for each in tab.columns):
        known.add(column.name)
    named = [(module, "") for module in modules(app.models)]
    named += [(importlib.import_module("app.events"), "")]
    named += [(module, "allocation.") for module in modules(allocation)]
    for module, prefix in named:
        for name, kind in vars(module).items():
            if isinstance(kind, type):
                known |= {f"{prefix}{name}", *(f"{prefix}{name}.{part}" for part in parts_of(kind))}
    for service in modules(app.services):
        short = service.__name__.rsplit(".", 1)[-1]
        known |= {f"{short}.{name}" for name, what in vars(service).items() if callable(what)}
    return known


def test_every_word_of_the_glossary_is_a_name_in_the_code() -> None:
    words = [name for row in table(text_of("glossary.md"), "word") for name in CODE.findall(row[2])]
    known = words_of_the_code()

    assert len(words) > 30
    assert [name for name in words if name not in known] == []


@pytest.mark.parametrize(
    "name", ["Refuge.address", "Sanctuary", "matching.reject", "allocation.Hotel", "report_women"]
)
def test_a_word_that_is_no_name_would_be_noticed(name: str) -> None:
    assert name not in words_of_the_code()


def test_every_row_of_the_glossary_names_something() -> None:
    assert [
        row[0] for row in table(text_of("glossary.md"), "word") if not CODE.search(row[2])
    ] == []


@pytest.mark.parametrize(
    ("heading", "states", "moves"),
    [
        ("A request's states", ReferralState, migration("0026").REFERRAL_MOVES),
        (
            "A placement's states",
            PlacementState,
            migration("0003").PLACEMENT_MOVES + migration("0025").ASKED_BESIDE,
        ),
    ],
)
def test_the_glossary_lists_the_states_and_draws_only_steps_that_exist(
    heading: str, states: EnumMeta, moves: str
) -> None:
    said = section(text_of("glossary.md"), heading)
    allowed = set(re.findall(r"\('(\w+)','(\w+)'\)", moves))
    drawn = re.findall(r"`(\w+)` →\s+(?=`(\w+)`)", said)

    assert set(CODE.findall(said)) == {state.value for state in states}  # type: ignore[var-annotated]
    assert len(drawn) >= 3
    assert [step for step in drawn if step not in allowed] == []


def test_the_readme_explains_no_setting_that_nothing_reads() -> None:
    rows = table((ROOT / "README.md").read_text("utf-8"), "setting")
    explained = {name for row in rows for name in CODE.findall(row[0])}
    read = settings_read((ROOT / "config.py").read_text("utf-8"))
    started = "".join(path.read_text("utf-8") for path in (ROOT / "script").glob("*.py"))

    assert len(explained) > 10
    assert {name for name in explained - read if f'"{name}"' not in started} == set()


def test_every_setting_is_read_under_its_own_name() -> None:
    read = settings_read((ROOT / "config.py").read_text("utf-8"))
    named = {"environment": "WAYMARK_ENV", "data_dir": "WAYMARK_DATA"}

    assert {named.get(field.name, field.name.upper()) for field in fields(Settings)} == read


def names_of_tests() -> set[str]:
    sources = (path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for source in sources for name in re.findall(r"^ *def (test_\w+)", source, re.M)}


def test_every_test_that_a_document_names_exists() -> None:
    known = names_of_tests()
    named = {
        (page.name, name)
        for page in DOCS.rglob("*.md")
        for name in CODE.findall(page.read_text("utf-8"))
        if re.fullmatch(r"test_\w+|tests/[\w/.]+", name)
    }

    assert len(named) > 8
    assert [
        pair for pair in sorted(named) if pair[1] not in known and not (ROOT / pair[1]).exists()
    ] == []


def test_every_threat_has_its_test() -> None:
    rows = table(text_of("threat-model.md"), "who")

    assert len(rows) > 5
    assert [row[0] for row in rows if not re.search(r"`tests?[_/]", row[3])] == []


def test_every_story_of_the_red_teams_diary_is_played_and_every_play_is_told() -> None:
    stories = text_of("red-team-diary.md").split("\n## ")[1:]
    told = [re.findall(r"^Test: `(test_\w+)`$", story, re.M) for story in stories]
    played = re.findall(r"^def (test_\w+)", RED_TEAM.read_text("utf-8"), re.M)

    assert len(stories) == 10
    assert told == [[name] for name in played]
    assert [story.splitlines()[0] for story in stories if "\n**Got:**" not in story] == []


def runbook_code() -> str:
    """What the runbook says to type or to look at, one piece a line."""
    text = text_of("runbook.md")
    return "\n".join([*CODE.findall(text), *re.findall(r"^    (.+)$", text, re.M)])


def test_every_command_of_the_runbook_exists() -> None:
    ours = Flask("commands")
    ours.config["SETTINGS"] = Settings()
    cli.init_cli(ours)
    said = runbook_code()
    asked = set(re.findall(r"(?:script/flask|flask --app wsgi) ([a-z][\w-]*)", said))

    assert {"backup", "restore", "invariants", "migrate", "worker"} <= asked
    assert asked <= set(ours.cli.commands)


def test_every_program_and_flag_of_the_runbook_exists() -> None:
    said = runbook_code()
    start = (ROOT / "script" / "start.py").read_text("utf-8")
    flags = {flag for line in re.findall(r"script/start(.*)", said) for flag in line.split()}
    scripts = set(re.findall(r"(?<![\w/])script/\w+", said))

    assert {"script/start", "script/flask"} <= scripts
    assert [name for name in scripts if not (ROOT / name).is_file()] == []
    assert [flag for flag in flags if flag.startswith("--") and f'"{flag}"' not in start] == []
    for module in re.findall(r"python -m ([\w.]+)", said):
        assert importlib.util.find_spec(module) is not None


def test_every_address_and_figure_of_the_runbook_exists() -> None:
    ours = Flask("addresses")
    ours.register_blueprint(health.bp)
    said = runbook_code()
    figures = {f"waymark_{field.name}" for field in fields(VitalSigns)} | {"waymark_database_up"}

    addresses = set(re.findall(r"^(/health/\w+|/metrics)", said, re.M))
    assert addresses == {str(rule) for rule in ours.url_map.iter_rules()} - {
        "/static/<path:filename>"
    }
    named = set(re.findall(r"\bwaymark_(?!web|worker\b|owner|report)\w+", said))
    assert len(named) > 4
    assert named - figures == set()


def test_every_alarm_leads_to_a_section() -> None:
    text = text_of("runbook.md")
    headings = set(re.findall(r"^## (.+)$", text, re.M))
    leads = [row[2] for row in table(text, "figure")]

    assert [lead for lead in leads if lead not in headings and "duty coordinator" not in lead] == []


def test_every_invariant_is_explained_and_no_other() -> None:
    explained = [row[0] for row in table(text_of("runbook.md"), "rule")]

    assert explained == [name.split()[0] for name in RULES]
    assert all(len(row) == 3 and all(row) for row in table(text_of("runbook.md"), "rule"))
