"""The lists that forms offer: places, languages, features, regions, reasons."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from app.actors import Actor
from app.db import db, transaction
from app.errors import Invalid
from app.models.accounts import Organisation
from app.models.reference import District, Feature, Language, Reason, ReasonKind, Region

# The languages asked for most often among women recovered in 2007 and in 2024: published_figures.
OFTEN = ("en", "sq", "vi", "ro", "cmn", "pt", "th", "lt", "ru", "ti", "ar", "hu")

Choice = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class RequestChoices:
    """What the officer's form lists; the districts are those of the officer's own force."""

    districts: list[Choice]
    common_languages: list[Choice]
    other_languages: list[Choice]
    features: list[Choice]
    regions: list[Choice]


def request_choices(*, by: Actor) -> RequestChoices:
    """The lists of the officer's form."""
    with transaction(by=by):
        force = db.session.scalar(
            select(Organisation.force_code).where(Organisation.id == by.organisation_id)
        )
        districts = select(District.code, District.place).where(
            District.force_code == force, ~District.is_special
        )
        often, others = _languages()
        return RequestChoices(
            districts=_pairs(districts.order_by(District.code)),
            common_languages=often,
            other_languages=others,
            features=_features_on_form(),
            regions=_regions(),
        )


@dataclass(frozen=True, kw_only=True)
class PreAlertChoices:
    """What the form of a pre-alert lists."""

    common_languages: list[Choice]
    other_languages: list[Choice]
    features: list[Choice]
    regions: list[Choice]


def pre_alert_choices(*, by: Actor) -> PreAlertChoices:
    """The lists of the desk's form for what is coming."""
    with transaction(by=by):
        often, others = _languages()
        return PreAlertChoices(
            common_languages=often,
            other_languages=others,
            features=_features_on_form(),
            regions=_regions(),
        )


# Steps that other use cases share; each runs inside the caller's transaction.


def _languages() -> tuple[list[Choice], list[Choice]]:
    """Those asked for often, in that order, and all others by name."""
    languages = _pairs(select(Language.code, Language.name).order_by(Language.name))
    often = [(code, name) for code, name in languages if code in OFTEN]
    others = [(code, name) for code, name in languages if code not in OFTEN]
    return sorted(often, key=lambda choice: OFTEN.index(choice[0])), others


def _features_on_form() -> list[Choice]:
    on_form = select(Feature.code, Feature.asked_as).where(Feature.is_on_form)
    return _pairs(on_form.order_by(Feature.position))


def _regions() -> list[Choice]:
    return _pairs(select(Region.code, Region.name).order_by(Region.name))


def reason_choices(kind: ReasonKind) -> list[Choice]:
    return _pairs(
        select(Reason.code, Reason.text)
        .where(Reason.kind == kind, Reason.is_active)
        .order_by(Reason.position)
    )


def reason_text(code: str | None) -> str:
    """The plain words of a reason; empty when there is none."""
    return (db.session.scalar(select(Reason.text).where(Reason.code == code)) or "") if code else ""


def check_reason(code: str, *kinds: ReasonKind, field: str = "reason") -> Reason:
    """Raises Invalid, of ``field``, unless ``code`` is an active reason of one of ``kinds``."""
    reason = db.session.get(Reason, code)
    if reason is None or not reason.is_active or reason.kind not in kinds:
        raise Invalid("Choose a reason from the list.", field=field)
    return reason


def find_place(text: str, *, near_force: str | None, field: str) -> District:
    """The district of a code or a town's name; of several the officer's own, then the largest.

    Raises:
        Invalid: no such place, with what to type instead.
    """
    # W12 is in London and in Newbridge: the Irish one has a code of its own, W12-IE.
    district = db.session.scalar(
        select(District)
        .where(District.code.in_((text, f"{text}-IE")))
        .order_by((District.force_code == near_force).desc().nulls_last(), District.code)
        .limit(1)
    )
    if district is None:
        district = db.session.scalar(
            select(District)
            .where(func.lower(District.place) == text.lower(), ~District.is_special)
            .order_by(
                (District.force_code == near_force).desc().nulls_last(), District.weight.desc()
            )
            .limit(1)
        )
    if district is None:
        raise Invalid(
            f"We do not know the place “{text}”."
            " Type the first half of a postcode near it, like SE15.",
            field=field,
        )
    return district


def _pairs(query: object) -> list[Choice]:
    return [(code, name) for code, name in db.session.execute(query).all()]  # type: ignore[call-overload]
