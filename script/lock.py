"""Write the hashed locks; ``script/lock --upgrade`` takes newer versions, else pins stay."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

COMMON = (
    *("--universal", "--python-version", "3.11", "--generate-hashes", "--quiet"),
    *("--no-emit-index-url", "--custom-compile-command", "script/lock"),
)


def main(arguments: Sequence[str]) -> int:
    uv = [sys.executable, "-m", "uv", "pip", "compile", *COMMON, *arguments]
    for command in (
        [*uv, "requirements.in", "-o", "requirements.txt"],
        # The developers' environment holds the very versions that are shipped.
        [*uv, "requirements-dev.in", "-c", "requirements.txt", "-o", "requirements-dev.txt"],
    ):
        code = subprocess.run(command, check=False).returncode
        if code != 0:
            return code
    print("requirements.txt and requirements-dev.txt are written.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
