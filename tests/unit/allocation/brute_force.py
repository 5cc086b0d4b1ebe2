"""Every plan of a small problem, judged by check.py alone: what the solver must agree with."""

from collections.abc import Iterator
from itertools import product

from allocation import Placement, Problem, score, violations
from allocation.check import rank
from allocation.rules import failing_rules


def allowed_plans(problem: Problem) -> Iterator[tuple[Placement, ...]]:
    """Yield every plan without a violation; exponential, so keep the problem small."""
    options = [
        [None, *(Placement(h.id, *key) for key, where in problem.room_by_key.items()
                 if not failing_rules(problem, h, *where))]
        for h in problem.households
    ]  # fmt: skip
    for choice in product(*options):
        plan = tuple(p for p in choice if p is not None)
        if not violations(problem, plan):
            yield plan


def best_rank(problem: Problem) -> tuple[int, ...] | None:
    """Return the best score as a tuple that is larger for the better plan; None if no plan."""
    ranks = (rank(problem, score(problem, plan)) for plan in allowed_plans(problem))
    return max(ranks, default=None)
