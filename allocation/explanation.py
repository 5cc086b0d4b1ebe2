"""Why this room and not another: the rule that fails, or what choosing it would cost whom."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from allocation.check import keeps_standing, unmet_desirable
from allocation.geography import travel_minutes
from allocation.kept import Choice, KeptPlan
from allocation.plan import Placement, Plan, Reason
from allocation.problem import Problem, Refuge
from allocation.reading import ProblemError, shown
from allocation.reasons import Verdicts, reasons_for, verdicts_of, why
from allocation.relaxation import OutOfTime
from allocation.rules import RULES
from allocation.solver import pictured
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


def explain(problem: Problem, plan: Plan, household_id: str, *, seconds: float = 0.1) -> Answer:
    """Return why she has this room (or none), and for every other refuge why not.

    Raises:
        ProblemError: there is no such household, or the plan breaks a rule of this problem.
    """
    if household_id not in problem.household_by_id:
        raise ProblemError("", f"there is no household {shown(household_id)}")
    return explain_kept(KeptPlan.of(problem, plan), household_id, seconds=seconds)


def explain_kept(kept: KeptPlan, household_id: str, *, seconds: float = 0.1) -> Answer:
    """Explain one household of a kept plan.

    Every cost is a plan that was found and keeps every rule. Costs that are not proven to be the
    lowest are solved again for so many ``seconds``, and say so where that does not suffice.

    Raises:
        ProblemError: there is no such household.
    """
    deadline = time.monotonic() + seconds
    her = kept.row_of(household_id)
    problem, household = kept.problem, kept.table.households[her]
    verdicts = verdicts_of(problem, household)
    here = next((p for p in kept.solved.plan.placements if p.household == household_id), None)
    entries = [
        _refuge(kept, her, verdicts, refuge, here)
        for refuge in sorted(problem.refuges, key=lambda refuge: refuge.id)
    ]
    _prove(kept, her, verdicts, entries, deadline)
    answer: Answer = {
        "household": household_id,
        "placed": None if here is None else {"refuge": here.refuge, "room": here.room},
        "why": [r.to_json() for r in _why_here(problem, verdicts, here)],
        "refuges": entries,
        "reasons": [],
        "unlock": [],
    }
    if here is None:
        picture = pictured(kept.solved, deadline)
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
    if household_id not in problem.household_by_id:
        raise ProblemError("", f"there is no household {shown(household_id)}")
    if (refuge_id, room_id) not in problem.room_by_key:
        raise ProblemError("", f"there is no room {shown(room_id)} in refuge {shown(refuge_id)}")
    kept = KeptPlan.of(problem, plan)
    verdicts = verdicts_of(problem, problem.household_by_id[household_id])
    wanted = {(refuge_id, room_id)}
    failing = [
        code
        for pair, codes in verdicts.rooms
        if (pair.refuge.id, pair.room.id) in wanted
        for code in sorted(codes)
    ]
    if failing:
        cost = _refused(failing)
    else:
        her = kept.row_of(household_id)
        columns = kept.columns_in(her, wanted)
        cost = _solved_again(kept, her, columns, time.monotonic() + seconds)
    return {"household": household_id, "refuge": refuge_id, "room": room_id, **cost}


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
    kept: KeptPlan, her: int, verdicts: Verdicts, refuge: Refuge, here: Placement | None
) -> Answer:
    """Return one refuge's entry: chosen, fails (with the fewest rules) or possible (with cost)."""
    entry: Answer = {"refuge": refuge.id, "failing": [], "reasons": [], "cost": None}
    rooms = verdicts.by_refuge.get(refuge.id, ())
    if here is not None and here.refuge == refuge.id:
        return {**entry, "status": "chosen"}
    if not rooms:
        return {**entry, "status": "fails", "reasons": [reason("no_rooms").to_json()]}
    open_rooms = _open(verdicts, refuge.id)
    if open_rooms:
        choice = kept.quick_choice(her, kept.columns_in(her, open_rooms))
        cost = _unknown() if choice is None else _compared(kept, her, choice)
        return {**entry, "status": "possible", "cost": cost}
    failing = min((sorted(codes) for _, codes in rooms), key=lambda codes: (len(codes), codes))
    only_here = Verdicts(verdicts.household, tuple(rooms))
    said = [why(code, only_here).to_json() for code in failing]
    return {**entry, "status": "fails", "failing": failing, "reasons": said}


def _open(verdicts: Verdicts, refuge_id: str) -> set[tuple[str, str]]:
    """Return the rooms of a refuge that fail no rule for her."""
    return {
        (pair.refuge.id, pair.room.id)
        for pair, codes in verdicts.by_refuge.get(refuge_id, ())
        if not codes
    }


def _prove(
    kept: KeptPlan, her: int, verdicts: Verdicts, entries: Sequence[Answer], deadline: float
) -> None:
    """Prove the costs that are not proven yet, or find lower ones, while there is time."""
    unsure = [e for e in entries if e["status"] == "possible" and not e["cost"]["proven"]]
    # The last levels first: where those before are settled, few columns are left to look at.
    order = {level: -i for i, level in enumerate(kept.problem.levels)}
    unsure.sort(key=lambda entry: order.get(entry["cost"]["decisive"], 1))
    for ask in (_relaxed, _solved_again):  # the first takes a tenth of the time of the second
        for entry in unsure:
            if entry["cost"]["proven"] or time.monotonic() >= deadline:
                continue
            columns = kept.columns_in(her, _open(verdicts, entry["refuge"]))
            entry["cost"] = ask(kept, her, columns, deadline) or entry["cost"]
            if not entry["cost"]["allowed"] and entry["cost"]["proven"]:
                entry["status"] = "full"


def _relaxed(kept: KeptPlan, her: int, columns: Any, deadline: float) -> Answer | None:
    try:
        choice = kept.proven_choice(her, columns, deadline)
    except OutOfTime:
        return None
    return None if choice is None else _compared(kept, her, choice)


def _solved_again(kept: KeptPlan, her: int, columns: Any, deadline: float) -> Answer:
    try:
        choice = kept.best_choice(her, columns, deadline)
    except OutOfTime:
        return _unknown()
    return _refused(["room_full"]) if choice is None else _compared(kept, her, choice)


def _unknown() -> Answer:
    return {**_refused(["not_proven"]), "proven": False}


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


def _compared(kept: KeptPlan, her: int, choice: Choice) -> Answer:
    """Return the loss per level (more is worse) and the other households it touches."""
    name = kept.table.households[her].id
    decisive = next((level for level, lost in choice.loss.items() if lost), None)
    was, will = _rooms(kept.solved.plan.placements, name), _rooms(choice.placements, name)
    moves = [
        {"household": other, "from": _where(was[other]), "to": _where(will[other])}
        for other in sorted(was.keys() & will.keys())
        if was[other] != will[other]
    ]
    touched = {"loses": sorted(was.keys() - will.keys()), "gains": sorted(will.keys() - was.keys())}
    counts = {key: len(ids) for key, ids in touched.items()}
    said = {
        "decisive": decisive,
        "loss": choice.loss[decisive] if decisive else 0,
        "proven": choice.is_proven,
    }
    return {
        "allowed": True,
        "room": next(p.room for p in choice.placements if p.household == name),
        "failing": [],
        "proven": choice.is_proven,
        "loss": dict(choice.loss),
        "decisive": decisive,
        **touched,
        "moves": moves,
        "text": describe("forced", {**counts, "moves": len(moves), **said}),
    }


def _rooms(placements: Iterable[Placement], but: str) -> dict[str, tuple[str, str]]:
    return {p.household: (p.refuge, p.room) for p in placements if p.household != but}


def _where(key: tuple[str, str]) -> Mapping[str, str]:
    return {"refuge": key[0], "room": key[1]}
