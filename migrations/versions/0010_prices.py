"""What rooms cost those still to come: the prices of a night, and the figures behind them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Safety: a forecast is made of needs, and a price of a room says what women need who have come.
PAGES = "id, made_at, figures, basis"
VIEW = """
    SELECT made_at, figures, basis FROM price_run
     WHERE id = (SELECT max(id) FROM price_run)"""


def upgrade() -> None:
    op.create_table(
        "price_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "made_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.Column("forecast", postgresql.JSONB(), nullable=False),
        sa.Column("prices", postgresql.JSONB(), nullable=False),
        sa.Column("spare_bed_price", sa.Integer(), nullable=False),
        sa.Column("room_features", postgresql.JSONB(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.Column("basis", postgresql.JSONB(), nullable=False),
        sa.Column("inventory_sha256", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_run")),
    )
    op.execute("GRANT SELECT, INSERT ON price_run TO waymark_worker")
    op.execute("GRANT USAGE, SELECT ON SEQUENCE price_run_id_seq TO waymark_worker")
    op.execute(f"GRANT SELECT ({PAGES}) ON price_run TO waymark_web")
    op.execute(f"CREATE VIEW report_price AS {VIEW}")
    op.execute("GRANT SELECT ON report_price TO waymark_report")


def downgrade() -> None:
    op.execute("DROP VIEW report_price")
    op.drop_table("price_run")
