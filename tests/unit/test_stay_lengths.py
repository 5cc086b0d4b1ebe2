"""The curve of stays: by hand, and what must hold of every curve."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.stay_lengths import Curve, estimate, prior

LENGTHS = st.lists(
    st.tuples(st.integers(0, 400), st.booleans(), st.integers(1, 5)), min_size=1, max_size=40
)


def test_stays_that_go_on_are_counted_as_far_as_they_have_come() -> None:
    # Worked by hand: 5 stays; one ends on day 2, one goes on since day 3, one ends on day 5.
    curve = estimate([(2, True, 1), (3, False, 1), (5, True, 1), (8, True, 1), (8, False, 1)])

    assert curve.days == (2, 5, 8)
    assert curve.still == pytest.approx((4 / 5, 4 / 5 * 2 / 3, 4 / 5 * 2 / 3 * 1 / 2))
    assert curve.after(0) == 1
    assert curve.after(7) == pytest.approx(8 / 15)


def test_reading_long_stays_that_go_on_as_ended_would_be_too_short() -> None:
    honest = estimate([(10, True, 5), (100, False, 5), (120, True, 5)])
    naive = estimate([(10, True, 5), (100, True, 5), (120, True, 5)])

    assert honest.after(100) > naive.after(100)


def test_a_new_service_starts_with_the_published_length() -> None:
    early, middle, late = estimate(prior()).left(0) or (0, 0, 0)

    assert middle == pytest.approx(60, abs=2)
    assert early == pytest.approx(60 / 2.97, abs=2)  # exp(1.2816 x 0.85) = 2.97
    assert late == pytest.approx(60 * 2.97, abs=6)


def test_where_nobody_has_stayed_so_long_nothing_is_said() -> None:
    assert estimate([(10, True, 3), (20, True, 3)]).left(25) is None
    assert estimate([(10, True, 1), (20, False, 3)]).left(5) is None


def test_a_short_history_moves_the_guess_and_does_not_rule_it() -> None:
    alone = estimate(prior()).left(0)
    moved = estimate([*prior(), (10, True, 5)]).left(0)

    assert alone is not None
    assert moved is not None
    assert 10 < moved[1] < alone[1]


@given(LENGTHS, st.integers(0, 300))
def test_every_curve_falls_and_every_guess_is_in_order(
    lengths: list[tuple[int, bool, int]], stayed: int
) -> None:
    curve = estimate([*lengths, *prior()])

    assert isinstance(curve, Curve)
    assert list(curve.still) == sorted(curve.still, reverse=True)
    assert all(0 <= share <= 1 for share in curve.still)
    if (left := curve.left(stayed)) is not None:
        assert 0 <= left[0] <= left[1] <= left[2]
