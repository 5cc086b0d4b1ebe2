"""Settings from the environment; nothing else in Waymark reads it."""

from __future__ import annotations

import base64
import binascii
import os
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import click

MIN_SECRET_CHARACTERS = 32
MIN_DISTINCT_CHARACTERS = 10
SIGNING_KEY_BYTES = 32
MAKE_ONE = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
MAKE_KEY = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
MAKE_A_KEY = (
    "python3 -c 'import base64, secrets; print(base64.b64encode(secrets.token_bytes(32)).decode())'"
)
KEY_BYTES = 32
MIN_DISTINCT_BYTES = 16  # of 32 random ones, fewer are different once in 10^9
KEY_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
DATABASE_ROLES = ("waymark_owner", "waymark_web", "waymark_worker", "waymark_report")


class SettingsError(click.ClickException):
    """The environment does not describe a service that may start; the text says what to change.

    Of click's kind, so that ``flask`` shows the one line and no traceback.
    """


class Environment(StrEnum):
    """Which promises hold: the demonstration has one-tap sign-in, production refuses it."""

    DEMO = "demo"
    PRODUCTION = "production"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a process needs to know; made once, by ``Settings.from_env()``."""

    environment: Environment = Environment.DEMO
    data_dir: Path = Path("var")
    port: int = 8000
    flask_debug: bool = False
    database_url: str = field(default="", repr=False)
    web_database_url: str = field(default="", repr=False)
    worker_database_url: str = field(default="", repr=False)
    public_url: str = "http://127.0.0.1:8000"
    trusted_proxies: int = 0
    secret_key: str = field(default="", repr=False)
    twilio_account_sid: str = "AC" + "0" * 32
    twilio_auth_token: str = field(default="", repr=False)
    twilio_previous_auth_token: str = field(default="", repr=False)
    twilio_messaging_service_sid: str = "MG" + "0" * 32
    twilio_api_base_url: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)
    oidc_force_code: str = ""
    audit_signing_key: str = field(default="", repr=False)
    audit_old_keys: str = ""
    audit_anchor: str = ""
    field_keys: str = field(default="", repr=False)
    index_keys: str = field(default="", repr=False)
    vault_addr: str = ""
    vault_token: str = field(default="", repr=False)
    vault_transit_key: str = "waymark"

    @property
    def is_demo(self) -> bool:
        return self.environment is Environment.DEMO

    @property
    def is_embedded(self) -> bool:
        """True when Waymark runs PostgreSQL itself; production refuses that."""
        return not self.database_url

    @property
    def anchor_folder(self) -> Path:
        """Where signed heads of the audit trail are kept; a copy, when they are sent away too."""
        is_folder = self.audit_anchor and not self.audit_anchor.startswith("https://")
        return Path(self.audit_anchor) if is_folder else self.data_dir / "anchors"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment.

        Raises:
            SettingsError: a value is missing, malformed or forbidden; the text says what to set.
        """
        env = os.environ if environ is None else environ
        port = _port(env.get("PORT", "8000"))
        settings = cls(
            environment=_environment(env.get("WAYMARK_ENV", "demo")),
            data_dir=Path(env.get("WAYMARK_DATA") or "var").resolve(),
            port=port,
            flask_debug=env.get("FLASK_DEBUG", "").lower() not in ("", "0", "false", "no"),
            database_url=_psycopg("DATABASE_URL", env.get("DATABASE_URL", "")),
            web_database_url=_psycopg("WEB_DATABASE_URL", env.get("WEB_DATABASE_URL", "")),
            worker_database_url=_psycopg("WORKER_DATABASE_URL", env.get("WORKER_DATABASE_URL", "")),
            public_url=_public_url(env.get("PUBLIC_URL") or f"http://127.0.0.1:{port}"),
            trusted_proxies=_proxies(env.get("TRUSTED_PROXIES") or "0"),
            secret_key=env.get("SECRET_KEY", ""),
            twilio_account_sid=env.get("TWILIO_ACCOUNT_SID") or cls.twilio_account_sid,
            twilio_auth_token=env.get("TWILIO_AUTH_TOKEN", ""),
            twilio_previous_auth_token=env.get("TWILIO_PREVIOUS_AUTH_TOKEN", ""),
            twilio_messaging_service_sid=env.get("TWILIO_MESSAGING_SERVICE_SID")
            or cls.twilio_messaging_service_sid,
            twilio_api_base_url=env.get("TWILIO_API_BASE_URL", ""),
            oidc_issuer=env.get("OIDC_ISSUER", ""),
            oidc_client_id=env.get("OIDC_CLIENT_ID", ""),
            oidc_client_secret=env.get("OIDC_CLIENT_SECRET", ""),
            oidc_force_code=env.get("OIDC_FORCE_CODE", ""),
            audit_signing_key=_signing_key(env.get("AUDIT_SIGNING_KEY", "")),
            audit_old_keys=env.get("AUDIT_OLD_KEYS", ""),
            audit_anchor=_anchor(env.get("AUDIT_ANCHOR", "")),
            field_keys=env.get("FIELD_KEYS", ""),
            index_keys=env.get("INDEX_KEYS", ""),
            vault_addr=env.get("VAULT_ADDR", ""),
            vault_token=env.get("VAULT_TOKEN", ""),
            vault_transit_key=env.get("VAULT_TRANSIT_KEY") or cls.vault_transit_key,
        )
        settings.refuse_what_is_unsafe()
        return settings

    def refuse_what_is_unsafe(self) -> None:
        """Raises SettingsError when this combination must not serve anybody."""
        if len(self.secret_key) < MIN_SECRET_CHARACTERS:
            raise SettingsError(
                f"SECRET_KEY must be at least {MIN_SECRET_CHARACTERS} characters. "
                f"Make one with: {MAKE_ONE}"
            )
        if len({bool(each) for each in self._oidc()}) > 1:
            raise SettingsError(
                "Set all of OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET and OIDC_FORCE_CODE,"
                " or none of them."
            )
        self._refuse_unusable_keys()
        if not self.is_demo:
            for is_refused, remedy in self._refused_in_production():
                if is_refused:
                    raise SettingsError(remedy)

    def _oidc(self) -> tuple[str, ...]:
        return (
            *(self.oidc_issuer, self.oidc_client_id),
            *(self.oidc_client_secret, self.oidc_force_code),
        )

    def _refuse_unusable_keys(self) -> None:
        """Keys that cannot be used are refused at the start, not when the first record is sealed.

        Raises:
            SettingsError: they cannot be read, or what finds a number could also read it.
        """
        if bool(self.field_keys) is not bool(self.index_keys):
            raise SettingsError("FIELD_KEYS and INDEX_KEYS belong together: set both.")
        if self.field_keys:
            sealing = key_ring("FIELD_KEYS", self.field_keys)
            finding = key_ring("INDEX_KEYS", self.index_keys)
            if set(sealing.values()) & set(finding.values()):
                raise SettingsError("FIELD_KEYS and INDEX_KEYS must not share a key.")
        if self.vault_addr and self.field_keys:
            raise SettingsError("Set either FIELD_KEYS and INDEX_KEYS or VAULT_ADDR, not both.")
        if self.vault_addr and not self.vault_token:
            raise SettingsError("VAULT_ADDR needs VAULT_TOKEN.")

    def _refused_in_production(self) -> list[tuple[bool, str]]:
        """What production does not start with, and what to do about each."""
        nobodys = Settings()
        return [
            (
                _is_placeholder(self.secret_key),
                "Production needs a SECRET_KEY that nobody can guess, not a placeholder. "
                f"Make one with: {MAKE_ONE}",
            ),
            (self.flask_debug, "Production must not run with FLASK_DEBUG: unset it."),
            (
                self.is_embedded,
                "Production needs DATABASE_URL; the embedded database is for trying out.",
            ),
            (
                self.database_url in (self.web_database_url, self.worker_database_url),
                "Production needs logins of their own in WEB_DATABASE_URL and WORKER_DATABASE_URL "
                "(waymark_web and waymark_worker), not DATABASE_URL's again.",
            ),
            (
                not self.public_url.startswith("https://"),
                "Production needs PUBLIC_URL beginning with https://.",
            ),
            (
                not self.twilio_auth_token
                or self.twilio_account_sid == nobodys.twilio_account_sid
                or self.twilio_messaging_service_sid == nobodys.twilio_messaging_service_sid,
                "Production needs TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and "
                "TWILIO_MESSAGING_SERVICE_SID of the texting account.",
            ),
            (
                bool(self.twilio_api_base_url),
                "Production must not set TWILIO_API_BASE_URL; it is for the demo phone.",
            ),
            (
                bool(self.oidc_issuer) and not self.oidc_issuer.startswith("https://"),
                "Production needs OIDC_ISSUER beginning with https://.",
            ),
            (
                not self.audit_signing_key,
                f"Production needs AUDIT_SIGNING_KEY. Make one with: {MAKE_KEY}",
            ),
            (
                not self.audit_anchor,
                "Production needs AUDIT_ANCHOR: a folder that is only ever added to, on another "
                "machine, or an https:// address that keeps what is sent to it.",
            ),
            (
                not self.field_keys and not self.vault_addr,
                "Production needs FIELD_KEYS and INDEX_KEYS, or VAULT_ADDR: nothing is kept "
                f"without being sealed. Make a key with: {MAKE_A_KEY}",
            ),
            (
                any(_is_weak(key) for key in self._own_keys()),
                "Production needs FIELD_KEYS and INDEX_KEYS that nobody can guess, not a "
                f"placeholder. Make a key with: {MAKE_A_KEY}",
            ),
            (
                bool(self.vault_addr) and not self.vault_addr.startswith("https://"),
                "Production needs VAULT_ADDR beginning with https://.",
            ),
        ]

    def _own_keys(self) -> list[bytes]:
        rings = (("FIELD_KEYS", self.field_keys), ("INDEX_KEYS", self.index_keys))
        return [key for name, text in rings if text for key in key_ring(name, text).values()]


def key_ring(name: str, text: str) -> dict[str, bytes]:
    """Key id -> 32 bytes, as ``id:base64,id:base64`` lists them, the newest first.

    Raises:
        SettingsError: that is not what ``text`` holds; the value is never repeated.
    """
    ring: dict[str, bytes] = {}
    for entry in text.split(","):
        key_id, _, encoded = entry.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not KEY_ID.fullmatch(key_id) or key_id in ring or len(key) != KEY_BYTES:
            raise SettingsError(
                f"{name} must list keys as id:key, with commas between and the newest first; each "
                f"id once, each key {KEY_BYTES} bytes in base64. Make one with: {MAKE_A_KEY}"
            )
        ring[key_id] = key
    return ring


def _is_weak(key: bytes) -> bool:
    """True for one byte over and over, or a sentence: random bytes are neither."""
    return len(set(key)) < MIN_DISTINCT_BYTES or key.isascii()


def _is_placeholder(secret: str) -> bool:
    """True for a word typed over and over, or one letter held down."""
    return len(set(secret)) < MIN_DISTINCT_CHARACTERS or secret in (secret + secret)[1:-1]


def _environment(text: str) -> Environment:
    try:
        return Environment(text)
    except ValueError:
        raise SettingsError(f"WAYMARK_ENV must be demo or production, not {text!r}.") from None


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise SettingsError(f"PORT must be a whole number from 1 to 65535, not {text!r}.")


def _proxies(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) < 10:
        return int(text)
    raise SettingsError(
        f"TRUSTED_PROXIES must be how many proxies of yours stand in front, 0 to 9, not {text!r}."
    )


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise SettingsError(f"PUBLIC_URL must be like https://waymark.example, not {text!r}.")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def _signing_key(text: str) -> str:
    """32 bytes in the letters of ``token_urlsafe``; empty stays empty."""
    try:
        is_whole = not text or len(urlsafe_b64decode(text + "=")) == SIGNING_KEY_BYTES
    except ValueError:
        is_whole = False
    if not is_whole:
        raise SettingsError(f"AUDIT_SIGNING_KEY must be made with: {MAKE_KEY}")
    return text


def _anchor(text: str) -> str:
    if text and "://" in text and not text.startswith("https://"):
        raise SettingsError("AUDIT_ANCHOR must be a folder or begin with https://.")
    return text


def _psycopg(name: str, url: str) -> str:
    """Managed services hand out ``postgres://``; SQLAlchemy wants the driver named."""
    if not url:
        return ""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.split("+")[0] not in ("postgres", "postgresql"):
        raise SettingsError(f"{name} must begin with postgresql://.")
    return f"postgresql+psycopg://{rest}"
