"""After the bed: dated rules of recovery, days of decisions, support, and where she moves on to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.row_security import MY_REFUGE, either, guard, i_am
from migrations.words import change_words

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
WORD = sa.String(length=40)
JURISDICTIONS = "'england_and_wales', 'scotland', 'northern_ireland', 'ireland'"
NEW_KIND = "recovery_extension"
HERS = ("planned_move", "support", "identification", "recovery_extension", "recovery")


def upgrade() -> None:
    op.add_column("region", sa.Column("jurisdiction", WORD, nullable=True))
    op.create_check_constraint(
        op.f("ck_region_jurisdiction"), "region", f"jurisdiction IN ({JURISDICTIONS})"
    )
    change_words("reason", "kind", add=[NEW_KIND])
    _rules()
    _support_items()
    _recovery()
    _of_a_stay(
        "identification",
        sa.Column("reasonable_on", sa.Date(), nullable=True),
        sa.Column("conclusive_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "conclusive_on >= reasonable_on", name=op.f("ck_identification_in_order")
        ),
    )
    _of_a_stay(
        "support",
        sa.Column("item_code", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        _key("support", "item_code", "support_item.code"),
        sa.CheckConstraint(
            "state IN ('offered', 'declined', 'done')", name=op.f("ck_support_state")
        ),
        also_keyed_by="item_code",
    )
    _of_a_stay(
        "planned_move",
        sa.Column("destination_code", WORD, nullable=True),
        _key("planned_move", "destination_code", "reason.code"),
    )
    _guards()
    # Counts alone leave the house, and none that could be one woman: fewer than five are not said.
    op.execute(
        """CREATE VIEW report_support AS
            SELECT f.organisation_id, s.item_code, i.text, i.position, s.state, count(*) AS stays
              FROM support s JOIN support_item i ON i.code = s.item_code
              JOIN refuge f ON f.id = s.refuge_id
             GROUP BY f.organisation_id, s.item_code, i.text, i.position, s.state
            HAVING count(*) >= 5"""
    )
    op.execute("GRANT SELECT ON report_support TO waymark_report")


def _guards() -> None:
    """What follows the bed is her house's; the desk reads her right and when a bed frees."""
    house = f"{i_am('refuge_worker', 'refuge_manager')} AND refuge_id = {MY_REFUGE}"
    waymark, desk = i_am("system"), i_am("system", "coordinator")
    guard("recovery", read=either(desk, house))
    guard("recovery_extension", read=either(desk, house), add=house)
    guard("planned_move", read=either(desk, house), add=house, change=house)
    for table in ("identification", "support"):
        guard(table, read=either(waymark, house), add=house, change=house)


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def _her_house(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["placement_id", "refuge_id"],
        ["placement.id", "placement.refuge_id"],
        name=op.f(f"fk_{table}_placement_id_refuge_id"),
    )


def _rules() -> None:
    op.create_table(
        "recovery_rule",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("jurisdiction", WORD, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint(
            f"jurisdiction IN ({JURISDICTIONS})", name=op.f("ck_recovery_rule_jurisdiction")
        ),
        sa.CheckConstraint("days BETWEEN 1 AND 366", name=op.f("ck_recovery_rule_days")),
        sa.CheckConstraint("valid_until >= valid_from", name=op.f("ck_recovery_rule_valid")),
        postgresql.ExcludeConstraint(
            ("jurisdiction", "="),
            (sa.text("daterange(valid_from, valid_until, '[]')"), "&&"),
            name="one_recovery_rule_a_day",
            using="gist",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_rule")),
        sa.UniqueConstraint(
            "jurisdiction", "valid_from", name="uq_recovery_rule_jurisdiction_valid_from"
        ),
    )
    op.execute(
        """CREATE FUNCTION recovery_rule_keeps_its_days() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'a new law is a new rule: the days of an old one do not change'
                USING ERRCODE = '23514', CONSTRAINT = 'recovery_rule_keeps_its_days';
        END $$"""
    )
    op.execute(
        """CREATE TRIGGER recovery_rule_keeps_its_days BEFORE UPDATE ON recovery_rule
            FOR EACH ROW WHEN (NEW.days <> OLD.days)
            EXECUTE FUNCTION recovery_rule_keeps_its_days()"""
    )
    op.execute("GRANT SELECT ON recovery_rule TO waymark_web, waymark_worker")


def _support_items() -> None:
    op.create_table(
        "support_item",
        sa.Column("code", WORD, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_support_item")),
    )
    op.execute("GRANT SELECT ON support_item TO waymark_web, waymark_worker")


def _recovery() -> None:
    op.create_table(
        "recovery",
        sa.Column("placement_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("refuge_id", sa.BigInteger(), nullable=False),
        sa.Column("rule_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        _her_house("recovery"),
        _key("recovery", "rule_id", "recovery_rule.id"),
        sa.PrimaryKeyConstraint("placement_id", name=op.f("pk_recovery")),
    )
    op.create_table(
        "recovery_extension",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("placement_id", sa.BigInteger(), nullable=False),
        sa.Column("refuge_id", sa.BigInteger(), nullable=False),
        sa.Column("until_day", sa.Date(), nullable=False),
        sa.Column("reason_code", WORD, nullable=False),
        sa.Column("recorded_at", MOMENT, server_default=sa.text("waymark_now()"), nullable=False),
        sa.Column("recorded_by_id", sa.BigInteger(), nullable=False),
        _her_house("recovery_extension"),
        _key("recovery_extension", "reason_code", "reason.code"),
        _key("recovery_extension", "recorded_by_id", "user_account.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_extension")),
    )
    op.create_index("ix_recovery_extension_placement_id", "recovery_extension", ["placement_id"])
    # Frozen: the service reads it; what writes it is below, whoever recorded that she came.
    op.execute("GRANT SELECT ON recovery TO waymark_web, waymark_worker")
    op.execute("GRANT SELECT, INSERT ON recovery_extension TO waymark_web")
    op.execute(
        """CREATE FUNCTION freeze_recovery(one_stay bigint) RETURNS void LANGUAGE sql
            SECURITY DEFINER SET search_path = public, pg_temp AS $$
            INSERT INTO recovery (placement_id, refuge_id, rule_id, starts_on, days)
            SELECT p.id, p.refuge_id, u.id, came.on_day, u.days
              FROM placement p
             CROSS JOIN LATERAL
                   (SELECT (p.arrived_at AT TIME ZONE 'Europe/London')::date AS on_day) AS came
              JOIN refuge f ON f.id = p.refuge_id
              JOIN region g ON g.code = f.region_code
              JOIN recovery_rule u ON u.jurisdiction = g.jurisdiction
                   AND came.on_day >= u.valid_from
                   AND (u.valid_until IS NULL OR came.on_day <= u.valid_until)
             WHERE (one_stay IS NULL OR p.id = one_stay) AND p.arrived_at IS NOT NULL
            ON CONFLICT DO NOTHING $$"""
    )
    op.execute("REVOKE EXECUTE ON FUNCTION freeze_recovery(bigint) FROM PUBLIC")
    op.execute(
        """CREATE FUNCTION placement_gets_its_recovery() RETURNS trigger LANGUAGE plpgsql
            SECURITY DEFINER SET search_path = public, pg_temp AS $$
        BEGIN
            PERFORM freeze_recovery(NEW.id);
            RETURN NULL;
        END $$"""
    )
    op.execute(
        """CREATE TRIGGER placement_gets_its_recovery AFTER UPDATE ON placement FOR EACH ROW
            WHEN (OLD.arrived_at IS NULL AND NEW.arrived_at IS NOT NULL)
            EXECUTE FUNCTION placement_gets_its_recovery()"""
    )


def _of_a_stay(table: str, *parts: sa.schema.SchemaItem, also_keyed_by: str = "") -> None:
    """One row for a stay, or for a stay and one more key; its own house writes it."""
    key = ["placement_id", *([also_keyed_by] if also_keyed_by else [])]
    op.create_table(
        table,
        sa.Column("placement_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("refuge_id", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", MOMENT, server_default=sa.text("waymark_now()"), nullable=False),
        sa.Column("changed_by_id", sa.BigInteger(), nullable=False),
        *parts,
        _her_house(table),
        _key(table, "changed_by_id", "user_account.id"),
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO waymark_web")


def downgrade() -> None:
    op.execute("DROP VIEW report_support")
    op.execute("DROP TRIGGER placement_gets_its_recovery ON placement")
    op.execute("DROP FUNCTION placement_gets_its_recovery()")
    op.execute("DROP FUNCTION freeze_recovery(bigint)")
    for table in HERS:
        op.drop_table(table)
    op.drop_table("recovery_rule")
    op.drop_table("support_item")
    op.execute("DROP FUNCTION recovery_rule_keeps_its_days()")
    op.execute(f"DELETE FROM reason WHERE kind = '{NEW_KIND}'")
    change_words("reason", "kind", drop=[NEW_KIND])
    op.drop_constraint(op.f("ck_region_jurisdiction"), "region")
    op.drop_column("region", "jurisdiction")
