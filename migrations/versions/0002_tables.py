"""Every table of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "caller",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("callback_phone", sa.Text(), nullable=False),
        sa.Column("incident_ref", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint(
            "callback_phone ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_caller_callback_phone")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_caller")),
    )
    op.create_table(
        "clock_policy",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("urgency", sa.String(length=40), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("acknowledge_minutes", sa.Integer(), nullable=False),
        sa.Column("reply_minutes", sa.Integer(), nullable=False),
        sa.Column("hold_minutes", sa.Integer(), nullable=False),
        sa.Column("duty_manager_minutes", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "urgency IN ('emergency', 'urgent', 'planned')", name=op.f("ck_clock_policy_urgency")
        ),
        sa.CheckConstraint(
            "reply_minutes > 0 AND hold_minutes > 0", name=op.f("ck_clock_policy_positive")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_policy")),
        sa.UniqueConstraint(
            "urgency", "valid_from", name=op.f("uq_clock_policy_urgency_valid_from")
        ),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor_role", sa.String(length=40), nullable=False),
        sa.Column("actor_user_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_contact_id", sa.BigInteger(), nullable=True),
        sa.Column("referral_id", sa.BigInteger(), nullable=True),
        sa.Column("placement_id", sa.BigInteger(), nullable=True),
        sa.Column("refuge_id", sa.BigInteger(), nullable=True),
        sa.Column("room_id", sa.BigInteger(), nullable=True),
        sa.Column("subject_user_id", sa.BigInteger(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column(
            "detail",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "actor_role IN ('officer', 'force_supervisor', 'refuge_worker', 'refuge_manager', 'coordinator', 'charity_manager', 'administrator', 'system')",
            name=op.f("ck_event_actor_role"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_kind", "event", ["kind", "at"], unique=False)
    op.create_index("ix_event_referral_id", "event", ["referral_id", "id"], unique=False)
    op.create_table(
        "feature",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("asked_as", sa.Text(), nullable=False),
        sa.Column("shown_as", sa.Text(), nullable=False),
        sa.Column("is_on_form", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_feature")),
    )
    op.create_table(
        "hand_on_contact",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("who", sa.String(length=40), nullable=False),
        sa.Column(
            "countries", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("who IN ('under_18', 'man')", name=op.f("ck_hand_on_contact_who")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_hand_on_contact")),
    )
    op.create_table(
        "heartbeat",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "language",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("autonym", sa.Text(), nullable=False),
        sa.Column("is_signed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_language")),
    )
    op.create_table(
        "plan_run",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "problem",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("problem_sha256", sa.Text(), nullable=False),
        sa.Column(
            "plan",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("solve_ms", sa.Integer(), nullable=False),
        sa.Column("is_explained", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_run")),
    )
    op.create_index("ix_plan_run_created_at", "plan_run", ["created_at"], unique=False)
    op.create_table(
        "reason",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("owner_side", sa.String(length=40), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("counts_as_unmet", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('declined_by_refuge', 'declined_by_survivor', 'withdrawn_by_referrer', 'not_arrived', 'departure', 'void', 'override', 'unmet')",
            name=op.f("ck_reason_kind"),
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_reason")),
    )
    op.create_index(
        "uq_reason_number",
        "reason",
        ["kind", "number"],
        unique=True,
        postgresql_where=sa.text("number IS NOT NULL"),
    )
    op.create_table(
        "region",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("in_london", sa.Boolean(), nullable=False),
        sa.Column("island", sa.String(length=40), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_region")),
        sa.UniqueConstraint("name", name=op.f("uq_region_name")),
    )
    op.create_table(
        "safety",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column(
            "danger_zones",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "vetoed_regions",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "networks", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_safety")),
    )
    op.create_table(
        "police_force",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.String(length=40), nullable=False),
        sa.Column("region_code", sa.String(length=40), nullable=True),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("is_of_2007", sa.Boolean(), nullable=False),
        sa.Column("is_of_today", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["region_code"], ["region.code"], name=op.f("fk_police_force_region_code")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_police_force")),
    )
    op.create_table(
        "district",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("region_code", sa.String(length=40), nullable=False),
        sa.Column("force_code", sa.String(length=40), nullable=True),
        sa.Column("island", sa.String(length=40), nullable=False),
        sa.Column("is_special", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["force_code"], ["police_force.code"], name=op.f("fk_district_force_code")
        ),
        sa.ForeignKeyConstraint(
            ["region_code"], ["region.code"], name=op.f("fk_district_region_code")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_district")),
    )
    op.create_table(
        "organisation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("force_code", sa.String(length=40), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(kind = 'force') = (force_code IS NOT NULL)",
            name=op.f("ck_organisation_force_has_code"),
        ),
        sa.CheckConstraint(
            "kind IN ('force', 'charity', 'coordination')", name=op.f("ck_organisation_kind")
        ),
        sa.ForeignKeyConstraint(
            ["force_code"], ["police_force.code"], name=op.f("fk_organisation_force_code")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("force_code", name=op.f("uq_organisation_force_code")),
        sa.UniqueConstraint("name", name=op.f("uq_organisation_name")),
        sa.UniqueConstraint("public_id", name=op.f("uq_organisation_public_id")),
    )
    op.create_table(
        "fund",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("amount_pence", sa.BigInteger(), nullable=False),
        sa.Column("bed_night_pence", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "amount_pence > 0 AND bed_night_pence > 0", name=op.f("ck_fund_positive")
        ),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("ck_fund_dates")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_fund_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fund")),
        sa.UniqueConstraint("public_id", name=op.f("uq_fund_public_id")),
    )
    op.create_table(
        "hand_on",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("who", sa.String(length=40), nullable=False),
        sa.Column("force_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.CheckConstraint("who IN ('under_18', 'man')", name=op.f("ck_hand_on_who")),
        sa.ForeignKeyConstraint(
            ["force_id"], ["organisation.id"], name=op.f("fk_hand_on_force_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_on")),
    )
    op.create_table(
        "needs",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("adults", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "children",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("district_code", sa.String(length=40), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("island", sa.String(length=40), nullable=False),
        sa.Column("language_code", sa.String(length=40), nullable=False),
        sa.Column(
            "essential", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "desirable", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "excludes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "london", sa.String(length=40), server_default=sa.text("'either'"), nullable=False
        ),
        sa.Column("max_travel_minutes", sa.Integer(), nullable=True),
        sa.Column("may_share", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("high_support", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("island IN ('GB', 'IE')", name=op.f("ck_needs_island")),
        sa.CheckConstraint(
            "jsonb_typeof(children) = 'array' AND jsonb_array_length(children) <= 12",
            name=op.f("ck_needs_children"),
        ),
        sa.CheckConstraint(
            "london IN ('either', 'inside_only', 'outside_only', 'prefers_inside', 'prefers_outside')",
            name=op.f("ck_needs_london"),
        ),
        sa.CheckConstraint("adults BETWEEN 1 AND 4", name=op.f("ck_needs_adults")),
        sa.ForeignKeyConstraint(
            ["district_code"], ["district.code"], name=op.f("fk_needs_district_code")
        ),
        sa.ForeignKeyConstraint(
            ["language_code"], ["language.code"], name=op.f("fk_needs_language_code")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_needs")),
    )
    op.create_table(
        "refuge",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("region_code", sa.String(length=40), nullable=False),
        sa.Column("in_london", sa.Boolean(), nullable=False),
        sa.Column("island", sa.String(length=40), server_default=sa.text("'GB'"), nullable=False),
        sa.Column("cell_lat", sa.Double(), nullable=False),
        sa.Column("cell_lon", sa.Double(), nullable=False),
        sa.Column("cell_radius_km", sa.Double(), server_default=sa.text("7"), nullable=False),
        sa.Column("boys_to_age", sa.Integer(), server_default=sa.text("18"), nullable=False),
        sa.Column("max_children", sa.Integer(), nullable=True),
        sa.Column("max_high_support", sa.Integer(), nullable=True),
        sa.Column(
            "features", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "networks", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("duty_line", sa.Text(), nullable=False),
        sa.Column("handover_point", sa.Text(), nullable=False),
        sa.Column("is_open", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("beds_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.CheckConstraint("duty_line ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_refuge_duty_line")),
        sa.CheckConstraint("island IN ('GB', 'IE')", name=op.f("ck_refuge_island")),
        sa.CheckConstraint("boys_to_age BETWEEN 0 AND 18", name=op.f("ck_refuge_boys_to_age")),
        sa.CheckConstraint(
            "cell_radius_km BETWEEN 0 AND 50", name=op.f("ck_refuge_cell_radius_km")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_refuge_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_code"], ["region.code"], name=op.f("fk_refuge_region_code")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refuge")),
        sa.UniqueConstraint("alias", name=op.f("uq_refuge_alias")),
        sa.UniqueConstraint("id", "organisation_id", name=op.f("uq_refuge_id_organisation_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_refuge_public_id")),
    )
    op.create_table(
        "contact",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("refuge_id", sa.BigInteger(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("position", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("phone ~ '^\\+[1-9][0-9]{6,14}$'", name=op.f("ck_contact_phone")),
        sa.ForeignKeyConstraint(["refuge_id"], ["refuge.id"], name=op.f("fk_contact_refuge_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("public_id", name=op.f("uq_contact_public_id")),
    )
    op.create_index(op.f("ix_contact_refuge_id"), "contact", ["refuge_id"], unique=False)
    op.create_index("uq_contact_phone", "contact", ["phone"], unique=True)
    op.create_table(
        "room",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("refuge_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("bed_spaces", sa.Integer(), nullable=False),
        sa.Column("cots", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_shared", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "features", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("is_open", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint(
            "bed_spaces BETWEEN 1 AND 12 AND cots BETWEEN 0 AND 4", name=op.f("ck_room_size")
        ),
        sa.ForeignKeyConstraint(["refuge_id"], ["refuge.id"], name=op.f("fk_room_refuge_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room")),
        sa.UniqueConstraint("id", "refuge_id", name=op.f("uq_room_id_refuge_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_room_public_id")),
        sa.UniqueConstraint("refuge_id", "code", name=op.f("uq_room_refuge_id_code")),
    )
    op.create_index(op.f("ix_room_refuge_id"), "room", ["refuge_id"], unique=False)
    op.create_table(
        "user_account",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("organisation_id", sa.BigInteger(), nullable=False),
        sa.Column("refuge_id", sa.BigInteger(), nullable=True),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(role IN ('refuge_worker', 'refuge_manager')) = (refuge_id IS NOT NULL)",
            name=op.f("ck_user_account_refuge_staff_have_refuge"),
        ),
        sa.CheckConstraint("role <> 'system'", name=op.f("ck_user_account_no_system_user")),
        sa.CheckConstraint(
            "role IN ('officer', 'force_supervisor', 'refuge_worker', 'refuge_manager', 'coordinator', 'charity_manager', 'administrator', 'system')",
            name=op.f("ck_user_account_role"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_user_account_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["refuge_id", "organisation_id"],
            ["refuge.id", "refuge.organisation_id"],
            name=op.f("fk_user_account_refuge_id_organisation_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("public_id", name=op.f("uq_user_account_public_id")),
    )
    op.create_index(
        "uq_user_account_email", "user_account", [sa.literal_column("lower(email)")], unique=True
    )
    op.create_table(
        "bed",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("room_id", sa.BigInteger(), nullable=False),
        sa.Column("refuge_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind IN ('bed', 'cot')", name=op.f("ck_bed_kind")),
        sa.ForeignKeyConstraint(
            ["room_id", "refuge_id"],
            ["room.id", "room.refuge_id"],
            name=op.f("fk_bed_room_id_refuge_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bed")),
        sa.UniqueConstraint("id", "refuge_id", name=op.f("uq_bed_id_refuge_id")),
        sa.UniqueConstraint("room_id", "kind", "number", name=op.f("uq_bed_room_id_kind_number")),
    )
    op.create_index(op.f("ix_bed_room_id"), "bed", ["room_id"], unique=False)
    op.create_table(
        "incident",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("force_id", sa.BigInteger(), nullable=False),
        sa.Column("officer_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["force_id"], ["organisation.id"], name=op.f("fk_incident_force_id")
        ),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["user_account.id"], name=op.f("fk_incident_officer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
        sa.UniqueConstraint("public_id", name=op.f("uq_incident_public_id")),
    )
    op.create_table(
        "sign_in",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.Column(
            "last_seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_sign_in_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_sign_in_token_sha256")),
    )
    op.create_index(op.f("ix_sign_in_user_id"), "sign_in", ["user_id"], unique=False)
    op.create_table(
        "void",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("refuge_id", sa.BigInteger(), nullable=False),
        sa.Column("room_id", sa.BigInteger(), nullable=False),
        sa.Column("reason_code", sa.String(length=40), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "live", sa.Boolean(), sa.Computed("ended_at IS NULL", persisted=True), nullable=False
        ),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.CheckConstraint(
            "NOT isempty(during) AND NOT lower_inf(during)", name=op.f("ck_void_during")
        ),
        sa.ForeignKeyConstraint(["reason_code"], ["reason.code"], name=op.f("fk_void_reason_code")),
        sa.ForeignKeyConstraint(
            ["room_id", "refuge_id"],
            ["room.id", "room.refuge_id"],
            name=op.f("fk_void_room_id_refuge_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_void")),
        sa.UniqueConstraint("id", "live", "during", name=op.f("uq_void_id_live_during")),
        sa.UniqueConstraint("id", "refuge_id", name=op.f("uq_void_id_refuge_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_void_public_id")),
    )
    op.create_index(op.f("ix_void_room_id"), "void", ["room_id"], unique=False)
    op.create_table(
        "referral",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("force_id", sa.BigInteger(), nullable=False),
        sa.Column("officer_id", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("needs_id", sa.Uuid(), nullable=False),
        sa.Column("safety_id", sa.Uuid(), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("clock_policy_id", sa.BigInteger(), nullable=False),
        sa.Column("urgency", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), server_default=sa.text("'ready'"), nullable=False),
        sa.Column(
            "submitted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.Column(
            "state_since",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_reason", sa.String(length=40), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("ref ~ '^R-[0-9A-Z]{7}$'", name=op.f("ck_referral_ref")),
        sa.CheckConstraint(
            "state IN ('ready', 'offered', 'confirmed', 'resident', 'moved_on', 'not_arrived', 'withdrawn', 'unmet')",
            name=op.f("ck_referral_state"),
        ),
        sa.CheckConstraint(
            "urgency IN ('emergency', 'urgent', 'planned')", name=op.f("ck_referral_urgency")
        ),
        sa.ForeignKeyConstraint(["caller_id"], ["caller.id"], name=op.f("fk_referral_caller_id")),
        sa.ForeignKeyConstraint(
            ["clock_policy_id"], ["clock_policy.id"], name=op.f("fk_referral_clock_policy_id")
        ),
        sa.ForeignKeyConstraint(
            ["closed_reason"], ["reason.code"], name=op.f("fk_referral_closed_reason")
        ),
        sa.ForeignKeyConstraint(
            ["force_id"], ["organisation.id"], name=op.f("fk_referral_force_id")
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_referral_incident_id")
        ),
        sa.ForeignKeyConstraint(["needs_id"], ["needs.id"], name=op.f("fk_referral_needs_id")),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["user_account.id"], name=op.f("fk_referral_officer_id")
        ),
        sa.ForeignKeyConstraint(["safety_id"], ["safety.id"], name=op.f("fk_referral_safety_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral")),
        sa.UniqueConstraint("needs_id", name=op.f("uq_referral_needs_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_referral_public_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_referral_ref")),
        sa.UniqueConstraint("safety_id", name=op.f("uq_referral_safety_id")),
    )
    op.create_index(op.f("ix_referral_force_id"), "referral", ["force_id"], unique=False)
    op.create_index(op.f("ix_referral_incident_id"), "referral", ["incident_id"], unique=False)
    op.create_index(op.f("ix_referral_officer_id"), "referral", ["officer_id"], unique=False)
    op.create_index(
        "ix_referral_open",
        "referral",
        ["submitted_at"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "form_key",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("content_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("referral_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_form_key_referral_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_form_key_user_id")),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_form_key")),
    )
    op.create_table(
        "placement",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("referral_id", sa.BigInteger(), nullable=False),
        sa.Column("refuge_id", sa.BigInteger(), nullable=False),
        sa.Column("room_id", sa.BigInteger(), nullable=False),
        sa.Column("bed_spaces", sa.Integer(), nullable=False),
        sa.Column("cots", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "state", sa.String(length=40), server_default=sa.text("'offered'"), nullable=False
        ),
        sa.Column(
            "live",
            sa.Boolean(),
            sa.Computed("state IN ('offered', 'accepted', 'arrived')", persisted=True),
            nullable=False,
        ),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("offer_code", sa.String(length=40), nullable=False),
        sa.Column(
            "offered_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.Column("offer_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_channel", sa.String(length=40), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason_code", sa.String(length=40), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("decided_by_id", sa.BigInteger(), nullable=False),
        sa.Column("override_reason", sa.String(length=40), nullable=True),
        sa.Column("override_note", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "state <> 'offered' OR offer_expires_at IS NOT NULL",
            name=op.f("ck_placement_offer_expires"),
        ),
        sa.CheckConstraint(
            "state IN ('offered', 'accepted', 'arrived', 'departed', 'declined', 'lapsed', 'withdrawn', 'not_arrived')",
            name=op.f("ck_placement_state"),
        ),
        sa.CheckConstraint(
            "NOT isempty(during) AND NOT lower_inf(during)", name=op.f("ck_placement_during")
        ),
        sa.CheckConstraint("bed_spaces >= 1 AND cots >= 0", name=op.f("ck_placement_size")),
        sa.CheckConstraint(
            "char_length(override_note) <= 500", name=op.f("ck_placement_override_note")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["user_account.id"], name=op.f("fk_placement_decided_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["override_reason"], ["reason.code"], name=op.f("fk_placement_override_reason")
        ),
        sa.ForeignKeyConstraint(
            ["reason_code"], ["reason.code"], name=op.f("fk_placement_reason_code")
        ),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_placement_referral_id")
        ),
        sa.ForeignKeyConstraint(
            ["room_id", "refuge_id"],
            ["room.id", "room.refuge_id"],
            name=op.f("fk_placement_room_id_refuge_id"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["plan_run.id"], name=op.f("fk_placement_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placement")),
        sa.UniqueConstraint("id", "live", "during", name=op.f("uq_placement_id_live_during")),
        sa.UniqueConstraint("id", "refuge_id", name=op.f("uq_placement_id_refuge_id")),
        sa.UniqueConstraint("offer_code", name=op.f("uq_placement_offer_code")),
        sa.UniqueConstraint("public_id", name=op.f("uq_placement_public_id")),
        sa.UniqueConstraint("run_id", "referral_id", name=op.f("uq_placement_run_id_referral_id")),
    )
    op.create_index(
        "ix_placement_expiry",
        "placement",
        ["offer_expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'offered'"),
    )
    op.create_index(op.f("ix_placement_referral_id"), "placement", ["referral_id"], unique=False)
    op.create_index(op.f("ix_placement_refuge_id"), "placement", ["refuge_id"], unique=False)
    op.create_index(op.f("ix_placement_room_id"), "placement", ["room_id"], unique=False)
    op.create_index(
        "one_live_placement_per_referral",
        "placement",
        ["referral_id"],
        unique=True,
        postgresql_where=sa.text("live"),
    )
    op.create_table(
        "plan_line",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.BigInteger(), nullable=False),
        sa.Column("refuge_id", sa.BigInteger(), nullable=True),
        sa.Column("room_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "reasons",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "unlock",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("alternatives", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_plan_line_referral_id")
        ),
        sa.ForeignKeyConstraint(["refuge_id"], ["refuge.id"], name=op.f("fk_plan_line_refuge_id")),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_plan_line_room_id")),
        sa.ForeignKeyConstraint(["run_id"], ["plan_run.id"], name=op.f("fk_plan_line_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_line")),
        sa.UniqueConstraint("run_id", "referral_id", name=op.f("uq_plan_line_run_id_referral_id")),
    )
    op.create_index(op.f("ix_plan_line_referral_id"), "plan_line", ["referral_id"], unique=False)
    op.create_table(
        "referral_link",
        sa.Column("a_id", sa.BigInteger(), nullable=False),
        sa.Column("b_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.CheckConstraint("kind IN ('together', 'apart')", name=op.f("ck_referral_link_kind")),
        sa.CheckConstraint("a_id < b_id", name=op.f("ck_referral_link_ordered")),
        sa.ForeignKeyConstraint(["a_id"], ["referral.id"], name=op.f("fk_referral_link_a_id")),
        sa.ForeignKeyConstraint(["b_id"], ["referral.id"], name=op.f("fk_referral_link_b_id")),
        sa.PrimaryKeyConstraint("a_id", "b_id", name=op.f("pk_referral_link")),
    )
    op.create_table(
        "bed_use",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("bed_id", sa.BigInteger(), nullable=False),
        sa.Column("refuge_id", sa.BigInteger(), nullable=False),
        sa.Column("placement_id", sa.BigInteger(), nullable=True),
        sa.Column("void_id", sa.BigInteger(), nullable=True),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("bed_id"), "="),
            (sa.column("during"), "&&"),
            where=sa.text("live"),
            using="gist",
            name="bed_use_no_overlap",
        ),
        sa.CheckConstraint(
            "num_nonnulls(placement_id, void_id) = 1", name=op.f("ck_bed_use_one_user")
        ),
        sa.ForeignKeyConstraint(
            ["bed_id", "refuge_id"],
            ["bed.id", "bed.refuge_id"],
            name=op.f("fk_bed_use_bed_id_refuge_id"),
        ),
        sa.ForeignKeyConstraint(
            ["placement_id", "live", "during"],
            ["placement.id", "placement.live", "placement.during"],
            name="fk_bed_use_placement_moves_together",
            onupdate="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["placement_id", "refuge_id"],
            ["placement.id", "placement.refuge_id"],
            name="fk_bed_use_placement_same_refuge",
        ),
        sa.ForeignKeyConstraint(
            ["void_id", "live", "during"],
            ["void.id", "void.live", "void.during"],
            name="fk_bed_use_void_moves_together",
            onupdate="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["void_id", "refuge_id"],
            ["void.id", "void.refuge_id"],
            name="fk_bed_use_void_same_refuge",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bed_use")),
        sa.UniqueConstraint("placement_id", "bed_id", name=op.f("uq_bed_use_placement_id_bed_id")),
        sa.UniqueConstraint("void_id", "bed_id", name=op.f("uq_bed_use_void_id_bed_id")),
    )
    op.create_index(op.f("ix_bed_use_bed_id"), "bed_use", ["bed_id"], unique=False)
    op.create_table(
        "message",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("placement_id", sa.BigInteger(), nullable=True),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("template", sa.String(length=40), nullable=False),
        sa.Column(
            "variables",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("state", sa.String(length=40), server_default=sa.text("'new'"), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("absent_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_sid", sa.Text(), nullable=True),
        sa.Column("provider_status", sa.String(length=40), nullable=True),
        sa.Column("status_rank", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error_code", sa.String(length=40), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "state IN ('new', 'inflight', 'unknown', 'accepted', 'failed', 'expired')",
            name=op.f("ck_message_state"),
        ),
        sa.CheckConstraint("attempt >= 0", name=op.f("ck_message_attempt")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_message_contact_id")),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_message_event_id")),
        sa.ForeignKeyConstraint(
            ["placement_id"], ["placement.id"], name=op.f("fk_message_placement_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_message_dedupe_key")),
        sa.UniqueConstraint("provider_sid", name=op.f("uq_message_provider_sid")),
    )
    op.create_index(op.f("ix_message_contact_id"), "message", ["contact_id"], unique=False)
    op.create_index(
        "ix_message_due",
        "message",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('new', 'inflight', 'unknown')"),
    )
    op.create_index(op.f("ix_message_placement_id"), "message", ["placement_id"], unique=False)
    op.create_table(
        "sms_inbox",
        sa.Column("message_sid", sa.Text(), nullable=False),
        sa.Column("from_phone", sa.Text(), nullable=False),
        sa.Column("to_phone", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("placement_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_sms_inbox_contact_id")
        ),
        sa.ForeignKeyConstraint(
            ["placement_id"], ["placement.id"], name=op.f("fk_sms_inbox_placement_id")
        ),
        sa.PrimaryKeyConstraint("message_sid", name=op.f("pk_sms_inbox")),
    )
    op.create_table(
        "task",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("referral_id", sa.BigInteger(), nullable=True),
        sa.Column("placement_id", sa.BigInteger(), nullable=True),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column(
            "opened_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("waymark_now()"),
            nullable=False,
        ),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('offer_lapsed', 'overdue', 'not_arrived', 'text_failed', 'phone_stopped', 'wrong_codes')",
            name=op.f("ck_task_kind"),
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_task_contact_id")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_task_message_id")),
        sa.ForeignKeyConstraint(
            ["placement_id"], ["placement.id"], name=op.f("fk_task_placement_id")
        ),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_task_referral_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sa.UniqueConstraint("public_id", name=op.f("uq_task_public_id")),
    )
    op.create_index(
        "one_open_task",
        "task",
        [
            "kind",
            sa.literal_column("coalesce(placement_id, 0)"),
            sa.literal_column("coalesce(referral_id, 0)"),
            sa.literal_column("coalesce(contact_id, 0)"),
        ],
        unique=True,
        postgresql_where=sa.text("done_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("one_open_task", table_name="task", postgresql_where=sa.text("done_at IS NULL"))
    op.drop_table("task")
    op.drop_table("sms_inbox")
    op.drop_index(op.f("ix_message_placement_id"), table_name="message")
    op.drop_index(
        "ix_message_due",
        table_name="message",
        postgresql_where=sa.text("state IN ('new', 'inflight', 'unknown')"),
    )
    op.drop_index(op.f("ix_message_contact_id"), table_name="message")
    op.drop_table("message")
    op.drop_index(op.f("ix_bed_use_bed_id"), table_name="bed_use")
    op.drop_table("bed_use")
    op.drop_table("referral_link")
    op.drop_index(op.f("ix_plan_line_referral_id"), table_name="plan_line")
    op.drop_table("plan_line")
    op.drop_index(
        "one_live_placement_per_referral", table_name="placement", postgresql_where=sa.text("live")
    )
    op.drop_index(op.f("ix_placement_room_id"), table_name="placement")
    op.drop_index(op.f("ix_placement_refuge_id"), table_name="placement")
    op.drop_index(op.f("ix_placement_referral_id"), table_name="placement")
    op.drop_index(
        "ix_placement_expiry", table_name="placement", postgresql_where=sa.text("state = 'offered'")
    )
    op.drop_table("placement")
    op.drop_table("form_key")
    op.drop_index(
        "ix_referral_open", table_name="referral", postgresql_where=sa.text("closed_at IS NULL")
    )
    op.drop_index(op.f("ix_referral_officer_id"), table_name="referral")
    op.drop_index(op.f("ix_referral_incident_id"), table_name="referral")
    op.drop_index(op.f("ix_referral_force_id"), table_name="referral")
    op.drop_table("referral")
    op.drop_index(op.f("ix_void_room_id"), table_name="void")
    op.drop_table("void")
    op.drop_index(op.f("ix_sign_in_user_id"), table_name="sign_in")
    op.drop_table("sign_in")
    op.drop_table("incident")
    op.drop_index(op.f("ix_bed_room_id"), table_name="bed")
    op.drop_table("bed")
    op.drop_index("uq_user_account_email", table_name="user_account")
    op.drop_table("user_account")
    op.drop_index(op.f("ix_room_refuge_id"), table_name="room")
    op.drop_table("room")
    op.drop_index("uq_contact_phone", table_name="contact")
    op.drop_index(op.f("ix_contact_refuge_id"), table_name="contact")
    op.drop_table("contact")
    op.drop_table("refuge")
    op.drop_table("needs")
    op.drop_table("hand_on")
    op.drop_table("fund")
    op.drop_table("organisation")
    op.drop_table("district")
    op.drop_table("police_force")
    op.drop_table("safety")
    op.drop_table("region")
    op.drop_index(
        "uq_reason_number", table_name="reason", postgresql_where=sa.text("number IS NOT NULL")
    )
    op.drop_table("reason")
    op.drop_index("ix_plan_run_created_at", table_name="plan_run")
    op.drop_table("plan_run")
    op.drop_table("language")
    op.drop_table("heartbeat")
    op.drop_table("hand_on_contact")
    op.drop_table("feature")
    op.drop_index("ix_event_referral_id", table_name="event")
    op.drop_index("ix_event_kind", table_name="event")
    op.drop_table("event")
    op.drop_table("clock_policy")
    op.drop_table("caller")
