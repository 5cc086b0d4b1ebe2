"""What an officer types for a woman of the synthetic world."""

from __future__ import annotations

import hashlib
from uuid import uuid4

from app.demo.plans import WomanPlan
from app.models.reference import Urgency
from app.models.referrals import LinkKind, London
from app.services.asked import AvoidedPlace, NewChild, NewReferral


def request_for(woman: WomanPlan, *, same_as: str = "") -> NewReferral:
    """The answers of the urgent form; ``same_as`` is the first request of her incident."""
    return NewReferral(
        form_key=uuid4(),
        place=woman.district,
        urgency=Urgency(woman.urgency),
        language=woman.language,
        callback_phone=officer_phone(woman),
        incident_ref=incident_ref(woman),
        children=tuple(NewChild(age=child.age, sex=child.sex) for child in woman.children),
        needs=woman.essential,
        may_share=woman.may_share,
        avoid=tuple(AvoidedPlace(place=zone.district, km=zone.radius_km) for zone in woman.zones),
        london=London(woman.london),
        same_as=same_as,
        tie=LinkKind(woman.link) if same_as and woman.link else None,
    )


def officer_phone(woman: WomanPlan) -> str:
    """One number for each incident, of those Ofcom keeps for drama, none of them a house's."""
    digest = hashlib.sha256(woman.incident.encode()).digest()
    return f"+447700900{500 + int.from_bytes(digest[:2]) % 500:03d}"


def incident_ref(woman: WomanPlan) -> str:
    return f"P2/{woman.incident.upper()}"
