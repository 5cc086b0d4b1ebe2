"""Flask's test client as a person would use it: one sign-in, tokens from the pages themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app.services import accounts

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
FORM_KEY = re.compile(r'name="form_key" value="([^"]+)"')


class Browser:
    """Keeps cookies and sends each form with the token of the last page that had one."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client = app.test_client()
        self.token = ""

    def sign_in_as(self, email: str) -> Browser:
        with self.app.app_context():
            person = next(p for p in accounts.demo_people() if p.email == email)
        response = self.post("/demo/sign-in", {"person": str(person.public_id)})
        assert response.status_code == 302, response.status_code
        self.token = ""
        return self

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        response = self.client.get(path, **kwargs)
        if found := TOKEN.search(response.get_data(as_text=True)):
            self.token = found[1]
        return response

    def post(self, path: str, data: Mapping[str, Any] | None = None, **kwargs: Any) -> TestResponse:
        if not self.token:
            self.get("/sign-in")
        return self.client.post(path, data={**(data or {}), "csrf_token": self.token}, **kwargs)

    def form_key(self, path: str = "/police/requests/new") -> str:
        """The key that the form on ``path`` was drawn with."""
        found = FORM_KEY.search(self.get(path).get_data(as_text=True))
        assert found is not None
        return found[1]


def text_of(response: TestResponse) -> str:
    """What a person reads: tags out, white space folded."""
    html = re.sub(r"<(script|style).*?</\1>", " ", response.get_data(as_text=True), flags=re.S)
    plain = re.sub(r"<[^>]+>", " ", html)
    for code, sign in (
        ("&#39;", "'"),
        ("&#34;", '"'),
        ("&amp;", "&"),
        ("&lt;", "<"),
        ("&gt;", ">"),
    ):
        plain = plain.replace(code, sign)
    return " ".join(plain.split())
