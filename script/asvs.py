"""Write docs/asvs.md from docs/asvs.csv: ``python -m script.asvs``."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
STATUSES = {"met": "met", "not met": "**not met**", "operator": "operator's"}
CHAPTERS = {
    "1": "Encoding and sanitisation",
    "2": "Validation and business logic",
    "3": "Web front end",
    "4": "API and web service",
    "5": "Files",
    "6": "Authentication",
    "7": "Sessions",
    "8": "Authorisation",
    "9": "Self-contained tokens",
    "10": "OAuth and OIDC",
    "11": "Cryptography",
    "12": "Secure communication",
    "13": "Configuration",
    "14": "Data protection",
    "15": "Secure coding and architecture",
    "16": "Logging and errors",
    "17": "WebRTC",
}
HEAD = """# OWASP ASVS 5.0

Every requirement of levels 1 and 2 (253), and the ones of level 3 that we take, in our own short
words. The numbers are those of the [OWASP Application Security Verification Standard
5.0.0](https://github.com/OWASP/ASVS) (CC BY-SA 4.0), which holds the full text. This page is
written from `asvs.csv` by `python -m script.asvs`; `tests/unit/test_asvs.py` checks that the list
is complete and that each test it names is there.

"Met" says how and by which test; `review` means that somebody read the code and no test would
notice. "Operator's" is for whoever runs Waymark. What is not met is said so.

"""


def read_rows() -> list[dict[str, str]]:
    with (DOCS / "asvs.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def written() -> str:
    """The page."""
    rows = read_rows()
    text = HEAD + _totals(rows)
    for number, name in CHAPTERS.items():
        text += f"\n## {number} {name}\n\n| id | level | asks | status | how | tested by |\n"
        text += "|---|---|---|---|---|---|\n"
        text += "".join(_line(row) for row in rows if row["id"].split(".")[0] == number)
    return text


def _totals(rows: list[dict[str, str]]) -> str:
    count = Counter((row["level"], row["status"]) for row in rows)
    text = "| level | met | not met | operator's |\n|---|---|---|---|\n"
    for level in "123":
        figures = " | ".join(str(count[level, status]) for status in STATUSES)
        text += f"| {level} | {figures} |\n"
    unread = sum(row["tested_by"] == "review" for row in rows)
    return f"{text}\nOf those met, {unread} rest on review alone.\n"


def _line(row: dict[str, str]) -> str:
    tests = "<br>".join(f"`{name}`" for name in row["tested_by"].split())
    status = STATUSES[row["status"]]
    return f"| {row['id']} | {row['level']} | {row['asks']} | {status} | {row['how']} | {tests} |\n"


if __name__ == "__main__":
    (DOCS / "asvs.md").write_text(written(), encoding="utf-8")
