"""The rule for small counts; who acts, signed; old sign-ins and accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.row_security import LOGINS, i_am
from migrations.signed_context import leave_unsigned, sign
from migrations.words import change_words

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

KEPT = ["sign_in", "account"]
OF_PEOPLE = ("sign_in", "passkey", "totp", "invitation")
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
    _purge_people()


def _purge_people() -> None:
    """Old sign-ins, and what belonged to accounts that were switched off long ago."""
    change_words("retention_rule", "kind", add=KEPT)
    op.execute(f"GRANT DELETE ON {', '.join(OF_PEOPLE)} TO waymark_worker")
    for table in ("sign_in", "passkey", "totp"):
        op.execute(
            f"CREATE POLICY removes ON {table} FOR DELETE TO {LOGINS} USING ({i_am('system')})"
        )


def downgrade() -> None:
    for table in ("sign_in", "passkey", "totp"):
        op.execute(f"DROP POLICY removes ON {table}")
    op.execute(f"REVOKE DELETE ON {', '.join(OF_PEOPLE)} FROM waymark_worker")
    listed = ", ".join(f"'{kind}'" for kind in KEPT)
    op.execute(f"DELETE FROM retention_rule WHERE kind IN ({listed})")
    change_words("retention_rule", "kind", drop=KEPT)
    leave_unsigned()
    op.execute(f"CREATE OR REPLACE VIEW report_support AS {SUPPORT.format(at_least=5)}")
    op.drop_table("small_count_rule")
