"""Whatever is thrown at the reader, it answers with a problem or a ProblemError, nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation import Problem, ProblemError, parse_plan, parse_problem, problem_to_json
from tests.unit.allocation.strategies import THOROUGH, problems

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


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value inside a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = [path] if path else []
    if isinstance(value, dict | list):
        for key, entry in inner:
            found += (
                places(entry, (*path, key)) if isinstance(entry, dict | list) else [(*path, key)]
            )
    return found


def spoil(document: Any, path: tuple[Any, ...], value: Any) -> None:
    for step in path[:-1]:
        document = document[step]
    document[path[-1]] = value


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
    spoil(document, data.draw(st.sampled_from(places(document))), value)

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
