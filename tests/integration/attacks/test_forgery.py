"""Forged forms: every unsafe route refuses another site's form, with or without a good token."""

from __future__ import annotations

from flask import Flask

from tests.browser_without_a_window import Browser
from tests.conftest import Run
from tests.integration.attacks.ground import Night, digest, forms, owner_of

ELSEWHERE = [
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "https://localhost"},  # our name, another scheme
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
]


def test_a_form_of_another_site_is_refused_though_its_token_is_good(
    app: Flask, night: Night, everybody: dict[str, Browser], run_as_owner: Run
) -> None:
    before = run_as_owner(digest)
    for endpoint, path in forms(app, night):
        browser = owner_of(endpoint, everybody)
        assert browser.client.post(path).status_code == 400, endpoint  # without its token
        for headers in ELSEWHERE:
            assert browser.post(path, headers=headers).status_code == 403, (endpoint, headers)
    assert run_as_owner(digest) == before


def test_a_token_of_somebody_else_is_no_token(everybody: dict[str, Browser]) -> None:
    amara, bram = everybody["amara"], everybody["bram"]

    response = bram.client.post("/sign-out", data={"csrf_token": amara.token})

    assert response.status_code == 400
    assert bram.get("/police/requests").status_code == 200


OUR_OWN: list[dict[str, str]] = [
    {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"},  # PUBLIC_URL
    {"Origin": "null", "Sec-Fetch-Site": "same-origin"},  # what no-referrer makes of ours
    {"Origin": "null"},  # an old browser: the token stands alone
    {},
]


def test_our_own_form_is_taken(everybody: dict[str, Browser]) -> None:
    for headers in OUR_OWN:
        response = everybody["amara"].post("/police/requests/new", headers=headers)
        assert response.status_code == 422, headers  # read, and found empty
