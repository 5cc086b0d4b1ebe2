"""Why this room and not another: the rule that fails, or what choosing it would cost whom."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from allocation.check import MAXIMISED, keeps_standing, score, unmet_desirable, violations
from allocation.geography import travel_minutes
from allocation.model import LOTTERY, Model, build, build_from, gains
from allocation.plan import Placement, Plan, Reason
from allocation.problem import Problem, Refuge
from allocation.reading import ProblemError, shown
from allocation.reasons import Verdicts, reasons_for, verdicts_of, why
from allocation.rules import RULES
from allocation.search import Outcome, OutOfTime, lexicographic
from allocation.solver import placements_of
from allocation.trial import picture_of, require
from allocation.unlock import unlocks_for
from allocation.words import describe, reason

Answer = dict[str, Any]

# Why a room cannot be hers whatever the cost, where the rule's own text would not say so.
REFUSALS = {
    "room_full": "The places go to offers that have been accepted, or her group does not fit.",
    "not_proven": "The time ran out before the cost was known.",
    "network": "The room does not pass a safety check.",
    "apart_resident": "The room does not pass a safety check.",
    "safety_distance": "The room lies nearer than is safe for her.",
}


def explain(problem: Problem, plan: Plan, household_id: str, *, seconds: float = 10.0) -> Answer:
    """Return why she has this room (or none), and for every other refuge why not.

    Raises:
        ProblemError: there is no such household, or the plan breaks a rule of this problem.
    """
    deadline = time.monotonic() + seconds
    _refuse_wrong(problem, plan, household_id)
    model = build(problem)
    verdicts = verdicts_of(problem, problem.household_by_id[household_id])
    here = next((p for p in plan.placements if p.household == household_id), None)
    answer: Answer = {
        "household": household_id,
        "placed": None if here is None else {"refuge": here.refuge, "room": here.room},
        "why": [r.to_json() for r in _why_here(problem, verdicts, here)],
        "refuges": [
            _refuge(model, plan, verdicts, refuge, here, deadline)
            for refuge in sorted(problem.refuges, key=lambda refuge: refuge.id)
        ],
        "reasons": [],
        "unlock": [],
    }
    if here is None:
        picture = picture_of(model, plan.placements, deadline)
        answer["reasons"] = [r.to_json() for r in reasons_for(picture, verdicts)]
        answer["unlock"] = [r.to_json() for r in unlocks_for(picture, verdicts)]
    return answer


def forced_cost(
    problem: Problem,
    plan: Plan,
    household_id: str,
    refuge_id: str,
    room_id: str,
    *,
    seconds: float = 10.0,
) -> Answer:
    """Return what giving her this room would cost: per level, and which others it touches.

    Raises:
        ProblemError: there is no such household or room, or the plan breaks a rule.
    """
    _refuse_wrong(problem, plan, household_id)
    if (refuge_id, room_id) not in problem.room_by_key:
        raise ProblemError("", f"there is no room {shown(room_id)} in refuge {shown(refuge_id)}")
    verdicts = verdicts_of(problem, problem.household_by_id[household_id])
    wanted = {(refuge_id, room_id)}
    failing = [
        code
        for pair, codes in verdicts.rooms
        if (pair.refuge.id, pair.room.id) in wanted
        for code in sorted(codes)
    ]
    deadline = time.monotonic() + seconds
    cost = _refused(failing) if failing else None
    if cost is None:
        cost = _cost(build(problem), plan, household_id, wanted, deadline)
    return {"household": household_id, "refuge": refuge_id, "room": room_id, **cost}


def _refuse_wrong(problem: Problem, plan: Plan, household_id: str) -> None:
    if household_id not in problem.household_by_id:
        raise ProblemError("", f"there is no household {shown(household_id)}")
    broken = violations(problem, plan.placements)
    if broken:
        raise ProblemError("", f"the plan breaks a rule of this problem: {broken[0]}")


def _why_here(problem: Problem, verdicts: Verdicts, here: Placement | None) -> Iterator[Reason]:
    if here is None:
        return
    household = verdicts.household
    refuge, room = problem.room_by_key[here.refuge, here.room]
    if household.is_fixed:
        yield reason("why_fixed")
    elif keeps_standing(household, refuge, room):
        yield reason("why_offer")
    needed = household.sleepers + household.infants
    yield reason("why_fits", bed_spaces=room.bed_spaces, cots=room.cots, needed=needed)
    if household.essential:
        yield reason("why_essential", features=sorted(household.essential))
    unmet = unmet_desirable(household, refuge, room)
    wishes = len(household.desirable) + household.london.startswith("prefers")
    if wishes:
        yield reason("why_wishes", met=wishes - unmet, unmet=unmet)
    yield reason("why_travel", minutes=travel_minutes(problem, household, refuge))
    if not household.is_fixed:
        yield reason("why_best", rooms=len(verdicts.passing()))


def _refuge(
    model: Model,
    plan: Plan,
    verdicts: Verdicts,
    refuge: Refuge,
    here: Placement | None,
    deadline: float,
) -> Answer:
    """Return one refuge's entry: chosen, fails (with the fewest rules) or possible (with cost)."""
    entry: Answer = {"refuge": refuge.id, "failing": [], "reasons": [], "cost": None}
    rooms = [(p, codes) for p, codes in verdicts.rooms if p.refuge.id == refuge.id]
    if here is not None and here.refuge == refuge.id:
        return {**entry, "status": "chosen"}
    if not rooms:
        return {**entry, "status": "fails", "reasons": [reason("no_rooms").to_json()]}
    open_rooms = {(p.refuge.id, p.room.id) for p, codes in rooms if not codes}
    if open_rooms:
        cost = _cost(model, plan, verdicts.household.id, open_rooms, deadline)
        return {**entry, "status": "possible" if cost["allowed"] else "full", "cost": cost}
    failing = min((sorted(codes) for _, codes in rooms), key=lambda codes: (len(codes), codes))
    only_here = Verdicts(verdicts.household, tuple(rooms))
    said = [why(code, only_here).to_json() for code in failing]
    return {**entry, "status": "fails", "failing": failing, "reasons": said}


def _refused(failing: Sequence[str]) -> Answer:
    return {
        "allowed": False,
        "room": None,
        "failing": list(failing),
        "proven": True,
        "loss": {},
        "decisive": None,
        "loses": [],
        "gains": [],
        "moves": [],
        "text": " ".join(
            dict.fromkeys(REFUSALS.get(code) or f"Not so: {RULES[code].text}" for code in failing)
        ),
    }


def _cost(
    model: Model,
    plan: Plan,
    household_id: str,
    wanted: set[tuple[str, str]],
    deadline: float,
) -> Answer:
    """Solve again with her in one of the wanted rooms, and compare with the plan."""
    forced = _forced(model, household_id, wanted)
    problem = model.problem
    levels = {name: gains(forced, name) for name in (*problem.levels, *LOTTERY)}
    start = _simply_moved(forced, plan, household_id)
    try:
        outcome = lexicographic(forced, levels, start, deadline)
    except OutOfTime:
        return {**_refused(["not_proven"]), "proven": False}
    if outcome.chosen is None:
        return _refused(["room_full"])
    then = placements_of(forced, outcome.chosen)
    return _compared(problem, household_id, (plan.placements, then), outcome)


def _forced(model: Model, household_id: str, wanted: set[tuple[str, str]]) -> Model:
    """Return the model in which she must be placed in one of the wanted rooms."""
    pairs = [
        pair
        for pair in model.pairs
        if pair.household.id != household_id or (pair.refuge.id, pair.room.id) in wanted
    ]
    return require(build_from(model.problem, pairs), {household_id})


def _simply_moved(forced: Model, plan: Plan, household_id: str) -> frozenset[int] | None:
    """Return the plan with nobody but her moved, where that is allowed: a start for the search."""
    held = {(p.household, p.refuge, p.room) for p in plan.placements}
    others = {
        j
        for j, pair in enumerate(forced.pairs)
        if pair.household.id != household_id
        and (pair.household.id, pair.refuge.id, pair.room.id) in held
    }
    for j, pair in enumerate(forced.pairs):
        moved = frozenset((*others, j))
        if pair.household.id == household_id and not violations(
            forced.problem, placements_of(forced, moved)
        ):
            return moved
    return None


def _compared(
    problem: Problem,
    household_id: str,
    now_and_then: tuple[Sequence[Placement], Sequence[Placement]],
    outcome: Outcome,
) -> Answer:
    """Return the loss per level (more is worse) and the other households it touches."""
    now, then = now_and_then
    before, after = score(problem, now), score(problem, then)
    loss = {
        level: before[level] - after[level] if level in MAXIMISED else after[level] - before[level]
        for level in problem.levels
    }
    decisive = next((level for level in problem.levels if loss[level]), None)
    was, will = _rooms(now, household_id), _rooms(then, household_id)
    moves = [
        {"household": name, "from": _where(was[name]), "to": _where(will[name])}
        for name in sorted(was.keys() & will.keys())
        if was[name] != will[name]
    ]
    touched = {"loses": sorted(was.keys() - will.keys()), "gains": sorted(will.keys() - was.keys())}
    counts = {name: len(ids) for name, ids in touched.items()}
    said = {"decisive": decisive, "loss": loss[decisive] if decisive else 0}
    return {
        "allowed": True,
        "room": next(p.room for p in then if p.household == household_id),
        "failing": [],
        "proven": outcome.is_proven,
        "loss": loss,
        "decisive": decisive,
        **touched,
        "moves": moves,
        "text": describe("forced", {**counts, "moves": len(moves), **said}),
    }


def _rooms(placements: Iterable[Placement], but: str) -> dict[str, tuple[str, str]]:
    return {p.household: (p.refuge, p.room) for p in placements if p.household != but}


def _where(key: tuple[str, str]) -> Mapping[str, str]:
    return {"refuge": key[0], "room": key[1]}
