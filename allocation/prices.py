"""Scarcity prices: what using each room costs the women still to come, and the figures behind."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from allocation.problem import Problem, Refuge


@dataclass(frozen=True)
class FeatureFigures:
    """``demand``: households at a time that must have it; ``supply``: places that have it."""

    demand: float
    supply: int

    @property
    def ratio(self) -> float | None:
        """Households for each place, None where there is no place."""
        return self.demand / self.supply if self.supply else None


@dataclass(frozen=True)
class Prices:
    """Whole-number prices for level 8, and the figures behind them.

    ``features`` and ``spare_bed`` are a problem's ``prices`` and ``spare_bed_price``. Every room
    is priced whole, by a feature named ``kind:...`` that no household asks for; ``kinds`` says
    which (refuge -> room -> feature). ``applied_to`` puts all of it into a problem.
    ``pressure``: refuge -> room -> expected households for each place there.
    """

    features: Mapping[str, int]
    spare_bed: int
    kinds: Mapping[str, Mapping[str, str]]
    pressure: Mapping[str, Mapping[str, float]]
    why: Mapping[str, FeatureFigures]

    def applied_to(self, problem: Problem) -> Problem:
        """Return the problem with these prices in place of its own, and its rooms marked."""
        return replace(
            problem,
            refuges=tuple(self._marked(refuge) for refuge in problem.refuges),
            prices=self.features,
            spare_bed_price=self.spare_bed,
        )

    def _marked(self, refuge: Refuge) -> Refuge:
        kinds = self.kinds.get(refuge.id, {})
        rooms = (
            replace(room, features=room.features | {kinds[room.id]}) if room.id in kinds else room
            for room in refuge.rooms
        )
        return replace(refuge, rooms=tuple(rooms))
