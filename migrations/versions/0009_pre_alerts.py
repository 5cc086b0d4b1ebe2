"""A confidential word that an operation is coming: what is expected, and what a rehearsal found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

CODES = postgresql.ARRAY(sa.Text())
MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("waymark_now()")


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    op.create_table(
        "pre_alert",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("form_key", sa.Uuid(), nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("created_by_id", sa.BigInteger(), nullable=False),
        sa.Column("women_least", sa.Integer(), nullable=False),
        sa.Column("women_most", sa.Integer(), nullable=False),
        sa.Column("with_children", sa.Integer(), nullable=False),
        sa.Column("region_code", sa.String(length=40), nullable=False),
        sa.Column("languages", CODES, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("needs", CODES, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("expected_from", MOMENT, nullable=False),
        sa.Column("expected_until", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_how", sa.String(length=40), nullable=True),
        sa.CheckConstraint(
            "ended_how IN ('arrived', 'expired', 'cancelled')", name=op.f("ck_pre_alert_ended_how")
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_how IS NULL)", name=op.f("ck_pre_alert_ended")
        ),
        sa.CheckConstraint(
            "1 <= women_least AND women_least <= women_most AND women_most <= 60"
            " AND with_children BETWEEN 0 AND women_most",
            name=op.f("ck_pre_alert_size"),
        ),
        sa.CheckConstraint("expected_from < expected_until", name=op.f("ck_pre_alert_expected")),
        _key("pre_alert", "created_by_id", "user_account.id"),
        _key("pre_alert", "region_code", "region.code"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pre_alert")),
        sa.UniqueConstraint("public_id", name=op.f("uq_pre_alert_public_id")),
        sa.UniqueConstraint(
            "created_by_id", "form_key", name="uq_pre_alert_created_by_id_form_key"
        ),
    )
    op.create_table(
        "pre_alert_referral",
        sa.Column("referral_id", sa.BigInteger(), nullable=False),
        sa.Column("pre_alert_id", sa.BigInteger(), nullable=False),
        _key("pre_alert_referral", "referral_id", "referral.id"),
        _key("pre_alert_referral", "pre_alert_id", "pre_alert.id"),
        sa.PrimaryKeyConstraint("referral_id", name=op.f("pk_pre_alert_referral")),
    )
    op.create_table(
        "rehearsal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("pre_alert_id", sa.BigInteger(), nullable=False),
        sa.Column("as_of", MOMENT, nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("women", sa.Integer(), nullable=False),
        sa.Column("placed", sa.Integer(), nullable=False),
        sa.Column(
            "shortages", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column(
            "room_ids", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.CheckConstraint("placed BETWEEN 0 AND women", name=op.f("ck_rehearsal_placed")),
        _key("rehearsal", "pre_alert_id", "pre_alert.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rehearsal")),
    )
    op.create_index(
        "ix_rehearsal_pre_alert_id", "rehearsal", ["pre_alert_id", "as_of"], unique=False
    )
    # The desk records and ends; the worker lets lapse and rehearses. Nobody reads it for figures.
    op.execute("GRANT SELECT, INSERT, UPDATE ON pre_alert TO waymark_web")
    op.execute("GRANT SELECT, INSERT ON pre_alert_referral TO waymark_web")
    op.execute("GRANT SELECT ON rehearsal TO waymark_web")
    op.execute("GRANT SELECT, UPDATE ON pre_alert TO waymark_worker")
    op.execute("GRANT SELECT ON pre_alert_referral TO waymark_worker")
    op.execute("GRANT SELECT, INSERT ON rehearsal TO waymark_worker")
    op.execute("GRANT USAGE, SELECT ON SEQUENCE pre_alert_id_seq TO waymark_web")
    op.execute("GRANT USAGE, SELECT ON SEQUENCE rehearsal_id_seq TO waymark_worker")


def downgrade() -> None:
    op.drop_table("rehearsal")
    op.drop_table("pre_alert_referral")
    op.drop_table("pre_alert")
