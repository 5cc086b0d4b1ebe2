"""Replaying: any past plan is made again from its kept problem and compared byte for byte."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib import metadata
from typing import Any
from uuid import UUID

from sqlalchemy import select

import allocation
from app.actors import SYSTEM
from app.db import db, transaction
from app.errors import NotFound
from app.models.plans import PlanLine, PlanRun
from app.models.referrals import Referral

SOLVES_WITH = ("highspy", "numpy")
MOST_LINES_NAMED = 5
PROPOSED_OTHERWISE = "the board was given other rooms than the plan's"


class Verdict(StrEnum):
    """What came of making a plan again. Only ``differs`` is wrong."""

    SAME = "same"
    DIFFERS = "differs"
    OTHER_VERSION = "other version"
    CUT_OFF = "cut off by time"


@dataclass(frozen=True, kw_only=True)
class Replay:
    """One plan made again; ``detail`` says what differs, or why it may."""

    run_id: UUID
    as_of: datetime
    verdict: Verdict
    detail: str = ""

    @property
    def line(self) -> str:
        said = f": {self.detail}" if self.detail else ""
        return f"{self.run_id} {self.as_of:%Y-%m-%d %H:%M:%S} {self.verdict}{said}"


def made_with() -> dict[str, str]:
    """The engine's version and those of the libraries it solves with, as installed here."""
    installed = {"engine": allocation.ENGINE_VERSION}
    for name in SOLVES_WITH:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed


def kept_runs(*, since: datetime | None = None) -> list[UUID]:
    """Every kept plan, oldest first; those that looked at ``since`` or later."""
    with transaction(by=SYSTEM):
        query = (
            select(PlanRun.id)
            .where(PlanRun.purged_at.is_(None))
            .order_by(PlanRun.as_of, PlanRun.id)
        )
        if since is not None:
            query = query.where(PlanRun.as_of >= since)
        return list(db.session.scalars(query))


def replay(run_id: UUID) -> Replay:
    """Solve a kept problem again, with the time it was given, and compare with the kept plan.

    Raises:
        NotFound: there is no such plan.
    """
    with transaction(by=SYSTEM):
        run = db.session.get(PlanRun, run_id)
        if run is None:
            raise NotFound("There is no plan of that number.")
        if run.purged_at is not None:
            raise NotFound("That plan was purged when its time had passed: docs/retention.md.")
        shown = _shown_rooms(run_id)
    if not run.plan_sha256:
        return _answer(run, Verdict.OTHER_VERSION, "made before plans were kept to be made again")
    try:
        problem, kept = allocation.parse_problem(run.problem), allocation.parse_plan(run.plan)
    except allocation.ProblemError as error:
        return _answer(run, Verdict.DIFFERS, f"what was kept cannot be read ({error})")
    if changed := _changed_since(run, problem, kept, shown):
        return _answer(run, Verdict.DIFFERS, changed)
    again = allocation.solve(problem, seconds=run.seconds_allowed)
    return _compared(run, kept, again)


def _shown_rooms(run_id: UUID) -> dict[str, str | None]:
    """The room that the board showed for each request, as the engine names rooms."""
    rows = db.session.execute(
        select(Referral.ref, PlanLine.room_id)
        .join(Referral, Referral.id == PlanLine.referral_id)
        .where(PlanLine.run_id == run_id)
    )
    return {ref: None if room_id is None else f"room-{room_id}" for ref, room_id in rows}


def _changed_since(
    run: PlanRun,
    problem: allocation.Problem,
    kept: allocation.Plan,
    shown: dict[str, str | None],
) -> str:
    """What of the kept rows is not what was written then; empty when all of it is."""
    if allocation.problem_sha256(problem) != run.problem_sha256:
        return "the kept problem is not the one that was solved"
    if allocation.plan_sha256(kept) != run.plan_sha256:
        return "the kept plan is not the one that was made"
    if kept.problem_sha256 != run.problem_sha256:
        return "the kept plan is of another problem"
    return "" if shown == _rooms(kept) else PROPOSED_OTHERWISE


def _rooms(plan: allocation.Plan) -> dict[str, str | None]:
    rooms: dict[str, str | None] = {each.household: None for each in plan.unplaced}
    return rooms | {each.household: each.room for each in plan.placements}


def _compared(run: PlanRun, kept: allocation.Plan, again: allocation.Plan) -> Replay:
    if allocation.plan_sha256(kept) == allocation.plan_sha256(again):
        return _answer(run, Verdict.SAME)
    if run.made_with != made_with():
        with_what = " ".join(f"{name} {number}" for name, number in sorted(run.made_with.items()))
        detail = f"made with {with_what}; {_differences(kept, again)}"
        return _answer(run, Verdict.OTHER_VERSION, detail)
    if "feasible" in (kept.status, again.status):
        then = "then" if kept.status == "feasible" else "now"
        return _answer(run, Verdict.CUT_OFF, f"the search ran out of time {then}: not comparable")
    return _answer(run, Verdict.DIFFERS, _differences(kept, again))


def _differences(kept: allocation.Plan, again: allocation.Plan) -> str:
    """The requests whose line is another one, and the figures that are."""
    before, after = (_lines(allocation.plan_to_json(plan)) for plan in (kept, again))
    names = sorted(name for name in before | after if before.get(name) != after.get(name))
    shown = ", ".join(names[:MOST_LINES_NAMED])
    more = len(names) - MOST_LINES_NAMED
    return shown + (f" and {more} more" if more > 0 else "")


def _lines(document: dict[str, Any]) -> dict[str, Any]:
    """Every entry of a plan by what it is about."""
    lines: dict[str, Any] = {"status": document["status"]}
    lines |= {each["household"]: each for each in document["placements"]}
    lines |= {each["household"]: each for each in document["unplaced"]}
    return lines | {each["level"]: each for each in document["objective"]}


def _answer(run: PlanRun, verdict: Verdict, detail: str = "") -> Replay:
    return Replay(run_id=run.id, as_of=run.as_of, verdict=verdict, detail=detail)
