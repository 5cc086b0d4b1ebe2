"""Read our own code for what must not be in it; ``.semgrep/waymark.yml`` says the same to semgrep.

Each rule is a thing that has leaked or broken a service like this one. A place that must differ
says why beside it: ``# nosemgrep: NAME - the reason``.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CODE = ("app", "allocation", "config.py", "wsgi.py")
TEMPLATES = ("app/templates", "app/demo_phone/templates")
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
LOGGERS = {"log", "logger", "logging"}
CLIENTS = {"requests", "httpx"}
CLIENT_METHODS = {"get", "post", "put", "patch", "delete", "head", "request"}
SQL_CALLS = {"text", "execute", "exec_driver_sql", "scalar", "scalars"}
# A field of this name in a log would be somebody's: theirs to know, nobody's to keep.
PERSONAL = re.compile(
    r"phone|e_?mail|\bname\b|body|incident_ref|\bnote\b|place|password|token|secret|address"
)
ALLOWED = re.compile(r"#\s*nosemgrep:\s*([a-z-]+)\s+-\s+\S")
Rule = Callable[[ast.Call], bool]


def _name(node: ast.expr) -> str:
    """``a.b.c`` as it is written; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _name(node.value)
        return f"{before}.{node.attr}" if before else node.attr
    return ""


def _called(node: ast.Call) -> tuple[str, str]:
    """What is called: (what stands before the last dot, the last word)."""
    owner, _, last = _name(node.func).rpartition(".")
    return owner, last


def _is_log(node: ast.Call) -> bool:
    owner, last = _called(node)
    return owner.split(".")[-1] in LOGGERS and last in LOG_METHODS


def logs_an_exceptions_words(node: ast.Call) -> bool:
    """``log.warning("...", error=str(error))``: the words of psycopg hold the value it refused."""
    if not _is_log(node):
        return False
    asked_for_trace = any(each.arg == "exc_info" for each in node.keywords)
    parts = [*node.args, *(each.value for each in node.keywords)]
    return asked_for_trace or _called(node)[1] == "exception" or any(map(_has_words, parts))


def _has_words(part: ast.expr) -> bool:
    return any(
        (isinstance(node, ast.Call) and _name(node.func) in ("str", "repr"))
        and bool(node.args)
        and _name(node.args[0]) in ("error", "exc", "e", "fault", "exception")
        for node in ast.walk(part)
    )


def logs_a_person(node: ast.Call) -> bool:
    """A field of a log that is called as something personal, or a text put together for the log."""
    if not _is_log(node):
        return False
    if any(isinstance(argument, ast.JoinedStr) for argument in node.args):
        return True
    return any(each.arg and PERSONAL.search(each.arg) for each in node.keywords)


def builds_sql(node: ast.Call) -> bool:
    """SQL from an f-string, ``%`` or ``+``: a value in it is a statement of whoever typed it."""
    _, last = _called(node)
    return last in SQL_CALLS and bool(node.args) and _is_built(node.args[0])


def _is_built(text: ast.expr) -> bool:
    if isinstance(text, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in text.values)
    if isinstance(text, ast.BinOp):
        return isinstance(text.op, ast.Mod | ast.Add) and not _is_constant(text)
    return isinstance(text, ast.Call) and _called(text)[1] == "format" and _is_text(text)


def _is_text(call: ast.Call) -> bool:
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    return isinstance(owner, ast.Constant) and isinstance(owner.value, str)


def _is_constant(node: ast.expr) -> bool:
    return all(isinstance(each, ast.Constant | ast.BinOp | ast.operator) for each in ast.walk(node))


def renders_a_string(node: ast.Call) -> bool:
    """A template made while running: what is typed into it is run."""
    return _called(node)[1] in ("render_template_string", "from_string")


def marks_as_safe(node: ast.Call) -> bool:
    """``Markup(...)`` of anything but a constant: its tags are believed."""
    is_markup = _called(node)[1] == "Markup" and bool(node.args)
    return is_markup and not isinstance(node.args[0], ast.Constant)


def has_no_zone(node: ast.Call) -> bool:
    """A time without its zone, or by this machine's clock where the database's counts."""
    owner, last = _called(node)
    if not owner.endswith(("datetime", "date")):
        return False
    if last in ("utcnow", "utcfromtimestamp", "today"):
        return True
    return last == "now" and not node.args and not node.keywords


def waits_for_ever(node: ast.Call) -> bool:
    """A call to another machine without ``timeout``."""
    owner, last = _called(node)
    if owner not in CLIENTS or last not in CLIENT_METHODS:
        return False
    return "timeout" not in {each.arg for each in node.keywords}


def runs_a_shell(node: ast.Call) -> bool:
    owner, last = _called(node)
    if owner == "os" and last in ("system", "popen"):
        return True
    return any(
        each.arg == "shell" and not (isinstance(each.value, ast.Constant) and not each.value.value)
        for each in node.keywords
    )


def runs_what_it_reads(node: ast.Call) -> bool:
    owner, last = _called(node)
    if not owner and last in ("eval", "exec", "compile"):
        return True
    return (owner, last) in {
        ("pickle", "loads"),
        ("pickle", "load"),
        ("marshal", "loads"),
        ("yaml", "load"),
        ("yaml", "unsafe_load"),
    }


RULES: dict[str, Rule] = {
    "words-in-log": logs_an_exceptions_words,
    "person-in-log": logs_a_person,
    "built-sql": builds_sql,
    "string-template": renders_a_string,
    "marked-safe": marks_as_safe,
    "no-zone": has_no_zone,
    "no-timeout": waits_for_ever,
    "shell": runs_a_shell,
    "eval": runs_what_it_reads,
}
# ``request.files``: nobody uploads anything here. ``request.values``: what a form says and what an
# address says are two things, and a rule on one must not be got round by the other.
READS = {"request.files": "upload", "request.values": "mixed-values"}
SAFE_FILTER = re.compile(r"\|\s*safe\b|\{%-?\s*autoescape\s+false")


def breaches(source: str) -> Iterator[tuple[int, str]]:
    """(line, rule) of everything in a Python source that a rule forbids and no comment allows."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        for name in _broken_by(node):
            number, end = _lines_of(node)
            near = lines[max(number - 2, 0) : end]
            if name not in {found for line in near for found in ALLOWED.findall(line)}:
                yield number, name


def _lines_of(node: ast.AST) -> tuple[int, int]:
    number = int(getattr(node, "lineno", 1))
    return number, int(getattr(node, "end_lineno", None) or number)


def _broken_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call):
        yield from (name for name, rule in RULES.items() if rule(node))
    if isinstance(node, ast.Attribute) and _name(node) in READS:
        yield READS[_name(node)]


def breaches_of_template(source: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(source.splitlines(), 1):
        if SAFE_FILTER.search(line):
            yield number, "safe-filter"


def files(places: Sequence[str], ending: str) -> Iterator[Path]:
    for place in places:
        path = ROOT / place
        found = [path] if path.is_file() else sorted(path.rglob(f"*{ending}"))
        yield from (each for each in found if "node_modules" not in each.parts)


def main(arguments: Sequence[str]) -> int:
    found = []
    for path in files(CODE, ".py"):
        found += [(path, *each) for each in breaches(path.read_text("utf-8"))]
    for path in files(TEMPLATES, ".html"):
        found += [(path, *each) for each in breaches_of_template(path.read_text("utf-8"))]
    for path, line, name in found:
        print(f"{path.relative_to(ROOT)}:{line}: {name}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
