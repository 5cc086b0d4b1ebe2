"""No cell of the file is one that a spreadsheet would calculate."""

from __future__ import annotations

import pytest

from app.services.figures_csv import escaped


@pytest.mark.parametrize("cell", ["=1+1", "+44", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_what_looks_like_a_formula_becomes_text(cell: str) -> None:
    assert escaped(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "12", "a=b", "London", "£100,000"])
def test_anything_else_stays_as_it_is(cell: str) -> None:
    assert escaped(cell) == cell
