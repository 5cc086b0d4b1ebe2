"""``python -m allocation simulate``: what it prints, and how it refuses."""

import json
from pathlib import Path

import pytest

from allocation import problem_to_json
from allocation.__main__ import main
from tests.unit.allocation.instances import make_household, make_problem, make_refuge
from tests.unit.allocation.scenarios import document


def test_simulate_prints_every_policy_with_its_interval(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps(document(days=5, warm_up_days=5)))

    assert main(["simulate", str(path), "--seeds", "2"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["seeds"] == [1, 2]
    assert len(found["policies"]) == 8
    for policy in found["policies"].values():
        assert 0 <= policy["weighted_share"] <= 1
        assert policy["passed_over"] == 0
        assert set(policy["beside_first_come"]) == {"mean", "low", "high"}


def test_a_file_that_is_no_scenario_is_one_clear_line_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(problem_to_json(make_problem(make_household(), make_refuge()))))

    assert main(["simulate", str(path)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert 'format: must be "waymark.scenario/1"' in line


@pytest.mark.parametrize("count", ["0", "many", "1.5", "1001"])
def test_a_wrong_number_of_seeds_is_refused(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["simulate", "scenario.json", "--seeds", count])

    assert caught.value.code == 2
    assert "must be a whole number from 1 to 1000" in capsys.readouterr().err
