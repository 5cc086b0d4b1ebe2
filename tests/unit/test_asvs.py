"""The table of OWASP ASVS 5.0: complete, and each test that it names is there."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

from script.asvs import STATUSES, read_rows, written

ROOT = Path(__file__).resolve().parents[2]
# How many requirements of levels 1 and 2 each section has. Source: OWASP ASVS 5.0.0.
COUNTS = (
    "1.1:2 1.2:9 1.3:11 1.4:3 1.5:2 2.1:3 2.2:3 2.3:4 2.4:1 3.2:2 3.3:4 3.4:6 3.5:5 3.7:2"
    " 4.1:3 4.2:1 4.3:2 4.4:4 5.1:1 5.2:3 5.3:2 5.4:3 6.1:3 6.2:12 6.3:4 6.4:4 6.5:5"
    " 6.6:3 6.8:4 7.1:3 7.2:4 7.3:2 7.4:5 7.5:2 7.6:2 8.1:2 8.2:3 8.3:1 8.4:1 9.1:3 9.2:4"
    " 10.1:2 10.2:2 10.3:4 10.4:11 10.5:5 10.6:2 10.7:3 11.1:2 11.2:3 11.3:3 11.4:4"
    " 11.5:1 11.6:1 12.1:3 12.2:2 12.3:4 13.1:1 13.2:5 13.3:2 13.4:5 14.1:2 14.2:4 14.3:3"
    " 15.1:3 15.2:3 15.3:7 16.1:1 16.2:5 16.3:4 16.4:3 16.5:3 17.1:1 17.2:4 17.3:2"
)
SECTIONS = {section: int(count) for section, count in (pair.split(":") for pair in COUNTS.split())}
LEVEL_3 = (
    "1.2.10 1.3.12 2.3.5 3.4.7 3.4.8 3.5.8 4.1.4 6.3.5 6.3.6 6.3.7 6.3.8 7.5.3 8.2.4 8.3.2 11.3.4"
    " 12.1.4 12.1.5 13.1.2 13.1.3 13.3.4 14.2.6 14.2.7 15.2.4 15.4.1 15.4.2 15.4.3 15.4.4 16.5.4"
)


def names_of_tests() -> set[str]:
    sources = (ROOT / "tests").rglob("test_*.py")
    return {
        name for path in sources for name in re.findall(r"def (test_\w+)", path.read_text("utf-8"))
    }


def test_every_requirement_of_levels_1_and_2_has_its_row() -> None:
    rows = read_rows()
    counted = Counter(row["id"].rpartition(".")[0] for row in rows if row["level"] in "12")
    levels = Counter(row["level"] for row in rows)

    assert counted == SECTIONS
    assert sum(SECTIONS.values()) == levels["1"] + levels["2"] == 253
    assert levels["1"] == 70
    assert [row["id"] for row in rows if row["level"] == "3"] == LEVEL_3.split()
    assert len({row["id"] for row in rows}) == len(rows)


def test_what_is_met_says_how_and_by_which_test_and_the_tests_are_there() -> None:
    known = names_of_tests()
    for row in read_rows():
        assert row["status"] in STATUSES, row["id"]
        assert row["how"], row["id"]
        named = row["tested_by"].split()
        assert bool(named) is (row["status"] == "met"), row["id"]
        for name in named:
            is_there = name == "review" or name in known or (ROOT / name).is_file()
            assert is_there, (row["id"], name)


def test_the_page_says_what_the_table_says() -> None:
    assert (ROOT / "docs" / "asvs.md").read_text("utf-8") == written()


def test_the_table_is_plain_csv() -> None:
    with (ROOT / "docs" / "asvs.csv").open(encoding="utf-8", newline="") as file:
        assert {len(row) for row in csv.reader(file)} == {6}
