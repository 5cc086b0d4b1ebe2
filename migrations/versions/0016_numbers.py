"""A changed number of a house waits for a day, in which the old one still counts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TASKS_BEFORE = [
    *("offer_lapsed", "overdue", "not_arrived", "text_failed", "phone_stopped", "wrong_codes"),
    *("sign_in_attacked", "account_recovered"),
]


def upgrade() -> None:
    op.add_column("contact", sa.Column("replaces_id", sa.BigInteger(), nullable=True))
    op.add_column("contact", sa.Column("answers_from", sa.DateTime(timezone=True), nullable=True))
    op.add_column("contact", sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_contact_replaces_id"), "contact", "contact", ["replaces_id"], ["id"]
    )
    op.create_check_constraint(
        op.f("ck_contact_replaces"), "contact", "(answers_from IS NULL) = (replaces_id IS NULL)"
    )
    _task_kinds([*TASKS_BEFORE, "number_changed"])


def _task_kinds(kinds: list[str]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute("ALTER TABLE task DROP CONSTRAINT ck_task_kind")
    op.execute(f"ALTER TABLE task ADD CONSTRAINT ck_task_kind CHECK (kind IN ({listed}))")


def downgrade() -> None:
    op.execute("DELETE FROM task WHERE kind = 'number_changed'")
    _task_kinds(TASKS_BEFORE)
    op.execute("ALTER TABLE contact DROP CONSTRAINT ck_contact_replaces")
    for column in ("ends_at", "answers_from", "replaces_id"):
        op.drop_column("contact", column)
