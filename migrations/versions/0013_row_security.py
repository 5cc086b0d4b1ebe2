"""Row security: the database itself knows whose row it is, whatever a page or a query forgets."""

from __future__ import annotations

from alembic import op

from migrations.row_security import (
    ME,
    MY_ORGANISATION,
    MY_REFUGE,
    definer,
    either,
    guard,
    i_am,
    let_go,
)

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

WAYMARK = i_am("system")
DESK = i_am("system", "coordinator")
POLICE = i_am("officer", "force_supervisor")
HOUSE = i_am("refuge_worker", "refuge_manager")
# The request's row holds codes and times; needs, safety and caller have rows of their own.
OF_MINE = f"referral_id IN (SELECT my_referrals()) AND {POLICE}"
ASKED = f"{i_am('officer')} AND officer_id = {ME}"
FORCES = f"{i_am('force_supervisor')} AND force_id = {MY_ORGANISATION}"
SENDS = f"{POLICE} AND officer_id = {ME} AND force_id = {MY_ORGANISATION}"
AT_HOME = f"{HOUSE} AND refuge_id = {MY_REFUGE}"
OWN_HOUSE = f"{HOUSE} AND id = {MY_REFUGE}"
MANAGES = f"{i_am('refuge_manager')} AND refuge_id = {MY_REFUGE}"
CHARITY = f"{i_am('charity_manager')} AND organisation_id = {MY_ORGANISATION}"
HOUSES_OF_CHARITY = f"{i_am('charity_manager')} AND refuge_id IN (SELECT id FROM refuge)"
# Between the row of her needs and the request that names it, one statement passes.
UNNAMED = POLICE + " AND NOT is_named(id)"

# Table: who reads, who adds, who changes. What is not here is open to both logins:
# app/row_security.py lists those tables, each with its reason.
TABLES: dict[str, tuple[str, str, str]] = {
    "organisation": (
        either(
            i_am("system", "coordinator", "administrator", "data_protection_lead"),
            f"id = {MY_ORGANISATION}",
            f"{HOUSE} AND kind = 'force'",
        ),
        i_am("system", "administrator"),
        WAYMARK,
    ),
    "user_account": (
        either(
            i_am("system", "coordinator", "administrator", "data_protection_lead"),
            f"id = {ME}",
            f"{i_am('force_supervisor')} AND organisation_id = {MY_ORGANISATION}",
            MANAGES,
        ),
        i_am("system", "administrator"),
        either(WAYMARK, f"{i_am('administrator')} AND id <> {ME}"),
    ),
    "sign_in": (
        either(i_am("system", "administrator"), f"user_id = {ME}"),
        either(WAYMARK, f"user_id = {ME}"),
        either(i_am("system", "administrator"), f"user_id = {ME}"),
    ),
    "refuge": (
        either(
            i_am("system", "coordinator", "administrator", "data_protection_lead"),
            OWN_HOUSE,
            CHARITY,
            f"{POLICE} AND id IN (SELECT houses_that_promised_me())",
        ),
        i_am("system", "administrator"),
        either(WAYMARK, OWN_HOUSE),
    ),
    "room": (
        either(DESK, AT_HOME, HOUSES_OF_CHARITY),
        either(WAYMARK, MANAGES),
        either(DESK, AT_HOME),  # a lock is a change to the database, and a look is written down
    ),
    "bed": (
        either(DESK, AT_HOME, HOUSES_OF_CHARITY),
        either(WAYMARK, MANAGES),
        either(DESK, AT_HOME),
    ),
    "void": (either(DESK, AT_HOME),) * 3,
    "bed_use": (either(DESK, AT_HOME),) * 3,
    "contact": (either(DESK, AT_HOME), either(WAYMARK, MANAGES), either(WAYMARK, MANAGES)),
    "fund": (either(WAYMARK, CHARITY),) * 2 + (WAYMARK,),
    "incident": (either(DESK, ASKED, FORCES), SENDS, WAYMARK),
    "referral": (
        either(DESK, ASKED, FORCES, f"{HOUSE} AND id IN (SELECT my_referrals())"),
        SENDS,
        either(DESK, ASKED, FORCES, f"{HOUSE} AND id IN (SELECT my_referrals())"),
    ),
    "needs": (either(DESK, "id IN (SELECT my_needs())", UNNAMED), POLICE, WAYMARK),
    # Safety: where she must not be is for the officer who said it, and for the engine.
    "safety": (either(WAYMARK, "id IN (SELECT my_safety())", UNNAMED), POLICE, WAYMARK),
    "caller": (either(DESK, "id IN (SELECT my_callers())", UNNAMED), POLICE, WAYMARK),
    "referral_link": (
        either(
            DESK,
            f"{POLICE} AND (a_id IN (SELECT my_referrals()) OR b_id IN (SELECT my_referrals()))",
            # Whom she must be kept from is never said to a house.
            f"{HOUSE} AND kind = 'together'"
            " AND (a_id IN (SELECT my_referrals()) OR b_id IN (SELECT my_referrals()))",
        ),
        f"{POLICE} AND a_id IN (SELECT my_referrals()) AND b_id IN (SELECT my_referrals())",
        WAYMARK,
    ),
    "form_key": (either(WAYMARK, f"user_id = {ME}"),) * 3,
    "hand_on": (
        either(WAYMARK, f"{POLICE} AND user_id = {ME}"),
        f"{POLICE} AND user_id = {ME} AND force_id = {MY_ORGANISATION}",
        WAYMARK,
    ),
    "placement": (either(DESK, AT_HOME, OF_MINE), DESK, either(DESK, AT_HOME, OF_MINE)),
    "plan_run": (
        # Police read when a plan was made that speaks of a request of theirs.
        either(DESK, f"{POLICE} AND EXISTS (SELECT FROM plan_line l WHERE l.run_id = plan_run.id)"),
        WAYMARK,
        WAYMARK,
    ),
    "plan_line": (
        either(DESK, OF_MINE, f"{HOUSE} AND (run_id, referral_id) IN (SELECT * FROM my_lines())"),
        WAYMARK,
        WAYMARK,
    ),
    "cost_question": (DESK,) * 3,
    "price_run": (WAYMARK,) * 3,
    "pre_alert": (DESK,) * 3,
    "pre_alert_referral": (DESK,) * 3,
    "rehearsal": (DESK,) * 3,
    "message": (DESK, WAYMARK, WAYMARK),
    "sms_inbox": (
        either(WAYMARK, f"{HOUSE} AND contact_id IN (SELECT id FROM contact)"),
        WAYMARK,
        WAYMARK,
    ),
    "task": (DESK,) * 3,
    "event": (
        either(
            i_am("system", "data_protection_lead"),
            f"actor_user_id = {ME}",
            f"{HOUSE} AND actor_user_id IS NULL AND actor_contact_id IS NOT NULL"
            f" AND refuge_id = {MY_REFUGE}",
            f"{i_am('charity_manager')} AND kind = 'room_opened'"
            " AND room_id IN (SELECT id FROM room)",
        ),
        # Nobody writes an act into the trail that was not their own.
        either(
            WAYMARK,
            f"actor_role = (SELECT acting_role()) AND actor_user_id = {ME}",
            f"actor_role = (SELECT acting_role()) AND actor_user_id IS NULL AND {ME} IS NULL"
            f" AND {HOUSE} AND refuge_id = {MY_REFUGE}",
        ),
        "",
    ),
}

# Where a house sees a woman's needs, and how long it may ring the officer: app/policy.py and
# app/services/admissions.py say the same.
HERS = "('offered', 'accepted', 'arrived')"
HANDOVER = """(p.state = 'accepted'
    OR (p.state = 'arrived' AND p.arrived_at > waymark_now() - interval '12 hours'))"""
AT_MY_HOUSE = """acting_role() IN ('refuge_worker', 'refuge_manager')
    AND p.refuge_id = acting_refuge_id()"""
I_ASKED = "acting_role() IN ('officer', 'force_supervisor') AND r.officer_id = acting_user_id()"
MY_FORCES = "acting_role() = 'force_supervisor' AND r.force_id = acting_organisation_id()"

FUNCTIONS = {
    "my_referrals": (
        "SETOF bigint",
        f"""SELECT r.id FROM referral r WHERE acting_role() = 'officer' AND {I_ASKED}
            UNION ALL SELECT r.id FROM referral r WHERE {MY_FORCES}
            UNION ALL SELECT p.referral_id FROM placement p WHERE {AT_MY_HOUSE}""",
    ),
    "my_needs": (
        "SETOF uuid",
        f"""SELECT r.needs_id FROM referral r WHERE {I_ASKED}
            UNION ALL SELECT r.needs_id FROM placement p JOIN referral r ON r.id = p.referral_id
                       WHERE {AT_MY_HOUSE} AND p.state IN {HERS}""",
    ),
    "my_safety": ("SETOF uuid", f"SELECT r.safety_id FROM referral r WHERE {I_ASKED}"),
    # A supervisor reads the force's reference; the number in the same row is the page's to keep.
    "my_callers": (
        "SETOF uuid",
        f"""SELECT r.caller_id FROM referral r WHERE {I_ASKED}
            UNION ALL SELECT r.caller_id FROM referral r WHERE {MY_FORCES}
            UNION ALL SELECT r.caller_id FROM placement p JOIN referral r ON r.id = p.referral_id
                       WHERE {AT_MY_HOUSE} AND {HANDOVER}""",
    ),
    "my_lines": (
        "TABLE (run_id uuid, referral_id bigint)",
        f"""SELECT p.run_id, p.referral_id FROM placement p
             WHERE {AT_MY_HOUSE} AND p.state = 'offered' AND p.run_id IS NOT NULL""",
    ),
    "houses_that_promised_me": (
        "SETOF bigint",
        f"""SELECT p.refuge_id FROM placement p JOIN referral r ON r.id = p.referral_id
             WHERE p.state = 'accepted' AND r.state = 'confirmed'
               AND (({I_ASKED}) OR ({MY_FORCES}))""",
    ),
}


def upgrade() -> None:
    # The report role may read no table: it comes to a row through its views of counts alone.
    op.execute(
        """CREATE FUNCTION acting_as_owner() RETURNS boolean LANGUAGE sql STABLE
            AS $$ SELECT current_user = 'waymark_report'
                      OR pg_has_role(current_user, relowner, 'USAGE')
                    FROM pg_catalog.pg_class WHERE oid = 'public.referral'::regclass $$"""
    )
    for name, (returns, body) in FUNCTIONS.items():
        definer(name, returns, body)
    definer(
        "is_named",
        "boolean",
        """SELECT EXISTS (SELECT FROM referral WHERE needs_id = which)
            OR EXISTS (SELECT FROM referral WHERE safety_id = which)
            OR EXISTS (SELECT FROM referral WHERE caller_id = which)""",
        "which uuid",
    )
    op.execute("CREATE INDEX ix_referral_caller_id ON referral (caller_id)")
    # The guard must count every bed, also where the one who acts sees none.
    op.execute(
        "ALTER FUNCTION placement_has_its_beds() SECURITY DEFINER SET search_path = public, pg_temp"
    )
    for table, (read, add, change) in TABLES.items():
        guard(table, read=read, add=add, change=change)


def downgrade() -> None:
    for table in TABLES:
        let_go(table)
    op.execute("ALTER FUNCTION placement_has_its_beds() SECURITY INVOKER RESET ALL")
    op.execute("DROP INDEX ix_referral_caller_id")
    op.execute("DROP FUNCTION is_named")
    for name in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}")
    op.execute("DROP FUNCTION acting_as_owner()")
