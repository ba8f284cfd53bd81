"""As much of JSON Schema (draft 2020-12) as the contract's schema uses. An unknown keyword is an error: nothing is passed over."""

import re

IGNORED = {"$schema", "$defs", "title", "description", "examples"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "number": (int, float), "integer": int}


def is_type(value, name):
    return isinstance(value, TYPES[name]) and not (name in ("number", "integer") and isinstance(value, bool))


def equal(a, b):
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def valid(schema, value, root=None):
    root = root or schema
    unknown = set(schema) - IGNORED - {"$ref", "type", "enum", "const", "minimum", "minItems", "items", "properties", "patternProperties", "additionalProperties", "required",
                                       "anyOf", "allOf", "oneOf"}
    assert not unknown, f"the test knows no {unknown}"

    def good(part, v=value):
        return valid(part, v, root)

    types = schema.get("type", [])
    checks = [
        "$ref" not in schema or good(root["$defs"][schema["$ref"].removeprefix("#/$defs/")]),
        "type" not in schema or any(is_type(value, t) for t in ([types] if isinstance(types, str) else types)),
        "enum" not in schema or any(equal(value, v) for v in schema["enum"]),
        "const" not in schema or equal(value, schema["const"]),
        "anyOf" not in schema or any(good(s) for s in schema["anyOf"]),
        all(good(s) for s in schema.get("allOf", [])),
        "oneOf" not in schema or sum(good(s) for s in schema["oneOf"]) == 1,
    ]
    if is_type(value, "number"):
        checks.append(value >= schema.get("minimum", value))
    if isinstance(value, list):
        checks += [len(value) >= schema.get("minItems", 0), *(good(schema["items"], v) for v in value if "items" in schema)]
    if isinstance(value, dict):
        checks.append(all(key in value for key in schema.get("required", [])))
        for key, v in value.items():
            known = [schema["properties"][key]] if key in schema.get("properties", {}) else []
            known += [s for pattern, s in schema.get("patternProperties", {}).items() if re.search(pattern, key)]
            more = schema.get("additionalProperties", True)
            checks += [good(s, v) for s in known]
            if not known:
                checks.append(more if isinstance(more, bool) else good(more, v))
    return all(checks)
