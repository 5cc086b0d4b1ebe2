"""Whatever is thrown at the reader, it answers with a problem or a ProblemError, nothing else."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation import Problem, ProblemError, parse_plan, parse_problem, problem_to_json
from bench import fuzz, spoil
from bench.spoil import at, places
from tests.unit.allocation.strategies import THOROUGH, problems

FILES = int(os.environ.get("WAYMARK_FUZZ_FILES", "120"))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**20)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["\x00", "\ud800", "f1", "h0", "inside_only"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def complaint(document: Any) -> str | None:
    """Return what the reader says against a document, or None when it is read."""
    try:
        read = parse_problem(document)
    except ProblemError as error:
        return str(error)
    assert parse_problem(problem_to_json(read)) == read
    return None


@THOROUGH
@given(problems(), st.data(), json_values)
def test_a_spoilt_problem_is_read_or_refused(problem: Problem, data: Any, value: Any) -> None:
    document = problem_to_json(problem)
    *holder, step = data.draw(st.sampled_from(places(document)))
    at(document, tuple(holder))[step] = value

    said = complaint(document)

    assert said is None or (said and said.isprintable())


@THOROUGH
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_noise_is_refused(noise: bytes | str) -> None:
    for parse in (parse_problem, parse_plan):
        with pytest.raises(ProblemError, match=r"\w"):
            parse(noise)


@THOROUGH
@given(json_values)
def test_any_other_json_is_refused(value: Any) -> None:
    document = json.dumps({"format": "waymark.problem/1", "households": value})

    with pytest.raises(ProblemError, match=r"\w"):
        parse_problem(document)


def test_spoilt_files_give_a_good_plan_or_name_the_place() -> None:
    found = fuzz.run(FILES)

    assert found.faults == []
    assert found.outcomes["refused"] > FILES / 4
    assert found.outcomes["solved and verified"] > FILES / 20
    assert found.outcomes["refused: accepted offers"] > FILES / 50
    assert found.outcomes["spoilt plan: verify exit 1"]


def broken_main(said: str, code: int) -> Callable[[list[str]], int]:
    def main(_: list[str]) -> int:
        sys.stderr.write(f"{said}\n")
        if code < 0:
            raise KeyError(said)
        return code

    return main


@pytest.mark.parametrize(
    ("said", "code", "fault"),
    [
        ("", -1, "solve raised KeyError"),
        ("", 1, "exit 1"),
        ("Traceback", 2, "not one printable line"),
        ("python -m allocation: a: b\nand more", 2, "not one printable line"),
        ("python -m allocation: as_of: \x1b", 2, "not one printable line"),
        ("python -m allocation: wrong", 2, "names no place"),
        ("python -m allocation: households[99].id: wrong", 2, "names no place of the file"),
        ("python -m allocation: as_of.id: wrong", 2, "names no place of the file"),
    ],
)
def test_the_fuzz_sees_what_must_never_be(
    said: str, code: int, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz, "main", broken_main(said, code))
    monkeypatch.setattr(spoil, "file", lambda _, document: json.dumps(document).encode())

    [told] = fuzz.run(1).faults

    assert fault in told


def test_a_file_of_the_fuzz_can_be_made_again() -> None:
    assert fuzz.make(7, seed=3)[1] == fuzz.make(7, seed=3)[1] != fuzz.make(8, seed=3)[1]
