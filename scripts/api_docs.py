#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/api.md from what `zeroconv serve --print-openapi` says.

Usage: scripts/api_docs.py [--check] [PROGRAM]    --check: writes nothing, the status is 1 if docs/api.md is not current.
PROGRAM: build/release/bin/zeroconv unless given, or a .json file that it has written.
"""
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "api.md"

INTRO = """\
# The native API

The studio's pages use this API and nothing else, so whatever they can do, a script can do too. This page is made by
`scripts/api_docs.py` from the server's own description, `/openapi.json` (OpenAPI 3.1); `/api/docs` shows it in the browser.
The APIs of other programs that the server speaks as well are listed at the end; [AUTOMATIC1111's](api_a1111.md) has a page.

Programs show a token (`Authorization: Bearer TOKEN`): the owner's, which `zeroconv serve` prints, or one of `POST /api/v1/tokens`
with the scopes *read*, *write* or *admin*. Bodies and answers are JSON. Times are milliseconds since 1970, ids opaque text;
pictures are named by the SHA-256 of their bytes, inside requests as `asset:SHA`. An error is `application/problem+json` with a
stable `code`, a `detail` for people and the `field` that it is about; a field that nobody knows is answered with the nearest one.

```
T=http://127.0.0.1:7860/api/v1; A="Authorization: Bearer $TOKEN"
SHA=$(curl -s -H "$A" -T photo.png $T/assets | jq -r .sha)
curl -s -H "$A" -H 'Content-Type: application/json' $T/jobs -d '{"request": {"prompt": "a house with a red roof",
  "controls": [{"kind": "canny", "image": "asset:'$SHA'"}]}}'
curl -s -N -H "$A" $T/events      # what happens from now on
```
"""


def name_of(reference):
    return reference.rsplit("/", 1)[1]


def type_text(schema):
    """A schema in a few words; a named one as a link."""
    if "$ref" in schema:
        name = name_of(schema["$ref"])
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(type_text(each) for each in schema["anyOf"])
    kind = schema.get("type", "anything")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"list of {type_text(schema.get('items', {}))}"
    return kind


def allowed_text(schema):
    if "enum" in schema:
        values = [str(value) for value in schema["enum"] if value is not None]
        shown = ", ".join(values[:12])
        return shown + (f", ... ({len(values)} in all)" if len(values) > 12 else "")
    if "minimum" in schema:
        return f"{schema['minimum']} to {schema['maximum']}"
    if schema.get("pattern", "").startswith("^(asset:"):
        return "asset:SHA"
    return ""


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def content_text(content):
    for media_type, value in content.items():
        schema = value.get("schema", {})
        return type_text(schema) if "$ref" in schema else f"`{media_type}`"
    return ""


def body_text(operation):
    body = operation.get("requestBody")
    if not body:
        return ""
    if "multipart/form-data" in body["content"]:
        return "the file itself, or a form"
    return content_text(body["content"])


def answer_text(operation):
    for status, answer in sorted(operation["responses"].items()):
        if status.startswith("2"):
            content = content_text(answer.get("content", {}))
            return f"{status} {content}".strip()
    return ""


def problems_text(operation):
    return ", ".join(s for s in sorted(operation["responses"]) if not s.startswith("2") and s != "default")


def operation_text(method, path, operation):
    lines = [f"### `{method.upper()} {path}`\n", f"{operation['summary']}. Scope: {operation['x-access']}.\n"]
    if "description" in operation:
        lines.append(operation["description"] + "\n")
    query = [p for p in operation.get("parameters", []) if p["in"] == "query"]
    if query:
        lines.append(table(["query", "type", "meaning"],
                           [[f"`{p['name']}`", type_text(p["schema"]), p["description"]] for p in query]))
    parts = [f"Body: {body_text(operation)}." if body_text(operation) else "", f"Answer: {answer_text(operation)}."]
    if problems_text(operation):
        parts.append(f"Problems: {problems_text(operation)}.")
    lines.append(" ".join(part for part in parts if part) + "\n")
    return "\n".join(lines)


def member_row(name, schema):
    default = schema.get("default")
    shown = "" if default in (None, "", []) else f"`{json.dumps(default, ensure_ascii=False)}`"
    return [f"`{name}`", type_text(schema), shown, allowed_text(schema), schema.get("description", "")]


def schema_text(name, schema):
    properties = schema.get("properties", {})
    lines = [f"### {name}\n"]
    if not properties:
        lines.append("Any members.\n" if schema.get("additionalProperties", True) else "No members.\n")
        return "\n".join(lines)
    if "description" in next(iter(properties.values())):
        rows = []
        for key, value in properties.items():
            rows.append(member_row(key, value))
            inner = value.get("items", {}) if value.get("type") == "array" else value
            dot = "[]." if value.get("type") == "array" else "."
            rows += [member_row(key + dot + name, part) for name, part in inner.get("properties", {}).items()]
        lines.append(table(["member", "type", "default", "allowed", "meaning"], rows))
        return "\n".join(lines)
    required = set(schema.get("required", []))
    members = [f"`{key}` {type_text(value)}{'' if key in required else ' (may be absent)'}"
               for key, value in properties.items()]
    lines.append(", ".join(members) + ".\n")
    return "\n".join(lines)


def page(document):
    native, others = {}, {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            target = native if path.startswith("/api/v1/") else others
            target.setdefault(operation["tags"][0], []).append((path, method, operation))
    parts = [INTRO]
    for tag in sorted(native):
        parts.append(f"## {tag}\n")
        parts += [operation_text(method, path, operation) for path, method, operation in native[tag]]
    parts.append("## Schemas\n")
    schemas = document["components"]["schemas"]
    parts += [schema_text(name, schemas[name]) for name in sorted(schemas)]
    parts.append("## Other routes\n")
    rows = [[tag, f"`{method.upper()} {path}`", operation["x-access"], operation["summary"]]
            for tag in sorted(others) for path, method, operation in others[tag]]
    parts.append(table(["API", "route", "scope", "what it does"], rows))
    return "\n".join(parts)


def description(source):
    if source.suffix == ".json":
        return json.loads(source.read_text(encoding="utf-8"))
    result = subprocess.run([source, "serve", "--print-openapi"], check=True, capture_output=True, text=True)
    return json.loads(result.stdout)


def main():
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    source = pathlib.Path(arguments[0]) if arguments else ROOT / "build" / "release" / "bin" / "zeroconv"
    text = page(description(source))
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    print("docs/api.md is not what the server says of itself: run scripts/api_docs.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
