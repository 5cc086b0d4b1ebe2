"""Draws the offers already made; those accepted can all be kept, so that the night is valid."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from allocation import Household, Problem, Refuge, Room, Standing
from allocation.rules import failing_rules
from bench.ledger import Ledger

# Assumptions: of those who wait, how many have said yes to a room, and how many are being asked.
ACCEPTED_SHARE, ASKED_SHARE = 0.03, 0.09
STALE_SHARE = 0.1  # of those being asked: the room no longer suits, as something was learnt since
GROUPS_WITH_OFFER = 0.2
TRIES = 250

Where = tuple[Refuge, Room]


def with_offers(rng: random.Random, problem: Problem) -> Problem:
    """Return the same night with offers in it.

    Every accepted offer, and a room for the rest of her group, is held in one ledger while it is
    drawn: that ledger is the proof that a valid plan exists.
    """
    ledger, rooms = Ledger(problem), list(problem.room_by_key.values())
    offers = dict(_group_offers(rng, problem, ledger))
    grouped = {name for group in problem.together for name in group}
    alone = [h for h in problem.households if h.id not in grouped]
    rng.shuffle(alone)
    left = {True: round(len(problem.households) * ACCEPTED_SHARE)}
    left[False] = round(len(problem.households) * ASKED_SHARE)
    for household in alone:
        fixed = left[True] > 0
        if not left[fixed]:
            break
        where = _room_for(rng, problem, ledger, household, rooms)
        if where is None:
            continue
        ledger.take(household, *where)
        left[fixed] -= 1
        if not fixed and rng.random() < STALE_SHARE:
            where = rng.choice(rooms)
        offers[household.id] = Standing(where[0].id, where[1].id, fixed)
    told = tuple(replace(h, standing=offers.get(h.id)) for h in problem.households)
    return replace(problem, households=told)


def _group_offers(
    rng: random.Random, problem: Problem, ledger: Ledger
) -> Iterator[tuple[str, Standing]]:
    """Yield offers to some whole groups: the first has accepted, the others are being asked."""
    wanted = -(-len(problem.together) * GROUPS_WITH_OFFER // 1)
    for group in problem.together:
        if wanted > 0 and _house_group(rng, problem, ledger, group):
            wanted -= 1
            for i, name in enumerate(group):
                yield name, Standing(*ledger.home[name], fixed=i == 0)


def _house_group(
    rng: random.Random, problem: Problem, ledger: Ledger, group: Sequence[str]
) -> bool:
    for refuge in rng.sample(problem.refuges, len(problem.refuges)):
        placed = []
        for name in group:
            household = problem.household_by_id[name]
            here = [(refuge, room) for room in refuge.rooms]
            where = _room_for(rng, problem, ledger, household, here)
            if where is None:
                break
            ledger.take(household, *where)
            placed.append(household)
        if len(placed) == len(group):
            return True
        for household in placed:
            ledger.give_back(household)
    return False


def _room_for(
    rng: random.Random,
    problem: Problem,
    ledger: Ledger,
    household: Household,
    among: Sequence[Where],
) -> Where | None:
    for where in rng.sample(among, min(TRIES, len(among))):
        if ledger.admits(household, *where) and not failing_rules(problem, household, *where):
            return where
    return None
