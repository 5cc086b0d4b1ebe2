"""A changed number of a house waits for a day, in which the old one still counts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.words import change_words

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


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
    change_words("task", "kind", add=["number_changed"])


def downgrade() -> None:
    op.execute("DELETE FROM task WHERE kind = 'number_changed'")
    change_words("task", "kind", drop=["number_changed"])
    op.execute("ALTER TABLE contact DROP CONSTRAINT ck_contact_replaces")
    for column in ("ends_at", "answers_from", "replaces_id"):
        op.drop_column("contact", column)
