"""A force's sign-in on loopback: an OpenID provider that checks what Waymark sends it."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Flask, Response, abort, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "waymark-of-the-tests", "secret of the tests"


@dataclass
class IdentityProvider:
    """``claims`` go into the next ID token; ``spoil`` changes whatever stands there."""

    claims: dict[str, Any] = field(default_factory=dict)
    spoil: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    issuer: str = ""
    named: str = ""  # what its metadata calls itself, where that is not so
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))
    signing_key: RSAKey | None = None

    def sign_in(self, address: str) -> tuple[str, str]:
        """The person agrees: the code and the state that go back to Waymark."""
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}" == self.issuer
        self.asked = {name: texts[0] for name, texts in parse_qs(parts.query).items()}
        self.asked["code"] = secrets.token_urlsafe(8)
        return self.asked["code"], self.asked["state"]

    def app(self) -> Flask:
        flask = Flask("identity_provider")

        @flask.get("/.well-known/openid-configuration")
        def configuration() -> dict[str, Any]:
            return {
                "issuer": self.named or self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            }

        @flask.get("/keys")
        def keys() -> dict[str, Any]:
            return {"keys": [self.key.as_dict(private=False)]}

        @flask.post("/token")
        def token() -> Response:
            self._check()
            given = {"access_token": secrets.token_urlsafe(8), "token_type": "Bearer"}
            answer = given | {"id_token": self._id_token()}
            return Response(json.dumps(answer), mimetype="application/json")

        return flask

    def _check(self) -> None:
        """As a strict provider does: the client, the code once, and PKCE."""
        basic = request.authorization
        verifier = request.form.get("code_verifier", "")
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        is_right = (
            basic is not None
            and (basic.username, basic.password) == (CLIENT, SECRET)
            and request.form.get("code") == self.asked.pop("code", None)
            and request.form.get("redirect_uri") == self.asked["redirect_uri"]
            and self.asked["code_challenge_method"] == "S256"
            and challenge == self.asked["code_challenge"]
        )
        if not is_right:
            abort(400)

    def _id_token(self) -> str:
        now = int(time.time())
        said = {
            "iss": self.issuer,
            "sub": "of " + str(self.claims.get("email", "")).lower(),
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": self.asked["nonce"],
            "auth_time": now,
            "amr": ["pwd", "mfa"],
            "email_verified": True,
        }
        said |= self.claims | self.spoil
        kept = {name: value for name, value in said.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": "1"}, kept, self.signing_key or self.key)

    def serve(self) -> Any:
        """Start on a free port; returns what stops it."""
        server = make_server("127.0.0.1", 0, self.app(), threaded=True)
        self.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def stop() -> None:
            server.shutdown()
            thread.join()
            server.server_close()

        return stop
