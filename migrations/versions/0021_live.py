"""Who has something new to look at is told as it is committed; of what has changed, nothing."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# The topics are those of app.policy.live_topic. In one transaction PostgreSQL tells each once.
BODIES = {
    "live_request": """
        PERFORM tell_live('desk'), tell_live('officer:' || NEW.officer_id),
                tell_live('force:' || NEW.force_id);""",
    "live_house": "PERFORM tell_live('desk'), tell_live('refuge:' || NEW.refuge_id);",
    "live_house_itself": "PERFORM tell_live('desk'), tell_live('refuge:' || NEW.id);",
    "live_desk": "PERFORM tell_live('desk');",
    "live_plan": """
        PERFORM tell_live('desk');
        PERFORM tell_live('officer:' || asks.officer_id), tell_live('force:' || asks.force_id)
           FROM (SELECT DISTINCT r.officer_id, r.force_id
                   FROM changed c JOIN referral r ON r.id = c.referral_id) AS asks;""",
}
ROWS = {
    "referral": "live_request",
    "placement": "live_house",
    "bed_use": "live_house",
    "void": "live_house",
    "room": "live_house",
    "refuge": "live_house_itself",
}
STATEMENTS = ("plan_run", "task", "pre_alert", "rehearsal")


def upgrade() -> None:
    op.execute(
        """CREATE FUNCTION tell_live(topic text) RETURNS void LANGUAGE sql AS $$
            SELECT pg_notify('waymark_live', topic || '=' || pg_current_xact_id()::text) $$"""
    )
    for name, body in BODIES.items():
        op.execute(
            f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN {body} RETURN NULL; END $$"""
        )
    for table, function in ROWS.items():
        _trigger(table, f"INSERT OR UPDATE ON {table} FOR EACH ROW", function)
    for table in STATEMENTS:
        _trigger(table, f"INSERT OR UPDATE ON {table} FOR EACH STATEMENT", "live_desk")
    for act in ("INSERT", "UPDATE"):
        each = f"{act} ON plan_line REFERENCING NEW TABLE AS changed FOR EACH STATEMENT"
        _trigger(f"plan_line_{act.lower()}", each, "live_plan")


def _trigger(name: str, when: str, function: str) -> None:
    op.execute(f"CREATE TRIGGER {name}_is_live AFTER {when} EXECUTE FUNCTION {function}()")


def downgrade() -> None:
    for act in ("update", "insert"):
        op.execute(f"DROP TRIGGER plan_line_{act}_is_live ON plan_line")
    for table in (*STATEMENTS, *ROWS):
        op.execute(f"DROP TRIGGER {table}_is_live ON {table}")
    for name in reversed(BODIES):
        op.execute(f"DROP FUNCTION {name}()")
    op.execute("DROP FUNCTION tell_live(text)")
