"""Every kind of household that is expected against every room, judged once by the rules."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from allocation.forecast import Forecast
from allocation.problem import Household, Problem, Refuge
from allocation.rules import rooms_with_reasons

# Nobody in a forecast has a time by which she needs the room, so any moment will do.
_ANY_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)


class World:
    """What never changes from night to night.

    A kind is a household type in a town; kinds are the rows of ``eligible`` (type by type, town
    by town), rooms its columns, in the order of ``refuges``. It holds what H1..H13 say of a room
    with nobody in it; what residents take up is for ``Houses`` to know.
    """

    def __init__(self, refuges: Sequence[Refuge], forecast: Forecast) -> None:
        self.refuges = tuple(refuges)
        self.forecast = forecast
        self.kinds: tuple[Household, ...] = tuple(
            kind.household(f"type{i}town{j}", town)
            for i, kind in enumerate(forecast.types)
            for j, town in enumerate(forecast.towns)
        )
        self.rooms = tuple((refuge, room) for refuge in self.refuges for room in refuge.rooms)
        self.room_at = {(refuge.id, room.id): j for j, (refuge, room) in enumerate(self.rooms)}
        sizes = [len(refuge.rooms) for refuge in self.refuges]
        self.refuge_of: npt.NDArray[np.int64] = np.repeat(np.arange(len(sizes)), sizes)
        self.eligible = self._judged()

    def _judged(self) -> npt.NDArray[np.bool_]:
        problem = Problem(as_of=_ANY_MOMENT, households=self.kinds, refuges=self.refuges)
        table = np.zeros((len(self.kinds), len(self.rooms)), dtype=np.bool_)
        for i, household in enumerate(self.kinds):
            rooms = rooms_with_reasons(problem, household)
            table[i] = [not failing for _, _, failing in rooms]
        return table

    def row(self, kind: int, town: int) -> int:
        """Return the row of a household type and a town, each by its place in the forecast."""
        return kind * len(self.forecast.towns) + town
