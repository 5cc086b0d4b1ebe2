"""The audit trail's seal and its anchors, and planted records that tell who went looking."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.row_security import LOGINS, definer, guard, i_am
from migrations.words import change_words

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NOW = sa.text("waymark_now()")
TASKS = ["honey_touched", "trail_broken"]
SEALED = ("event_seal", "event_anchor")
LOOKERS = ("system", "coordinator", "data_protection_lead")
FUNCTIONS = ("is_planted(bigint)", "referral_id_of(text)", "referral_id_at(uuid)")

# Safety: a planted record is in no figure; report_referral is otherwise as step 0006 made it.
REPORT_REFERRAL = """
    SELECT r.id AS referral_id, r.force_id, r.urgency, r.state, r.submitted_at, r.state_since,
           r.confirmed_at, r.closed_at, r.closed_reason,
           g.code AS region_code, g.in_london
      FROM referral r JOIN needs n ON n.id = r.needs_id
      JOIN district d ON d.code = n.district_code JOIN region g ON g.code = d.region_code"""
NOT_PLANTED = " WHERE NOT EXISTS (SELECT FROM honey_record h WHERE h.referral_id = r.id)"


def upgrade() -> None:
    _seal()
    _honey()
    _find_looks()
    change_words("task", "kind", add=TASKS)


def _seal() -> None:
    op.create_table(
        "event_seal",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("octet_length(hash) = 32", name=op.f("ck_event_seal_hash")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_event_seal")),
        sa.UniqueConstraint("event_id", name=op.f("uq_event_seal_event_id")),
    )
    op.create_table(
        "event_anchor",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("anchored_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.CheckConstraint("octet_length(hash) = 32", name=op.f("ck_event_anchor_hash")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_anchor")),
    )
    for table in SEALED:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION append_only()"
        )
        op.execute(f"GRANT SELECT ON {table} TO waymark_web, waymark_worker")
        op.execute(f"GRANT INSERT ON {table} TO waymark_worker")
        guard(table, read=i_am(*LOOKERS), add=i_am("system"))
    op.execute("GRANT USAGE, SELECT ON SEQUENCE event_anchor_id_seq TO waymark_worker")
    # A list names its women as a look at one does: who asks who looked is told of both.
    names_her = "(referral_id IS NOT NULL OR detail ? 'referral_ids')"
    op.execute(
        "CREATE POLICY desk_reads ON event FOR SELECT"
        f" TO {LOGINS} USING ({i_am('coordinator')} AND {names_her})"
    )


def _honey() -> None:
    """Safety: no service role reads these tables; what may be known of them goes through below."""
    op.create_table(
        "honey_record",
        sa.Column("referral_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("planted_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_honey_record_referral_id")
        ),
        sa.PrimaryKeyConstraint("referral_id", name=op.f("pk_honey_record")),
    )
    op.create_table(
        "honey_touch",
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("referral_id", sa.BigInteger(), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_by_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("event_id", "referral_id", name=op.f("pk_honey_touch")),
    )
    op.execute(
        """CREATE FUNCTION notice_honey() RETURNS trigger LANGUAGE plpgsql
            SECURITY DEFINER SET search_path = public, pg_temp AS $$
        BEGIN
            -- Whoever is told of it looks it up: that is no news.
            IF NEW.kind = 'trail_viewed' AND NEW.actor_role = 'data_protection_lead' THEN
                RETURN NULL;
            END IF;
            INSERT INTO honey_touch (event_id, referral_id)
            SELECT NEW.id, h.referral_id FROM honey_record h
             WHERE h.referral_id = NEW.referral_id
                OR NEW.detail -> 'referral_ids' @> to_jsonb(h.referral_id);
            IF FOUND THEN
                INSERT INTO task (kind) VALUES ('honey_touched') ON CONFLICT DO NOTHING;
            END IF;
            RETURN NULL;
        END $$"""
    )
    op.execute(
        "CREATE TRIGGER event_notices_honey AFTER INSERT ON event"
        " FOR EACH ROW EXECUTE FUNCTION notice_honey()"
    )
    op.execute(
        """CREATE FUNCTION is_planted(referral bigint) RETURNS boolean LANGUAGE sql STABLE
            SECURITY DEFINER SET search_path = public, pg_temp
            AS 'SELECT EXISTS (SELECT FROM honey_record h WHERE h.referral_id = $1)'"""
    )
    op.execute(
        """CREATE FUNCTION referral_id_of(reference text) RETURNS bigint LANGUAGE sql STABLE
            SECURITY DEFINER SET search_path = public, pg_temp
            AS 'SELECT r.id FROM referral r WHERE r.ref = $1'"""
    )
    op.execute(
        """CREATE FUNCTION referral_id_at(placement uuid) RETURNS bigint LANGUAGE sql STABLE
            SECURITY DEFINER SET search_path = public, pg_temp
            AS 'SELECT p.referral_id FROM placement p WHERE p.public_id = $1'"""
    )
    for function in FUNCTIONS:
        op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM public")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO waymark_web, waymark_worker")
    guard("honey_record", read="")
    guard("honey_touch", read="")
    # A view asks the policies as its owner, and who acts as whoever asks.
    op.execute(f"CREATE POLICY lead ON honey_touch USING ({i_am('data_protection_lead')})")
    body = "SELECT ref FROM referral WHERE id = $1 AND acting_role() = 'data_protection_lead'"
    definer("reference_of", "text", body, "referral bigint")
    op.execute(
        """CREATE VIEW honey_alert AS
            SELECT event_id, referral_id, touched_at, seen_at, seen_by_id,
                   reference_of(referral_id) AS ref
              FROM honey_touch WHERE acting_role() = 'data_protection_lead'"""
    )
    op.execute("GRANT SELECT, UPDATE (seen_at, seen_by_id) ON honey_alert TO waymark_web")
    op.execute(f"CREATE OR REPLACE VIEW report_referral AS {REPORT_REFERRAL}{NOT_PLANTED}")


def _find_looks() -> None:
    op.create_index(
        "ix_event_listed",
        "event",
        [sa.text("(detail -> 'referral_ids')")],
        postgresql_using="gin",
        postgresql_where=sa.text("detail ? 'referral_ids'"),
    )


def downgrade() -> None:
    op.execute("DROP POLICY desk_reads ON event")
    listed = ", ".join(f"'{word}'" for word in TASKS)
    op.execute(f"DELETE FROM task WHERE kind IN ({listed})")
    change_words("task", "kind", drop=TASKS)
    op.drop_index("ix_event_listed", table_name="event")
    op.execute(f"CREATE OR REPLACE VIEW report_referral AS {REPORT_REFERRAL}")
    op.execute("DROP VIEW honey_alert")
    op.execute("DROP FUNCTION reference_of")
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP TRIGGER event_notices_honey ON event")
    op.execute("DROP FUNCTION notice_honey()")
    for table in ("honey_touch", "honey_record", *reversed(SEALED)):
        op.drop_table(table)
