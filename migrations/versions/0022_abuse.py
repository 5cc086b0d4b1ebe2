"""Limits with their dates, control rooms of forces, calls back, tasks about a person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.row_security import ME, either, guard, i_am
from migrations.words import change_words

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KINDS = ["call_back", "abandoned", "looks_spent"]
BOTH = "waymark_web, waymark_worker"


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    op.create_table(
        "abuse_limit",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("at_most", sa.Integer(), nullable=False),
        sa.Column("window_minutes", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "at_most >= 1 AND window_minutes >= 1", name=op.f("ck_abuse_limit_size")
        ),
        sa.PrimaryKeyConstraint("code", "valid_from", name=op.f("pk_abuse_limit")),
    )
    op.create_table(
        "control_room",
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.CheckConstraint(r"phone ~ '^\+[1-9][0-9]{6,14}$'", name=op.f("ck_control_room_phone")),
        _key("control_room", "organisation_id", "organisation.id"),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_control_room")),
    )
    op.create_table(
        "call_back",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("officer_id", sa.BigInteger(), nullable=False),
        sa.Column("referral_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "reasons",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("opened_at", MOMENT, server_default=sa.text("waymark_now()"), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("decided_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('genuine', 'not_confirmed')", name=op.f("ck_call_back_outcome")
        ),
        sa.CheckConstraint(
            "(outcome IS NULL) = (decided_at IS NULL)", name=op.f("ck_call_back_decided")
        ),
        _key("call_back", "officer_id", "user_account.id"),
        _key("call_back", "referral_id", "referral.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_back")),
    )
    op.create_index("ix_call_back_officer_id", "call_back", ["officer_id", "decided_at"])
    op.create_index(
        "uq_call_back_referral_id",
        "call_back",
        ["referral_id"],
        unique=True,
        postgresql_where=sa.text("referral_id IS NOT NULL"),
    )
    op.create_index("ix_event_actor_user_id", "event", ["actor_user_id", "at"])
    change_words("task", "kind", add=KINDS)
    desk, officer = i_am("system", "coordinator"), i_am("officer", "force_supervisor")
    guard("control_room", read=desk)
    asks = either(desk, f"{officer} AND officer_id = {ME}")
    guard("call_back", read=asks, add=asks, change=desk)
    # Safety: limits and control rooms are the operator's; no page and no job writes them.
    op.execute(f"GRANT SELECT ON abuse_limit, control_room, call_back TO {BOTH}")
    op.execute(f"GRANT INSERT, UPDATE ON call_back TO {BOTH}")
    op.execute(f"GRANT USAGE, SELECT ON SEQUENCE call_back_id_seq TO {BOTH}")


def downgrade() -> None:
    added = ", ".join(f"'{kind}'" for kind in KINDS)
    op.execute(f"DELETE FROM task WHERE kind IN ({added})")
    change_words("task", "kind", drop=KINDS)
    op.drop_index("ix_event_actor_user_id", "event")
    for table in ("call_back", "control_room", "abuse_limit"):
        op.drop_table(table)
