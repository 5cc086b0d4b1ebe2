"""The access matrix is whole: every route and every field is named, and no other."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.actors import Role
from app.authz import ANYBODY, SIGNED_IN, Stage, disclose, disclosed, matrix, name_of
from app.services import follow, standing
from config import Settings

ROOT = Path(__file__).resolve().parents[2]
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """Every route there is; no database answers."""
    folder = tmp_path_factory.mktemp("nowhere")
    return create_app(Settings(data_dir=folder, secret_key="only for tests, " * 3))


def routes_of(app: Flask) -> set[tuple[str, str]]:
    return {
        (rule.endpoint, method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & METHODS
    }


def test_the_matrix_names_every_route_and_no_other(app: Flask) -> None:
    named = {(endpoint, method) for endpoint, of in matrix().routes.items() for method in of}

    assert named == routes_of(app)


def test_a_route_that_is_not_named_is_open_to_nobody() -> None:
    for role in (None, *Role):
        assert not matrix().may_open("police.secret", "GET", role)
        assert not matrix().may_open("police.list_requests", "DELETE", role)


def test_every_reader_of_a_route_is_a_role() -> None:
    words = {ANYBODY, SIGNED_IN, *(role.value for role in Role if role is not Role.SYSTEM)}

    named = [readers for methods in matrix().routes.values() for readers in methods.values()]

    assert set().union(*named) <= words


def test_every_stage_is_given_its_roles() -> None:
    assert set(matrix().stages) == set(Stage)
    assert all(Role.SYSTEM not in roles for roles in matrix().stages.values())


def services_called_by_views() -> Iterator[Callable[..., Any]]:
    """Every ``service.use_case`` that a view or the shared pages speak of."""
    for path in [*(ROOT / "app" / "views").glob("*.py"), ROOT / "app" / "pages.py"]:
        tree = ast.parse(path.read_text("utf-8"))
        module = importlib.import_module(
            f"app.views.{path.stem}" if path.parent.name == "views" else "app.pages"
        )
        for node in ast.walk(tree):
            found = None
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                owner = vars(module).get(node.value.id)
                found = getattr(owner, node.attr, None) if isinstance(owner, ModuleType) else None
            elif isinstance(node, ast.Name):
                found = vars(module).get(node.id)
            if isinstance(found, FunctionType) and found.__module__.startswith("app.services"):
                yield found


def shown_by(hint: Any) -> Iterator[type]:
    """The dataclasses inside a type, and inside their fields."""
    for inner in typing.get_args(hint):
        yield from shown_by(inner)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        yield hint
        for each in typing.get_type_hints(hint).values():
            if each is not hint:
                yield from shown_by(each)


def pages() -> dict[str, type]:
    """Every dataclass that a view can be handed by a service."""
    found: dict[str, type] = {}
    for use_case in services_called_by_views():
        for kind in shown_by(typing.get_type_hints(use_case).get("return")):
            found[name_of(kind)] = kind
    return found


# What a use case gives to the view to act on, and no template is handed.
NOT_SHOWN = {"deciding.Outcome", "health.VitalSigns"}


def test_the_matrix_names_every_field_of_every_page_and_no_other() -> None:
    fields = {
        name: {each.name for each in dataclasses.fields(kind)}
        for name, kind in pages().items()
        if name not in NOT_SHOWN
    }
    named = {name: set().union(*shown.values()) for name, shown in matrix().objects.items()}

    assert len(fields) > 40
    assert named == fields


def test_what_a_stage_lacks_can_be_left_out() -> None:
    """A field that somebody is not shown has a default, which says nothing."""
    for name, kind in pages().items():
        if name in NOT_SHOWN:
            continue
        by_stage = matrix().objects[name].values()
        for each in dataclasses.fields(kind):
            if any(each.name not in fields for fields in by_stage):
                empty = each.default_factory() if callable(each.default_factory) else each.default
                assert not empty, (name, each.name)
                assert empty is not dataclasses.MISSING, (name, each.name)


def test_what_is_withheld_is_not_even_looked_up() -> None:
    asked: list[str] = []

    def look(word: str) -> Callable[[], str]:
        def find() -> str:
            asked.append(word)
            return word

        return find

    fields = {name: look(name) for name in ("alias", "duty_line", "handover_point")}
    found = disclose(standing.Handover, Stage.FORCE, **fields)

    assert found == standing.Handover(alias="alias")
    assert asked == ["alias"]


def test_a_supervisor_is_shown_nothing_of_her() -> None:
    """The rule, said once more by hand: who changes the file must change this too."""
    hers = {"place", "people", "language", "needs", "callback_phone"}

    assert disclosed(follow.RequestAsSent, Stage.ASKER) >= hers
    assert not disclosed(follow.RequestAsSent, Stage.FORCE) & hers


def test_no_stage_of_police_sees_where_a_house_is() -> None:
    police = (Stage.ASKER, Stage.FORCE)
    where = {"region", "in_london", "cell_lat", "cell_lon", "address"}

    for name, by_stage in matrix().objects.items():
        for stage in police:
            assert not by_stage.get(stage, frozenset()) & where, name


def test_who_asked_is_shown_to_a_house_after_its_yes_alone() -> None:
    houses = (Stage.ASKED, Stage.LIVES_HERE, Stage.WAS_HERE, Stage.HOUSE)
    identity = {"callback_phone", "incident_ref", "force", "meeting"}

    for name, by_stage in matrix().objects.items():
        for stage in houses:
            assert not by_stage.get(stage, frozenset()) & identity, name


# Where a step of a person's use case is taken with Waymark's own sight; docs/access.md says why.
AS_WAYMARK = {  # each module, and why the sight of who acts would not do
    "db.py": "it is made there",
    "outbox/owing.py": "whoever acts owes texts to people whose phones are not theirs to read",
    "services/admissions.py": "a house reads no text, and may know that one of its own is waiting",
    "services/beds.py": "an administrator opens rooms and reads none",
    "services/break_glass.py": "the names and the reference that the asked-for look shows",
    "services/call_backs.py": "a request that the reader may not see would read as vouched for",
    "services/enquiries.py": "which other houses are asked is for none of them to know",
    "services/matching/beside.py": "she is not parted from somebody whom the person may not see",
    "services/matching/deciding.py": "she is not parted from somebody whom the person may not see",
    "services/matching/fitting.py": "who may not share a house with whom is for no one to read",
    "services/duty.py": "an officer who withdraws must not read the phones that are told of it",
    "services/settling.py": "the list of the desk changes by what somebody without it does",
    "services/transfers_shown.py": "how to reach the next house, and nothing more of it",
    "services/transfers.py": "one house reads no row of the other, nor where she must not be",
}


def test_waymarks_own_sight_is_taken_where_we_know_of_it() -> None:
    app_folder = ROOT / "app"
    found = {
        str(path.relative_to(app_folder))
        for path in app_folder.rglob("*.py")
        if "as_waymark(" in path.read_text("utf-8")
    }

    assert found == set(AS_WAYMARK)


# What a page of many women's requests is made of; the budgets of looks do not count these.
LISTS = (
    *("follow.RequestRow", "houses.WomanRow", "desk_people.Person", "desk.Line", "tasks.TaskShown"),
    *("calendar.Who", "moving_on.RoomFreeing", "desk.Asked"),
)
OF_HER_OR_HER_CALLER = {"place", "district", "callback_phone", "handover_point", "safety", "notes"}


@pytest.mark.parametrize("kind", LISTS)
def test_no_list_shows_a_place_or_a_number_to_anybody_but_who_typed_it(kind: str) -> None:
    stages = matrix().objects[kind]

    shown = {stage.value for stage, fields in stages.items() if OF_HER_OR_HER_CALLER & set(fields)}

    assert shown <= {"asker"}
