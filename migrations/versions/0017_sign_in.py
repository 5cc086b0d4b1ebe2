"""Passkeys, authenticator apps, invitations, tries that wait, and sign-ins that cannot outlive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.row_security import LOGINS, ME, either, guard, i_am
from migrations.words import change_words

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("waymark_now()")
HOW = "'passkey', 'code', 'password', 'invitation', 'force', 'demo'"
TASKS = ["sign_in_attacked", "account_recovered"]
SUBJECTS = ("placement_id", "referral_id", "contact_id")
NEW_TABLES = ("passkey", "challenge", "totp", "invitation", "sign_in_try")


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def _public_id() -> sa.Column[object]:
    random = sa.text("gen_random_uuid()")
    return sa.Column("public_id", sa.Uuid(), server_default=random, nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, MOMENT, server_default=NOW, nullable=False)


def _person(table: str, column: str = "user_id") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["user_account.id"], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    _sign_ins()
    _factors()
    _invitations_and_tries()
    _guards()
    _tasks_about_people((*SUBJECTS, "user_id"))
    change_words("task", "kind", add=TASKS)
    op.create_index(
        "ix_event_subject_user_id",
        "event",
        ["subject_user_id", "id"],
        postgresql_where=sa.text("subject_user_id IS NOT NULL"),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON passkey, totp, invitation TO waymark_web")
    # What waits a few minutes and is nobody's record is taken away again.
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON challenge, sign_in_try TO waymark_web")
    op.execute(f"GRANT SELECT ON {', '.join(NEW_TABLES)} TO waymark_worker")
    for table in ("passkey", "totp", "invitation"):
        op.execute(f"GRANT USAGE, SELECT ON SEQUENCE {table}_id_seq TO waymark_web")


def _guards() -> None:
    """What somebody signs in with is her own; a sign-in that is only being tried is Waymark's."""
    waymark, hers = i_am("system"), f"user_id = {ME}"
    for table in ("passkey", "totp"):
        guard(
            table,
            read=either(waymark, hers),
            add=either(waymark, hers),
            change=either(waymark, hers),
        )
    op.execute(
        f"CREATE POLICY about_me ON event FOR SELECT TO {LOGINS} USING (subject_user_id = {ME})"
    )
    for table in ("challenge", "invitation", "sign_in_try"):
        guard(table, read=waymark, add=waymark, change=waymark, remove=waymark)


def _sign_ins() -> None:
    op.add_column("sign_in", _public_id())
    op.create_unique_constraint("uq_sign_in_public_id", "sign_in", ["public_id"])
    op.add_column(
        "sign_in", sa.Column("how", sa.String(40), server_default="password", nullable=False)
    )
    op.alter_column("sign_in", "how", server_default=None)
    op.create_check_constraint(op.f("ck_sign_in_how"), "sign_in", f"how IN ({HOW})")
    op.create_check_constraint(
        op.f("ck_sign_in_longest"), "sign_in", "last_seen_at <= started_at + interval '12 hours'"
    )
    op.execute(
        """CREATE FUNCTION sign_in_ends_for_good() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.ended_at IS NOT NULL THEN
                RAISE EXCEPTION 'a sign-in that has ended stays as it is' USING ERRCODE = '23514';
            END IF;
            IF NEW.last_seen_at - OLD.last_seen_at > interval '15 minutes' THEN
                RAISE EXCEPTION 'a sign-in that idled out stays so' USING ERRCODE = '23514';
            END IF;
            RETURN NEW;
        END $$"""
    )
    op.execute(
        "CREATE TRIGGER sign_in_ends_for_good BEFORE UPDATE ON sign_in"
        " FOR EACH ROW EXECUTE FUNCTION sign_in_ends_for_good()"
    )
    # Whatever changes what somebody may do ends what they are doing: no path can forget it.
    op.execute(
        """CREATE FUNCTION user_account_ends_its_sign_ins() RETURNS trigger LANGUAGE plpgsql
            SECURITY DEFINER SET search_path = public, pg_temp AS $$
        BEGIN
            UPDATE sign_in SET ended_at = waymark_now()
             WHERE user_id = NEW.id AND ended_at IS NULL;
            RETURN NULL;
        END $$"""
    )
    op.execute(
        """CREATE TRIGGER user_account_ends_its_sign_ins AFTER UPDATE ON user_account
        FOR EACH ROW WHEN ((OLD.role, OLD.organisation_id, OLD.refuge_id, OLD.is_active)
               IS DISTINCT FROM (NEW.role, NEW.organisation_id, NEW.refuge_id, NEW.is_active))
        EXECUTE FUNCTION user_account_ends_its_sign_ins()"""
    )


def _factors() -> None:
    op.create_table(
        "passkey",
        _id(),
        _public_id(),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        _moment("created_at"),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.CheckConstraint("sign_count >= 0", name=op.f("ck_passkey_sign_count")),
        sa.CheckConstraint("length(label) BETWEEN 1 AND 40", name=op.f("ck_passkey_label")),
        _person("passkey"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("public_id", name=op.f("uq_passkey_public_id")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkey_credential_id")),
    )
    op.create_index(op.f("ix_passkey_user_id"), "passkey", ["user_id"])
    op.create_table(
        "challenge",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        _moment("made_at"),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "purpose IN ('sign_in', 'prove', 'add')", name=op.f("ck_challenge_purpose")
        ),
        _person("challenge"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_challenge")),
    )
    op.create_index(op.f("ix_challenge_made_at"), "challenge", ["made_at"])
    op.create_table(
        "totp",
        _id(),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), server_default="0", nullable=False),
        _moment("created_at"),
        sa.Column("confirmed_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (secret_sealed IS NOT NULL)", name=op.f("ck_totp_wiped")
        ),
        _person("totp"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_totp")),
    )
    op.create_index(op.f("ix_totp_user_id"), "totp", ["user_id"])
    op.create_index(
        "one_live_totp",
        "totp",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("confirmed_at IS NOT NULL AND ended_at IS NULL"),
    )


def _invitations_and_tries() -> None:
    op.create_table(
        "invitation",
        _id(),
        sa.Column("code_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("made_by_id", sa.BigInteger(), nullable=True),
        sa.Column("is_recovery", sa.Boolean(), nullable=False),
        _moment("made_at"),
        sa.Column("ended_at", MOMENT, nullable=True),
        _person("invitation"),
        _person("invitation", "made_by_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("code_sha256", name=op.f("uq_invitation_code_sha256")),
    )
    op.create_index(op.f("ix_invitation_user_id"), "invitation", ["user_id"])
    op.create_table(
        "sign_in_try",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        _moment("next_at"),
        _moment("last_at"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_try")),
    )
    op.create_index(op.f("ix_sign_in_try_last_at"), "sign_in_try", ["last_at"])


def _tasks_about_people(subjects: tuple[str, ...]) -> None:
    """A task may be about a person's account; one stays open for each."""
    op.execute("DROP INDEX one_open_task")
    if "user_id" in subjects:
        op.add_column("task", sa.Column("user_id", sa.BigInteger(), nullable=True))
        op.create_foreign_key(op.f("fk_task_user_id"), "task", "user_account", ["user_id"], ["id"])
    else:
        op.drop_column("task", "user_id")
    about = ", ".join(f"coalesce({subject}, 0)" for subject in subjects)
    op.execute(f"CREATE UNIQUE INDEX one_open_task ON task (kind, {about}) WHERE done_at IS NULL")


def downgrade() -> None:
    op.execute("DROP POLICY about_me ON event")
    op.drop_index("ix_event_subject_user_id", table_name="event")
    op.execute("DELETE FROM task WHERE kind IN ('sign_in_attacked', 'account_recovered')")
    change_words("task", "kind", drop=TASKS)
    _tasks_about_people(SUBJECTS)
    for table in reversed(NEW_TABLES):
        op.drop_table(table)
    op.execute("DROP TRIGGER user_account_ends_its_sign_ins ON user_account")
    op.execute("DROP FUNCTION user_account_ends_its_sign_ins()")
    op.execute("DROP TRIGGER sign_in_ends_for_good ON sign_in")
    op.execute("DROP FUNCTION sign_in_ends_for_good()")
    for constraint in ("ck_sign_in_longest", "ck_sign_in_how", "uq_sign_in_public_id"):
        op.execute(f"ALTER TABLE sign_in DROP CONSTRAINT {constraint}")
    op.drop_column("sign_in", "how")
    op.drop_column("sign_in", "public_id")
