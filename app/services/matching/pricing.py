"""Looking ahead: what each room costs those still to come, worked out nightly and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import select

import allocation
from app.actors import SYSTEM
from app.db import db, transaction
from app.events import Fact, record
from app.models.prices import PriceRun
from app.queue import Job, defer
from app.services.forecasting import forecast
from app.services.matching import wording
from app.services.reserves import reserved_rooms, with_reserves
from app.services.snapshot_houses import every_room, room_key

log = structlog.get_logger()
# Until the first prices are made, a bed left empty in a private room is all that is counted.
FIRST_SPARE_BED_PRICE = 2
TOO_OLD = timedelta(hours=26)  # a night was missed


def make_prices() -> int:
    """Work the prices out from whom to expect and every room, and keep both; the worker's job.

    Returns the number under which they are kept. A plan is asked for when they are other prices.
    """
    with transaction(by=SYSTEM) as now:
        houses, expected = every_room(now), forecast(now)
        labels = wording.labels()
    refuges = allocation.parse_problem(houses).refuges
    prices = allocation.scarcity_prices(refuges, allocation.parse_forecast(expected.document))
    with transaction(by=SYSTEM):
        before = _newest()
        run = PriceRun(
            forecast=expected.document,
            prices=dict(prices.features),
            spare_bed_price=prices.spare_bed,
            room_features={
                room: feature for rooms in prices.kinds.values() for room, feature in rooms.items()
            },
            figures=_figures(prices, refuges, labels),
            basis=expected.basis,
            inventory_sha256=_inventory_sha256(houses),
        )
        db.session.add(run)
        db.session.flush()
        record(Fact.PRICES_MADE, by=SYSTEM, detail={"price_run_id": run.id, **expected.basis})
        if before is None or _told(before) != _told(run):
            defer(Job.PLAN)
        log.info("prices_made", price_run=run.id, rooms=len(run.room_features))
        return run.id


def _told(run: PriceRun) -> tuple[Any, ...]:
    return run.prices, run.spare_bed_price, run.room_features


def _figures(
    prices: allocation.Prices, refuges: tuple[allocation.Refuge, ...], labels: wording.Labels
) -> list[dict[str, Any]]:
    """Of each feature that women must have: how it is asked for, how much there is, its price.

    The price is the mean of the rooms that have it. Sources of the others: ``allocation.Prices``.
    """
    return [
        {
            "feature": feature,
            "text": labels.get(feature, feature),
            "demand": figures.demand,
            "supply": figures.supply,
            "price": _mean_price(feature, prices, refuges),
        }
        for feature, figures in sorted(prices.why.items())
    ]


def _mean_price(
    feature: str, prices: allocation.Prices, refuges: tuple[allocation.Refuge, ...]
) -> int | None:
    found = [
        prices.features[prices.kinds[refuge.id][room.id]]
        for refuge in refuges
        for room in refuge.rooms
        if feature in room.features | refuge.features
    ]
    return round(sum(found) / len(found)) if found else None


def look_ahead(
    problem: dict[str, Any], now: datetime, *, with_reserved: bool = True
) -> dict[str, Any]:
    """The night with the newest prices and, unless told otherwise, with the soft reserves.

    A step for use inside a transaction. A room that came after the prices were made has none yet.
    """
    run = _newest()
    features = run.room_features if run else {}
    refuges = [
        {**refuge, "rooms": [_priced(room, features) for room in refuge["rooms"]]}
        for refuge in problem["refuges"]
    ]
    priced = {
        **problem,
        "refuges": refuges,
        "prices": run.prices if run else {},
        "spare_bed_price": run.spare_bed_price if run else FIRST_SPARE_BED_PRICE,
    }
    if not with_reserved:
        return priced
    kept = reserved_rooms(now)
    return with_reserves(priced, {room_key(room_id): kept[room_id] for room_id in kept})


def _priced(room: dict[str, Any], features: Mapping[str, str]) -> dict[str, Any]:
    feature = features.get(room["id"])
    return room if feature is None else {**room, "features": [*room["features"], feature]}


def defer_prices(now: datetime) -> None:
    """Ask for new prices when there are none, when a night was missed, or when rooms have changed.

    A step of the plan's transaction: prices matter to plans alone.
    """
    run = _newest()
    is_due = (
        run is None
        or now - run.made_at > TOO_OLD
        or run.inventory_sha256 != _inventory_sha256(every_room(now))
    )
    if is_due:
        defer(Job.PRICE)


def _newest() -> PriceRun | None:
    return db.session.scalar(select(PriceRun).order_by(PriceRun.id.desc()).limit(1))


def _inventory_sha256(houses: Mapping[str, Any]) -> str:
    """The same as long as no house or room is opened, closed or furnished otherwise."""
    document = allocation.canonical_json({"refuges": houses["refuges"]})
    return hashlib.sha256(document.encode()).hexdigest()
