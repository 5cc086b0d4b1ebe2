"""Look at what Waymark is made of: locks, secrets, and known faults of what it depends on.

Exit code 0: looked, and found nothing. 1: found something, or could not look. 3: found nothing, but
what is known of faults is too old to call that an answer.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from detect_secrets.core import baseline
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

from script.advisories import FRESH_DAYS, CouldNotLookError, read_knowledge

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.txt", "requirements-dev.txt")
BASELINE = ".secrets.baseline"
OLD_KNOWLEDGE = 3
# Hashes, what is made from our sources, public lists and a picture: no place for a secret of ours.
NOT_OURS = re.compile(
    r"^requirements.*\.txt$|package-lock\.json$|^app/static/|^\.secrets|^data/.*\.csv$|^data/twilio/"
    r"|\.png$"
)
PIN = re.compile(r"([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)")
SKIPPED = {".git", ".venv", "var", "node_modules", "__pycache__", "out"}


def main(arguments: Sequence[str]) -> int:
    found = [*unsafe_lines(ROOT), *new_secrets(ROOT, tracked(ROOT)), *known_faults(ROOT)]
    for line in found:
        print(f"FOUND: {line}")
    if found:
        return 1
    return say_how_far_we_see(ROOT)


def unsafe_lines(root: Path) -> Iterator[str]:
    """Requirements that are not pinned to one version with at least one hash."""
    for name in LOCKS:
        entries = re.split(r"\n(?=\S)", (root / name).read_text("utf-8").strip())
        requirements = [entry for entry in entries if entry and not entry.startswith("#")]
        for entry in requirements:
            if not PIN.match(entry) or "--hash=sha256:" not in entry:
                yield f"{name}: {entry.splitlines()[0].strip()} is not pinned with a hash"
        if not requirements:
            yield f"{name}: there is nothing in it"


def pins(root: Path) -> dict[str, str]:
    """Every locked package and its version; what is in both locks has one version."""
    text = "\n".join((root / name).read_text("utf-8") for name in LOCKS)
    return {match[1]: match[2] for match in map(PIN.match, text.splitlines()) if match}


def tracked(root: Path) -> list[str]:
    """What belongs to the project: what git knows, or, without git, every file that is ours."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=False,
    )
    names = listed.stdout.split("\0") if listed.returncode == 0 else _walk(root)
    return [name for name in names if name and not NOT_OURS.search(name)]


def _walk(root: Path) -> list[str]:
    return [
        str(path.relative_to(root))
        for path in sorted(root.rglob("*"))
        if path.is_file() and not SKIPPED & set(path.relative_to(root).parts)
    ]


def new_secrets(root: Path, names: Sequence[str]) -> Iterator[str]:
    """What looks like a secret and is not in the baseline, by file, line and kind; never itself."""
    try:
        given = json.loads((root / BASELINE).read_text("utf-8"))
        known = baseline.load(given, BASELINE)
    except (OSError, ValueError, KeyError):
        yield f"{BASELINE} cannot be read: nothing was looked at"
        return
    with transient_settings({"plugins_used": given["plugins_used"]}):
        looked = SecretsCollection(root=str(root))
        looked.scan_files(*names)
    accepted = {(name, each.type, each.secret_hash) for name, each in known}
    for name, secret in looked:
        if (name, secret.type, secret.secret_hash) not in accepted:
            yield f"{name}:{secret.line_number}: {secret.type}"


def known_faults(root: Path) -> Iterator[str]:
    try:
        yield from read_knowledge(root / "data" / "advisories" / "advisories.json").faults(
            pins(root)
        )
    except CouldNotLookError as error:
        yield f"could not look for known faults: {error}"


def say_how_far_we_see(root: Path) -> int:
    """Nothing was found: say how much that is worth."""
    knowledge = read_knowledge(root / "data" / "advisories" / "advisories.json")
    locked = pins(root)
    unseen = sorted(set(locked) - knowledge.looked_up)
    days = knowledge.days_old(datetime.now(UTC).date())
    print(f"{len(locked)} packages are pinned with hashes. No new secret. No known fault,")
    print(f"but only faults known until {knowledge.known_until}, {days} days ago, were looked for,")
    print(f"and {len(unseen)} of the packages were not looked up (docs/supply-chain.md).")
    if days > FRESH_DAYS or unseen:
        print(f"THIS IS NO CLEAN BILL: renew data/advisories ({FRESH_DAYS} days are fresh).")
        return OLD_KNOWLEDGE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
