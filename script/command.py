"""``flask --app wsgi ...`` with the settings that script/start gives the service."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from script.start import FLASK, demo_secrets


def main(arguments: Sequence[str]) -> None:
    data_dir = Path(os.environ.get("WAYMARK_DATA") or "var").resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "WAYMARK_DATA": str(data_dir)}
    environment |= demo_secrets(data_dir, environment)
    os.execve(FLASK[0], [*FLASK, *arguments], environment)  # noqa: S606 - our own Python


if __name__ == "__main__":
    main(sys.argv[1:])
