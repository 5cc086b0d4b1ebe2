"""Settings: what is read, and what production refuses to start with."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import Environment, Settings, SettingsError

ROOT = Path(__file__).resolve().parents[2]
SECRET = "Qm3kT9wXv7LzR2hYd5NcJ8sGb4FpA6uE"


def encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


def key_of(word: str) -> str:
    return encoded(hashlib.sha256(word.encode()).digest())


PRODUCTION = {
    "WAYMARK_ENV": "production",
    "SECRET_KEY": SECRET,
    "DATABASE_URL": "postgresql://waymark_owner@db.example/waymark",
    "WEB_DATABASE_URL": "postgresql://waymark_web@db.example/waymark",
    "WORKER_DATABASE_URL": "postgresql://waymark_worker@db.example/waymark",
    "PUBLIC_URL": "https://waymark.example",
    "TWILIO_ACCOUNT_SID": "AC" + "1" * 32,
    "TWILIO_AUTH_TOKEN": "token-of-the-account",
    "TWILIO_MESSAGING_SERVICE_SID": "MG" + "1" * 32,
    "AUDIT_SIGNING_KEY": "A" * 42 + "E",
    "AUDIT_ANCHOR": "https://anchors.example/waymark",
    "FIELD_KEYS": f"2026-11:{key_of('fields')},2025-11:{key_of('fields before')}",
    "INDEX_KEYS": f"2026-11:{key_of('index')}",
}
NO_KEYS = {"FIELD_KEYS": "", "INDEX_KEYS": ""}
IN_VAULT = NO_KEYS | {"VAULT_ADDR": "https://vault.example", "VAULT_TOKEN": "t"}
# What is set otherwise, and the words that name what to do about it.
REFUSED_IN_PRODUCTION = [
    ({"SECRET_KEY": "change-me-" * 4}, "SECRET_KEY"),
    ({"SECRET_KEY": "the same sentence again. " * 2}, "SECRET_KEY"),
    ({"SECRET_KEY": "x" * 64}, "SECRET_KEY"),
    ({"SECRET_KEY": "".join("a" * number + "b" for number in range(1, 9))}, "SECRET_KEY"),
    ({"FLASK_DEBUG": "1"}, "FLASK_DEBUG"),
    ({"FLASK_DEBUG": "True"}, "FLASK_DEBUG"),
    ({"DATABASE_URL": ""}, "DATABASE_URL"),
    ({"WEB_DATABASE_URL": PRODUCTION["DATABASE_URL"]}, "WEB_DATABASE_URL"),
    ({"WORKER_DATABASE_URL": PRODUCTION["DATABASE_URL"]}, "WORKER_DATABASE_URL"),
    ({"PUBLIC_URL": "http://waymark.example"}, "PUBLIC_URL beginning with https://"),
    ({"PUBLIC_URL": ""}, "PUBLIC_URL beginning with https://"),
    ({"TWILIO_ACCOUNT_SID": ""}, "TWILIO_ACCOUNT_SID"),
    ({"TWILIO_AUTH_TOKEN": ""}, "TWILIO_AUTH_TOKEN"),
    ({"TWILIO_MESSAGING_SERVICE_SID": ""}, "TWILIO_MESSAGING_SERVICE_SID"),
    ({"TWILIO_API_BASE_URL": "http://127.0.0.1:9000"}, "TWILIO_API_BASE_URL"),
    ({"AUDIT_SIGNING_KEY": ""}, "AUDIT_SIGNING_KEY"),
    ({"AUDIT_ANCHOR": ""}, "AUDIT_ANCHOR"),
    (NO_KEYS, "Production needs FIELD_KEYS and INDEX_KEYS, or VAULT_ADDR"),
    ({"FIELD_KEYS": f"a:{encoded(bytes(range(15)) * 2 + bytes(2))}"}, "not a placeholder"),
    ({"INDEX_KEYS": f"a:{encoded(b'thirty-two letters of a sentence')}"}, "not a placeholder"),
    (IN_VAULT | {"VAULT_ADDR": "http://vault.example"}, "VAULT_ADDR beginning with https://"),
]
REFUSED_EVERYWHERE = [
    ({"SECRET_KEY": ""}, "SECRET_KEY must be at least 32"),
    ({"SECRET_KEY": SECRET[:-1]}, "token_urlsafe"),
    ({"WAYMARK_ENV": "Production"}, "WAYMARK_ENV must be demo or production"),
    ({"PORT": "0"}, "PORT must be"),
    ({"PORT": "65536"}, "PORT must be"),
    ({"PORT": "٨٠٠٠"}, "PORT must be"),
    ({"PUBLIC_URL": "waymark.example"}, "PUBLIC_URL must be like"),
    ({"DATABASE_URL": "mysql://db.example/waymark"}, "DATABASE_URL must begin"),
    ({"WEB_DATABASE_URL": "waymark"}, "WEB_DATABASE_URL must begin"),
    ({"WORKER_DATABASE_URL": "sqlite:///x"}, "WORKER_DATABASE_URL must begin"),
    ({"AUDIT_SIGNING_KEY": "A" * 42}, "AUDIT_SIGNING_KEY must be made with"),
    ({"AUDIT_SIGNING_KEY": "ä" * 43}, "AUDIT_SIGNING_KEY must be made with"),
    ({"AUDIT_ANCHOR": "http://anchors.example"}, "AUDIT_ANCHOR must be"),
    ({"FIELD_KEYS": ""}, "belong together"),
    ({"INDEX_KEYS": ""}, "belong together"),
    ({"FIELD_KEYS": PRODUCTION["INDEX_KEYS"]}, "must not share a key"),
    ({"FIELD_KEYS": "a:" + key_of("fields")[:-4]}, "FIELD_KEYS must list keys as id:key"),
    ({"FIELD_KEYS": key_of("fields")}, "FIELD_KEYS must list keys as id:key"),
    ({"INDEX_KEYS": "a:" + "!" * 44}, "INDEX_KEYS must list keys as id:key"),
    ({"INDEX_KEYS": f"a:{key_of('1')},a:{key_of('2')}"}, "INDEX_KEYS must list keys as id:key"),
    ({"INDEX_KEYS": f"a:{key_of('1')},"}, "INDEX_KEYS must list keys as id:key"),
    ({"VAULT_ADDR": "https://vault.example", "VAULT_TOKEN": "t"}, "not both"),
    (IN_VAULT | {"VAULT_TOKEN": ""}, "VAULT_ADDR needs VAULT_TOKEN"),
]


def test_a_whole_production_is_accepted() -> None:
    settings = Settings.from_env(PRODUCTION)

    assert settings.environment is Environment.PRODUCTION
    assert not settings.is_demo
    assert settings.web_database_url == "postgresql+psycopg://waymark_web@db.example/waymark"


@pytest.mark.parametrize(("changes", "remedy"), REFUSED_IN_PRODUCTION)
def test_production_refuses_to_start(changes: dict[str, str], remedy: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env(PRODUCTION | changes)

    assert remedy in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(("changes", "remedy"), REFUSED_IN_PRODUCTION)
def test_the_demonstration_may_run_with_less(changes: dict[str, str], remedy: str) -> None:
    settings = Settings.from_env(PRODUCTION | {"WAYMARK_ENV": "demo"} | changes)

    assert settings.is_demo, remedy


@pytest.mark.parametrize("environment", ["demo", "production"])
@pytest.mark.parametrize(("changes", "remedy"), REFUSED_EVERYWHERE)
def test_nothing_starts_with_what_cannot_be_meant(
    changes: dict[str, str], remedy: str, environment: str
) -> None:
    with pytest.raises(SettingsError, match=remedy):
        Settings.from_env(PRODUCTION | {"WAYMARK_ENV": environment} | changes)


@pytest.mark.parametrize("flag", ["", "0", "false", "no", "False"])
def test_debugging_that_is_switched_off_is_no_reason_to_refuse(flag: str) -> None:
    assert not Settings.from_env(PRODUCTION | {"FLASK_DEBUG": flag}).flask_debug


def test_the_demonstration_needs_a_secret_and_nothing_else() -> None:
    settings = Settings.from_env({"SECRET_KEY": SECRET})

    assert (settings.is_demo, settings.is_embedded, settings.port) == (True, True, 8000)
    assert settings.public_url == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://u@h/d?sslmode=require", "postgresql+psycopg://u@h/d?sslmode=require"),
        ("postgresql+psycopg2://u@h/d", "postgresql+psycopg://u@h/d"),
    ],
)
def test_each_spelling_of_an_address_is_understood(given: str, kept: str) -> None:
    assert Settings.from_env(PRODUCTION | {"DATABASE_URL": given}).database_url == kept


def test_an_address_ends_without_a_stroke() -> None:
    settings = Settings.from_env(PRODUCTION | {"PUBLIC_URL": "https://waymark.example/"})

    assert settings.public_url == "https://waymark.example"


def test_no_secret_is_printed_with_the_settings() -> None:
    shown = repr(Settings.from_env(PRODUCTION | {"TWILIO_PREVIOUS_AUTH_TOKEN": "older-token"}))

    assert [word for word in (SECRET, "token-of-the-account", "older-token") if word in shown] == []


def test_a_password_in_an_address_is_not_printed_either() -> None:
    addresses = {
        name: f"postgresql://somebody:{name.lower()}-password@db.example/waymark"
        for name in ("DATABASE_URL", "WEB_DATABASE_URL", "WORKER_DATABASE_URL")
    }

    assert "password" not in repr(Settings.from_env(PRODUCTION | addresses))


def test_the_command_line_shows_one_line_and_no_traceback() -> None:
    given = PRODUCTION | {"PUBLIC_URL": "http://waymark.example"}
    ours = {name: text for name, text in os.environ.items() if name not in given}

    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "invariants"],
        cwd=ROOT,
        env=ours | given,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == "Error: Production needs PUBLIC_URL beginning with https://.\n"


@pytest.mark.parametrize("changes", [{}, IN_VAULT], ids=["environment", "vault"])
def test_production_starts_with_keys_of_either_kind(changes: dict[str, str]) -> None:
    settings = Settings.from_env(PRODUCTION | changes)

    assert bool(settings.vault_addr) is bool(changes)
    assert key_of("fields") not in repr(settings)


def test_a_key_that_cannot_be_read_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env(PRODUCTION | {"FIELD_KEYS": "a:c2VjcmV0"})

    assert "c2VjcmV0" not in str(refused.value)
