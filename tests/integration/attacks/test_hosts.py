"""Host header, forwarding headers, transport: what a request says of itself is not believed."""

from __future__ import annotations

from typing import Any

from flask import Flask, request

from app import create_app
from app.db import db
from app.embedded_postgres import EmbeddedPostgres
from tests.browser_without_a_window import Browser
from tests.conftest import DATABASE, settings_for
from tests.integration.attacks.ground import Night, routes
from tests.integration.test_production import HERE, production

SPOOFED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "444",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=203.0.113.9;proto=https;host=evil.example",
}


def made(settings: Any) -> Flask:
    flask = create_app(settings)
    flask.testing = True
    # In place of an answer that anybody may have: the matrix knows no route of a test's own.
    flask.view_functions["health.live"] = lambda: [
        *(request.remote_addr, request.scheme, request.host, request.script_root)
    ]
    return flask


def test_production_answers_to_its_own_name_only(live: Flask) -> None:
    client = live.test_client()

    assert client.get("/sign-in", base_url=HERE).status_code == 200
    for host in ("evil.example", "waymark.example.evil.example", "127.0.0.1"):
        for path in ("/sign-in", "/no-such-page", "/health/live"):
            response = client.get(path, base_url=f"https://{host}")
            assert response.status_code == 400, path
            assert host not in response.get_data(as_text=True)
        assert client.post("/sign-in", base_url=f"https://{host}").status_code == 400


def test_the_demonstration_answers_on_this_machine_only(app: Flask) -> None:
    client = app.test_client()

    for host, status in (("localhost:8000", 200), ("127.0.0.1:8000", 200), ("evil.example", 400)):
        assert client.get("/about-the-data", headers={"Host": host}).status_code == status, host
    assert "Strict-Transport-Security" not in client.get("/about-the-data").headers


def test_forwarding_headers_are_not_believed(postgres: EmbeddedPostgres, database: str) -> None:
    flask = made(production(postgres))

    seen = flask.test_client().get(
        "/health/live", base_url="http://waymark.example", headers=SPOOFED
    )

    assert seen.json == ["127.0.0.1", "http", "waymark.example", ""]
    with flask.app_context():
        db.engine.dispose()


def test_a_proxy_of_ours_is_believed_for_the_address_and_the_scheme_alone(
    postgres: EmbeddedPostgres, database: str
) -> None:
    flask = made(production(postgres, trusted_proxies=1))
    headers = SPOOFED | {"X-Forwarded-For": "192.0.2.66, 203.0.113.9"}

    seen = flask.test_client().get(
        "/health/live", base_url="http://waymark.example", headers=headers
    )

    assert seen.json == ["203.0.113.9", "https", "waymark.example", ""]
    with flask.app_context():
        db.engine.dispose()


def test_production_asks_for_tls_for_a_year_on_every_page(live: Flask) -> None:
    for path in ("/sign-in", "/no-such-page", "/health/live"):
        header = live.test_client().get(path, base_url=HERE).headers["Strict-Transport-Security"]
        assert header == "max-age=31536000; includeSubDomains"


def test_no_page_repeats_where_it_was_asked_for(postgres: EmbeddedPostgres, database: str) -> None:
    """Even a name of ours is never written into a page: links are paths."""
    flask = made(settings_for(postgres, DATABASE))
    page = flask.test_client().get("/sign-in", headers={"Host": "localhost:4711"})

    assert "4711" not in page.get_data(as_text=True)
    with flask.app_context():
        db.engine.dispose()


def test_only_the_methods_of_a_route_are_taken(app: Flask, night: Night) -> None:
    client = app.test_client()
    tried = 0
    for method in ("OPTIONS", "TRACE", "PUT", "PATCH", "DELETE"):
        for known in ("GET", "POST"):
            for _, path in routes(app, night, known):
                assert client.open(path, method=method).status_code in (403, 405), (method, path)
                tried += 1
    assert tried > 200


def test_nothing_but_our_files_is_served(anonymous: Browser) -> None:
    for path in (
        *("/.git/config", "/config.py", "/requirements.txt", "/static/", "/static/nothing.js"),
        *("/static/../config.py", "/static/%2e%2e/config.py", "/static/..%2fconfig.py", "/static"),
        *("/app/words.toml", "/static//etc/passwd", "/.env", "/static/waymark.js.map"),
    ):
        assert anonymous.get(path, follow_redirects=True).status_code == 404, path
