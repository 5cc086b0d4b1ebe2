"""``python -m bench [NAME] [options]``: run the benchmarks, print tables."""

from __future__ import annotations

import argparse
import sys

from bench import first_proposal, fuzz, pentameter, policies


def main() -> int:
    """Exit 1 when what must always hold did not."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure Waymark; prints a table.")
    parser.add_argument(
        "name",
        nargs="?",
        choices=["fuzz", "pentameter", "proposal", "policies"],
        help="one benchmark only; policies takes an hour and runs only when named",
    )
    parser.add_argument("--weeks", type=int, default=pentameter.WEEKS, choices=range(1, 27))
    parser.add_argument("--seed", type=int, default=pentameter.SEED)
    parser.add_argument("--files", type=int, default=100_000, help="spoilt files for fuzz")
    parser.add_argument("--seeds", type=int, default=policies.SEEDS, choices=range(2, 101))
    parser.add_argument("--days", type=int, default=policies.DAYS, choices=range(1, 366))
    parser.add_argument("--orders", action="store_true", help="policies: compare engine orders")
    asked = parser.parse_args()
    if asked.name == "fuzz":
        tried = fuzz.run(asked.files)
        print(fuzz.report(tried))
        return 1 if tried.faults else 0
    if asked.name == "policies":
        return policies.run(seeds=asked.seeds, days=asked.days, orders=asked.orders)
    if asked.name in (None, "proposal"):
        print(first_proposal.report(first_proposal.measure()), end="\n\n")
    if asked.name == "proposal":
        return 0
    found = pentameter.replay(weeks=asked.weeks, seed=asked.seed)
    print(pentameter.report(found))
    return 1 if found.broken else 0


if __name__ == "__main__":
    sys.exit(main())
