"""Who acts, signed by the process that says so: the database's half of ``app/acting_key.py``."""

from __future__ import annotations

from alembic import op

ROLES = "waymark_web, waymark_worker, waymark_report"
NUMBERS = {"user_id": 1, "organisation_id": 3, "refuge_id": 4}
# HMAC-SHA256 by the built-in hash (pgcrypto is not everywhere): the padded keys are kept ready.
MAC = """encode(sha256(k.outer_pad || sha256(k.inner_pad || convert_to({words}, 'UTF8'))), 'hex')"""
# What act_as() leaves behind is good in this transaction of this connection and in no other.
PROOF = MAC.format(
    words="pg_backend_pid() || '|' || extract(epoch from transaction_timestamp()) || '|' || told"
)
SEAL = MAC.format(words="pg_backend_pid() || '|' || told")
OWN_EYES = "SECURITY DEFINER SET search_path = pg_catalog, pg_temp"


def sign() -> None:
    op.execute("CREATE SCHEMA waymark_private")
    op.execute(
        """CREATE TABLE waymark_private.context_key (
            inner_pad bytea PRIMARY KEY, outer_pad bytea NOT NULL,
            kind text NOT NULL CHECK (kind IN ('database', 'process')),
            shared_at timestamptz NOT NULL DEFAULT clock_timestamp())"""
    )
    op.execute(
        f"""CREATE FUNCTION act_as(user_id text, role text, organisation_id text, refuge_id text,
                                   seal text) RETURNS timestamptz LANGUAGE plpgsql {OWN_EYES}
            AS $$
            DECLARE
                told text := user_id || '|' || role || '|' || organisation_id || '|' || refuge_id;
            BEGIN
                IF NOT EXISTS (SELECT FROM waymark_private.context_key k
                                WHERE k.kind = 'process' AND seal = {SEAL}) THEN
                    RAISE EXCEPTION 'who acts is not signed by this service'
                        USING ERRCODE = 'insufficient_privilege';
                END IF;
                PERFORM set_config('app.context', told, true),
                        set_config('app.proof', {PROOF}, true)
                   FROM waymark_private.context_key k WHERE k.kind = 'database';
                RETURN public.waymark_now();
            END $$"""
    )
    op.execute(
        f"""CREATE FUNCTION proven_context() RETURNS text LANGUAGE plpgsql STABLE {OWN_EYES}
            AS $$
            DECLARE
                told text := current_setting('app.context', true);
            BEGIN
                IF told IS NULL OR told = '' THEN
                    RETURN NULL;
                END IF;
                PERFORM FROM waymark_private.context_key k
                  WHERE k.kind = 'database' AND current_setting('app.proof', true) = {PROOF};
                RETURN CASE WHEN FOUND THEN told END;
            END $$"""
    )
    for name in ("act_as", "proven_context"):
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO {ROLES}")
    for name, part in NUMBERS.items():
        op.execute(
            f"""CREATE OR REPLACE FUNCTION acting_{name}() RETURNS bigint LANGUAGE sql STABLE
                AS $$ SELECT nullif(split_part(public.proven_context(), '|', {part}), '')::bigint
                $$"""
        )
    op.execute(
        """CREATE OR REPLACE FUNCTION acting_role() RETURNS text LANGUAGE sql STABLE
            AS $$ SELECT nullif(split_part(public.proven_context(), '|', 2), '') $$"""
    )


def leave_unsigned() -> None:
    for name in NUMBERS:
        op.execute(
            f"""CREATE OR REPLACE FUNCTION acting_{name}() RETURNS bigint LANGUAGE sql STABLE
                AS $$ SELECT nullif(current_setting('app.{name}', true), '')::bigint $$"""
        )
    op.execute(
        """CREATE OR REPLACE FUNCTION acting_role() RETURNS text LANGUAGE sql STABLE
            AS $$ SELECT nullif(current_setting('app.role', true), '') $$"""
    )
    op.execute("DROP FUNCTION proven_context()")
    op.execute("DROP FUNCTION act_as(text, text, text, text, text)")
    op.execute("DROP SCHEMA waymark_private CASCADE")
