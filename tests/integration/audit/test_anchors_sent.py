"""A head that is sent to another server is read there again, over TLS on loopback."""

from __future__ import annotations

import ipaddress
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask, Response, request
from werkzeug.serving import make_server

from app.services import anchors
from app.services.anchors import NotAnchored
from config import Settings
from tests.conftest import Run


@dataclass
class Keeper:
    """Another organisation's server; ``habit`` is what it does wrong."""

    url: str = ""
    habit: str = ""
    kept: list[bytes] = field(default_factory=list)

    def app(self) -> Flask:
        flask = Flask("keeper")

        @flask.post("/heads")
        def keep() -> Response:
            self.kept.append(request.get_data())
            answers = {
                "refuses": Response(status=507),
                "says nothing of where": Response(status=201),
                "sends us elsewhere": Response(status=307, headers={"Location": "/other"}),
                "points to another server": Response(
                    status=201, headers={"Location": "https://elsewhere.example/heads/1"}
                ),
            }
            here = Response(status=201, headers={"Location": f"/heads/{len(self.kept)}"})
            return answers.get(self.habit, here)

        @flask.get("/heads/<int:number>")
        def read(number: int) -> Response:
            if self.habit == "keeps nothing":
                return Response(status=404)
            end = b" " if self.habit == "changes it" else b""
            return Response(self.kept[number - 1] + end, mimetype="application/json")

        return flask


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "keeper of the tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "keeper.pem", folder / "keeper.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return public, private


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    public, private = certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(public))
    one = Keeper()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    server = make_server("127.0.0.1", 0, one.app(), threaded=True, ssl_context=context)
    one.url = f"https://127.0.0.1:{server.server_port}/heads"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield one
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_head_is_sent_and_read_again(
    sealed: object, settings: Settings, run_as_worker: Run, keeper: Keeper
) -> None:
    run_as_worker(anchors.anchor_head, replace(settings, audit_anchor=keeper.url))

    [sent] = keeper.kept
    [own] = settings.anchor_folder.iterdir()
    assert sent == own.read_bytes()


@pytest.mark.parametrize(
    "habit",
    ["refuses", "says nothing of where", "sends us elsewhere", "points to another server",
     "keeps nothing", "changes it"],
)  # fmt: skip
def test_a_place_that_does_not_keep_it_is_noticed(
    sealed: object, settings: Settings, run_as_worker: Run, keeper: Keeper, habit: str
) -> None:
    keeper.habit = habit

    with pytest.raises(NotAnchored, match="could not be kept outside"):
        run_as_worker(anchors.anchor_head, replace(settings, audit_anchor=keeper.url))


def test_a_server_with_another_name_is_not_spoken_to(
    sealed: object, settings: Settings, run_as_worker: Run, keeper: Keeper
) -> None:
    other = keeper.url.replace("127.0.0.1", "localhost")

    with pytest.raises(NotAnchored):
        run_as_worker(anchors.anchor_head, replace(settings, audit_anchor=other))

    assert keeper.kept == []
