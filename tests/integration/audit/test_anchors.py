"""Signed heads: nobody without the key makes one, changes one or takes one's word back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from app.actors import SYSTEM
from app.db import db, transaction
from app.services import anchors, trail_check
from app.services.trail_check import Fault
from config import Settings, SettingsError
from tests.conftest import Run


def test_an_anchor_that_another_key_signed_is_named(
    sealed: object, settings: Settings, tmp_path: Path, run_as_worker: Run
) -> None:
    run_as_worker(anchors.anchor_head, settings)
    kept = anchors.read_anchors(settings.anchor_folder)
    stranger = replace(settings, data_dir=tmp_path / "stranger")

    found = run_as_worker(trail_check.verify, kept, [anchors.public_key(stranger)])

    assert found.broken is not None
    assert found.broken.fault is Fault.FORGED_ANCHOR
    assert found.broken.anchor == kept[0].file


def test_no_part_of_an_anchor_can_be_changed(settings: Settings, run_as_worker: Run) -> None:
    run_as_worker(anchors.anchor_head, settings)
    (path,) = settings.anchor_folder.iterdir()
    path.chmod(0o600)
    told = json.loads(path.read_text())
    keys = anchors.trusted_keys(settings)
    (sound,) = anchors.read_anchors(settings.anchor_folder)
    assert sound.is_signed_by(keys)

    for change in ({"position": 3}, {"hash": "00"}, {"at": "2001-01-01"}, {"is_restart": True}):
        path.write_text(json.dumps(told | change))
        (changed,) = anchors.read_anchors(settings.anchor_folder)
        assert not changed.is_signed_by(keys), change
    path.write_text("{}")
    found = run_as_worker(trail_check.verify, anchors.read_anchors(settings.anchor_folder), keys)
    assert found.broken is not None
    assert found.broken.fault is Fault.FORGED_ANCHOR


def test_an_older_key_is_still_believed_when_it_is_named(
    sealed: object, settings: Settings, tmp_path: Path, run_as_worker: Run
) -> None:
    run_as_worker(anchors.anchor_head, settings)
    old = anchors.public_key(settings)
    renewed = replace(
        settings,
        audit_signing_key="A" * 42 + "E",
        audit_old_keys=old,
        audit_anchor=str(settings.anchor_folder),
    )
    run_as_worker(anchors.anchor_head, renewed)

    kept = anchors.read_anchors(settings.anchor_folder)
    found = run_as_worker(trail_check.verify, kept, anchors.trusted_keys(renewed))

    assert (found.anchors, found.broken) == (2, None)


def test_a_restored_copy_is_whole_again_once_the_key_has_said_so(
    sealed: list[tuple[int, int]],
    settings: Settings,
    run_as_worker: Run,
    tamper: Callable[[str], None],
    verdict: Callable[[], trail_check.Verdict],
) -> None:
    run_as_worker(anchors.anchor_head, settings)
    first = sealed[8][1]
    tamper(
        f"DELETE FROM event WHERE id >= {first}; DELETE FROM event_seal WHERE event_id >= {first};"
        " DELETE FROM event_anchor"
    )
    assert verdict().broken is not None

    run_as_worker(anchors.anchor_head, settings, is_restart=True)

    assert verdict().broken is None


def test_the_key_of_the_demonstration_is_made_once_and_kept_from_others(settings: Settings) -> None:
    keys = {anchors.public_key(settings) for _ in range(2)}

    assert len(keys) == 1
    (path,) = settings.data_dir.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_anchor_that_cannot_be_kept_is_no_anchor(
    sealed: object, settings: Settings, run: Run, run_as_worker: Run, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    blocked = replace(settings, audit_anchor=str(tmp_path / "file" / "anchors"))

    with pytest.raises(anchors.NotAnchored, match="AUDIT_ANCHOR"):
        run_as_worker(anchors.anchor_head, blocked)

    with_none = "SELECT count(*) FROM event_anchor"

    def count() -> object:
        with transaction(by=SYSTEM):
            return db.session.scalar(text(with_none))

    assert run(count) == 0


@pytest.mark.parametrize("told", ["http://anchors.example/in", "ftp://anchors.example"])
def test_anchors_go_by_an_encrypted_way_only(told: str) -> None:
    with pytest.raises(SettingsError, match="AUDIT_ANCHOR"):
        Settings.from_env({"SECRET_KEY": "only for tests, " * 3, "AUDIT_ANCHOR": told})
