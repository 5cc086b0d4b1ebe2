"""Keys that stay in a Vault: its transit engine wraps, unwraps and makes fingerprints.

Source: developer.hashicorp.com/vault/api-docs/secret/transit. The key of the fields must be of an
AEAD kind (``aes256-gcm96``), because each record's key is bound to its own id.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import requests
import structlog

from app.errors import Busy, Unreadable
from app.fields.keys import UNKNOWN_KEY, Wrapped

log = structlog.get_logger()
TIMEOUT = (1.0, 2.0)  # seconds to connect, and between two bytes: a transaction may be waiting
AWAY = "The keys cannot be reached this moment. Nothing was lost: please try again."
MOST_AT_ONCE = 250


class VaultTransit:
    """One key of a Vault's transit engine, over HTTP."""

    def __init__(self, address: str, token: str, key_name: str) -> None:
        self._url = f"{address.rstrip('/')}/v1/transit"
        self._headers = {"X-Vault-Token": token}
        self._name = key_name

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The ``data`` of Vault's answer.

        Raises:
            Busy: Vault does not answer, is sealed or wants us to wait.
            Unreadable: Vault refuses: a wrong token, a missing key, or a version taken away.
        """
        try:
            answer = requests.request(
                method,
                f"{self._url}/{path}",
                json=body,
                headers=self._headers,
                timeout=TIMEOUT,
                allow_redirects=False,  # a standby's redirect would carry the token elsewhere
            )
            document = answer.json()
        except (requests.RequestException, ValueError):
            raise Busy(AWAY) from None
        if answer.status_code >= 500 or answer.status_code == 429:
            raise Busy(AWAY)
        if answer.status_code != 200:
            log.warning("vault_refused", status=answer.status_code, path=path.split("/")[0])
            raise Unreadable(UNKNOWN_KEY.format(kek_id=self._name))
        data: dict[str, Any] = document["data"]
        return data

    def versions(self) -> list[int]:
        """Those Vault still works with, the newest first."""
        found = self.ask("GET", f"keys/{self._name}")
        oldest = max(1, int(found["min_decryption_version"]))
        return list(range(int(found["latest_version"]), oldest - 1, -1))


class VaultKeys(VaultTransit):
    """A key provider whose key never leaves the Vault."""

    def known_ids(self) -> list[str]:
        return [f"{self._name}:v{version}" for version in self.versions()]

    def wrap(self, key: bytes, bound_to: bytes) -> Wrapped:
        given = {"plaintext": _text(key), "associated_data": _text(bound_to)}
        ciphertext = str(self.ask("POST", f"encrypt/{self._name}", given)["ciphertext"])
        return Wrapped(f"{self._name}:{ciphertext.split(':')[1]}", ciphertext.encode(), bound_to)

    def unwrap(self, wrapped: Sequence[Wrapped]) -> list[bytes]:
        keys = []
        for start in range(0, len(wrapped), MOST_AT_ONCE):
            keys += self._unwrap(wrapped[start : start + MOST_AT_ONCE])
        return keys

    def _unwrap(self, wrapped: Sequence[Wrapped]) -> list[bytes]:
        for each in wrapped:
            if not each.kek_id.startswith(f"{self._name}:"):
                raise Unreadable(UNKNOWN_KEY.format(kek_id=each.kek_id))
        batch = [
            {"ciphertext": each.body.decode(), "associated_data": _text(each.bound_to)}
            for each in wrapped
        ]
        found = self.ask("POST", f"decrypt/{self._name}", {"batch_input": batch})
        results = found["batch_results"]
        if len(results) != len(wrapped) or any("plaintext" not in each for each in results):
            raise Unreadable(UNKNOWN_KEY.format(kek_id=self._name))
        return [base64.b64decode(each["plaintext"]) for each in results]


class VaultIndex(VaultTransit):
    """Fingerprints that only the Vault can make, so that a stolen database cannot be tried out."""

    def digests(self, purpose: str, value: str) -> dict[str, bytes]:
        given = {"input": _text(f"{purpose}|{value}".encode())}
        made = {}
        for version in self.versions():
            asked = given | {"key_version": version}
            text = str(self.ask("POST", f"hmac/{self._name}/sha2-256", asked)["hmac"])
            made[f"{self._name}:v{version}"] = base64.b64decode(text.rsplit(":", 1)[1])
        return made


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
