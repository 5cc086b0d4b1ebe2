"""Our rules on code: our own breaks none, and each notices what it is for, in both readers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from script.code_rules import READS, RULES, breaches, breaches_of_template, main

ROOT = Path(__file__).resolve().parents[2]
SEMGREP_RULES = ROOT / ".semgrep" / "waymark.yml"
# Each rule, a line that breaks it, and one beside it that does not.
EXAMPLES = [
    ("words-in-log", 'log.warning("failed", error=str(error))', 'log.warning("failed", n=str(n))'),
    ("words-in-log", 'log.exception("failed")', 'log.error("failed", **described(error))'),
    ("words-in-log", 'log.error("x", exc_info=True)', 'log.error("x", kind=type(error).__name__)'),
    ("person-in-log", 'log.info("rang", callback_phone=number)', 'log.info("rang", attempt=2)'),
    ("person-in-log", 'log.info(f"rang {number}")', 'log.info("rang")'),
    ("built-sql", 'text(f"SELECT {name}")', 'text("SELECT :name")'),
    ("built-sql", 'text("SELECT %s" % name)', 'text("SELECT 1")'),
    ("string-template", "render_template_string(typed)", 'render_template("a.html")'),
    ("no-zone", "datetime.now()", "datetime.now(UTC)"),
    ("no-zone", "date.today()", "now.date()"),
    ("no-timeout", "requests.get(url)", "requests.get(url, timeout=5)"),
    ("shell", "subprocess.run(line, shell=True)", "subprocess.run([program])"),
    ("shell", "os.system(line)", "os.kill(pid, 9)"),
    ("eval", "eval(typed)", "int(typed)"),
    ("eval", "pickle.loads(body)", "json.loads(body)"),
    ("upload", "request.files", "request.form"),
    ("mixed-values", "request.values", "request.args"),
]
ONLY_OURS = {"marked-safe"}  # semgrep has no short way to say "anything but a constant"


def test_our_code_breaks_none_of_our_rules(capsys: pytest.CaptureFixture[str]) -> None:
    code = main([])

    assert capsys.readouterr().out == ""
    assert code == 0


@pytest.mark.parametrize(("rule", "bad", "good"), EXAMPLES)
def test_a_rule_notices_its_breach(rule: str, bad: str, good: str) -> None:
    assert [found for _, found in breaches(bad)] == [rule]
    assert list(breaches(good)) == []


def test_text_that_is_believed_to_be_html_is_noticed() -> None:
    assert [rule for _, rule in breaches("Markup(typed)")] == ["marked-safe"]
    assert list(breaches('Markup("<b>{}</b>").format(typed)')) == []
    assert list(breaches_of_template("<p>{{ typed|safe }}</p>")) == [(1, "safe-filter")]
    assert list(breaches_of_template("{% autoescape false %}")) == [(1, "safe-filter")]
    assert list(breaches_of_template("<p>{{ typed }} is safe</p>")) == []


def test_a_place_that_differs_says_why() -> None:
    assert list(breaches("eval(x)  # nosemgrep: eval - a constant of ours")) == []
    assert list(breaches("eval(x)  # nosemgrep: eval"))  # no reason
    assert list(breaches("eval(x)  # nosemgrep: shell - another rule"))


def test_every_rule_has_an_example_and_its_twin() -> None:
    twins = set(re.findall(r"^  - id: ([a-z-]+)$", SEMGREP_RULES.read_text("utf-8"), re.MULTILINE))

    ours = {*RULES, *READS.values()}
    assert {rule for rule, _, _ in EXAMPLES} | ONLY_OURS == ours
    assert twins | ONLY_OURS == ours | {"safe-filter"}


def semgrep(*places: Path | str) -> subprocess.CompletedProcess[str]:
    program = os.environ.get("SEMGREP") or shutil.which("semgrep")
    if program is None:
        pytest.skip("SEMGREP WAS NOT RUN: it is not on PATH; our own reader of the same rules was")
    command = [program, "scan", "--config", str(SEMGREP_RULES), "--error", "--quiet"]
    command += ["--metrics=off", "--disable-version-check", "--no-git-ignore", *map(str, places)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_semgrep_says_the_same_of_our_code() -> None:
    result = semgrep("app", "allocation", "config.py", "wsgi.py")

    assert result.returncode == 0, result.stdout + result.stderr


def test_semgrep_notices_every_example(tmp_path: Path) -> None:
    for number, (rule, bad, good) in enumerate(EXAMPLES):
        (tmp_path / f"bad_{number}_{rule}.py").write_text(bad + "\n")
        (tmp_path / f"good_{number}.py").write_text(good + "\n")
    (tmp_path / "bad_page.html").write_text("{{ typed|safe }}\n")
    (tmp_path / "good_page.html").write_text("{{ typed }}\n")

    said = semgrep(tmp_path).stdout

    assert "good_" not in said
    for path in tmp_path.glob("bad_*"):
        assert path.name in said, path.name
