"""The access matrix: who may open which page, and which field they are shown at which stage.

``authz_matrix.yaml`` is the one place that says so. Pages, services and tests derive from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, TypeVar

import yaml

from app.actors import Role

T = TypeVar("T")
ANYBODY = "anybody"  # signed in or not
SIGNED_IN = "signed_in"  # every role


class Stage(StrEnum):
    """What a reader is to a record at this moment; a field is disclosed by stage."""

    ASKER = "asker"
    FORCE = "force"
    ASKED = "asked"
    PROMISED = "promised"
    LIVES_HERE = "lives_here"
    WAS_HERE = "was_here"
    HOUSE = "house"
    DESK = "desk"
    CHARITY = "charity"
    LEAD = "lead"
    ACCOUNTS = "accounts"
    EVERYBODY = "everybody"


@dataclass(frozen=True)
class Matrix:
    """The file, read once.

    ``routes`` gives for each endpoint and method its readers; ``stages`` the roles that can be at
    each stage; ``objects`` for each dataclass (``module.Name``) and stage the fields it is shown.
    """

    routes: Mapping[str, Mapping[str, frozenset[str]]]
    stages: Mapping[Stage, frozenset[Role]]
    objects: Mapping[str, Mapping[Stage, frozenset[str]]]

    def may_open(self, endpoint: str, method: str, role: Role | None) -> bool:
        """Whether somebody of this role, or nobody signed in (None), may use this route so."""
        readers = self.routes.get(endpoint, {}).get(method, frozenset())
        if ANYBODY in readers:
            return True
        return role is not None and (SIGNED_IN in readers or role.value in readers)


@cache
def matrix() -> Matrix:
    """Read the file that lies beside this module."""
    read = yaml.safe_load((resources.files("app") / "authz_matrix.yaml").read_text("utf-8"))
    return Matrix(
        routes={
            endpoint: {method: frozenset(readers) for method, readers in methods.items()}
            for endpoint, methods in read["routes"].items()
        },
        stages={
            Stage(name): frozenset(Role(role) for role in roles)
            for name, roles in read["stages"].items()
        },
        objects={
            name: {
                Stage(stage): frozenset(fields)
                for stages, fields in shown.items()
                for stage in stages.split()
            }
            for name, shown in read["objects"].items()
        },
    )


def name_of(kind: type) -> str:
    """A page's dataclass as the matrix names it: ``follow.RequestAsSent``."""
    return f"{kind.__module__.rpartition('.')[2]}.{kind.__qualname__}"


def disclosed(kind: type, stage: Stage) -> frozenset[str]:
    """The fields of ``kind`` that a reader at ``stage`` is shown."""
    return matrix().objects[name_of(kind)].get(stage, frozenset())


def disclose(kind: type[T], stage: Stage, **fields: Callable[[], Any]) -> T:
    """Make a page's dataclass of what the matrix gives at ``stage``; the rest keeps its default.

    What is withheld is not even looked up: each field is a function, called when it is disclosed.
    """
    shown = disclosed(kind, stage)
    return kind(**{name: find() for name, find in fields.items() if name in shown})
