"""Write the bill of materials from the lock: CycloneDX JSON, in ``var/sbom.json`` or FILE."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: Sequence[str]) -> int:
    file = Path(arguments[0]) if arguments else ROOT / "var" / "sbom.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", str(ROOT / "requirements.txt")]
    command += ["--output-reproducible", "--of", "JSON", "-o", str(file)]
    code = subprocess.run(command, check=False).returncode
    if code == 0:
        print(f"The bill of materials is in {file}.")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
