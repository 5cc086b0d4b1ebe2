"""Sealing bytes, and the keys that wrap keys: in memory, in a file, in a Vault."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, jsonify, request

from app.errors import Busy, Unreadable
from app.fields.keys import KeyProvider, LocalIndex, LocalKeys, Wrapped, file_keys
from app.fields.providers import FILE_NAME, keys_of
from app.fields.sealing import decrypt, encrypt, new_key
from app.fields.vault import VaultIndex, VaultKeys
from config import Environment, Settings, SettingsError
from tests.fake_twilio import serving

KEY, OTHER = b"\x01\x9c" * 16, b"\x02\xfe" * 16
PLACE = b"caller|7|callback_phone|k"


def test_a_text_opens_where_it_was_sealed() -> None:
    sealed = encrypt(KEY, "älä +447700900123".encode(), PLACE)

    assert decrypt(KEY, sealed, PLACE).decode() == "älä +447700900123"
    assert b"447700900123" not in sealed
    assert encrypt(KEY, b"same", PLACE) != encrypt(KEY, b"same", PLACE)


@pytest.mark.parametrize(
    ("key", "place"),
    [
        (OTHER, PLACE),
        (KEY, b"caller|8|callback_phone|k"),
        (KEY, b"caller|7|incident_ref|k"),
        (KEY, b"contact|7|callback_phone|k"),
    ],
    ids=["another key", "another row", "another column", "another table"],
)
def test_nowhere_else_does_it_open(key: bytes, place: bytes) -> None:
    sealed = encrypt(KEY, b"secret", PLACE)

    with pytest.raises(Unreadable, match="not what was sealed"):
        decrypt(key, sealed, place)


@pytest.mark.parametrize("position", [0, 1, 13, -1])
def test_a_changed_byte_is_noticed(position: int) -> None:
    sealed = bytearray(encrypt(KEY, b"secret", PLACE))
    sealed[position] ^= 1

    with pytest.raises(Unreadable):
        decrypt(KEY, bytes(sealed), PLACE)


@pytest.mark.parametrize("length", [0, 1, 5, 13, 20])
def test_what_is_too_short_is_refused_like_anything_else(length: int) -> None:
    with pytest.raises(Unreadable):
        decrypt(KEY, (b"\x01" + b"x" * 40)[:length], PLACE)


def test_a_key_is_wrapped_with_the_newest_and_unwrapped_with_any() -> None:
    old = LocalKeys({"2025": KEY}).wrap(b"k" * 32, b"record_key|1")

    both = LocalKeys({"2026": OTHER, "2025": KEY})

    assert both.unwrap([old]) == [b"k" * 32]
    assert both.wrap(b"k" * 32, b"record_key|1").kek_id == "2026"


def test_a_wrapped_key_does_not_open_as_another_records() -> None:
    keys = LocalKeys({"2026": KEY})
    wrapped = keys.wrap(b"k" * 32, b"record_key|1")

    with pytest.raises(Unreadable):
        keys.unwrap([Wrapped(wrapped.kek_id, wrapped.body, b"record_key|2")])


def test_an_unknown_key_is_named_and_nothing_is_shown() -> None:
    wrapped = LocalKeys({"2025": KEY}).wrap(b"k" * 32, b"record_key|1")

    with pytest.raises(Unreadable, match=r"does not have \(2025\).*FIELD_KEYS"):
        LocalKeys({"2026": OTHER}).unwrap([wrapped])


def test_a_fingerprint_differs_by_key_and_by_purpose() -> None:
    index = LocalIndex({"b": OTHER, "a": KEY})

    found = index.digests("phone", "+447700900123")

    assert list(found) == ["b", "a"]
    assert {len(each) for each in found.values()} == {32}
    assert found == index.digests("phone", "+447700900123")
    assert len({*found.values(), *index.digests("deny", "+447700900123").values()}) == 4


def test_the_demonstration_invents_its_keys_once(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    first, index = keys_of(settings)
    wrapped = first.wrap(b"k" * 32, b"record_key|1")

    again, same_index = keys_of(settings)

    assert again.unwrap([wrapped]) == [b"k" * 32]
    assert same_index.digests("phone", "1") == index.digests("phone", "1")
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_processes_that_begin_at_once_agree_on_one_file(tmp_path: Path) -> None:
    together = threading.Barrier(8)

    def begin(_: int) -> dict[str, bytes]:
        together.wait()
        return file_keys(tmp_path / FILE_NAME)[1].digests("phone", "1")

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(begin, range(8)))

    assert all(each == found[0] for each in found)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file_keys(tmp_path / FILE_NAME)
    (tmp_path / FILE_NAME).chmod(0o640)

    with pytest.raises(SettingsError, match="chmod 600"):
        file_keys(tmp_path / FILE_NAME)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"fields": "x", "index": "y"}'])
def test_a_broken_file_is_never_replaced(text: str, tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(text)
    path.chmod(0o600)

    with pytest.raises(SettingsError):
        file_keys(path)

    assert path.read_text() == text


def test_production_invents_no_keys(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="FIELD_KEYS"):
        keys_of(Settings(environment=Environment.PRODUCTION, data_dir=tmp_path))

    assert list(tmp_path.iterdir()) == []


# A Vault's transit engine, as far as it is used, that checks what it is asked.


class FakeVault:
    """Two keys of two versions; what it is asked is kept."""

    def __init__(self) -> None:
        self.versions = {"waymark": [KEY, OTHER], "waymark-index": [KEY]}
        self.oldest = 1
        self.asked: list[tuple[str, str]] = []
        self.answer: tuple[str, int] | None = None
        self.app = Flask("vault")
        self.app.add_url_rule("/v1/transit/<path:what>", view_func=self.go, methods=["GET", "POST"])

    def go(self, what: str) -> Response | tuple[Any, int]:
        self.asked.append((request.method, what))
        if self.answer is not None:
            return Response(self.answer[0], self.answer[1])
        if request.headers.get("X-Vault-Token") != "token-of-the-vault":
            return jsonify(errors=["permission denied"]), 403
        verb, name, *_ = what.split("/")
        if name not in self.versions:
            return jsonify(errors=["encryption key not found"]), 400
        done: Response | tuple[Any, int] = getattr(self, verb)(name)
        return done

    def keys(self, name: str) -> Response:
        assert request.method == "GET"
        newest = len(self.versions[name])
        return jsonify(data={"latest_version": newest, "min_decryption_version": self.oldest})

    def encrypt(self, name: str) -> Response:
        body = request.get_json()
        assert set(body) == {"plaintext", "associated_data"}
        version = len(self.versions[name])
        sealed = encrypt(
            self.versions[name][version - 1],
            base64.b64decode(body["plaintext"], validate=True),
            base64.b64decode(body["associated_data"], validate=True),
        )
        return jsonify(data={"ciphertext": f"vault:v{version}:{base64.b64encode(sealed).decode()}"})

    def decrypt(self, name: str) -> tuple[Any, int]:
        results = [self._opened(name, each) for each in request.get_json()["batch_input"]]
        bad = any("error" in each for each in results)
        return jsonify(data={"batch_results": results}), 400 if bad else 200

    def _opened(self, name: str, entry: dict[str, str]) -> dict[str, str]:
        assert set(entry) == {"ciphertext", "associated_data"}
        _, version, sealed = entry["ciphertext"].split(":")
        number = int(version[1:])
        if number < self.oldest:
            return {"error": "ciphertext or signature version is disallowed by policy (too old)"}
        try:
            opened = decrypt(
                self.versions[name][number - 1],
                base64.b64decode(sealed),
                base64.b64decode(entry["associated_data"]),
            )
        except Unreadable:
            return {"error": "cipher: message authentication failed"}
        return {"plaintext": base64.b64encode(opened).decode()}

    def hmac(self, name: str) -> Response:
        body = request.get_json()
        assert set(body) == {"input", "key_version"}
        assert request.path.endswith("/sha2-256")
        key = self.versions[name][body["key_version"] - 1]
        found = LocalIndex({"k": key}).digests("v", body["input"])["k"]
        text = base64.b64encode(found).decode()
        return jsonify(data={"hmac": f"vault:v{body['key_version']}:{text}"})


@pytest.fixture
def vault() -> FakeVault:
    return FakeVault()


@pytest.fixture
def address(vault: FakeVault) -> Iterator[str]:
    with serving(vault.app) as url:
        yield url


@pytest.fixture
def in_vault(address: str) -> KeyProvider:
    return VaultKeys(address, "token-of-the-vault", "waymark")


def test_a_vault_wraps_and_unwraps_and_keeps_its_key(
    vault: FakeVault, in_vault: KeyProvider
) -> None:
    made = [in_vault.wrap(new_key(), f"record_key|{n}".encode()) for n in range(3)]

    opened = in_vault.unwrap(made)

    assert {each.kek_id for each in made} == {"waymark:v2"} <= set(in_vault.known_ids())
    assert len({*opened}) == 3
    assert vault.asked.count(("POST", "decrypt/waymark")) == 1  # however many there are


def test_a_vaults_older_version_still_unwraps_until_it_is_retired(
    vault: FakeVault, in_vault: KeyProvider
) -> None:
    vault.versions["waymark"] = [KEY]
    old = in_vault.wrap(b"k" * 32, b"record_key|1")
    vault.versions["waymark"] = [KEY, OTHER]

    assert in_vault.known_ids() == ["waymark:v2", "waymark:v1"]
    assert in_vault.unwrap([old]) == [b"k" * 32]
    vault.oldest = 2
    assert in_vault.known_ids() == ["waymark:v2"]
    with pytest.raises(Unreadable, match="waymark"):
        in_vault.unwrap([old])


def test_a_vaults_wrapped_key_does_not_open_as_another_records(in_vault: KeyProvider) -> None:
    made = in_vault.wrap(b"k" * 32, b"record_key|1")

    with pytest.raises(Unreadable):
        in_vault.unwrap([Wrapped(made.kek_id, made.body, b"record_key|2")])
    with pytest.raises(Unreadable, match=r"\(other:v1\)"):
        in_vault.unwrap([Wrapped("other:v1", made.body, made.bound_to)])


def test_a_vaults_fingerprints_come_newest_first(vault: FakeVault, address: str) -> None:
    index = VaultIndex(address, "token-of-the-vault", "waymark-index")
    [(name, before)] = index.digests("phone", "+447700900123").items()
    vault.versions["waymark-index"].append(OTHER)

    found = index.digests("phone", "+447700900123")

    assert (name, list(found)) == ("waymark-index:v1", ["waymark-index:v2", "waymark-index:v1"])
    assert found["waymark-index:v1"] == before


@pytest.mark.parametrize(
    ("text", "status", "error"),
    [
        (json.dumps({"errors": ["Vault is sealed"]}), 503, Busy),
        (json.dumps({"errors": ["internal error"]}), 500, Busy),
        (json.dumps({"errors": []}), 429, Busy),
        ("<html>", 200, Busy),
        (json.dumps({"errors": ["permission denied"]}), 403, Unreadable),
        (json.dumps({}), 307, Unreadable),
    ],
    ids=["sealed", "broken", "busy", "not json", "refused", "redirect"],
)
def test_a_vault_that_gives_no_key_gives_no_blank(
    text: str, status: int, error: type[Exception], vault: FakeVault, in_vault: KeyProvider
) -> None:
    made = in_vault.wrap(b"k" * 32, b"record_key|1")
    vault.answer = (text, status)

    with pytest.raises(error):
        in_vault.unwrap([made])


def test_a_vault_that_is_away_is_a_reason_to_try_again() -> None:
    with pytest.raises(Busy, match="try again"):
        VaultKeys("http://127.0.0.1:9", "t", "waymark").wrap(b"k" * 32, b"record_key|1")
