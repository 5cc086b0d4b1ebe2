"""``python -m bench [NAME] [options]``: run the benchmarks, print tables.

Each benchmark is imported only when it is run: none needs what the others stand on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path


def main() -> int:
    """Exit 1 when what must always hold did not."""
    asked = _parser().parse_args()
    chosen = [asked.name] if asked.name else EVERY_TIME
    return max(RUNS[name](asked) for name in chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description="Measure Waymark; prints a table.")
    parser.add_argument(
        "name",
        nargs="?",
        choices=sorted(RUNS),
        help="one benchmark only; those that take an hour run only when named",
    )
    replay = parser.add_argument_group("pentameter")
    replay.add_argument("--weeks", type=int, choices=range(1, 27))
    replay.add_argument("--seed", type=int)
    engine = parser.add_argument_group("engine")
    engine.add_argument("--sizes", default="S,M", type=_sizes, help="of S, M, L and XL")
    engine.add_argument("--seeds", type=int, help="how many nights, or worlds for policies")
    engine.add_argument("--seconds", default=30.0, type=float, help="limit for each run")
    engine.add_argument("--mode", default="steady", choices=["steady", "raid"])
    engine.add_argument("--zones", default="low", choices=["low", "high"])
    engine.add_argument("--methods", type=_methods, help="some of the methods, by name")
    engine.add_argument("--svg", type=Path, help="folder for drawings, bench/out where not told")
    parser.add_argument_group("fuzz").add_argument("--files", type=int, default=100_000)
    parser.add_argument_group("webhooks").add_argument("--times", type=int, help="of one text")
    policies = parser.add_argument_group("policies")
    policies.add_argument("--days", type=int, choices=range(1, 366))
    policies.add_argument("--orders", action="store_true", help="compare orders of the levels")
    return parser


def _sizes(told: str) -> list[str]:
    names = told.split(",")
    if not set(names) <= {"S", "M", "L", "XL"}:
        raise argparse.ArgumentTypeError(f"{told}: name sizes S, M, L, XL with commas between")
    return names


def _methods(told: str) -> list[str]:
    from bench.peers import METHODS

    names = told.split(",")
    if not set(names) <= set(METHODS):
        raise argparse.ArgumentTypeError(f"{told}: name some of {', '.join(METHODS)}")
    return names


def _proposal(_: argparse.Namespace) -> int:
    from bench import first_proposal

    print(first_proposal.report(first_proposal.measure()), end="\n\n")
    return 0


def _engine(asked: argparse.Namespace) -> int:
    from bench import engine
    from bench.peers import METHODS

    course = engine.Course(
        sizes=asked.sizes,
        seeds=3 if asked.seeds is None else asked.seeds,
        seconds=asked.seconds,
        mode=asked.mode,
        zones=asked.zones,
        methods=asked.methods or tuple(METHODS),
    )
    found = engine.measure(course)
    print(engine.report(course, found), end="\n\n")
    for path in engine.draw(course, found, asked.svg or engine.OUT):
        print(f"Written: {path}")
    return 0 if engine.is_sound(found) else 1


def _pentameter(asked: argparse.Namespace) -> int:
    from bench import pentameter

    weeks = pentameter.WEEKS if asked.weeks is None else asked.weeks
    seed = pentameter.SEED if asked.seed is None else asked.seed
    found = pentameter.replay(weeks=weeks, seed=seed)
    print(pentameter.report(found))
    return 1 if found.broken else 0


def _week(asked: argparse.Namespace) -> int:
    from bench import week

    found = week.play(seed=week.SEED if asked.seed is None else asked.seed)
    print(week.report(found))
    return 1 if found.broken else 0


def _fuzz(asked: argparse.Namespace) -> int:
    from bench import fuzz

    tried = fuzz.run(asked.files)
    print(fuzz.report(tried))
    return 1 if tried.faults else 0


def _policies(asked: argparse.Namespace) -> int:
    from bench import policies

    seeds = policies.SEEDS if asked.seeds is None else asked.seeds
    days = policies.DAYS if asked.days is None else asked.days
    return policies.run(seeds=seeds, days=days, orders=asked.orders)


def _answers(asked: argparse.Namespace) -> int:
    from bench import answers

    return answers.run(seeds=answers.SEEDS if asked.seeds is None else asked.seeds)


def _audit(_: argparse.Namespace) -> int:
    from bench import audit

    found = audit.measure()
    print(audit.report(found), end="\n\n")
    return 0 if found.is_whole else 1


def _webhooks(asked: argparse.Namespace) -> int:
    from bench import killed_workers, webhooks

    times = webhooks.TIMES if asked.times is None else asked.times
    return webhooks.run(times=times, course=killed_workers.Course())


def _fields(_: argparse.Namespace) -> int:
    from bench import fields

    print(fields.report(fields.measure()))
    return 0


def _live(_: argparse.Namespace) -> int:
    from bench import live

    print(live.report(live.measure()), end="\n\n")
    return 0


def _signed(_: argparse.Namespace) -> int:
    from bench import signed

    print(signed.report(signed.measure()), end="\n\n")
    return 0


RUNS: dict[str, Callable[[argparse.Namespace], int]] = {
    "proposal": _proposal,
    "engine": _engine,
    "pentameter": _pentameter,
    "week": _week,
    "fuzz": _fuzz,
    "policies": _policies,
    "answers": _answers,
    "audit": _audit,
    "webhooks": _webhooks,
    "fields": _fields,
    "live": _live,
    "signed": _signed,
}
EVERY_TIME = ("proposal", "engine", "pentameter")


if __name__ == "__main__":
    sys.exit(main())
