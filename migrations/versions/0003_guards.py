"""State guards, beds that cannot lie, and an audit trail that only grows."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PLACEMENT_MOVES = """
    ('offered','accepted'), ('offered','declined'), ('offered','lapsed'), ('offered','withdrawn'),
    ('accepted','arrived'), ('accepted','withdrawn'), ('accepted','not_arrived'),
    ('arrived','departed')
"""
REFERRAL_MOVES = """
    ('ready','offered'), ('ready','withdrawn'), ('ready','unmet'),
    ('offered','ready'), ('offered','confirmed'), ('offered','withdrawn'),
    ('confirmed','ready'), ('confirmed','resident'), ('confirmed','not_arrived'),
    ('confirmed','withdrawn'), ('resident','moved_on'),
    ('not_arrived','ready'), ('not_arrived','unmet'), ('unmet','ready')
"""


def upgrade() -> None:
    _guard_states("referral", REFERRAL_MOVES)
    _guard_states("placement", PLACEMENT_MOVES)
    op.execute(
        """CREATE FUNCTION placement_frees_its_beds() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            -- A placement that is no longer live ends now; no path through the code can forget it.
            IF OLD.state IN ('offered','accepted','arrived')
               AND NEW.state NOT IN ('offered','accepted','arrived') THEN
                NEW.during := tstzrange(lower(OLD.during),
                    greatest(waymark_now(), lower(OLD.during) + interval '1 microsecond'));
                NEW.ended_at := coalesce(NEW.ended_at, upper(NEW.during));
            END IF;
            RETURN NEW;
        END $$"""
    )
    op.execute(
        "CREATE TRIGGER placement_frees_its_beds BEFORE UPDATE ON placement"
        " FOR EACH ROW EXECUTE FUNCTION placement_frees_its_beds()"
    )
    op.execute(
        """CREATE FUNCTION placement_has_its_beds() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE p record; used record;
        BEGIN
            SELECT pl.live, pl.bed_spaces, pl.cots, r.is_shared, pl.room_id,
                   r.bed_spaces AS room_beds, r.cots AS room_cots
              INTO p FROM placement pl JOIN room r ON r.id = pl.room_id WHERE pl.id = NEW.id;
            IF NOT p.live THEN RETURN NULL; END IF;
            SELECT count(*) FILTER (WHERE b.kind = 'bed') AS beds,
                   count(*) FILTER (WHERE b.kind = 'cot') AS cots,
                   count(*) FILTER (WHERE b.room_id <> p.room_id) AS elsewhere
              INTO used FROM bed_use u JOIN bed b ON b.id = u.bed_id
             WHERE u.placement_id = NEW.id AND u.live;
            IF used.elsewhere > 0
               OR (p.is_shared AND (used.beds <> p.bed_spaces OR used.cots <> p.cots))
               OR (NOT p.is_shared AND (used.beds <> p.room_beds OR used.cots <> p.room_cots
                                        OR used.beds < p.bed_spaces OR used.cots < p.cots)) THEN
                RAISE EXCEPTION 'the beds do not cover the household'
                    USING ERRCODE = '23514', CONSTRAINT = 'placement_has_its_beds';
            END IF;
            RETURN NULL;
        END $$"""
    )
    op.execute(
        "CREATE CONSTRAINT TRIGGER placement_has_its_beds AFTER INSERT OR UPDATE ON placement"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION placement_has_its_beds()"
    )
    op.execute(
        """CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = '42501';
        END $$"""
    )
    op.execute(
        "CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event"
        " FOR EACH STATEMENT EXECUTE FUNCTION append_only()"
    )


def _guard_states(table: str, moves: str) -> None:
    """Only the listed moves, first state first; every change of state is a new version."""
    first = {"referral": "ready", "placement": "offered"}[table]
    op.execute(
        f"""CREATE FUNCTION {table}_moves() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' THEN
                IF NEW.state <> '{first}' THEN
                    RAISE EXCEPTION 'a {table} begins as {first}'
                        USING ERRCODE = '23514', CONSTRAINT = '{table}_moves';
                END IF;
                RETURN NEW;
            END IF;
            IF NEW.state <> OLD.state THEN
                IF NOT EXISTS (SELECT FROM (VALUES {moves}) AS m(a, b)
                               WHERE m.a = OLD.state AND m.b = NEW.state) THEN
                    RAISE EXCEPTION '{table}: no step from % to %', OLD.state, NEW.state
                        USING ERRCODE = '23514', CONSTRAINT = '{table}_moves';
                END IF;
                NEW.version := OLD.version + 1;
            END IF;
            RETURN NEW;
        END $$"""
    )
    op.execute(
        f"CREATE TRIGGER {table}_moves BEFORE INSERT OR UPDATE ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION {table}_moves()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER event_append_only ON event")
    op.execute("DROP FUNCTION append_only()")
    op.execute("DROP TRIGGER placement_has_its_beds ON placement")
    op.execute("DROP FUNCTION placement_has_its_beds()")
    op.execute("DROP TRIGGER placement_frees_its_beds ON placement")
    op.execute("DROP FUNCTION placement_frees_its_beds()")
    for table in ("placement", "referral"):
        op.execute(f"DROP TRIGGER {table}_moves ON {table}")
        op.execute(f"DROP FUNCTION {table}_moves()")
