"""Samples of the pages about one's own account; see sample_pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace as Sample
from typing import Any

import segno
from markupsafe import Markup

LINKS = {
    "account.home": "/account",
    "account.set_up": "/account/set-up",
    "account.new_passkey": "/account/passkeys/new",
    "account.passkey_options": "/account/passkeys/options",
    "account.remove_passkey": "/account/passkeys/<uuid:public_id>/remove",
    "account.authenticator": "/account/authenticator",
    "account.new_authenticator": "/account/authenticator/new",
    "account.remove_authenticator": "/account/authenticator/remove",
    "account.password": "/account/password",
    "account.end_sign_in": "/account/sign-ins/<uuid:public_id>/end",
    "account.sign_out_everywhere": "/account/sign-out-everywhere",
    "account.prove": "/prove",
    "account.prove_options": "/prove/passkey/options",
    "account.prove_by_passkey": "/prove/passkey",
    "account.demo_prove": "/demo/prove",
    "auth.join": "/join",
    "force.begin": "/force/sign-in",
    "auth.sign_in": "/sign-in",
    "auth.passkey_options": "/sign-in/passkey/options",
    "auth.passkey_sign_in": "/sign-in/passkey",
    "team.recover": "/team/<uuid:person>/recover",
    "team.change_number": "/team/phones/<uuid:phone>",
    "team.keep_old_number": "/team/phones/<uuid:phone>/keep-old",
}
ONE, TWO = "4d6f0c1e-0000-4000-8000-000000000001", "4d6f0c1e-0000-4000-8000-000000000002"


def account(now: datetime, **changes: Any) -> Sample:
    known: dict[str, Any] = {
        "name": "PC Amara Osei",
        "email": "amara@force.example",
        "factors": factors(has_passkey=True, has_authenticator=True, has_password=True),
        "needs_passkey": False,
        "is_set_up": True,
        "how": "passkey",
        "passkeys": [
            Sample(public_id=ONE, label="Work phone", created_at=now, last_used_at=None),
            Sample(public_id=TWO, label="Passkey 2", created_at=now, last_used_at=now),
        ],
        "sign_ins": [
            Sample(
                public_id=each,
                how="passkey",
                started_at=now - timedelta(hours=2),
                last_seen_at=now,
                is_this=each == ONE,
            )
            for each in (ONE, TWO)
        ],
        "happenings": [
            Sample(kind="signed_in", at=now, by_role=""),
            Sample(kind="recovery_started", at=now, by_role="administrator"),
        ],
    }
    return Sample(**(known | changes))


def factors(**has: bool) -> Sample:
    known = {"has_passkey": False, "has_authenticator": False, "has_password": False} | has
    second = known["has_passkey"] or known["has_authenticator"]
    return Sample(**known, has_second=second)


def authenticator(form: Sample) -> dict[str, Any]:
    picture = segno.make("otpauth://totp/Waymark:a?secret=ABCDEFGH").svg_inline(light="#fff")
    new = Sample(secret="ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    return {"form": form, "new": new, "picture": Markup(picture)}  # noqa: S704 - made of our own letters


def colleague(**changes: Any) -> Sample:
    known = {
        "public_id": ONE,
        "name": "Bea",
        "email": "bea@house.example",
        "role": "refuge_worker",
        "is_active": True,
    }
    return Sample(**(known | changes))


def house_phone(**changes: Any) -> Sample:
    known = {
        "public_id": ONE,
        "label": "House phone",
        "phone": "+447700900101",
        "is_stopped": False,
        "answers_from": None,
        "ends_at": None,
    }
    return Sample(**(known | changes))
