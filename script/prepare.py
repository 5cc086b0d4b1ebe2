"""Run several of the service's own commands in one process: loading it takes longer than most."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from flask.cli import FlaskGroup

from wsgi import app


def main(commands: Sequence[str]) -> int:
    group = FlaskGroup(create_app=lambda: app, load_dotenv=False, add_default_commands=False)
    for name in commands:
        try:
            group.main([name], prog_name="flask --app wsgi", standalone_mode=False)
        except click.ClickException as error:
            print(error.format_message(), file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
