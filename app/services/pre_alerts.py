"""Pre-alerts: the desk is told in confidence that an operation is coming, and prepares for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.actors import SYSTEM, Actor, Role
from app.db import db, transaction
from app.errors import Conflict, Invalid, NotFound
from app.events import Fact, record
from app.models.pre_alerts import PreAlert, PreAlertEnd, PreAlertReferral, Rehearsal
from app.models.reference import Feature, Language, Region
from app.models.referrals import WAITING, Referral
from app.policy import only_for, visible_pre_alerts, visible_referrals
from app.queue import Job, defer
from app.services.asked import NewPreAlert
from app.services.desk_people import people_shown

GONE = "We cannot find that pre-alert."
LONGEST_AHEAD = timedelta(days=8)
ENDED_SHOWN = 10
ENDS = {
    PreAlertEnd.ARRIVED: Fact.PRE_ALERT_ARRIVED,
    PreAlertEnd.EXPIRED: Fact.PRE_ALERT_EXPIRED,
    PreAlertEnd.CANCELLED: Fact.PRE_ALERT_CANCELLED,
}


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """What the newest rehearsal found; ``shortages`` are (words, how many women)."""

    as_of: datetime
    women: int
    placed: int
    rooms_kept: int
    shortages: list[tuple[str, int]]
    is_proven: bool

    @property
    def short(self) -> int:
        return self.women - self.placed


@dataclass(frozen=True, kw_only=True)
class PreAlertShown:
    """One pre-alert in words. ``rehearsed`` is None until the worker has been through it."""

    public_id: UUID
    women_least: int
    women_most: int
    with_children: int
    region: str
    languages: list[str]
    needs: list[str]
    expected_from: datetime
    expected_until: datetime
    created_at: datetime
    ended_at: datetime | None
    ended_how: str
    rehearsed: Rehearsed | None

    @property
    def how_many(self) -> str:
        few, many = self.women_least, self.women_most
        return str(many) if few == many else f"{few} to {many}"


@dataclass(frozen=True, kw_only=True)
class PreAlertPage:
    """One pre-alert, and the requests that may be its women: (reference, words)."""

    alert: PreAlertShown
    candidates: list[tuple[str, str]]
    arrived: list[str]


def record_pre_alert(new: NewPreAlert, *, by: Actor) -> UUID:
    """Write down what is coming and have it rehearsed; a form sent twice is one pre-alert.

    Raises:
        Invalid: times, a region, a language or a need that cannot be; ``field`` says which.
    """
    only_for(by, Role.COORDINATOR)
    with transaction(by=by) as now:
        _check(new, now)
        made = db.session.execute(
            insert(PreAlert)
            .values(
                form_key=new.form_key,
                created_by_id=by.user_id,
                women_least=new.women_least,
                women_most=new.women_most,
                with_children=new.with_children,
                region_code=new.region,
                languages=list(new.languages),
                needs=list(new.needs),
                expected_from=new.expected_from,
                expected_until=new.expected_until,
            )
            .on_conflict_do_nothing(index_elements=["created_by_id", "form_key"])
            .returning(PreAlert.id)
        ).first()
        mine = (PreAlert.created_by_id == by.user_id) & (PreAlert.form_key == new.form_key)
        alert = db.session.scalars(select(PreAlert).where(mine)).one()
        if made is None:
            return alert.public_id
        detail: dict[str, object] = {"pre_alert_id": alert.id, "women": new.women_most}
        record(Fact.PRE_ALERT_RECORDED, by=by, detail=detail)
        defer(Job.REHEARSE)
        return alert.public_id


def _check(new: NewPreAlert, now: datetime) -> None:
    if new.expected_until <= now:
        raise Invalid("The end must be still to come.", field="until_time")
    if new.expected_until > now + LONGEST_AHEAD:
        raise Invalid("A pre-alert ends within a week.", field="until_day")
    if db.session.get(Region, new.region) is None:
        raise Invalid("Choose a region from the list.", field="region")
    known = select(func.count()).where(Language.code.in_(new.languages))
    if db.session.scalar(known) != len(new.languages):
        raise Invalid("Choose languages from the list.", field="languages")
    known = select(func.count()).where(Feature.code.in_(new.needs), Feature.is_on_form)
    if db.session.scalar(known) != len(new.needs):
        raise Invalid("Choose from the list of needs.", field="needs")


def list_pre_alerts(*, by: Actor) -> tuple[list[PreAlertShown], list[PreAlertShown]]:
    """The open pre-alerts, soonest first, and the last that ended; the look is written down."""
    only_for(by, Role.COORDINATOR)
    with transaction(by=by) as now:
        is_open = PreAlert.ended_at.is_(None) & (PreAlert.expected_until > now)
        found = visible_pre_alerts(by).order_by(PreAlert.expected_from, PreAlert.id)
        open_now = list(db.session.scalars(found.where(is_open)))
        ended = visible_pre_alerts(by).where(~is_open).order_by(PreAlert.id.desc())
        past = list(db.session.scalars(ended.limit(ENDED_SHOWN)))
        ids = [each.id for each in [*open_now, *past]]
        record(Fact.PRE_ALERT_VIEWED, by=by, detail={"pre_alert_ids": ids})
        return [_shown(each, now) for each in open_now], [_shown(each, now) for each in past]


def open_pre_alerts(by: Actor, now: datetime) -> list[PreAlertShown]:
    """For the board: those still expected, soonest first; a step of its transaction."""
    found = visible_pre_alerts(by).where(PreAlert.ended_at.is_(None), PreAlert.expected_until > now)
    return [
        _shown(each, now)
        for each in db.session.scalars(found.order_by(PreAlert.expected_from, PreAlert.id))
    ]


def show_pre_alert(public_id: UUID, *, by: Actor, is_live: bool = False) -> PreAlertPage:
    """One pre-alert with its rehearsal; the look is written down unless a page refreshes itself.

    Raises:
        NotFound: there is none.
    """
    only_for(by, Role.COORDINATOR)
    with transaction(by=by) as now:
        alert = _find(public_id, by)
        if not is_live:
            record(Fact.PRE_ALERT_VIEWED, by=by, detail={"pre_alert_ids": [alert.id]})
        arrived = select(Referral.ref).join(
            PreAlertReferral, PreAlertReferral.referral_id == Referral.id
        )
        return PreAlertPage(
            alert=_shown(alert, now),
            candidates=_candidates(alert, by),
            arrived=list(
                db.session.scalars(
                    arrived.where(PreAlertReferral.pre_alert_id == alert.id).order_by(Referral.id)
                )
            ),
        )


def _candidates(alert: PreAlert, by: Actor) -> list[tuple[str, str]]:
    """Requests sent since the word came, that nobody has said are of another operation."""
    taken = select(PreAlertReferral.referral_id)
    persons = people_shown(
        by,
        Referral.state.in_(WAITING),
        Referral.submitted_at >= alert.created_at,
        Referral.transfer_of_id.is_(None),
        Referral.id.not_in(taken),
    )
    return [(person.ref, f"{person.people}, now in {person.region}") for person in persons.values()]


def they_are_here(public_id: UUID, refs: list[str], *, by: Actor) -> None:
    """These requests are of the expected operation: its reserve is released for them and everybody.

    Raises:
        NotFound: there is no such pre-alert or request.
        Conflict: it has ended before, or a request belongs to another operation.
        Invalid: no request was named.
    """
    only_for(by, Role.COORDINATOR)
    if not refs:
        raise Invalid("Tick the requests that are of this operation.", field="refs")
    with transaction(by=by) as now:
        alert = _still_open(public_id, by, now)
        ids = list(
            db.session.scalars(
                visible_referrals(by).where(Referral.ref.in_(refs)).with_only_columns(Referral.id)
            )
        )
        if len(ids) != len(set(refs)):
            raise NotFound("We cannot find one of these requests.")
        db.session.add_all(
            [PreAlertReferral(referral_id=each, pre_alert_id=alert.id) for each in ids]
        )
        _end(alert, PreAlertEnd.ARRIVED, now, by=by, detail={"referral_ids": ids})


def cancel(public_id: UUID, *, by: Actor) -> None:
    """It will not happen: the reserve is released.

    Raises:
        NotFound, Conflict: as for ``they_are_here``.
    """
    only_for(by, Role.COORDINATOR)
    with transaction(by=by) as now:
        _end(_still_open(public_id, by, now), PreAlertEnd.CANCELLED, now, by=by)


def expire() -> int:
    """Write down the end of every pre-alert whose time has passed; how many. The sweep's.

    The reserve itself was released by the clock already.
    """
    with transaction(by=SYSTEM) as now:
        late = db.session.scalars(
            visible_pre_alerts(SYSTEM)
            .where(PreAlert.ended_at.is_(None), PreAlert.expected_until <= now)
            .order_by(PreAlert.id)
            .with_for_update(skip_locked=True)
        ).all()
        for alert in late:
            _end(alert, PreAlertEnd.EXPIRED, now, by=SYSTEM)
        return len(late)


def _end(
    alert: PreAlert,
    how: PreAlertEnd,
    now: datetime,
    *,
    by: Actor,
    detail: dict[str, object] | None = None,
) -> None:
    alert.ended_at, alert.ended_how = now, how
    record(ENDS[how], by=by, detail={"pre_alert_id": alert.id, **(detail or {})})
    defer(Job.PLAN)


def _still_open(public_id: UUID, by: Actor, now: datetime) -> PreAlert:
    alert = _find(public_id, by, is_locked=True)
    if alert.ended_at is not None or alert.expected_until <= now:
        raise Conflict("This pre-alert has ended.")
    return alert


def _find(public_id: UUID, by: Actor, *, is_locked: bool = False) -> PreAlert:
    query = visible_pre_alerts(by).where(PreAlert.public_id == public_id)
    alert = db.session.scalar(query.with_for_update() if is_locked else query)
    if alert is None:
        raise NotFound(GONE)
    return alert


def _shown(alert: PreAlert, now: datetime) -> PreAlertShown:
    languages = select(Language.name).where(Language.code.in_(alert.languages))
    needs = select(Feature.asked_as).where(Feature.code.in_(alert.needs))
    is_past = alert.ended_at is None and alert.expected_until <= now
    return PreAlertShown(
        public_id=alert.public_id,
        women_least=alert.women_least,
        women_most=alert.women_most,
        with_children=alert.with_children,
        region=db.session.get_one(Region, alert.region_code).name,
        languages=list(db.session.scalars(languages.order_by(Language.name))),
        needs=list(db.session.scalars(needs.order_by(Feature.position))),
        expected_from=alert.expected_from,
        expected_until=alert.expected_until,
        created_at=alert.created_at,
        ended_at=alert.expected_until if is_past else alert.ended_at,
        ended_how=PreAlertEnd.EXPIRED if is_past else alert.ended_how or "",
        rehearsed=_rehearsed(alert),
    )


def _rehearsed(alert: PreAlert) -> Rehearsed | None:
    newest = db.session.scalar(
        select(Rehearsal)
        .where(Rehearsal.pre_alert_id == alert.id)
        .order_by(Rehearsal.as_of.desc(), Rehearsal.id.desc())
        .limit(1)
    )
    if newest is None:
        return None
    return Rehearsed(
        as_of=newest.as_of,
        women=newest.women,
        placed=newest.placed,
        rooms_kept=len(newest.room_ids),
        shortages=[(each["text"], each["women"]) for each in newest.shortages],
        is_proven=newest.status == "optimal",
    )
