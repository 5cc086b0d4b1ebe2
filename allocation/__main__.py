"""The command line: ``python -m allocation solve|verify|explain|value|simulate``."""

import argparse
import json
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import allocation
from allocation.document import MAX_DOCUMENT_BYTES
from allocation.guard import guarded
from allocation.reading import ProblemError

BAD_INPUT = 2
WRONG_PLAN = 1
INTERRUPTED = 130
DEFAULT_MEMORY_MB = 4096


class Parser(argparse.ArgumentParser):
    """Says which commands exist when one is missing or unknown."""

    def error(self, message: str) -> NoReturn:
        """Print the message and the usage; exit 2."""
        self.print_usage(sys.stderr)
        self.exit(BAD_INPUT, printable(f"{self.prog}: {message}") + "\n")


def printable(said: str) -> str:
    """Return a text as one line that every terminal can show."""
    return re.sub("[^ -~]", lambda odd: odd[0].encode("unicode_escape").decode(), said)


def complain(said: str) -> int:
    """Say on one line why there is no answer; return the exit code for that."""
    print(printable(f"python -m allocation: {said}"), file=sys.stderr)
    return BAD_INPUT


def read_bytes(name: str) -> bytes:
    """Return a file's bytes, or standard input's for ``-``.

    Raises:
        ProblemError: it cannot be read, or is larger than we take.
    """
    try:
        if name == "-":
            content = sys.stdin.buffer.read(MAX_DOCUMENT_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        raise ProblemError(name, f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise ProblemError("", "the file name holds a NUL character") from None
    return content


def show(document: Any) -> None:
    """Print a document as JSON that every terminal can show."""
    print(json.dumps(document, indent=2))


def solve_command(args: argparse.Namespace) -> int:
    """Print the plan."""
    problem = allocation.parse_problem(read_bytes(args.problem))
    show(allocation.plan_to_json(allocation.solve(problem, seconds=args.seconds)))
    return 0


def verify_command(args: argparse.Namespace) -> int:
    """Print what is wrong with the plan, one line each."""
    problem, plan = read_both(args)
    wrong = allocation.verify(problem, plan)
    for line in wrong:
        print(printable(line))
    if not wrong:
        print(f"The plan keeps every rule and its figures are right ({plan.status}).")
    return WRONG_PLAN if wrong else 0


def explain_command(args: argparse.Namespace) -> int:
    """Print why this household has this room, and for every other refuge why not."""
    problem, plan = read_both(args)
    show(allocation.explain(problem, plan, args.household, seconds=args.seconds))
    return 0


def value_command(args: argparse.Namespace) -> int:
    """Print what one more room of each size and region would change."""
    problem = allocation.parse_problem(read_bytes(args.problem))
    show(allocation.value_of_one_more(problem, seconds=args.seconds))
    return 0


def simulate_command(args: argparse.Namespace) -> int:
    """Print what each policy makes of a scenario."""
    scenario = allocation.parse_scenario(read_bytes(args.scenario))
    show(allocation.compare_policies(scenario, seeds=args.seeds))
    return 0


def read_both(args: argparse.Namespace) -> tuple[allocation.Problem, allocation.Plan]:
    """Read the problem and the plan; only one of them may come from standard input."""
    if args.problem == args.plan == "-":
        raise ProblemError("", "only one of the two files can be standard input")
    problem = told_by(args.problem, allocation.parse_problem)
    return problem, told_by(args.plan, allocation.parse_plan)


def told_by(name: str, parse: Callable[[bytes], Any]) -> Any:
    """Parse a file and name it in front of every complaint."""
    try:
        return parse(read_bytes(name))
    except ProblemError as error:
        raise ProblemError("", f"{name}: {error}") from None


def seconds(given: str) -> float:
    """Read a time limit in seconds, more than 0."""
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError("must be a number of seconds, more than 0, up to 86400")
    return value


def memory(given: str) -> int:
    """Read a limit on memory in MB; below 512 the solver could not even be loaded."""
    if not re.fullmatch("[0-9]{1,9}", given) or int(given) < 512:
        raise argparse.ArgumentTypeError("must be a whole number of MB, at least 512")
    return int(given)


def seeds(given: str) -> int:
    """Read a number of seeds, 1 to 1000."""
    if not (given.isascii() and given.isdigit() and 1 <= int(given) <= 1000):
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 1000")
    return int(given)


def parser() -> Parser:
    """Return the parser with one sub-command for each thing it can do."""
    top = Parser(prog="python -m allocation", description=__doc__)
    limits = Parser(add_help=False)
    limits.add_argument(
        "--memory-mb",
        type=memory,
        default=DEFAULT_MEMORY_MB,
        help="stop with exit code 2 rather than use more memory (default %(default)s)",
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    solving = commands.add_parser("solve", parents=[limits], help="print the best plan as JSON")
    solving.add_argument("problem", help="a waymark.problem/1 file, or - for standard input")
    solving.add_argument("--seconds", type=seconds, default=allocation.DEFAULT_SECONDS)
    solving.set_defaults(run=solve_command)

    verifying = commands.add_parser(
        "verify", parents=[limits], help="check a plan without a solver"
    )
    verifying.add_argument("problem")
    verifying.add_argument("plan")
    verifying.set_defaults(run=verify_command)

    explaining = commands.add_parser(
        "explain", parents=[limits], help="say why this room, and why no other"
    )
    explaining.add_argument("problem")
    explaining.add_argument("plan")
    explaining.add_argument("household", help="a household's id")
    explaining.add_argument(
        "--seconds",
        type=seconds,
        default=allocation.PROVE_SECONDS,
        help="how long to prove costs that are not shown to be the lowest (default %(default)s)",
    )
    explaining.set_defaults(run=explain_command)

    valuing = commands.add_parser(
        "value", parents=[limits], help="say what one more room would change"
    )
    valuing.add_argument("problem")
    valuing.add_argument("--seconds", type=seconds, default=allocation.DEFAULT_SECONDS)
    valuing.set_defaults(run=value_command)

    simulating = commands.add_parser("simulate", help="compare policies over many days")
    simulating.add_argument("scenario", help="a waymark.scenario/1 file, or -")
    simulating.add_argument("--seeds", type=seeds, default=5, help="how often it is played")
    simulating.set_defaults(run=simulate_command)
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one command in this process, without a limit on memory; return its exit code."""
    return run(parser().parse_args(arguments))


def run(args: argparse.Namespace) -> int:
    """Run one command and return its exit code; bad input is one line on stderr."""
    try:
        code = int(args.run(args))
        sys.stdout.flush()
    except ProblemError as error:
        return complain(str(error))
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        return complain(f"the answer cannot be written: {error.strerror}")
    except MemoryError:
        return complain("the problem does not fit into memory")
    except ImportError as error:
        return complain(f"the solver cannot be loaded: {error}")
    return code


def main_with_limit() -> int:
    """Run one command in a process of its own that may use so much memory and no more."""
    args = parser().parse_args()
    try:
        code = guarded(lambda: run(args), args.memory_mb)
    except KeyboardInterrupt:
        return INTERRUPTED
    if code is None:
        limit = f"most often a problem that does not fit into {args.memory_mb} MB of memory"
        return complain(f"the solver was stopped by the system: {limit}")
    return code


if __name__ == "__main__":
    sys.exit(main_with_limit())
