"""Beds by date: dated rules, planned closures, surge places with windows, and numbers for texts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.row_security import MY_REFUGE, either, guard, i_am
from migrations.words import change_words

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

KINDS = "'house', 'surge', 'hotel'"
COST_OWNERS = "'not_said', 'house', 'charity', 'landlord', 'council', 'insurer'"
BOTH = "waymark_web, waymark_worker"
# A surge or hotel place counts only while somebody has it, as a closed one does.
PLACES = """
    CREATE OR REPLACE VIEW report_place AS
        SELECT r.id AS room_id, b.id AS bed_id, r.is_shared,
               r.is_open AND f.is_open {only} AS is_open,
               f.id AS refuge_id, f.organisation_id, f.region_code, f.in_london
          FROM room r JOIN refuge f ON f.id = r.refuge_id
          JOIN bed b ON b.room_id = r.id AND b.kind = 'bed'
         WHERE r.is_shared OR b.number = 1"""


def upgrade() -> None:
    _policy()
    _rooms()
    _voids()
    op.add_column("refuge", sa.Column("turnaround_minutes", sa.Integer(), nullable=True))
    op.create_check_constraint(
        op.f("ck_refuge_turnaround_minutes"), "refuge", "turnaround_minutes BETWEEN 0 AND 20160"
    )
    op.add_column("placement", sa.Column("expected_departure_on", sa.Date(), nullable=True))
    op.add_column("reason", sa.Column("text_word", sa.String(length=40), nullable=True))
    op.create_index(
        "uq_reason_text_word",
        "reason",
        ["kind", "text_word"],
        unique=True,
        postgresql_where=sa.text("text_word IS NOT NULL"),
    )
    change_words("task", "kind", add=["question"])
    op.execute(PLACES.format(only="AND r.kind = 'house'"))


def _policy() -> None:
    op.create_table(
        "inventory_policy",
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("fresh_hours", sa.Integer(), nullable=False),
        sa.Column("stale_hours", sa.Integer(), nullable=False),
        sa.Column("turnaround_minutes", sa.Integer(), nullable=False),
        sa.Column("notice_days", sa.Integer(), nullable=False),
        sa.Column("nudge_every_hours", sa.Integer(), nullable=False),
        sa.Column("nudges_per_day", sa.Integer(), nullable=False),
        sa.Column("wakes_at_hour", sa.Integer(), nullable=False),
        sa.Column("sleeps_at_hour", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "0 < fresh_hours AND fresh_hours < stale_hours",
            name=op.f("ck_inventory_policy_bands"),
        ),
        sa.CheckConstraint(
            "turnaround_minutes BETWEEN 0 AND 20160 AND notice_days >= 0",
            name=op.f("ck_inventory_policy_supply"),
        ),
        sa.CheckConstraint(
            "nudge_every_hours > 0 AND nudges_per_day >= 0"
            " AND 0 <= wakes_at_hour AND wakes_at_hour < sleeps_at_hour AND sleeps_at_hour <= 24",
            name=op.f("ck_inventory_policy_nudges"),
        ),
        sa.PrimaryKeyConstraint("valid_from", name=op.f("pk_inventory_policy")),
    )
    op.execute(f"GRANT SELECT ON inventory_policy TO {BOTH}")


def _rooms() -> None:
    op.add_column("room", sa.Column("number", sa.Integer(), nullable=True))
    op.execute(
        """CREATE FUNCTION room_gets_its_number() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            -- The number of a text ("B 3"): the code itself where it is one, else the next free.
            IF NEW.number IS NULL AND NEW.code ~ '^[1-9][0-9]{0,2}$' AND NOT EXISTS (
                SELECT FROM room WHERE refuge_id = NEW.refuge_id AND number = NEW.code::integer
            ) THEN
                NEW.number := NEW.code::integer;
            END IF;
            IF NEW.number IS NULL THEN
                SELECT coalesce(max(number), 0) + 1 INTO NEW.number
                  FROM room WHERE refuge_id = NEW.refuge_id;
            END IF;
            RETURN NEW;
        END $$"""
    )
    op.execute(
        """DO $$ DECLARE each record; BEGIN
            FOR each IN SELECT id, code FROM room
                         ORDER BY (code ~ '^[1-9][0-9]{0,2}$') DESC, length(code), code LOOP
                UPDATE room SET number = CASE WHEN each.code ~ '^[1-9][0-9]{0,2}$'
                    THEN each.code::integer
                    ELSE (SELECT coalesce(max(r.number), 0) + 1 FROM room r
                           WHERE r.refuge_id = room.refuge_id) END
                 WHERE id = each.id;
            END LOOP;
        END $$"""
    )
    op.alter_column("room", "number", nullable=False)
    op.create_unique_constraint(op.f("uq_room_refuge_id_number"), "room", ["refuge_id", "number"])
    op.create_check_constraint(op.f("ck_room_number"), "room", "number BETWEEN 1 AND 999")
    op.execute(
        "CREATE TRIGGER room_gets_its_number BEFORE INSERT ON room"
        " FOR EACH ROW EXECUTE FUNCTION room_gets_its_number()"
    )
    op.add_column(
        "room",
        sa.Column("kind", sa.String(length=40), server_default=sa.text("'house'"), nullable=False),
    )
    op.create_check_constraint(op.f("ck_room_kind"), "room", f"kind IN ({KINDS})")
    op.add_column("room", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    # A house and the desk note when a room was last looked at, and change nothing else of it.
    op.execute(f"REVOKE UPDATE ON room FROM {BOTH}")
    op.execute(f"GRANT UPDATE (confirmed_at) ON room TO {BOTH}")
    op.create_table(
        "room_window",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("refuge_id", sa.BigInteger(), nullable=False),
        sa.Column("room_id", sa.BigInteger(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "NOT isempty(during) AND NOT lower_inf(during)", name=op.f("ck_room_window_during")
        ),
        postgresql.ExcludeConstraint(
            (sa.column("room_id"), "="),
            (sa.column("during"), "&&"),
            using="gist",
            name="room_window_no_overlap",
        ),
        sa.ForeignKeyConstraint(
            ["room_id", "refuge_id"],
            ["room.id", "room.refuge_id"],
            name=op.f("fk_room_window_room_id_refuge_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_window")),
        sa.UniqueConstraint("public_id", name=op.f("uq_room_window_public_id")),
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON room_window TO {BOTH}")
    op.execute(f"GRANT USAGE, SELECT ON SEQUENCE room_window_id_seq TO {BOTH}")
    house = f"{i_am('refuge_worker', 'refuge_manager')} AND refuge_id = {MY_REFUGE}"
    desk = i_am("system", "coordinator")
    opens = either(desk, f"{i_am('refuge_manager')} AND refuge_id = {MY_REFUGE}")
    guard("room_window", read=either(desk, house), add=opens, change=opens)


def _voids() -> None:
    op.add_column(
        "void",
        sa.Column(
            "cost_owner",
            sa.String(length=40),
            server_default=sa.text("'not_said'"),
            nullable=False,
        ),
    )
    op.create_check_constraint(op.f("ck_void_cost_owner"), "void", f"cost_owner IN ({COST_OWNERS})")
    op.add_column("void", sa.Column("until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("void", sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE void SET begun_at = lower(during)")
    op.add_column("void", sa.Column("message_sid", sa.Text(), nullable=True))
    op.create_unique_constraint(op.f("uq_void_message_sid"), "void", ["message_sid"])


def downgrade() -> None:
    op.execute(PLACES.format(only=""))
    change_words("task", "kind", drop=["question"])
    op.drop_index(
        "uq_reason_text_word",
        table_name="reason",
        postgresql_where=sa.text("text_word IS NOT NULL"),
    )
    op.drop_column("reason", "text_word")
    op.drop_column("placement", "expected_departure_on")
    op.drop_column("refuge", "turnaround_minutes")
    for column in ("message_sid", "begun_at", "until", "cost_owner"):
        op.drop_column("void", column)
    op.drop_table("room_window")
    op.execute("DROP TRIGGER room_gets_its_number ON room")
    op.execute("DROP FUNCTION room_gets_its_number()")
    op.execute(f"GRANT UPDATE ON room TO {BOTH}")
    for column in ("confirmed_at", "kind", "number"):
        op.drop_column("room", column)
    op.drop_table("inventory_policy")
