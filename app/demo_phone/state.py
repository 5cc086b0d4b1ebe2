"""Everything one running stand-in holds, found through the Flask application."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import cast

from flask import current_app

from app.demo_phone.contract import Contract
from app.demo_phone.faults import Faults
from app.demo_phone.ledger import Ledger
from app.demo_phone.webhooks import Courier

# Ofcom keeps 07700 900000 to 900999 free for drama, so no real handset answers.
SERVICE_NUMBER = "+447700900999"


@dataclass(kw_only=True)
class Exchange:
    """One account with its ledger, its courier and its planned faults."""

    account_sid: str
    token: str = field(repr=False)
    public_url: str
    ledger: Ledger
    courier: Courier
    contract: Contract
    service_number: str = SERVICE_NUMBER
    create_faults: Faults = field(default_factory=Faults)
    list_faults: Faults = field(default_factory=Faults)
    list_lag_seconds: float = 0.0
    failing: dict[str, int] = field(
        default_factory=dict
    )  # number -> error code of its undelivered texts
    stopping: threading.Event = field(default_factory=threading.Event)

    def pause(self, seconds: float) -> None:
        self.stopping.wait(seconds)

    def stop(self) -> None:
        self.stopping.set()
        self.courier.stop()
        self.ledger.close()


def exchange() -> Exchange:
    return cast(Exchange, current_app.extensions["exchange"])
