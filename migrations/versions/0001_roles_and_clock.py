"""Roles that own nothing, and the service's clock."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROLES = ("waymark_web", "waymark_worker", "waymark_report")


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    for role in ROLES:
        # Roles belong to the whole server, so another database may have made them already.
        op.execute(
            f"""DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
                    CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
                END IF;
            EXCEPTION WHEN duplicate_object THEN NULL;  -- made by a migration beside this one
            END $$"""
        )
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
    op.execute(
        """DO $$ BEGIN
            -- Figures are read with the narrower role, for one transaction at a time.
            IF NOT pg_has_role('waymark_web', 'waymark_report', 'MEMBER') THEN
                GRANT waymark_report TO waymark_web;
            END IF;
        END $$"""
    )
    op.execute(
        """CREATE TABLE clock_shift (
            single boolean NOT NULL DEFAULT true CONSTRAINT pk_clock_shift PRIMARY KEY,
            shift interval NOT NULL DEFAULT '0',
            CONSTRAINT ck_clock_shift_one_row CHECK (single))"""
    )
    op.execute("INSERT INTO clock_shift DEFAULT VALUES")
    op.execute(
        """CREATE FUNCTION waymark_now() RETURNS timestamptz
            LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
            AS 'SELECT now() + shift FROM clock_shift'"""
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION waymark_now()")
    op.execute("DROP TABLE clock_shift")
    # The roles stay: another database of this server may use them.
    for role in ROLES:
        op.execute(f"REVOKE USAGE ON SCHEMA public FROM {role}")
