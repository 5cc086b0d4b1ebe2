"""Which keys this service works with: a Vault's, the environment's, or the demonstration's file."""

from __future__ import annotations

from flask import Flask, current_app

from app.fields.keys import IndexKeys, KeyProvider, environment_keys, file_keys
from app.fields.vault import VaultIndex, VaultKeys
from config import Settings, SettingsError

FILE_NAME = "field_keys.json"
_ADDED = "waymark_field_keys"
Keys = tuple[KeyProvider, IndexKeys]


def init_fields(app: Flask) -> None:
    """Give ``app`` its keys; they are looked for when they are first needed."""
    app.extensions[_ADDED] = None


def keys_of(settings: Settings) -> Keys:
    """What wraps the keys of records, and what makes fingerprints.

    Raises:
        SettingsError: there are none, and production invents none.
    """
    if settings.vault_addr:
        address, token = settings.vault_addr, settings.vault_token
        name = settings.vault_transit_key
        return VaultKeys(address, token, name), VaultIndex(address, token, f"{name}-index")
    if settings.field_keys or settings.index_keys:
        return environment_keys(settings.field_keys, settings.index_keys)
    if not settings.is_demo:
        raise SettingsError("Production needs FIELD_KEYS and INDEX_KEYS, or VAULT_ADDR.")
    return file_keys(settings.data_dir / FILE_NAME)


def provider() -> KeyProvider:
    return _keys()[0]


def index_keys() -> IndexKeys:
    return _keys()[1]


def _keys() -> Keys:
    found: Keys | None = current_app.extensions[_ADDED]
    if found is None:
        found = current_app.extensions[_ADDED] = keys_of(current_app.config["SETTINGS"])
    return found
