"""Items as MySQL computes them from `leat contract sql`, and how they are compared with those in DynamoDB."""

import json
import math
import struct
from decimal import Decimal, InvalidOperation


def text(value):
    return value.decode() if isinstance(value, bytes) else None if value is None else str(value)


def rows_of(cursor, sql):
    cursor.execute(sql)  # without arguments: no % is looked for
    names = [d[0] for d in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def split(row):
    """The keys of the rows it comes from, and its attributes."""
    keys = {n: v for n, v in row.items() if n.startswith("leat_")}
    return keys, {n: v for n, v in row.items() if n not in keys and v is not None}


def path_of(keys, level):
    return tuple((n, v) for n, v in keys.items() if n.split("_")[1].isdigit() and int(n.split("_")[1]) <= level)


def levels(keys):
    return max(int(n.split("_")[1]) for n in keys if n.split("_")[1].isdigit())


def items_of(cursor, listing):
    """{(table, pk, sk): {attribute: value}}: texts as SQL has them, a list for each construction. The first claimant of a key has it."""
    for statement in listing["session"]:
        cursor.execute(statement)
    items, parents, seen, entity = {}, {}, {}, None
    for number, statement in enumerate(listing["statements"]):
        path = statement["attribute"]
        if path is None:
            entity, parents, seen = number, {}, {}
        *outer, name = path.split(".") if path else [None]
        for row in rows_of(cursor, statement["sql"]):
            keys, attributes = split(row)
            parents[path, path_of(keys, levels(keys))] = attributes
            if path is None:
                items.setdefault((statement["table"], text(keys["leat_pk"]), text(keys.get("leat_sk"))), attributes)
                continue
            parent = (".".join(outer) or None, path_of(keys, levels(keys) - 1))
            if parent not in parents:
                continue  # its root has no item
            seen[path, parent] = seen.get((path, parent), 0) + 1
            elements = parents[parent].setdefault(name, [])
            if statement["limit"] is None or seen[path, parent] <= statement["limit"]:
                elements += [attributes] if "leat_value" not in row else [row["leat_value"]] if row["leat_value"] is not None else []
    assert entity is not None
    return items


def same_number(a, b):
    try:
        return Decimal(a) == Decimal(b)
    except InvalidOperation:
        return False


def close(a, b):
    try:
        return math.isclose(float(a), float(b), rel_tol=1e-12)
    except ValueError:
        return False


def plain(attribute):
    """A JSON document as DynamoDB holds it."""
    (kind, value), = attribute.items()
    if kind == "M":
        return {n: plain(v) for n, v in value.items()}
    return [plain(v) for v in value] if kind == "L" else Decimal(value) if kind == "N" else None if kind == "NULL" else value


def as_json(rows, have):
    """A construction written as JSON text."""
    if isinstance(have, dict):
        return as_json(rows[:1], [have])
    return len(rows) == len(have) and all(
        set(row) == set(h) and all(as_json(v, h[n]) if isinstance(v, list) else same_number(h[n], text(v)) if isinstance(h[n], Decimal) else h[n] == text(v)
                                   for n, v in row.items()) for row, h in zip(rows, have))


def same_float(a, b):
    try:
        return struct.pack("f", float(a)) == struct.pack("f", float(b))
    except ValueError:
        return False


def same(have, want, doubles=False, floats=False):
    """Is the attribute in DynamoDB what MySQL says? `doubles`: numbers may be doubles, which each side prints its own way; `floats`: it is a FLOAT, of which MySQL gives the double."""
    (kind, value), = have.items()
    if kind == "M" and isinstance(want, list):
        want = want[0]  # of a construction of type object
    if kind == "S" and isinstance(want, list):
        return as_json(want, json.loads(value, parse_int=Decimal, parse_float=Decimal))
    if kind == "BS":
        return set(value) == {w if isinstance(w, bytes) else w.encode() for w in want}
    if kind in ("SS", "NS") and isinstance(want, list):
        return {Decimal(v) if kind == "NS" else v for v in value} == {Decimal(text(w)) if kind == "NS" else text(w) for w in want}
    if kind == "L" and isinstance(want, list):
        return len(value) == len(want) and all(same(v, w, doubles) for v, w in zip(value, want))
    if kind == "M" and isinstance(want, dict):
        return set(value) == set(want) and all(same(value[n], want[n], doubles) for n in want)
    if kind in "LM":
        return plain(have) == json.loads(text(want), parse_int=Decimal, parse_float=Decimal)
    if kind == "BOOL":
        return value == (text(want) == "1")
    if kind == "B":
        return value == (want if isinstance(want, bytes) else want.encode())
    if kind == "SS":
        return sorted(value) == sorted(text(want).split(","))
    return value == text(want) or (kind == "N" and same_number(value, text(want))) or (doubles and close(value, text(want))) or (floats and same_float(value, text(want)))


def differences(dynamodb, cursor, listing, default=None, doubles=(), floats=()):
    """What differs between DynamoDB and MySQL's items: a list of texts. `default`: what an absent list is in the contract ([])."""
    want, have, wrong = items_of(cursor, listing), {}, []
    client = dynamodb.client()
    for table in client.list_tables()["TableNames"]:
        names = [k["AttributeName"] for k in client.describe_table(TableName=table)["Table"]["KeySchema"]] + [None]
        for page in client.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                have[(table, *(next(iter(item[n].values())) if n else None for n in names[:2]))] = {
                    n: v for n, v in item.items() if n not in names or any(n in i for key, i in want.items() if key[0] == table)}
    wrong += [f"{key} is only in DynamoDB" for key in have.keys() - want.keys()] + [f"{key} is only in MySQL" for key in want.keys() - have.keys()]
    for key in have.keys() & want.keys():
        for name in have[key].keys() | want[key].keys():
            a, b = have[key].get(name), want[key].get(name)
            if a is None and b == []:
                continue  # a list of nothing but NULLs
            if a is None or (b is None and a != default) or (b is not None and not same(a, b, name in doubles, name in floats)):
                wrong.append(f"{key}, {name}: {a!r} in DynamoDB, {b!r} in MySQL")
    return wrong
