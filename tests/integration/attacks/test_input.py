"""What is typed stays what was typed: no upload, template, statement, header or address of it."""

from __future__ import annotations

import ast
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Flask

from tests.browser_without_a_window import Browser
from tests.conftest import Run
from tests.fake_twilio import serving
from tests.integration.attacks.ground import (
    WITHOUT_ANSWERS,
    Night,
    digest,
    forms,
    owner_of,
    routes,
)
from tests.integration.test_bad_input import FIELDS, GOOD

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ROOT = Path(__file__).resolve().parents[3]
NEW = "/police/requests/new"
# 1337 times 1337: a number that stands on no page of ours unless somebody works it out.
WORKED_OUT = "1787569"
TEMPLATES = ["{{1337*1337}}", "${1337*1337}", "#{1337*1337}", "<%= 1337*1337 %>", "{%print 7%}"]
STATEMENTS = [
    "'||(SELECT 1337*1337)||'",
    "1; DROP TABLE task; --",
    "' UNION SELECT phone FROM contact --",
    "R-2222222') OR 1=1 --",
]
QUERY_NAMES = ("next", "url", "return_to", "redirect", "continue", "same_as", "stamp", "tick")


def test_no_form_works_out_what_is_typed(
    app: Flask, night: Night, everybody: dict[str, Browser], run_as_owner: Run
) -> None:
    before = run_as_owner(digest)
    for endpoint, path in forms(app, night):
        if endpoint in WITHOUT_ANSWERS:
            continue
        browser = owner_of(endpoint, everybody)
        for payload in (" ".join(TEMPLATES), *STATEMENTS):
            response = browser.post(path, dict.fromkeys(FIELDS, payload))
            page = response.get_data(as_text=True)
            assert response.status_code < 500, (endpoint, payload)
            assert WORKED_OUT not in page, (endpoint, payload)
    after = run_as_owner(digest)
    # A password may be any text, and is kept as a digest; nothing else takes any of these.
    assert {name for name in before if before[name] != after[name]} == {"user_account"}


def test_what_is_typed_comes_back_as_it_was_typed(everybody: dict[str, Browser]) -> None:
    amara = everybody["amara"]
    for payload in ("{{1337*1337}}", "' OR 1=1 --", "<img src=x onerror=1>"):
        sent = amara.post(NEW, {**GOOD, "form_key": amara.form_key(), "incident_ref": payload})
        refused = amara.post(NEW, {**GOOD, "form_key": amara.form_key(), "place": payload})
        page = amara.get(sent.location).get_data(as_text=True)
        shown = payload.replace("'", "&#39;").replace("<", "&lt;").replace(">", "&gt;")
        assert sent.status_code == 303
        assert refused.status_code == 422
        assert shown in page
        assert f'value="{shown}"' in refused.get_data(as_text=True)
        assert "<img" not in page


def test_a_path_or_query_is_a_name_and_nothing_more(
    app: Flask, night: Night, everybody: dict[str, Browser]
) -> None:
    payloads = [*STATEMENTS, "../../etc/passwd", "%0d%0aSet-Cookie: a=b"]
    for payload in payloads:
        for start, name in (("/police/requests/", "amara"), ("/desk/requests/", "dee")):
            response = everybody[name].get(start + quote(payload, safe=""))
            assert response.status_code == 404, payload
            assert "Set-Cookie: a" not in str(response.headers)
    query = "&".join(f"{name}={quote(each)}" for name in QUERY_NAMES for each in payloads)
    for endpoint, path in routes(app, night, "GET"):
        if endpoint.startswith(("police.", "coordinator.", "manager.")):
            response = owner_of(endpoint, everybody).get(f"{path}?{query}")
            assert response.status_code < 500, path
            assert WORKED_OUT not in response.get_data(as_text=True), path


def test_no_redirect_leads_where_the_visitor_says(
    app: Flask, night: Night, everybody: dict[str, Browser], anonymous: Browser
) -> None:
    answers = []
    for away in ("https://evil.example", "//evil.example", "/\\evil.example"):
        query = "&".join(f"{name}={quote(away)}" for name in QUERY_NAMES)
        answers += [
            browser.get(f"{path}?{query}", headers={"Referer": away})
            for browser in (anonymous, everybody["amara"])
            for endpoint, path in routes(app, night, "GET")
            if endpoint != "public.leave"
        ]
        answers += [
            anonymous.get(f"/{away}"),
            anonymous.get(f"/{away}/.."),
            everybody["amara"].post(NEW, {**GOOD, "form_key": "x", "next": away}),
            Browser(app).post("/sign-in", {"next": away}, headers={"Referer": away}),
        ]
    answers.append(everybody["bram"].post("/sign-out", {"next": "https://evil.example"}))
    places = [answer.location for answer in answers if answer.location]

    assert len(places) > 20
    assert [place for place in places if "evil" in place.split("?")[0]] == []
    assert all(place[:1] == "/" and place[1:2] not in ("/", "\\") for place in places), places


def test_quick_exit_leads_to_one_place_whatever_is_asked(anonymous: Browser) -> None:
    plain = anonymous.get("/leave").location

    assert anonymous.get("/leave?next=https://evil.example").location == plain


def test_a_file_is_ignored_and_kept_nowhere(everybody: dict[str, Browser]) -> None:
    amara = everybody["amara"]
    form = {**GOOD, "form_key": amara.form_key()}
    file = {"upload": (BytesIO(b"GIF89a<script>CANARY"), "evil.svg"), "place": "SE15"}

    response = amara.post(NEW, form | file, content_type="multipart/form-data")

    assert response.status_code == 303
    page = amara.get(response.location).get_data(as_text=True)
    assert "CANARY" not in page
    assert "evil.svg" not in page


def test_a_field_sent_as_a_file_is_a_field_not_sent(everybody: dict[str, Browser]) -> None:
    amara = everybody["amara"]
    form = {**GOOD, "form_key": amara.form_key(), "place": (BytesIO(b"SE15"), "place.txt")}

    assert amara.post(NEW, form, content_type="multipart/form-data").status_code == 422


def test_more_than_a_form_can_hold_is_refused(everybody: dict[str, Browser]) -> None:
    amara = everybody["amara"]
    for size, status in ((56 * 1024, 303), (64 * 1024 + 1, 413)):
        form = {**GOOD, "form_key": amara.form_key(), "upload": (BytesIO(b"x" * size), "big.bin")}
        response = amara.post(NEW, form, content_type="multipart/form-data")
        assert response.status_code == status
    many = {f"n{number}": "" for number in range(1_001)}
    assert amara.post(NEW, many, content_type="multipart/form-data").status_code == 413


def test_no_address_that_is_typed_is_ever_called(
    app: Flask, night: Night, everybody: dict[str, Browser]
) -> None:
    """SSRF: a listener whose address stands in every field, query and header hears nothing."""
    heard: list[str] = []

    def listener(environ: WSGIEnvironment, start: StartResponse) -> list[bytes]:
        heard.append(environ["PATH_INFO"])
        start("204 No Content", [])
        return []

    with serving(listener) as url:
        told = {"Referer": url, "X-Forwarded-Host": url.removeprefix("http://")}
        for endpoint, path in forms(app, night):
            if endpoint not in WITHOUT_ANSWERS:
                owner_of(endpoint, everybody).post(path, dict.fromkeys(FIELDS, url), headers=told)
        for endpoint, path in routes(app, night, "GET"):
            if endpoint.startswith(("police.", "coordinator.")):
                owner_of(endpoint, everybody).get(f"{path}?next={quote(url)}&url={quote(url)}")
    assert heard == []


# Whatever may open a connection to elsewhere, and each module that does: where to is a setting.
CALLERS = {"aiohttp", "ftplib", "http.client", "httpx", "requests", "smtplib", "urllib.request"}
MAY_CALL = {
    "app/sms.py": "the texting provider",
    "app/punctual.py": "nobody by itself: it is the line to the texting provider",
    "app/fields/vault.py": "the key vault that wraps and unwraps the keys of sealed fields",
    "app/services/anchors.py": "the store elsewhere that keeps the head of the audit trail",
    "app/views/force.py": "a force's own sign-in (OpenID Connect), by Authlib's client",
}


def test_only_these_modules_call_anybody() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "app").rglob("*.py"))
        if "demo_phone" not in path.parts and "node_modules" not in path.parts
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if _imported(node) & CALLERS
    }

    assert found == set(MAY_CALL)


def _imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        names = {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom) and node.module:
        names = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    else:
        return set()
    return names | {name.split(".")[0] for name in names}
