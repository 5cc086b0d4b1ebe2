"""How long an officer waits for the first proposal, beside how long sending the form takes."""

from __future__ import annotations

import re
import statistics
import threading
import time
from dataclasses import dataclass
from uuid import uuid4

from app.demo.people import OFFICER
from app.demo.seed import seed_demo
from app.services import accounts, matching
from bench.browser import Browser
from bench.stage import Stage, stage

TRIES = 20
WANTED_SECONDS = 2.0
LOOKS_EVERY = 0.02
STILL_LOOKING = "We are looking for a place"
WORD = re.compile(r"data-wm-headline>([^<]+)<")


@dataclass(frozen=True, kw_only=True)
class Waits:
    """Seconds for each try: the form's own answer, and from sending it to the first proposal."""

    sent: list[float]
    proposed: list[float]


def measure(tries: int = TRIES) -> Waits:
    """Ask again and again in the demonstration's own week, with a worker that plans when asked."""
    with stage() as played:
        with played.owner.app_context():
            seed_demo()
        stop = threading.Event()
        worker = threading.Thread(target=_plan_when_asked, args=(played, stop))
        worker.start()
        try:
            return _ask(played, tries)
        finally:
            stop.set()
            worker.join()


def _plan_when_asked(played: Stage, stop: threading.Event) -> None:
    """The worker's plan job without its process: it looks for work as often as the real one."""
    with played.worker.app_context():
        matching.warm_up()
    while not stop.is_set():
        with played.worker.app_context():
            if matching.plan_if_due():
                matching.make_plan()
        stop.wait(LOOKS_EVERY)


def _ask(played: Stage, tries: int) -> Waits:
    browser = Browser(played.web_url)
    with played.owner.app_context():
        person = next(p for p in accounts.demo_people() if p.email == OFFICER.email)
    page = browser.get("/")
    browser.send(page, page.form("demo/sign-in"), {"person": str(person.public_id)})
    sent, proposed = [], []
    for _ in range(tries):
        page = browser.get("/police/requests/new")
        started = time.monotonic()
        page = browser.send(page, page.form("requests/new"), _answers())
        sent.append(time.monotonic() - started)
        while STILL_LOOKING in WORD.findall(browser.get(page.url + "/status").html):
            time.sleep(LOOKS_EVERY)
        proposed.append(time.monotonic() - started)
        page = browser.get(page.url)
        browser.send(page, page.form("withdraw"), {"reason": "entered_in_error"})
    return Waits(sent=sent, proposed=proposed)


def _answers() -> dict[str, str]:
    return {
        "form_key": str(uuid4()),
        "who": "woman",
        "place": "SE15",
        "urgency": "emergency",
        "household": "alone",
        "language": "sq",
        "callback_phone": "07700 900123",
    }


def report(waits: Waits) -> str:
    """The table; the ratio is of medians of one run."""
    sent, proposed = statistics.median(waits.sent), statistics.median(waits.proposed)
    return "\n".join(
        [
            f"First proposal, {len(waits.proposed)} requests in the demonstration's week",
            f"  form sent and kept       median {sent:6.2f} s   worst {max(waits.sent):6.2f} s",
            f"  first proposal on screen median {proposed:6.2f} s   "
            f"worst {max(waits.proposed):6.2f} s",
            f"  proposal / form sent     {proposed / sent:6.1f} x",
            f"  wanted: under {WANTED_SECONDS:.0f} s",
        ]
    )
