"""The commands, their exit codes, and that bad input never gives a traceback."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from allocation import problem_to_json
from allocation.__main__ import main
from tests.unit.allocation.instances import make_household, make_problem, make_refuge

PROBLEM = make_problem((make_household("h1"), make_household("h2", priority=3)), make_refuge())


@pytest.fixture
def problem_file(tmp_path: Path) -> str:
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(problem_to_json(PROBLEM)))
    return str(path)


@pytest.fixture
def plan_file(tmp_path: Path, problem_file: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["solve", problem_file]) == 0
    path = tmp_path / "plan.json"
    path.write_text(capsys.readouterr().out)
    return str(path)


def test_a_solved_plan_verifies(
    problem_file: str, plan_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", problem_file, plan_file]) == 0
    assert "keeps every rule" in capsys.readouterr().out


def test_a_spoilt_plan_lists_what_is_wrong_and_exits_1(
    problem_file: str, plan_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = json.loads(Path(plan_file).read_text())
    plan["placements"][0]["household"] = "h2"
    Path(plan_file).write_text(json.dumps(plan))

    assert main(["verify", problem_file, plan_file]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "unplaced: h1 is neither placed nor unplaced" in lines
    assert "objective: placed_priority_2 is 0, not 1" in lines


def test_explain_and_value_print_json(
    problem_file: str, plan_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", problem_file, plan_file, "h1"]) == 0
    assert json.loads(capsys.readouterr().out)["household"] == "h1"
    assert main(["value", problem_file, "--seconds", "5"]) == 0
    assert json.loads(capsys.readouterr().out)["one_more_room"][0]["bed_spaces"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["solve", "/nowhere/problem.json"], "cannot be read: No such file"),
        (["solve", "/"], "cannot be read"),
        (["solve", "a\0b"], "NUL"),
        (["explain", "{problem}", "{plan}", "h9"], 'there is no household "h9"'),
        (["verify", "{problem}", "{problem}"], "format: must be"),
        (["verify", "-", "-"], "only one of the two"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_2(
    arguments: list[str],
    said: str,
    problem_file: str,
    plan_file: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [a.replace("{problem}", problem_file).replace("{plan}", plan_file) for a in arguments]

    assert main(given) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["solve"],
        ["solve", "p", "--seconds", "0"],
        ["solve", "p", "--seconds", "x"],
        ["solve", "p", "--memory-mb", "511"],
        ["solve", "p", "--memory-mb", "x"],
    ],
)
def test_a_wrong_command_says_which_exist_and_exits_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    assert "usage: python -m allocation" in capsys.readouterr().err


def test_an_unknown_command_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["dance"])

    said = capsys.readouterr().err
    assert all(f"'{command}'" in said for command in ("solve", "verify", "explain", "value"))


def test_a_file_beyond_the_limit_is_refused(
    problem_file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("allocation.__main__.MAX_DOCUMENT_BYTES", 10)
    monkeypatch.setattr("allocation.document.MAX_DOCUMENT_BYTES", 10)

    assert main(["solve", problem_file]) == 2
    assert "the file is larger than" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_an_answer_that_cannot_be_written_is_one_clear_line(problem_file: str) -> None:
    command = [sys.executable, "-m", "allocation", "solve", problem_file]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE)

    assert done.returncode == 2
    assert done.stderr.startswith(b"python -m allocation: the answer cannot be written")
    assert done.stderr.count(b"\n") == 1


NEVER_FITS = b'{"order": [' + b'{"a": 1}, ' * 2_900_000 + b"0]}"


def test_a_problem_beyond_the_memory_limit_is_one_clear_line_and_exit_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "allocation", "solve", "-", "--memory-mb", "512"],
        input=NEVER_FITS,
        capture_output=True,
    )

    assert done.returncode == 2
    assert done.stderr == b"python -m allocation: the problem does not fit into memory\n"


def test_a_file_of_the_most_values_is_read_in_less_than_2_gb() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "allocation", "solve", "-", "--memory-mb", "2048"],
        input=NEVER_FITS,
        capture_output=True,
    )

    assert done.returncode == 2
    assert b"format: is missing" in done.stderr


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", b"None\n"),
        ("os.abort()", b"None\n"),
        ("os.write(2, b'pages of a dying library') and 0", b"0\n"),
        ("sys.stderr.write('one line') and 2", b"one line2\n"),
        ("int('x')", b"1\n"),
    ],
)
def test_the_guard_outlives_its_child(end: str, said: bytes) -> None:
    code = (
        "import os, signal, sys; from allocation.guard import guarded;"
        f"print(guarded(lambda: {end}, 512))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    lines = done.stderr + done.stdout
    assert lines.endswith(said)
    assert lines == said or b"ValueError" in lines


def test_the_child_ends_with_its_parent() -> None:
    code = (
        "import time; from allocation.guard import guarded;"
        "guarded(lambda: print('up', flush=True) or time.sleep(600), 512)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        parent.kill()

        assert parent.stdout.read() == b""  # the end of the pipe: nobody holds it any more


def test_standing_input_is_read_and_a_real_process_prints_a_plan() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "allocation", "solve", "-", "--seconds", "5"],
        input=json.dumps(problem_to_json(PROBLEM)).encode(),
        capture_output=True,
        check=True,
    )

    assert json.load(io.BytesIO(done.stdout))["status"] == "optimal"
    assert done.stderr == b""
