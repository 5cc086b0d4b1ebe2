"""What it costs that who acts is signed: the same pages with the proof asked for and without."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import requests
from sqlalchemy import text

from app.actors import SYSTEM
from app.db import db, transaction
from app.demo.people import COORDINATOR, OFFICER
from app.demo.seed import seed_demo
from bench.live import sign_in
from bench.stage import Stage, stage

PAGES = {
    COORDINATOR.email: ("/desk/board", "/desk/tasks"),
    OFFICER.email: ("/police/requests",),
}
TURNS, LOOKS = 12, 15
# The same work but for the proof: what it was before the context was signed.
BELIEVED = """CREATE OR REPLACE FUNCTION {name}() RETURNS {kind} LANGUAGE sql STABLE AS $$
    SELECT nullif(split_part({told}, '|', {part}), '')::{kind} $$"""
FUNCTIONS = {
    "acting_user_id": ("bigint", 1),
    "acting_role": ("text", 2),
    "acting_organisation_id": ("bigint", 3),
    "acting_refuge_id": ("bigint", 4),
}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Medians in milliseconds of one page, by its path: (proved, believed)."""

    pages: dict[str, tuple[float, float]]


def measure() -> Cost:
    """Turn by turn on one stage, so that both meet the same hour of the machine."""
    found: dict[str, dict[bool, list[float]]] = {}
    with stage() as played:
        with played.owner.app_context():
            seed_demo()
        cookies = {who: sign_in(played, played.web_url, who) for who in PAGES}
        for turn in range(TURNS * 2):
            is_proved = turn % 2 == 0
            _define(played, is_proved=is_proved)
            for who, paths in PAGES.items():
                for path in paths:
                    times = _look(played.web_url + path, cookies[who])
                    found.setdefault(path, {True: [], False: []})[is_proved] += times
    return Cost(
        pages={
            path: (1000 * statistics.median(each[True]), 1000 * statistics.median(each[False]))
            for path, each in found.items()
        }
    )


def _define(played: Stage, *, is_proved: bool) -> None:
    told = "public.proven_context()" if is_proved else "current_setting('app.context', true)"
    with played.owner.app_context(), transaction(by=SYSTEM):
        for name, (kind, part) in FUNCTIONS.items():
            db.session.execute(text(BELIEVED.format(name=name, kind=kind, told=told, part=part)))


def _look(url: str, cookie: str) -> list[float]:
    with requests.Session() as session:
        times = []
        for _ in range(LOOKS + 2):
            began = time.perf_counter()
            answer = session.get(url, headers={"Cookie": cookie}, allow_redirects=False, timeout=30)
            times.append(time.perf_counter() - began)
            assert answer.status_code == 200, (url, answer.status_code)
    return times[2:]  # the first two make connections and plans


def report(cost: Cost) -> str:
    lines = ["| page | proved | believed | ratio |", "|---|---|---|---|"]
    for path, (proved, believed) in cost.pages.items():
        lines.append(
            f"| `{path}` | {proved:.1f} ms | {believed:.1f} ms | {proved / believed:.2f} |"
        )
    return "\n".join(lines)
