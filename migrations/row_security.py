"""How a migration puts a table under row security: who reads, adds and changes which rows.

The service's two logins see a row only where one of its policies says so, and the policies go by
what ``transaction()`` told the database of who acts. FORCE holds the owner to policies too, and one
of them lets the owner see all: migrations and backups are the owner's.
"""

from __future__ import annotations

from alembic import op

LOGINS = "waymark_web, waymark_worker"
NAMES = {"SELECT": "reads", "INSERT": "adds", "UPDATE": "changes", "DELETE": "removes"}
# Asked once a statement, not once a row: the planner keeps an uncorrelated subquery's answer.
ME = "(SELECT acting_user_id())"
MY_ORGANISATION = "(SELECT acting_organisation_id())"
MY_REFUGE = "(SELECT acting_refuge_id())"


def i_am(*roles: str) -> str:
    """A condition on who acts."""
    listed = ", ".join(f"'{role}'" for role in roles)
    return f"(SELECT acting_role()) IN ({listed})"


def either(*conditions: str) -> str:
    return " OR ".join(f"({condition})" for condition in conditions)


def guard(table: str, *, read: str, add: str = "", change: str = "", remove: str = "") -> None:
    """Put ``table`` under row security. Where a condition is empty nobody but the owner may."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    owns = "(SELECT acting_as_owner())"
    op.execute(f"CREATE POLICY owner ON {table} USING ({owns}) WITH CHECK ({owns})")
    for command, condition in zip(NAMES, (read, add, change, remove), strict=True):
        if condition:
            says = "WITH CHECK" if command == "INSERT" else "USING"
            op.execute(
                f"CREATE POLICY {NAMES[command]} ON {table} FOR {command} TO {LOGINS}"
                f" {says} ({condition})"
            )


def let_go(table: str) -> None:
    """Take a table out of row security again."""
    for name in (*NAMES.values(), "owner"):
        op.execute(f"DROP POLICY IF EXISTS {name} ON {table}")
    op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")


def definer(name: str, returns: str, body: str, arguments: str = "") -> None:
    """A function that looks with the owner's eyes: a policy that looked itself would circle."""
    op.execute(
        f"CREATE FUNCTION {name}({arguments}) RETURNS {returns} LANGUAGE sql STABLE"
        f" SECURITY DEFINER SET search_path = public, pg_temp AS $$ {body} $$"
    )
    op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
    # A view reads its tables as the owner, and calls what a policy calls as whoever asks it.
    op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO {LOGINS}, waymark_report")
