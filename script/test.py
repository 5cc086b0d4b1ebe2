"""Run every check, all of them even after a failure, and say how long each took."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from script.supply_chain import OLD_KNOWLEDGE

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as run; run()"


@dataclass(frozen=True)
class Stage:
    """One check: its name, and what Python is asked to run."""

    name: str
    arguments: Sequence[str]
    words: Mapping[int, str] = field(default_factory=dict)  # for a code that is no failure

    def run(self) -> Result:
        print(f"\n== {self.name}", flush=True)
        begin = time.monotonic()
        code = subprocess.run([sys.executable, *self.arguments], check=False).returncode
        seconds = time.monotonic() - begin
        if code in self.words:
            return Result(self.name, 0, seconds, self.words[code])
        return Result(self.name, code, seconds)


@dataclass(frozen=True)
class Result:
    """How one check ended."""

    name: str
    code: int
    seconds: float
    words: str = ""

    def __str__(self) -> str:
        verdict = self.words or ("ok" if self.code == 0 else "FAILED")
        return f"  {self.name:<8} {verdict:<7} {self.seconds:6.1f} s"


CHECKS = (
    Stage("format", ["-m", "ruff", "format", "--check", "."]),
    Stage("style", ["-m", "ruff", "check", "."]),
    Stage("types", ["-m", "mypy"]),
    Stage("imports", ["-c", LINT_IMPORTS, "--no-logo"]),
    # A calendar alone turns nobody's change red; nor is it called ok (docs/supply-chain.md).
    Stage("supply", ["-m", "script.supply_chain"], {OLD_KNOWLEDGE: "OLD"}),
)


def main(arguments: Sequence[str]) -> int:
    if arguments:
        return Stage("tests", ["-m", "pytest", *arguments]).run().code
    browser = find_browser() or install_browser()
    stages = [*CHECKS, _tests("tests", "not browser")]
    if browser:
        # Apart from the rest: the browser's driver leaves a running event loop in its process.
        stages.append(_tests("browser", "browser"))
    results = [stage.run() for stage in stages]
    total = Result("all", max(abs(result.code) for result in results), _seconds(results))
    print(*("", *results, total), sep="\n")
    if not browser:
        print(
            "\nNO BROWSER TEST WAS RUN: there is no Chromium here. "
            "Install it (Debian: apt-get install chromium) and run script/test again."
        )
    return total.code


def _tests(name: str, which: str) -> Stage:
    """Tests of a kind, one process for each core; the tests of one file stay together."""
    cores = str(len(os.sched_getaffinity(0)))
    return Stage(name, ["-m", "pytest", "-m", which, "-n", cores, "--dist", "loadfile"])


def find_browser() -> str | None:
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def install_browser() -> str | None:
    """Install Debian's Chromium where that needs nobody's password."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    print("== browser: installing Chromium for the browser tests", flush=True)
    unattended = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update"],
        ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"],
    ):
        subprocess.run(command, check=False, env=unattended, stdout=subprocess.DEVNULL)
    return find_browser()


def _seconds(results: Sequence[Result]) -> float:
    return sum(result.seconds for result in results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
