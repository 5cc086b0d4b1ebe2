"""The policy benchmark: the bound is one, and tables and chart say what was measured."""

from xml.etree import ElementTree

import pytest

from allocation.policies import FIRST_COME, policies
from allocation.simulation import simulate
from allocation.world import World
from bench.policies import Measured, report
from bench.policy_bound import hindsight_share
from bench.policy_chart import chart
from bench.policy_world import ROOMS, country
from tests.unit.allocation.scenarios import small

SVG = "{http://www.w3.org/2000/svg}"


def test_the_country_is_of_the_size_it_says_and_another_seed_builds_other_houses() -> None:
    rooms = [room for refuge in country(1).refuges for room in refuge.rooms]

    assert len(rooms) == ROOMS
    assert country(1).refuges == country(1).refuges != country(2).refuges


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_policy_beats_the_hindsight_bound(seed: int) -> None:
    scenario = small(load=1.3)
    world = World(scenario.refuges, scenario.scaled_demand())
    bound = hindsight_share(scenario, world, seed)

    shares = {
        name: simulate(scenario, policy, seed, world).weighted_share
        for name, policy in policies(world).items()
    }

    assert max(shares.values()) <= bound + 1e-6
    assert bound < 1  # at a load of 1.3 nobody could place all


def test_the_table_and_the_chart_show_what_was_measured() -> None:
    measured = Measured(10)
    scenario = small(days=10, warm_up_days=10)
    world = World(scenario.refuges, scenario.scaled_demand())
    for seed in (1, 2):
        for name, policy in policies(world).items():
            measured.reports[0.0, 0.95][name].append(simulate(scenario, policy, seed, world))
    mine = {
        name: [r.weighted_share for r in reports]
        for name, reports in measured.reports[0.0, 0.95].items()
    }

    table = report(measured)
    drawing = ElementTree.fromstring(chart({(0.0, 0.95): mine}, FIRST_COME))  # noqa: S314 - ours

    assert f"| {FIRST_COME} | {sum(mine[FIRST_COME]) / 2:.3f} | +0.0 [+0.0, +0.0] |" in table
    assert measured.broken == 0
    assert [drawing.find(f"{SVG}{tag}") is not None for tag in ("title", "desc")] == [True, True]
    assert len(drawing.findall(f"{SVG}circle")) == len(mine) - 1
