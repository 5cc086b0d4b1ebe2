"""What each role may do: rows are added and changed, none is ever deleted by the service."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

READ_ONLY = "region police_force district language feature reason clock_policy hand_on_contact"
BOTH_WRITE = (
    "organisation user_account sign_in refuge room bed void bed_use placement referral needs safety"
    " caller incident referral_link form_key hand_on message sms_inbox contact task heartbeat fund"
)
WORKER_WRITES = "plan_run plan_line"
# Safety: the problem and the plan hold every woman's needs and every house's cell; no page does.
PLAN_RUN_PAGES = "id created_at as_of problem_sha256 status solve_ms is_explained"
JOBS = "procrastinate_jobs procrastinate_events procrastinate_periodic_defers procrastinate_workers"


def _tables(words: str) -> str:
    return ", ".join(words.split())


def upgrade() -> None:
    both = "waymark_web, waymark_worker"
    everything = _tables(f"{READ_ONLY} {BOTH_WRITE} plan_line event clock_shift alembic_version")
    op.execute(f"GRANT SELECT ON {everything} TO {both}")
    op.execute(f"GRANT SELECT ({_tables(PLAN_RUN_PAGES)}) ON plan_run TO waymark_web")
    op.execute("GRANT SELECT ON plan_run TO waymark_worker")
    op.execute(f"GRANT INSERT, UPDATE ON {_tables(BOTH_WRITE)} TO {both}")
    op.execute(f"GRANT INSERT, UPDATE ON {_tables(WORKER_WRITES)} TO waymark_worker")
    op.execute(f"GRANT INSERT ON event TO {both}")
    # Deferring a job writes its row; only the worker takes rows away again.
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {_tables(JOBS)} TO {both}")
    op.execute(f"GRANT DELETE ON {_tables(JOBS)} TO waymark_worker")
    op.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {both}")


def downgrade() -> None:
    for role in ("waymark_web", "waymark_worker"):
        op.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
        op.execute(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}")
