"""Support is her house's; ten stays together are a figure, nine are not."""

from __future__ import annotations

import pytest

from app.actors import Actor
from app.errors import Invalid, NotAllowed, NotFound
from app.models.care import SupportState
from app.services import offers, reports, support
from app.services.asked import SupportGiven
from app.services.figures_csv import as_csv
from app.services.report_figures import Reason
from tests.cast import Cast
from tests.conftest import Run
from tests.factories import accept, make_referral, offer_room, room_of, rooms_need_no_time

OFFERED = SupportGiven(item="legal", state=SupportState.OFFERED)


def one_stay(cast: Cast, run: Run, given: SupportGiven) -> None:
    """A woman comes to Rowan, is offered something, and moves on."""
    referral = run(make_referral, cast.amara.actor)
    room = run(room_of, "Rowan", "1").public_id
    stay = run(offer_room, referral.ref, by=cast.dee.actor, room=room)
    run(accept, stay, by=cast.bea.actor)
    run(offers.record_arrival, stay.public_id, by=cast.bea.actor)
    run(support.record_support, stay.public_id, given, by=cast.bea.actor)
    run(offers.record_departure, stay.public_id, "own_home", by=cast.bea.actor)


def test_counts_leave_the_house_only_from_ten_on(cast: Cast, run: Run, run_as_owner: Run) -> None:
    run_as_owner(rooms_need_no_time)

    def counted(by: Actor) -> tuple[Reason, ...]:
        return run(reports.figures, 28, by=by).support  # type: ignore[no-any-return]

    for _ in range(9):
        one_stay(cast, run, OFFERED)
    one_stay(cast, run, SupportGiven(item="legal", state=SupportState.DECLINED))
    assert counted(cast.mara.actor) == ()

    one_stay(cast, run, OFFERED)

    assert counted(cast.mara.actor) == (
        Reason(side="Offered", text="A solicitor of her own", count=10),
    )
    assert counted(cast.olga.actor) == (), "another charity's houses"
    assert "Offered: A solicitor of her own,10" in as_csv(
        run(reports.figures, 28, by=cast.mara.actor)
    )


def test_only_her_house_and_only_what_is_on_the_list(cast: Cast, run: Run) -> None:
    referral = run(make_referral, cast.amara.actor)
    room = run(room_of, "Rowan", "1").public_id
    stay = run(offer_room, referral.ref, by=cast.dee.actor, room=room)
    run(accept, stay, by=cast.bea.actor)
    run(offers.record_arrival, stay.public_id, by=cast.bea.actor)

    with pytest.raises(NotFound):
        run(support.record_support, stay.public_id, OFFERED, by=cast.chloe.actor)
    with pytest.raises(NotAllowed):
        run(support.record_support, stay.public_id, OFFERED, by=cast.dee.actor)
    with pytest.raises(Invalid):
        run(
            support.record_support,
            stay.public_id,
            SupportGiven(item="anything", state=SupportState.DONE),
            by=cast.bea.actor,
        )
