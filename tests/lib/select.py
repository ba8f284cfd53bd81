"""What SELECT says, and what leat says: brought to forms in which they can be compared, for each way a type is compared.

`ask(how, column)` is the SQL that asks MySQL; `wanted(how, …)` its answer's comparable form; `given(how, …)` that of a value in a
line of `leat decode` (read by `lines()`, so that numbers are the digits that were printed).
"""

import base64
import json
import struct

GEOMETRY = ("IF(ST_SRID({0}) = 0, CONCAT('{{\"srid\":0,\"wkt\":\"', ST_AsText({0}), '\"}}'), "
            "CONCAT('{{\"srid\":', ST_SRID({0}), ',\"wkb\":\"', REPLACE(TO_BASE64(SUBSTR({0}, 5)), '\\n', ''), '\"}}'))")
FLOATING = "IF({0} = 0, {0}, {0}+0e0)"  # every digit, whatever the column shows, and the sign of zero
ASK = {"same+0": "{0}+0", "single": FLOATING, "double": FLOATING, "geometry": GEOMETRY, "vector": "HEX({0})", "base64": "HEX({0})"}
ABSENT = "(not in the image)"


class Number(str):
    """Digits as they were printed: 1 is not "1"."""


def lines(text):
    return [parse(line) for line in text.split("\n")[:-1]]


def parse(text):
    return json.loads(text, parse_int=Number, parse_float=Number, object_pairs_hook=list)


def plain(pairs):
    """The object whose members are these, in lines whose own shape is an object."""
    return dict(pairs) if pairs is not None else None


def ask(how, column):
    return ASK.get(how, "{0}").format(column)


def _numbers_marked(value):
    """Documents compare by digits and by kind: a number is not its text."""
    if isinstance(value, Number):
        return ("number", str(value))
    if isinstance(value, tuple):
        return tuple(_numbers_marked(v) for v in value)
    return [_numbers_marked(v) for v in value] if isinstance(value, list) else value


def wanted(how, text):
    if text is None:
        return None
    if how == "base64":
        return base64.b64encode(bytes.fromhex(text)).decode()
    if how == "vector":
        return bytes.fromhex(text)
    if how == "single":
        return struct.pack("<f", float(text))
    if how == "double":
        return struct.pack("<d", float(text))
    return _numbers_marked(parse(text)) if how in ("json", "geometry") else text


def given(how, value):
    if value is None:
        return None
    if how == "vector":
        return b"".join(struct.pack("<f", float(v)) for v in value)
    if how in ("single", "double"):
        assert isinstance(value, Number), value
        return struct.pack("<f" if how == "single" else "<d", float(value))
    return _numbers_marked(value) if how in ("json", "geometry") else str(value) if isinstance(value, str) else ("not a scalar", value)
