"""The rule for small counts; who acts, signed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.signed_context import leave_unsigned, sign

revision = "0028"
down_revision = "0024"
branch_labels = None
depends_on = None

SUPPORT = """
    SELECT f.organisation_id, s.item_code, i.text, i.position, s.state, count(*) AS stays
      FROM support s JOIN support_item i ON i.code = s.item_code
      JOIN refuge f ON f.id = s.refuge_id
     GROUP BY f.organisation_id, s.item_code, i.text, i.position, s.state
    HAVING count(*) >= {at_least}"""
# No rule, no row. The page rounds what is left.
IN_FORCE = """(SELECT below FROM small_count_rule
        WHERE valid_from <= (waymark_now() AT TIME ZONE 'UTC')::date
        ORDER BY valid_from DESC LIMIT 1)"""


def upgrade() -> None:
    op.create_table(
        "small_count_rule",
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("below", sa.Integer(), nullable=False),
        sa.Column("to_nearest", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint("below >= 0 AND to_nearest >= 1", name=op.f("ck_small_count_rule_size")),
        sa.CheckConstraint("below % to_nearest = 0", name=op.f("ck_small_count_rule_multiple")),
        sa.PrimaryKeyConstraint("valid_from", name=op.f("pk_small_count_rule")),
    )
    op.execute("GRANT SELECT ON small_count_rule TO waymark_web, waymark_worker, waymark_report")
    op.execute(f"CREATE OR REPLACE VIEW report_support AS {SUPPORT.format(at_least=IN_FORCE)}")
    sign()


def downgrade() -> None:
    leave_unsigned()
    op.execute(f"CREATE OR REPLACE VIEW report_support AS {SUPPORT.format(at_least=5)}")
    op.drop_table("small_count_rule")
