"""What a room costs the others, asked by a person before she chooses it, and what she was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cost_question",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("referral_id", sa.BigInteger(), nullable=False),
        sa.Column("room_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.Column("asked_by_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("answer", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint(
            "(run_id IS NULL) = (answer IS NULL)", name=op.f("ck_cost_question_answered")
        ),
        sa.ForeignKeyConstraint(
            ["asked_by_id"], ["user_account.id"], name=op.f("fk_cost_question_asked_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_cost_question_referral_id")
        ),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_cost_question_room_id")),
        sa.ForeignKeyConstraint(["run_id"], ["plan_run.id"], name=op.f("fk_cost_question_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cost_question")),
        sa.UniqueConstraint(
            "referral_id", "room_id", name=op.f("uq_cost_question_referral_id_room_id")
        ),
    )
    op.create_index("ix_cost_question_asked_at", "cost_question", ["asked_at"], unique=False)
    op.add_column(
        "placement",
        sa.Column("override_cost", sa.Text(), server_default=sa.text("''"), nullable=False),
    )
    both = "waymark_web, waymark_worker"
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON cost_question TO {both}")
    op.execute(f"GRANT USAGE, SELECT ON SEQUENCE cost_question_id_seq TO {both}")


def downgrade() -> None:
    op.drop_column("placement", "override_cost")
    op.drop_table("cost_question")
