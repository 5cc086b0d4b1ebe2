"""What the database server would write into its own log, out of our hands once it is there."""

from __future__ import annotations

from typing import Any

from config import SettingsError

# What a setting may be, and the word to set it to. Above "error" no failed statement is written.
QUIET = {
    "log_error_verbosity": ({"terse"}, "terse"),
    "log_min_error_statement": ({"log", "fatal", "panic"}, "panic"),
    "log_parameter_max_length_on_error": ({"0"}, "0"),
    "log_statement": ({"none", "ddl"}, "none"),
    "log_parameter_max_length": ({"0"}, "0"),
}
ALL = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"


def refuse_talkative_server(connection: Any) -> None:
    """Look at the settings that hold for this session.

    A failed statement's DETAIL and its parameters are what somebody typed: phone numbers, needs.

    Raises:
        SettingsError: the server would write them down; the text is what to run instead.
    """
    found = dict(connection.execute(ALL, (list(QUIET),)).fetchall())
    wrong = [name for name, (allowed, _) in QUIET.items() if found.get(name) not in allowed]
    if wrong:
        words = " ".join(f"ALTER SYSTEM SET {name} = '{QUIET[name][1]}';" for name in wrong)
        raise SettingsError(
            "The database server would write people's data into its log. Have its administrator "
            f"run: {words} SELECT pg_reload_conf();"
        )
