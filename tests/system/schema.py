# SPDX-License-Identifier: BSD-2-Clause
"""schema FILE SCHEMA: whether a JSON file fits a schema, of as much of JSON Schema as torc's schemas use."""

import json
import sys

KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def is_a(value, kind):
    if kind in ("integer", "number"):
        return type(value) is int or (kind == "number" and type(value) is float)
    return type(value) is KINDS[kind]


def check(value, schema, at="$"):
    """Raises ValueError with the place that does not fit."""
    if "const" in schema and value != schema["const"]:
        raise ValueError(f"{at} is {value!r}, not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        raise ValueError(f"{at} is {value!r}, none of {schema['enum']}")
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds and not any(is_a(value, k) for k in kinds):
        raise ValueError(f"{at} is {value!r}, no {' or '.join(kinds)}")
    for k in schema.get("required", []):
        if k not in value:
            raise ValueError(f"{at}.{k} is missing")
    if isinstance(value, dict) and "properties" in schema:
        for k, v in value.items():
            # what no schema names is not promised, and nobody would notice its end
            if k not in schema["properties"]:
                raise ValueError(f"{at}.{k} is in no schema")
            check(v, schema["properties"][k], f"{at}.{k}")
    for i, x in enumerate(value if "items" in schema and isinstance(value, list) else []):
        check(x, schema["items"], f"{at}[{i}]")


if __name__ == "__main__":
    check(*(json.load(open(p, encoding="utf-8")) for p in sys.argv[1:]))
