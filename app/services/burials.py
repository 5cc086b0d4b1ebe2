"""What was purged stays purged: tombstones are read again after every restore."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from app.actors import SYSTEM
from app.db import transaction
from app.fields import shred
from app.models.keys import Buried


def bury_again(tombstones: Iterable[tuple[str, UUID]]) -> int:
    """Destroy what a restored backup has brought back; how many things there were.

    ``tombstones`` are (kind, id) of the newest list; safe to repeat.
    """
    keys = [key_id for kind, key_id in tombstones if kind == Buried.KEY]
    with transaction(by=SYSTEM) as now:
        return shred(keys, now)
