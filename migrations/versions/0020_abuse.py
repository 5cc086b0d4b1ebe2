"""Limits with their dates, control rooms of forces, calls back, tasks about a person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0012"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KINDS_BEFORE = [
    "offer_lapsed",
    "overdue",
    "not_arrived",
    "text_failed",
    "phone_stopped",
    "wrong_codes",
]
KINDS = [*KINDS_BEFORE, "call_back", "abandoned", "looks_spent"]
SUBJECTS = ("placement_id", "referral_id", "contact_id")
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
    op.add_column("task", sa.Column("user_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_task_user_id_user_account"), "task", "user_account", ["user_id"], ["id"]
    )
    _tasks(KINDS, (*SUBJECTS, "user_id"))
    # Safety: limits and control rooms are the operator's; no page and no job writes them.
    op.execute(f"GRANT SELECT ON abuse_limit, control_room, call_back TO {BOTH}")
    op.execute(f"GRANT INSERT, UPDATE ON call_back TO {BOTH}")
    op.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {BOTH}")


def _tasks(kinds: list[str], subjects: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute("ALTER TABLE task DROP CONSTRAINT ck_task_kind")
    op.execute(f"ALTER TABLE task ADD CONSTRAINT ck_task_kind CHECK (kind IN ({listed}))")
    op.execute("DROP INDEX one_open_task")
    columns = ", ".join(f"coalesce({subject}, 0::bigint)" for subject in subjects)
    op.execute(f"CREATE UNIQUE INDEX one_open_task ON task (kind, {columns}) WHERE done_at IS NULL")


def downgrade() -> None:
    added = ", ".join(f"'{kind}'" for kind in KINDS if kind not in KINDS_BEFORE)
    op.execute(f"DELETE FROM task WHERE kind IN ({added})")
    _tasks(KINDS_BEFORE, SUBJECTS)
    op.drop_column("task", "user_id")
    op.drop_index("ix_event_actor_user_id", "event")
    for table in ("call_back", "control_room", "abuse_limit"):
        op.drop_table(table)
