"""What figures are made of: codes, times and places, never needs, names or numbers of a person."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

VIEWS = {
    # A place is what one household takes: a private room, or one bed space of a shared room.
    "report_place": """
        SELECT r.id AS room_id, b.id AS bed_id, r.is_shared, r.is_open AND f.is_open AS is_open,
               f.id AS refuge_id, f.organisation_id, f.region_code, f.in_london
          FROM room r JOIN refuge f ON f.id = r.refuge_id
          JOIN bed b ON b.room_id = r.id AND b.kind = 'bed'
         WHERE r.is_shared OR b.number = 1""",
    "report_use": """
        SELECT u.bed_id, u.live, u.during, p.id AS placement_id, p.state,
               p.arrived_at, p.ended_at, u.void_id
          FROM bed_use u LEFT JOIN placement p ON p.id = u.placement_id""",
    "report_stay": """
        SELECT p.id AS placement_id, p.referral_id, p.refuge_id, p.room_id, p.state, p.bed_spaces,
               p.offered_at, p.answered_at, p.arrived_at, p.ended_at, p.reason_code,
               p.override_reason, f.organisation_id, f.region_code, f.in_london
          FROM placement p JOIN refuge f ON f.id = p.refuge_id""",
    "report_referral": """
        SELECT r.id AS referral_id, r.force_id, r.urgency, r.state, r.submitted_at, r.state_since,
               r.confirmed_at, r.closed_at, r.closed_reason,
               g.code AS region_code, g.in_london
          FROM referral r JOIN needs n ON n.id = r.needs_id
          JOIN district d ON d.code = n.district_code JOIN region g ON g.code = d.region_code""",
    "report_unmet_reason": """
        SELECT referral_id, reasons FROM (
            SELECT DISTINCT ON (l.referral_id) l.referral_id, l.reasons, l.room_id
              FROM plan_line l JOIN plan_run u ON u.id = l.run_id
              JOIN referral r ON r.id = l.referral_id
             WHERE r.state IN ('ready', 'unmet')
             ORDER BY l.referral_id, u.as_of DESC
        ) AS newest WHERE room_id IS NULL""",
    "report_hand_on": "SELECT id, who, force_id, created_at FROM hand_on",
    "report_fund": """
        SELECT id, organisation_id, name, source, amount_pence, bed_night_pence, starts_on, ends_on
          FROM fund""",
}


def upgrade() -> None:
    for name, query in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")
        op.execute(f"GRANT SELECT ON {name} TO waymark_report")
    op.execute("GRANT SELECT ON reason, region TO waymark_report")


def downgrade() -> None:
    for name in reversed(VIEWS):
        op.execute(f"DROP VIEW {name}")
    op.execute("REVOKE SELECT ON reason, region FROM waymark_report")
