"""Cuts Twilio's OpenAPI document down to the Messages paths that the demo phone answers.

npm pack @twilio-alpha/mcp@0.7.0
python script/trim_twilio_spec.py twilio-alpha-mcp-0.7.0.tgz
"""

from __future__ import annotations

import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MEMBER = "package/twilio-oai/spec/json/twilio_api_v2010.json"
TARGET = Path(__file__).resolve().parent.parent / "data" / "twilio" / "messages_openapi.json"
MESSAGES = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
MESSAGE = "/2010-04-01/Accounts/{AccountSid}/Messages/{Sid}.json"
KEPT = {MESSAGES: ("post", "get"), MESSAGE: ("get", "delete")}
OPERATIONS = {"get", "put", "post", "delete", "patch", "options", "head", "trace"}
POINTER = "#/components/schemas/"


def trim(document: dict[str, Any]) -> dict[str, Any]:
    """The same document with only the kept operations and the schemas they reach.

    Worked examples go, because they weigh more than the rules; nothing else inside is changed.
    """
    paths = {
        path: without_examples(
            {
                name: part
                for name, part in document["paths"][path].items()
                if name not in OPERATIONS or name in operations
            }
        )
        for path, operations in KEPT.items()
    }
    schemas: dict[str, Any] = {}
    wanted = list(references(paths))
    while wanted:
        name = wanted.pop()
        if name not in schemas:
            schemas[name] = document["components"]["schemas"][name]
            wanted.extend(references(schemas[name]))
    components = {**document["components"], "schemas": dict(sorted(schemas.items()))}
    return {**document, "paths": paths, "components": components}


def references(node: object) -> Iterator[str]:
    """Names of the schemas that this part of the document points at."""
    if isinstance(node, dict):
        pointer = node.get("$ref")
        if isinstance(pointer, str):
            yield pointer.removeprefix(POINTER)
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def without_examples(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: without_examples(part) for name, part in node.items() if name != "examples"}
    if isinstance(node, list):
        return [without_examples(part) for part in node]
    return node


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write(__doc__ or "")
        return 2
    with tarfile.open(arguments[0]) as package:
        member = package.extractfile(MEMBER)
        if member is None:
            sys.stderr.write(f"{arguments[0]} does not hold {MEMBER}.\n")
            return 1
        document = json.load(member)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(trim(document), indent=1, ensure_ascii=False) + "\n", "utf-8")
    sys.stdout.write(f"{TARGET.name}: {TARGET.stat().st_size} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
