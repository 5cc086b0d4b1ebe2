"""Making the plan: read tonight, solve outside any transaction, keep problem, plan and reasons."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import func, select

import allocation
from app.actors import SYSTEM
from app.db import db, transaction
from app.events import Fact, record
from app.models.plans import PlanLine, PlanRun
from app.models.referrals import Referral, ReferralState
from app.queue import Job, defer
from app.services.matching import pricing, rehearsing, replaying, wording
from app.services.snapshot import Snapshot, take
from app.services.snapshot_houses import FORMAT

log = structlog.get_logger()
SOLVE_SECONDS = 5.0
LARGE = 20_000  # households x rooms from which the solver works where it can be killed
EMPTY = {"format": FORMAT, "as_of": "2007-10-03T00:00:00Z", "households": [], "refuges": []}
REFRESH = timedelta(minutes=10)
EXPLAIN_SECONDS = 2.0  # for one woman against every house
OTHER_PLANS = 3
OTHER_PLANS_SECONDS = 5.0  # for all of them together


def warm_up() -> None:
    """Load the solver before anybody waits for it: its first use costs more than a plan."""
    allocation.solve(allocation.parse_problem(EMPTY), seconds=1)


def make_plan() -> UUID:
    """Solve tonight afresh and keep problem and plan; the worker's job. Nothing is decided here."""
    with transaction(by=SYSTEM) as now:
        snapshot = take(now)
        snapshot.problem = pricing.look_ahead(snapshot.problem, now)
    started = time.monotonic()
    problem, plan = _solve(snapshot)
    solve_ms = int((time.monotonic() - started) * 1000)
    with transaction(by=SYSTEM):
        newer = newest_run()
        if newer is not None and newer.as_of > now:
            return newer.id  # another worker looked later and was done sooner
        run = PlanRun(
            as_of=now,
            problem=snapshot.problem,  # as it was told, because that is what the hash is of
            problem_sha256=allocation.problem_sha256(problem),
            plan=allocation.plan_to_json(plan),
            plan_sha256=allocation.plan_sha256(plan),
            made_with=replaying.made_with(),
            seconds_allowed=SOLVE_SECONDS,
            status=plan.status,
            solve_ms=solve_ms,
        )
        db.session.add(run)
        db.session.flush()
        db.session.add_all(_lines(run.id, plan, snapshot))
        counts: dict[str, object] = {
            "placed": len(plan.placements),
            "unplaced": len(plan.unplaced),
            "solve_ms": solve_ms,
        }
        record(Fact.PLAN_MADE, by=SYSTEM, run_id=run.id, detail=counts)
        defer(Job.EXPLAIN)
        rehearsing.defer_rehearsal(now)
        pricing.defer_prices(now)
    log.info("plan_made", **counts)
    return run.id


def _solve(snapshot: Snapshot) -> tuple[allocation.Problem, allocation.Plan]:
    problem = allocation.parse_problem(snapshot.problem)
    rooms = sum(len(refuge.rooms) for refuge in problem.refuges)
    # A small night is solved in less time than a process of its own takes to start.
    if len(problem.households) * rooms < LARGE:
        return problem, allocation.solve(problem, seconds=SOLVE_SECONDS)
    return problem, allocation.solve_within(problem, seconds=SOLVE_SECONDS)


def _lines(run_id: UUID, plan: allocation.Plan, snapshot: Snapshot) -> list[PlanLine]:
    labels = wording.labels()
    lines = [
        PlanLine(
            run_id=run_id,
            referral_id=snapshot.referrals[placement.household].id,
            refuge_id=snapshot.rooms[placement.room].refuge_id,
            room_id=snapshot.rooms[placement.room].id,
        )
        for placement in plan.placements
        if placement.household in snapshot.referrals
    ]
    lines += [
        PlanLine(
            run_id=run_id,
            referral_id=snapshot.referrals[left_out.household].id,
            **wording.unplaced(left_out, labels, _vetoed_by(left_out.household, snapshot)),
        )
        for left_out in plan.unplaced
    ]
    return lines


def _vetoed_by(ref: str, snapshot: Snapshot) -> wording.VetoedBy:
    if ref in snapshot.joins:
        return wording.VetoedBy.TIE
    return wording.VetoedBy.HOUSES if ref in snapshot.refused else wording.VetoedBy.HER


def explain_newest_plan() -> None:
    """Work out, line by line, why this room and what any other would cost; the worker's job.

    Then the clearly different plans beside it, after everybody's own line. Stops as soon as a
    newer plan stands: nobody reads the reasons of an old one.
    """
    with transaction(by=SYSTEM):
        run = newest_run()
        if run is None or run.is_explained:
            return
        refs = db.session.execute(
            select(PlanLine.id, Referral.ref)
            .join(Referral, Referral.id == PlanLine.referral_id)
            .where(PlanLine.run_id == run.id)
            .order_by(PlanLine.id)
        ).all()
    problem, plan = allocation.parse_problem(run.problem), allocation.parse_plan(run.plan)
    kept = allocation.keep(problem, seconds=SOLVE_SECONDS)
    if kept.plan.placements != plan.placements:  # cut off by time, or made by another version
        kept = allocation.keep(problem, plan)
    for line_id, ref in refs:
        answer = allocation.explain_kept(kept, ref, seconds=EXPLAIN_SECONDS)
        if not _keep_explanation(run.id, line_id, answer):
            return
    others = _other_plans(problem, plan)
    with transaction(by=SYSTEM):
        explained = db.session.get_one(PlanRun, run.id)
        explained.other_plans = others
        explained.is_explained = True
        record(Fact.PLAN_EXPLAINED, by=SYSTEM, run_id=run.id)
        defer(Job.ASK)


def _other_plans(problem: allocation.Problem, plan: allocation.Plan) -> list[dict[str, Any]]:
    others = allocation.alternatives(problem, plan, count=OTHER_PLANS, seconds=OTHER_PLANS_SECONDS)
    return wording.other_plans(others)


def _keep_explanation(run_id: UUID, line_id: int, answer: dict[str, Any]) -> bool:
    """Store one line's reasons and alternatives; False when a newer plan has come."""
    with transaction(by=SYSTEM):
        newest = newest_run()
        if newest is None or newest.id != run_id:
            return False
        line, labels = db.session.get_one(PlanLine, line_id), wording.labels()
        if line.room_id is not None:
            line.reasons = wording.told(answer["why"], labels)
        line.alternatives = wording.alternatives(answer["refuges"], labels)
        return True


def newest_run() -> PlanRun | None:
    """The plan that stands; a step for use inside a transaction."""
    kept = PlanRun.purged_at.is_(None)
    return db.session.scalar(select(PlanRun).where(kept).order_by(PlanRun.as_of.desc()).limit(1))


def plan_if_due() -> bool:
    """Put in line what no change will ask for: the sweep's safety net.

    A plan is due when somebody waits whom no plan has seen, or when the newest is older than
    ``REFRESH``: a house that rested after a silence may be asked again, and clocks have moved on.
    """
    with transaction(by=SYSTEM) as now:
        newest = newest_run()
        changed = db.session.scalar(
            select(func.max(Referral.state_since)).where(Referral.state == ReferralState.READY)
        )
        if newest is not None and not newest.is_explained:
            defer(Job.EXPLAIN)
        if changed is None:
            return False
        if newest is not None and newest.as_of >= changed and now - newest.as_of < REFRESH:
            return False
        defer(Job.PLAN)
        return True
