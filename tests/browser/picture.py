"""``python -m tests.browser.picture``: the README's picture, from the pictures of the last journey.

The coordinator's board with its reasons, and the officer's phone that says where to go.
"""

from __future__ import annotations

import base64
import shutil
import sys

from playwright.sync_api import ViewportSize, sync_playwright

from script.test import BROWSERS
from tests.browser.visitor import FLAGS, SCREENSHOTS

SIZE = ViewportSize(width=1140, height=720)
MOST_BYTES = 250_000
TARGET = SCREENSHOTS.parents[1] / "docs" / "screenshot.png"
# The board's empty right side is left out; nothing is drawn over.
PAGE = """<!DOCTYPE html><meta charset="utf-8"><style>
body {{ margin: 0; height: 720px; overflow: hidden; background: #dfe8e6; position: relative; }}
div, .phone {{ position: absolute; outline: 1px solid #b4c8c5; }}
div {{ left: 36px; top: 24px; width: 708px; height: 672px; overflow: hidden; border-radius: 10px; }}
div img {{ width: 960px; }}
.phone {{ right: 36px; top: 24px; width: 320px; border: 8px solid #10282b; border-radius: 28px; }}
</style><div><img src="{board}"></div><img class="phone" src="{phone}">"""


def main() -> int:
    names = {"board": "10-ticked.png", "phone": "18-placed.png"}
    missing = [name for name in names.values() if not (SCREENSHOTS / name).exists()]
    if missing:
        return complain(f"{missing[0]} is missing: run script/test tests/browser/test_journey.py")
    images = {key: _as_url(name) for key, name in names.items()}
    with sync_playwright() as playwright:
        found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        page = browser.new_page(viewport=SIZE)
        page.set_content(PAGE.format(**images))
        picture = page.screenshot()
        browser.close()
    if len(picture) > MOST_BYTES:
        return complain(f"the picture has {len(picture)} bytes, more than {MOST_BYTES}")
    TARGET.write_bytes(picture)
    sys.stdout.write(f"{TARGET}: {len(picture)} bytes\n")
    return 0


def complain(problem: str) -> int:
    sys.stderr.write(f"No picture was made: {problem}\n")
    return 1


def _as_url(name: str) -> str:
    return "data:image/png;base64," + base64.b64encode((SCREENSHOTS / name).read_bytes()).decode()


if __name__ == "__main__":
    sys.exit(main())
