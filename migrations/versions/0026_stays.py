"""The life of a promise and of a stay: holds, the way, pauses, extensions, other houses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.row_security import MY_REFUGE, either, guard, i_am
from migrations.words import change_words

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("waymark_now()")
WORD = sa.String(length=40)
BOTH = "waymark_web, waymark_worker"
REFERRAL_MOVES = """
    ('ready','paused'), ('paused','ready'), ('paused','withdrawn'),
    ('ready','offered'), ('ready','withdrawn'), ('ready','unmet'),
    ('offered','ready'), ('offered','confirmed'), ('offered','withdrawn'),
    ('confirmed','ready'), ('confirmed','in_transit'), ('confirmed','resident'),
    ('confirmed','not_arrived'), ('confirmed','withdrawn'),
    ('in_transit','ready'), ('in_transit','resident'), ('in_transit','not_arrived'),
    ('in_transit','withdrawn'), ('resident','moved_on'),
    ('not_arrived','ready'), ('not_arrived','unmet'), ('unmet','ready')
"""
TRANSFERS_STAY = """        IF NEW.transfer_of_id IS DISTINCT FROM OLD.transfer_of_id
           OR (NEW.state = 'unmet' AND NEW.transfer_of_id IS NOT NULL) THEN
            RAISE EXCEPTION 'a transfer stays one, and is never unmet: she has her bed'
                USING ERRCODE = '23514', CONSTRAINT = 'referral_moves';
        END IF;
"""
MOVES_BEFORE = """
    ('ready','offered'), ('ready','withdrawn'), ('ready','unmet'),
    ('offered','ready'), ('offered','confirmed'), ('offered','withdrawn'),
    ('confirmed','ready'), ('confirmed','resident'), ('confirmed','not_arrived'),
    ('confirmed','withdrawn'), ('resident','moved_on'),
    ('not_arrived','ready'), ('not_arrived','unmet'), ('unmet','ready')
"""
MOVES = """
    CREATE OR REPLACE FUNCTION referral_moves() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            IF NEW.state <> 'ready' THEN
                RAISE EXCEPTION 'a referral begins as ready'
                    USING ERRCODE = '23514', CONSTRAINT = 'referral_moves';
            END IF;
            RETURN NEW;
        END IF;
{guard}        IF NEW.state <> OLD.state THEN
            IF NOT EXISTS (SELECT FROM (VALUES {moves}) AS m(a, b)
                           WHERE m.a = OLD.state AND m.b = NEW.state) THEN
                RAISE EXCEPTION 'referral: no step from % to %', OLD.state, NEW.state
                    USING ERRCODE = '23514', CONSTRAINT = 'referral_moves';
            END IF;
            NEW.version := OLD.version + 1;
        END IF;
        RETURN NEW;
    END $$"""
# A promise may be renewed so often by the house and the officer; the desk and the clock are free.
# While she is on her way it is kept until she is expected and a margin longer.
HOLDS = """
    CREATE FUNCTION placement_holds() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE rules hold_policy; is_right boolean;
    BEGIN
        IF (NEW.hold_renewals, NEW.hold_until, NEW.set_out_at, NEW.expected_at)
           IS NOT DISTINCT FROM
           (OLD.hold_renewals, OLD.hold_until, OLD.set_out_at, OLD.expected_at) THEN
            RETURN NEW;
        END IF;
        IF OLD.hold_until IS NULL AND NEW.state = 'accepted' AND NEW.hold_renewals = 0
           AND NEW.set_out_at IS NULL THEN
            RETURN NEW;
        END IF;
        SELECT * INTO rules FROM hold_policy
         WHERE valid_from <= (waymark_now() AT TIME ZONE 'Europe/London')::date
         ORDER BY valid_from DESC LIMIT 1;
        is_right := CASE
            WHEN OLD.state <> 'accepted' OR NEW.hold_until IS NULL THEN false
            WHEN NEW.expected_at IS DISTINCT FROM OLD.expected_at THEN
                NEW.hold_renewals = OLD.hold_renewals
                AND NEW.set_out_at <= waymark_now()
                AND NEW.expected_at > waymark_now()
                AND NEW.expected_at <= waymark_now() + interval '24 hours'
                AND NEW.hold_until = NEW.expected_at + make_interval(mins => rules.margin_minutes)
            WHEN NEW.set_out_at IS DISTINCT FROM OLD.set_out_at THEN
                OLD.set_out_at IS NULL AND NEW.hold_renewals = OLD.hold_renewals
                AND NEW.hold_until >= OLD.hold_until
            WHEN NEW.hold_renewals = OLD.hold_renewals THEN
                NEW.hold_until > OLD.hold_until AND acting_role() IN ('coordinator', 'system')
            ELSE NEW.hold_until > OLD.hold_until AND NEW.hold_renewals = OLD.hold_renewals + 1
                AND NEW.hold_renewals <= rules.renewals
            END;
        IF is_right IS NOT TRUE THEN
            RAISE EXCEPTION 'a hold is made longer, and by house and officer only so often'
                USING ERRCODE = '23514', CONSTRAINT = 'placement_holds';
        END IF;
        RETURN NEW;
    END $$"""
# Police learn how to reach a house from its yes until she is there.
PROMISED_ME = """
    CREATE OR REPLACE FUNCTION houses_that_promised_me() RETURNS SETOF bigint LANGUAGE sql STABLE
        SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT p.refuge_id FROM placement p JOIN referral r ON r.id = p.referral_id
         WHERE p.state = 'accepted' AND r.state IN ({states})
           AND ((acting_role() IN ('officer', 'force_supervisor')
                 AND r.officer_id = acting_user_id())
             OR (acting_role() = 'force_supervisor'
                 AND r.force_id = acting_organisation_id())) $$"""
# What a request says of its room must be so when the transaction ends, whoever changed which.
AGREES = """
    CREATE FUNCTION referral_agrees_with_its_room() RETURNS trigger LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        hers bigint; stands text; room text;
    BEGIN
        hers := CASE TG_TABLE_NAME WHEN 'referral' THEN NEW.id
                     ELSE (to_jsonb(NEW) ->> 'referral_id')::bigint END;
        SELECT state INTO stands FROM referral WHERE id = hers;
        SELECT state INTO room FROM placement WHERE referral_id = hers AND live;
        IF (stands = 'in_transit' AND room IS DISTINCT FROM 'accepted')
           OR (stands = 'paused' AND room IS NOT NULL)
           OR (stands = 'paused') <> EXISTS (
                SELECT FROM pause WHERE referral_id = hers AND ended_at IS NULL) THEN
            RAISE EXCEPTION 'a request and its room do not agree'
                USING ERRCODE = '23514', CONSTRAINT = 'referral_agrees_with_its_room';
        END IF;
        RETURN NULL;
    END $$"""
# Whoever ends it, and however: no path through the code can forget it.
ENDS = """
    CREATE FUNCTION referral_ends_its_pause() RETURNS trigger LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        UPDATE pause SET ended_at = greatest(waymark_now(), paused_at),
                         ended_by_id = acting_user_id()
         WHERE referral_id = NEW.id AND ended_at IS NULL;
        RETURN NULL;
    END $$"""
WAYMARK, DESK = i_am("system"), i_am("system", "coordinator")
OF_MINE = f"referral_id IN (SELECT my_referrals()) AND {i_am('officer', 'force_supervisor')}"
NOT_DENIED = "(SELECT acting_as_owner()) OR referral_id NOT IN (SELECT denied_referrals())"
HOUSE = f"{i_am('refuge_worker', 'refuge_manager')} AND refuge_id = {MY_REFUGE}"
NEW_REASONS = ["paused", "extension", "transfer", "transfer_ended"]
NEW_TASKS = ["plan_passed"]
NEW_STATES = ["in_transit", "paused"]


# A later day is an extension with its reason, and an extension is a later day: at the commit.
EXTENDED = """
    CREATE FUNCTION a_later_day_is_an_extension() RETURNS trigger LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE is_right boolean;
    BEGIN
        IF TG_TABLE_NAME = 'placement' THEN
            is_right := EXISTS (
                SELECT FROM stay_extension e WHERE e.placement_id = NEW.id
                   AND e.from_day = OLD.expected_departure_on
                   AND e.to_day = NEW.expected_departure_on);
        ELSE
            is_right := EXISTS (
                SELECT FROM placement p WHERE p.id = NEW.placement_id AND p.state = 'arrived'
                   AND p.expected_departure_on = NEW.to_day);
        END IF;
        IF NOT is_right THEN
            RAISE EXCEPTION 'a later day and its reason belong together'
                USING ERRCODE = '23514', CONSTRAINT = 'a_later_day_is_an_extension';
        END IF;
        RETURN NULL;
    END $$"""
# She keeps her bed until she is in the other house, and has one bed from then on.
KEEPS_HER_BED = """
    CREATE FUNCTION transfer_keeps_her_bed() RETURNS trigger LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM referral t LEFT JOIN placement home ON home.id = t.transfer_of_id
              LEFT JOIN placement next ON next.referral_id = t.id AND next.live
             WHERE (t.id = (to_jsonb(NEW) ->> 'referral_id')::bigint
                    OR (TG_TABLE_NAME = 'referral' AND t.id = NEW.id)
                    OR (TG_TABLE_NAME = 'placement' AND home.id = NEW.id))
               AND t.transfer_of_id IS NOT NULL
               AND (home.id IS NULL OR next.refuge_id = home.refuge_id
                    OR (home.state <> 'arrived') <> (t.state = 'resident'))
               AND t.closed_at IS NULL) THEN
            RAISE EXCEPTION 'she keeps her bed until she is in another house'
                USING ERRCODE = '23514', CONSTRAINT = 'transfer_keeps_her_bed';
        END IF;
        RETURN NULL;
    END $$"""
# Whom her list keeps out, and what is held of her, follows her into the request for another house.
LIST_FOLLOWS = """
    CREATE FUNCTION her_list_follows_her() RETURNS trigger LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        INSERT INTO record_rule (referral_id, user_id, kind, reason, by_id)
        SELECT t.id, r.user_id, r.kind, r.reason, r.by_id
          FROM referral t JOIN placement home ON home.id = t.transfer_of_id
          JOIN record_rule r ON r.referral_id = home.referral_id
         WHERE r.ended_at IS NULL AND r.kind = 'deny' AND t.purged_at IS NULL
           AND CASE TG_TABLE_NAME WHEN 'referral' THEN t.id = NEW.id
                    ELSE r.id = NEW.id END
        ON CONFLICT DO NOTHING;
        IF TG_TABLE_NAME = 'referral' THEN
            INSERT INTO legal_hold (referral_id, reason, placed_by_id)
            SELECT NEW.id, h.reason, h.placed_by_id
              FROM placement home JOIN legal_hold h ON h.referral_id = home.referral_id
             WHERE home.id = NEW.transfer_of_id AND h.lifted_at IS NULL;
        END IF;
        RETURN NULL;
    END $$"""
# Her right to recover goes with her: what she had in the house before is never made shorter.
CARRIES = """
    CREATE FUNCTION recovery_goes_with_her() RETURNS trigger LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        INSERT INTO recovery_extension
               (placement_id, refuge_id, until_day, reason_code, recorded_by_id)
        SELECT NEW.id, NEW.refuge_id, had.until_day, 'recovery_carried',
               coalesce(acting_user_id(), NEW.decided_by_id)
          FROM referral t
         CROSS JOIN LATERAL (
                SELECT greatest(
                    (SELECT max(starts_on + days) FROM recovery
                      WHERE placement_id = t.transfer_of_id),
                    (SELECT max(until_day) FROM recovery_extension
                      WHERE placement_id = t.transfer_of_id)) AS until_day) AS had
          JOIN recovery r ON r.placement_id = NEW.id
         WHERE t.id = NEW.referral_id AND t.transfer_of_id IS NOT NULL
           AND had.until_day > r.starts_on + r.days;
        RETURN NULL;
    END $$"""
# A move between houses is nobody's new need: figures leave it out.
REPORT = """
    CREATE OR REPLACE VIEW report_referral AS
    SELECT r.id AS referral_id, r.force_id, r.urgency, r.state, r.submitted_at, r.state_since,
           r.confirmed_at, r.closed_at, r.closed_reason,
           g.code AS region_code, g.in_london
      FROM referral r LEFT JOIN needs n ON n.id = r.needs_id
      LEFT JOIN district d ON d.code = n.district_code
      JOIN region g ON g.code = coalesce(d.region_code, r.region_code)
     WHERE NOT EXISTS (SELECT FROM honey_record h WHERE h.referral_id = r.id) {only}"""
# Nobody else may take a use of a bed away again; the beds are checked when it commits.
MOVE_ROOM = """
    CREATE FUNCTION move_to_room(stay bigint, to_room bigint, beds bigint[], spaces int, cots_ int)
        RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE p placement;
    BEGIN
        SELECT * INTO p FROM placement WHERE id = stay AND state = 'arrived' FOR UPDATE;
        IF p.id IS NULL OR (acting_role() = 'coordinator'
                OR (acting_role() = 'refuge_manager' AND p.refuge_id = acting_refuge_id()))
               IS NOT TRUE THEN
            RAISE EXCEPTION 'only the house''s manager or the desk moves her'
                USING ERRCODE = '42501';
        END IF;
        DELETE FROM bed_use WHERE placement_id = stay;
        UPDATE placement SET room_id = to_room, bed_spaces = spaces, cots = cots_ WHERE id = stay;
        INSERT INTO bed_use (bed_id, refuge_id, placement_id, live, during)
        SELECT bed, p.refuge_id, p.id, p.live, p.during FROM unnest(beds) AS bed;
    END $$"""


def upgrade() -> None:
    _holds()
    change_words("reason", "kind", add=NEW_REASONS)
    change_words("task", "kind", add=NEW_TASKS)
    _pauses()
    _transfers()
    _states()
    _extensions()
    op.execute(MOVE_ROOM)
    op.execute("REVOKE ALL ON FUNCTION move_to_room FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION move_to_room TO waymark_web")


def _transfers() -> None:
    op.add_column("referral", sa.Column("transfer_of_id", sa.BigInteger(), nullable=True))
    op.add_column("referral", sa.Column("transfer_reason", WORD, nullable=True))
    op.create_foreign_key(
        op.f("fk_referral_transfer_reason"), "referral", "reason", ["transfer_reason"], ["code"]
    )
    op.create_check_constraint(
        op.f("ck_referral_transfer_whole"),
        "referral",
        "(transfer_of_id IS NULL) = (transfer_reason IS NULL)",
    )
    op.create_index(
        "one_open_transfer",
        "referral",
        ["transfer_of_id"],
        unique=True,
        postgresql_where=sa.text("transfer_of_id IS NOT NULL AND closed_at IS NULL"),
    )
    # Waymark writes it for the house or the desk: neither may read all that is copied.
    for table, only in {
        "referral": f"{WAYMARK} AND transfer_of_id IS NOT NULL",
        **dict.fromkeys(("needs", "safety", "caller", "incident", "referral_link"), WAYMARK),
    }.items():
        op.execute(f"CREATE POLICY transfers ON {table} FOR INSERT TO {BOTH} WITH CHECK ({only})")
    op.execute(KEEPS_HER_BED)
    for table in ("referral", "placement"):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {table}_keeps_her_bed AFTER INSERT OR UPDATE ON {table}"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
            " EXECUTE FUNCTION transfer_keeps_her_bed()"
        )
    op.execute(LIST_FOLLOWS)
    op.execute(
        "CREATE TRIGGER her_list_follows_her AFTER INSERT ON referral FOR EACH ROW"
        " WHEN (NEW.transfer_of_id IS NOT NULL) EXECUTE FUNCTION her_list_follows_her()"
    )
    op.execute(
        "CREATE TRIGGER her_list_follows_her AFTER INSERT ON record_rule FOR EACH ROW"
        " WHEN (NEW.kind = 'deny') EXECUTE FUNCTION her_list_follows_her()"
    )
    op.execute(CARRIES)
    op.execute(  # by name after placement_gets_its_recovery, which freezes the rule of the day
        "CREATE TRIGGER placement_keeps_its_recovery AFTER UPDATE ON placement FOR EACH ROW"
        " WHEN (OLD.arrived_at IS NULL AND NEW.arrived_at IS NOT NULL)"
        " EXECUTE FUNCTION recovery_goes_with_her()"
    )
    op.execute(REPORT.format(only="AND r.transfer_of_id IS NULL"))


def _extensions() -> None:
    op.create_table(
        "stay_extension",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("placement_id", sa.BigInteger(), nullable=False),
        sa.Column("refuge_id", sa.BigInteger(), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("to_day", sa.Date(), nullable=False),
        sa.Column("reason_code", WORD, nullable=False),
        sa.Column("recorded_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("recorded_by_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("to_day > from_day", name=op.f("ck_stay_extension_later")),
        sa.ForeignKeyConstraint(
            ["placement_id", "refuge_id"],
            ["placement.id", "placement.refuge_id"],
            name=op.f("fk_stay_extension_placement_id_refuge_id"),
        ),
        _key("stay_extension", "reason_code", "reason.code"),
        _key("stay_extension", "recorded_by_id", "user_account.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stay_extension")),
    )
    op.create_index("ix_stay_extension_placement_id", "stay_extension", ["placement_id"])
    guard("stay_extension", read=either(DESK, HOUSE), add=HOUSE)
    op.execute(f"GRANT SELECT ON stay_extension TO {BOTH}")
    op.execute("GRANT INSERT ON stay_extension TO waymark_web")
    op.execute(EXTENDED)
    op.execute(
        "CREATE CONSTRAINT TRIGGER placement_later_day AFTER UPDATE ON placement"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        " WHEN (NEW.expected_departure_on > OLD.expected_departure_on AND NEW.state = 'arrived')"
        " EXECUTE FUNCTION a_later_day_is_an_extension()"
    )
    op.execute(
        "CREATE CONSTRAINT TRIGGER stay_extension_later_day AFTER INSERT ON stay_extension"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        " EXECUTE FUNCTION a_later_day_is_an_extension()"
    )


def _pauses() -> None:
    op.create_table(
        "pause",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("referral_id", sa.BigInteger(), nullable=False),
        sa.Column("reason_code", WORD, nullable=False),
        sa.Column("paused_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("until_at", MOMENT, nullable=False),
        sa.Column("paused_by_id", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "until_at > paused_at AND until_at <= paused_at + interval '31 days'",
            name=op.f("ck_pause_until"),
        ),
        sa.CheckConstraint("ended_at >= paused_at", name=op.f("ck_pause_ended")),
        _key("pause", "referral_id", "referral.id"),
        _key("pause", "reason_code", "reason.code"),
        _key("pause", "paused_by_id", "user_account.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pause")),
    )
    op.create_index("ix_pause_referral_id", "pause", ["referral_id"])
    op.create_index(
        "one_open_pause",
        "pause",
        ["referral_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    guard("pause", read=either(DESK, OF_MINE), add=either(i_am("coordinator"), OF_MINE))
    op.execute(f"CREATE POLICY denied ON pause AS RESTRICTIVE USING ({NOT_DENIED})")
    op.execute(f"GRANT SELECT ON pause TO {BOTH}")
    op.execute("GRANT INSERT ON pause TO waymark_web")
    op.execute("GRANT USAGE, SELECT ON SEQUENCE pause_id_seq TO waymark_web")
    op.execute(ENDS)
    op.execute(
        "CREATE TRIGGER referral_ends_its_pause AFTER UPDATE ON referral FOR EACH ROW"
        " WHEN (OLD.state = 'paused' AND NEW.state <> 'paused')"
        " EXECUTE FUNCTION referral_ends_its_pause()"
    )
    op.execute(
        "CREATE VIEW report_pause AS SELECT referral_id, paused_at, until_at, ended_at FROM pause"
    )
    op.execute("GRANT SELECT ON report_pause TO waymark_report")


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def _states() -> None:
    change_words("referral", "state", add=NEW_STATES)
    op.execute(MOVES.format(moves=REFERRAL_MOVES, guard=TRANSFERS_STAY))
    op.execute(PROMISED_ME.format(states="'confirmed', 'in_transit'"))
    op.execute(AGREES)
    for table in ("referral", "placement", "pause"):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {table}_agrees AFTER INSERT OR UPDATE ON {table}"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
            " EXECUTE FUNCTION referral_agrees_with_its_room()"
        )


def _holds() -> None:
    op.create_table(
        "hold_policy",
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("renewals", sa.Integer(), nullable=False),
        sa.Column("margin_minutes", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "renewals >= 0 AND margin_minutes BETWEEN 0 AND 1440", name=op.f("ck_hold_policy_hold")
        ),
        sa.PrimaryKeyConstraint("valid_from", name=op.f("pk_hold_policy")),
    )
    op.execute(f"GRANT SELECT ON hold_policy TO {BOTH}")
    op.add_column("placement", sa.Column("hold_until", MOMENT, nullable=True))
    op.add_column(
        "placement",
        sa.Column("hold_renewals", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    for column in ("set_out_at", "expected_at"):
        op.add_column("placement", sa.Column(column, MOMENT, nullable=True))
    op.create_check_constraint(
        op.f("ck_placement_set_out"), "placement", "expected_at IS NULL OR set_out_at IS NOT NULL"
    )
    op.execute(
        """UPDATE placement p SET hold_until = p.answered_at + make_interval(mins => c.hold_minutes)
             FROM referral r JOIN clock_policy c ON c.id = r.clock_policy_id
            WHERE r.id = p.referral_id AND p.state = 'accepted'"""
    )
    op.create_check_constraint(
        op.f("ck_placement_hold"),
        "placement",
        "(state <> 'accepted' OR hold_until IS NOT NULL) AND hold_renewals >= 0",
    )
    op.create_index(
        "ix_placement_hold",
        "placement",
        ["hold_until"],
        postgresql_where=sa.text("state = 'accepted'"),
    )
    op.execute(HOLDS)
    op.execute(
        "CREATE TRIGGER placement_holds BEFORE UPDATE ON placement"
        " FOR EACH ROW EXECUTE FUNCTION placement_holds()"
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION move_to_room")
    _no_transfers()
    op.execute("DROP TRIGGER placement_later_day ON placement")
    op.drop_table("stay_extension")
    op.execute("DROP FUNCTION a_later_day_is_an_extension()")
    for table in ("pause", "placement", "referral"):
        op.execute(f"DROP TRIGGER {table}_agrees ON {table}")
    op.execute("DROP FUNCTION referral_agrees_with_its_room()")
    op.execute(PROMISED_ME.format(states="'confirmed'"))
    op.execute("ALTER TABLE referral DISABLE TRIGGER referral_moves")
    op.execute("UPDATE referral SET state = 'confirmed' WHERE state = 'in_transit'")
    op.execute("UPDATE referral SET state = 'ready' WHERE state = 'paused'")
    op.execute("ALTER TABLE referral ENABLE TRIGGER referral_moves")
    op.execute(MOVES.format(moves=MOVES_BEFORE, guard=""))
    for column in ("transfer_reason", "transfer_of_id"):
        op.drop_column("referral", column)
    change_words("referral", "state", drop=NEW_STATES)
    op.execute("DROP VIEW report_pause")
    op.execute("DROP TRIGGER referral_ends_its_pause ON referral")
    op.execute("DROP FUNCTION referral_ends_its_pause()")
    op.drop_table("pause")
    _no_holds()
    dropped = ", ".join(f"'{kind}'" for kind in NEW_REASONS)
    op.execute("DELETE FROM recovery_extension WHERE reason_code = 'recovery_carried'")
    op.execute(f"DELETE FROM reason WHERE kind IN ({dropped}) OR code = 'recovery_carried'")
    change_words("reason", "kind", drop=NEW_REASONS)
    dropped = ", ".join(f"'{kind}'" for kind in NEW_TASKS)
    op.execute(f"DELETE FROM task WHERE kind IN ({dropped})")
    change_words("task", "kind", drop=NEW_TASKS)


def _no_transfers() -> None:
    op.execute(REPORT.format(only=""))
    op.execute("DROP TRIGGER placement_keeps_its_recovery ON placement")
    op.execute("DROP FUNCTION recovery_goes_with_her()")
    for table in ("referral", "record_rule"):
        op.execute(f"DROP TRIGGER her_list_follows_her ON {table}")
    op.execute("DROP FUNCTION her_list_follows_her()")
    for table in ("referral", "placement"):
        op.execute(f"DROP TRIGGER {table}_keeps_her_bed ON {table}")
    op.execute("DROP FUNCTION transfer_keeps_her_bed()")
    for table in ("referral", "needs", "safety", "caller", "incident", "referral_link"):
        op.execute(f"DROP POLICY transfers ON {table}")
    op.drop_index("one_open_transfer", "referral")


def _no_holds() -> None:
    op.execute("DROP TRIGGER placement_holds ON placement")
    op.execute("DROP FUNCTION placement_holds()")
    op.drop_index("ix_placement_hold", "placement")
    for name in ("ck_placement_hold", "ck_placement_set_out"):
        op.drop_constraint(op.f(name), "placement")
    for column in ("hold_until", "hold_renewals", "set_out_at", "expected_at"):
        op.drop_column("placement", column)
    op.drop_table("hold_policy")
