"""Clickjacking, scripts and leaks by header: what every answer to everybody says."""

from __future__ import annotations

import re
from io import StringIO
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.test import TestResponse

from app.browsers import HEADERS, OFF
from tests.browser_without_a_window import Browser
from tests.cast import Cast
from tests.conftest import Run
from tests.integration.attacks.ground import Night, digest, routes

NONCE = re.compile(r"script-src 'nonce-([A-Za-z0-9_-]{24})'")
FETCHED = re.compile(
    r'<(?:script|link|img|iframe|object|embed|form)\b[^>]*?(?:src|href|action)="([^"]+)"'
)
# Words that a title bar, a history list or a server's log would give away.
TELLING = re.compile(
    r"refuge|shelter|victim|survivor|traffick|slave|abuse|women|woman|rescue|police", re.IGNORECASE
)
# A page's own people may read their own role's word in a path; it says nothing of any person.
AUDIENCES_IN_PATHS = ("/police/", "/refuge/")
PUBLIC = ("/", "/sign-in", "/about-the-data", "/robots.txt", "/health/live", "/metrics")
HOLES = "'unsafe-inline'", "'unsafe-eval'", "*", "http:", "https:", "data:", "blob:"


def test_every_answer_to_everybody_is_guarded_and_looking_changes_nothing(
    app: Flask, night: Night, everybody: dict[str, Browser], run_as_owner: Run
) -> None:
    before = run_as_owner(digest)
    nonces: list[str] = []
    count = 0
    for browser in everybody.values():
        for endpoint, path in routes(app, night, "GET"):
            if endpoint == "public.leave":
                continue
            response = browser.get(path)
            count += 1
            carries_every_header(response)
            nonces += runs_no_script_but_its_own(response)
            fetches_nothing_from_elsewhere(response)
            has_a_neutral_title(response)
    assert count > 200
    assert len(nonces) > 200
    assert len(set(nonces)) == len(nonces)  # never used twice
    assert run_as_owner(digest) == before


def carries_every_header(response: TestResponse) -> None:
    for name, value in HEADERS.items():
        assert response.headers[name] == value, (response.request.path, name)
    assert response.headers["Cache-Control"] == "no-store", response.request.path
    if (response.mimetype or "").startswith("text/"):
        assert "charset=utf-8" in response.headers["Content-Type"], response.request.path
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


def runs_no_script_but_its_own(response: TestResponse) -> list[str]:
    policy = response.headers["Content-Security-Policy"]
    assert not [hole for hole in HOLES if hole in policy.split()], policy
    assert "default-src 'none'" in policy
    scripts = re.findall(r"<script\b[^>]*>", response.get_data(as_text=True))
    if response.mimetype != "text/html":
        assert "script-src" not in policy
        assert scripts == []
        return []
    found = NONCE.search(policy)
    assert found is not None, policy
    assert all(f'nonce="{found[1]}"' in tag for tag in scripts), response.request.path
    return [found[1]]


def fetches_nothing_from_elsewhere(response: TestResponse) -> None:
    fetched = FETCHED.findall(response.get_data(as_text=True))
    assert [found for found in fetched if urlsplit(found).netloc] == [], response.request.path


def has_a_neutral_title(response: TestResponse) -> None:
    if response.status_code in (301, 302, 303, 308):
        return  # no page: nobody sees what stands in it
    for title in re.findall(r"<title>(.*?)</title>", response.get_data(as_text=True)):
        assert title.startswith("Waymark - ")
        assert not TELLING.search(title), title


def test_paths_tell_nothing(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        path = rule.rule
        for audience in AUDIENCES_IN_PATHS:
            path = path.removeprefix(audience)
        seen = re.sub(r"<[^>]*>", "", path)  # an address holds the value, never its name
        assert not TELLING.search(seen), rule.rule


def test_an_error_page_is_as_well_guarded_as_any(
    anonymous: Browser, everybody: dict[str, Browser]
) -> None:
    for response in (
        anonymous.get("/police/requests"),
        everybody["amara"].get("/no-such-page"),
        everybody["amara"].client.post("/police/requests/new", data={"csrf_token": "forged"}),
        everybody["amara"].client.delete("/police/requests/new"),
        everybody["amara"].client.post("/sign-in", data={"email": "x" * 100_000}),
    ):
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_a_file_of_ours_is_guarded_too(anonymous: Browser) -> None:
    for name in ("waymark.js", "waymark.css", "favicon.svg"):
        response = anonymous.get(f"/static/{name}")
        assert response.status_code == 200
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        for header, value in HEADERS.items():
            assert response.headers[header] == value
        response.close()


def test_every_power_of_the_browser_is_off(anonymous: Browser) -> None:
    policy = anonymous.get("/about-the-data").headers["Permissions-Policy"]

    assert {"camera", "microphone", "geolocation", "display-capture", "usb"} <= set(OFF)
    assert all(f"{name}=()" in policy for name in OFF)


def test_leaving_quickly_ends_the_sign_in_and_empties_the_browser(
    everybody: dict[str, Browser],
) -> None:
    response = everybody["amara"].get("/leave")

    assert response.headers["Clear-Site-Data"] == '"cache", "cookies", "storage"'
    assert everybody["amara"].get("/police/requests").location == "/sign-in"


def test_a_link_elsewhere_cannot_sign_anybody_out(everybody: dict[str, Browser]) -> None:
    response = everybody["amara"].get("/leave", headers={"Sec-Fetch-Site": "cross-site"})

    assert response.status_code == 303
    assert everybody["amara"].get("/police/requests").status_code == 200


REPORTS = [
    (
        '[{"type": "csp-violation", "body": {"effectiveDirective": "script-src-elem",'
        ' "blockedURL": "https://evil.example/07700900555", "sample": "CANARY"}}]',
        ["script-src-elem"],
    ),
    ('{"csp-report": {"effective-directive": "img-src", "blocked-uri": "CANARY"}}', ["img-src"]),
    ('[{"body": {"effectiveDirective": "CANARY"}}]', []),
    ('[{"body": "CANARY"}, 7, null]', []),
    ("CANARY", []),
    ("", []),
    ('{"csp-report": {"effective-directive": ["img-src"]}}', []),
]


def test_a_report_leaves_the_name_of_a_rule_and_nothing_else(
    anonymous: Browser, written: StringIO
) -> None:
    for body, kept in REPORTS:
        written.truncate(0)
        kind = "application/reports+json"
        assert anonymous.client.post("/csp", data=body, content_type=kind).status_code == 204
        lines = written.getvalue()
        assert "CANARY" not in lines
        assert "evil" not in lines
        assert re.findall(r'"rule": "([a-z-]+)"', lines) == kept, body


def test_a_person_elsewhere_cannot_read_the_cast(cast: Cast, anonymous: Browser) -> None:
    """The tour names invented people only; no answer allows another origin to read it."""
    for path in PUBLIC:
        headers = anonymous.get(path, headers={"Origin": "https://evil.example"}).headers
        assert not [name for name, _ in headers if name.lower().startswith("access-control")]
