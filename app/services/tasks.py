"""What needs a person: lapsed offers, missing arrivals, phones and texts that failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, or_, select

from app.actors import Actor, Role
from app.authz import Stage, disclose
from app.db import db, transaction
from app.errors import NotFound
from app.events import Fact, record
from app.fields import open_field, open_fields
from app.models.accounts import Organisation, User
from app.models.beds import Refuge
from app.models.clocks import MANAGERS, Level
from app.models.messages import (
    RINGS_OFFICER,
    Contact,
    Message,
    MessageState,
    Task,
    TaskKind,
)
from app.models.placements import Placement
from app.models.reference import Urgency
from app.models.referrals import Caller, Referral
from app.policy import only_for, visible_refuges, visible_tasks
from app.services import claims
from app.services.call_backs import waiting_of
from app.services.claims import Taken
from app.services.decline_review import count_open
from app.services.managers import managers_now

TEXTS_SHOWN_FOR = timedelta(hours=48)
TEXTS_SHOWN = 50
# By what they are about; everything else is about a woman who waits, or may be in danger.
WOMEN = "women"
GROUPS: dict[str, tuple[TaskKind, ...]] = {
    "intruders": (
        *(TaskKind.TRAIL_BROKEN, TaskKind.HONEY_TOUCHED, TaskKind.SIGN_IN_ATTACKED),
        *(TaskKind.LOOKS_SPENT, TaskKind.ACCOUNT_RECOVERED),
    ),
    "houses": (
        *(TaskKind.PHONE_STOPPED, TaskKind.WRONG_CODES, TaskKind.NUMBER_CHANGED),
        TaskKind.ABANDONED,
    ),
}
PRIORITY = {urgency.value: urgency.priority for urgency in Urgency}
BAD_ENDS = ("failed", "undelivered")
# What helps, by kind; "she" only where a request is meant.
WHAT_TO_DO = {
    TaskKind.OFFER_LAPSED: "Ring the house's duty line: is anybody there tonight? The plan goes on"
    " to the next house and leaves this one alone for an hour; after three such offers in a row,"
    " until the house is heard of. By hand you may ask it all the same.",
    TaskKind.OVERDUE: "Ring the officer and the house: is she there? One of them then says so here,"
    " or says that she did not arrive.",
    TaskKind.NOT_ARRIVED: "Ring the officer. Then put her back in the queue, or close the request"
    " with its reason.",
    TaskKind.TEXT_FAILED: "Ring the house's duty line: nobody there may know of this offer.",
    TaskKind.PHONE_STOPPED: "Ring the house. Texts start again when somebody there sends START"
    " from that phone.",
    TaskKind.QUESTION: "Open the request: what they ask stands beside the house, and is answered"
    " there. If nothing stands there, ring the duty line. The offer stays open until the time to"
    " answer; they then text ACCEPT or DECLINE.",
    TaskKind.WRONG_CODES: "Ring the house and ask who sends them. If nobody there does, have the"
    " number taken off.",
    TaskKind.SIGN_IN_ATTACKED: "Ring this person and ask whether it is them. They can still sign"
    " in: with a passkey, or from a browser they used before.",
    TaskKind.NUMBER_CHANGED: "Ring the house's duty line and ask whether they changed it. If they"
    " did not, keep the number they had, and have the account that changed it stopped.",
    TaskKind.ACCOUNT_RECOVERED: "Ring this person on a number you know and ask whether they asked"
    " for it. If they did not, have the account stopped.",
    TaskKind.HONEY_TOUCHED: "Ring the data protection lead: who it was stands on their page."
    " Do not ask the person yourself.",
    TaskKind.TRAIL_BROKEN: "Ring the data protection lead and the person on call now. Nothing that"
    " is written in the trail may be changed or deleted until they have looked.",
    TaskKind.CALL_BACK: "Ring the force's control room on its known number, never on the number in"
    " the request, and ask whether this officer is theirs and asked us. Record the answer on the"
    " request: until then nobody is told how to reach the house.",
    TaskKind.ABANDONED: "Rooms that were promised to this officer were not used, again and again."
    " Ask the force's supervisor why before another house is asked.",
    TaskKind.PLAN_PASSED: "Ring the house's duty line: is her plan still right? Where she needs"
    " longer the house writes down a later day and why. Where somebody keeps her waiting, ask whom"
    " you can press. Nobody has to leave on a planned day.",
    TaskKind.LOOKS_SPENT: "This person has opened as many different records as an hour allows."
    " Ask why; if there is no good reason, have the account stopped.",
    TaskKind.UNACKNOWLEDGED: "Open the request and say that you are on it, or decide: nobody at the"
    " desk has done so in its time.",
    TaskKind.DUTY_MANAGER: "She has waited past her time. Ring the duty manager: what could open a"
    " place tonight?",
    TaskKind.REGIONAL_MANAGER: "She has waited far past her time. Ring the regional manager: a"
    " place outside the network may be needed.",
    TaskKind.MANAGER_UNREACHED: "Our text did not reach a manager. Ring them.",
    TaskKind.RING_HOUSE: "Ring the house's duty line now, then its other numbers: nobody has"
    " answered the offer by text. The room stays held until the time to answer.",
}


@dataclass(frozen=True, kw_only=True)
class Number:
    """Somebody to ring beside the duty line: a manager, or a phone of the house by its label."""

    name: str
    phone: str


@dataclass(frozen=True, kw_only=True)
class TaskShown:
    """One thing to do. Texts are empty where the task has no request, house, phone or person.

    ``is_ticked_off`` is false where only what it asks for ends it. ``numbers`` are those of the
    level that it tells of, or of the house that does not answer.
    """

    public_id: UUID
    kind: str
    what_to_do: str
    opened_at: datetime
    ref: str
    urgency: str
    officer_phone: str = ""
    alias: str
    duty_line: str
    phone_label: str
    person: str
    new_number: UUID | None
    is_ticked_off: bool
    numbers: list[Number]
    taken: Taken | None


@dataclass(frozen=True, kw_only=True)
class FailedText:
    """A text that did not get through; metadata only."""

    template: str
    state: str
    alias: str
    phone_label: str
    error_code: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class TaskGroup:
    """Tasks of one kind of trouble; ``about`` is a heading of words.toml."""

    about: str
    tasks: list[TaskShown]


@dataclass(frozen=True, kw_only=True)
class TasksPage:
    """What needs a person now, the most urgent group first; texts that failed within 48 hours.

    Of those about a woman the most urgent request stands first, then the oldest. ``declines`` wait
    on a page of their own.
    """

    groups: list[TaskGroup]
    failed_texts: list[FailedText]
    declines: int


def list_tasks(*, by: Actor) -> TasksPage:
    """Everything that is open on the desk; whose requests were named is written down."""
    only_for(by, Role.COORDINATOR)
    with transaction(by=by) as now:
        rows = db.session.execute(
            visible_tasks(by)
            .outerjoin(Referral, Referral.id == Task.referral_id)
            .outerjoin(Caller, Caller.id == Referral.caller_id)
            .outerjoin(Placement, Placement.id == Task.placement_id)
            .outerjoin(Contact, Contact.id == Task.contact_id)
            .outerjoin(User, User.id == Task.user_id)
            .outerjoin(Refuge, Refuge.id == func.coalesce(Placement.refuge_id, Contact.refuge_id))
            .outerjoin(Organisation, Organisation.id == User.organisation_id)
            .with_only_columns(
                *(Task, Referral, Caller, Refuge, Contact),
                User.name + ", " + Organisation.name,
            )
            .where(Task.done_at.is_(None))
            .order_by(Task.opened_at, Task.id)
        ).all()
        managers, taken = _managers(now), claims.of_tasks(by, now)
        named = sorted({row[0].referral_id for row in rows if row[0].referral_id})
        record(Fact.REFERRALS_LISTED, by=by, detail={"referral_ids": named})
        return TasksPage(
            groups=_grouped([_shown(*row, managers, taken.get(row[0].id)) for row in rows]),
            declines=count_open(),
            failed_texts=_failed_texts(by, now - TEXTS_SHOWN_FOR),
        )


def _shown(
    task: Task,
    referral: Referral | None,
    caller: Caller | None,
    refuge: Refuge | None,
    contact: Contact | None,
    person: str | None,
    managers: dict[TaskKind, list[Number]],
    taken: Taken | None,
) -> TaskShown:
    ref = referral.ref if referral else None
    is_call = task.kind == TaskKind.CALL_BACK and task.user_id is not None
    if is_call:
        ref = next(iter(waiting_of(task.user_id or 0)), None)
    return disclose(
        TaskShown,
        Stage.DESK_RINGS if task.kind in RINGS_OFFICER else Stage.DESK,
        public_id=lambda: task.public_id,
        kind=lambda: task.kind,
        what_to_do=lambda: WHAT_TO_DO[TaskKind(task.kind)],
        opened_at=lambda: task.opened_at,
        ref=lambda: ref or "",
        urgency=lambda: referral.urgency if referral else "",
        officer_phone=lambda: open_field(caller, "callback_phone") if caller is not None else "",
        alias=lambda: refuge.alias if refuge else "",
        duty_line=lambda: refuge.duty_line if refuge else "",
        phone_label=lambda: open_field(contact, "label") if contact else "",
        person=lambda: person or "",
        new_number=lambda: contact.public_id if contact and contact.replaces_id else None,
        is_ticked_off=lambda: not is_call or not ref,
        numbers=lambda: (
            _phones(refuge)
            if task.kind == TaskKind.RING_HOUSE
            else managers.get(TaskKind(task.kind), [])
        ),
        taken=lambda: taken,
    )


def _phones(refuge: Refuge | None) -> list[Number]:
    """The phones of a house; one that has stopped texts still rings."""
    phones = db.session.scalars(
        select(Contact)
        .where(Contact.refuge_id == (refuge.id if refuge else None), Contact.ends_at.is_(None))
        .order_by(Contact.position, Contact.id)
    ).all()
    names, numbers = (open_fields(phones, field) for field in ("label", "phone"))
    return [Number(name=name, phone=number) for name, number in zip(names, numbers, strict=True)]


def _grouped(tasks: list[TaskShown]) -> list[TaskGroup]:
    """The groups that are not empty, in order; a kind that none names is about a woman."""
    of: dict[str, list[TaskShown]] = {about: [] for about in (WOMEN, *GROUPS)}
    for task in tasks:
        about = next((name for name, kinds in GROUPS.items() if task.kind in kinds), WOMEN)
        of[about].append(task)
    of[WOMEN].sort(key=lambda task: (PRIORITY.get(task.urgency, len(PRIORITY)), task.opened_at))
    return [TaskGroup(about=about, tasks=found) for about, found in of.items() if found]


def _managers(now: datetime) -> dict[TaskKind, list[Number]]:
    """Whom the desk rings beside the text they get, by the kind of task that tells of them."""
    of = {
        level: [
            Number(name=each.name, phone=open_field(each, "phone"))
            for each in managers_now(level, now)
        ]
        for level in MANAGERS
    }
    either = [*of[Level.DUTY_MANAGER], *of[Level.REGIONAL_MANAGER]]
    return {
        TaskKind.DUTY_MANAGER: of[Level.DUTY_MANAGER],
        TaskKind.REGIONAL_MANAGER: of[Level.REGIONAL_MANAGER],
        TaskKind.MANAGER_UNREACHED: either,
    }


def _failed_texts(by: Actor, since: datetime) -> list[FailedText]:
    did_not_arrive = or_(
        Message.state == MessageState.FAILED, Message.provider_status.in_(BAD_ENDS)
    )
    rows = db.session.execute(
        visible_refuges(by)
        .join(Contact, Contact.refuge_id == Refuge.id)
        .join(Message, Message.contact_id == Contact.id)
        .with_only_columns(Message, Refuge.alias, Contact)
        .where(did_not_arrive, Message.created_at > since)
        .order_by(Message.created_at.desc())
        .limit(TEXTS_SHOWN)
    ).all()
    labels = open_fields([contact for _, _, contact in rows], "label")
    return [
        FailedText(
            template=message.template,
            state=message.provider_status if message.provider_status in BAD_ENDS else message.state,
            alias=alias,
            phone_label=label,
            error_code=message.error_code or "",
            created_at=message.created_at,
        )
        for (message, alias, _), label in zip(rows, labels, strict=True)
    ]


def finish_task(public_id: UUID, *, by: Actor) -> None:
    """Somebody has seen to it. Doing it twice is harmless.

    Raises:
        NotFound: no such task.
    """
    only_for(by, Role.COORDINATOR)
    with transaction(by=by):
        task = db.session.scalar(
            visible_tasks(by).where(Task.public_id == public_id).with_for_update()
        )
        if task is None:
            raise NotFound("We cannot find that task.")
        if task.done_at is None:
            finish(task, by=by)


def finish(task: Task, *, by: Actor) -> None:
    """Tick it off; a step for use inside a transaction, on a locked row."""
    task.done_at = db.session.scalar(select(func.waymark_now()))
    task.done_by_id = by.user_id
    record(
        Fact.TASK_DONE,
        by=by,
        referral_id=task.referral_id,
        placement_id=task.placement_id,
        detail={"task": task.kind, "task_id": task.id},
    )
