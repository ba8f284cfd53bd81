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


def normal(value, kind):
    """A part of a key as DynamoDB compares it."""
    if value is None or kind == "B":
        return value
    try:
        return str(Decimal(text(value)).normalize()) if kind == "N" else text(value)
    except InvalidOperation:
        return text(value)  # poison


def claims_of(cursor, listing, keys):
    """{(table, pk, sk): [(entity, {attribute: value}), …]}: who claims each key, in the contract's order; texts as SQL has them, a list for each construction. `keys`: {table: types of its key}."""
    for statement in listing["session"]:
        cursor.execute(statement)
    claims, parents, seen, entity = {}, {}, {}, None
    for number, statement in enumerate(listing["statements"]):
        path, table = statement["attribute"], statement["table"]
        if path is None:
            entity, parents, seen = number, {}, {}
        *outer, name = path.split(".") if path else [None]
        for row in rows_of(cursor, statement["sql"]):
            row_keys, attributes = split(row)
            parents[path, path_of(row_keys, levels(row_keys))] = attributes
            if path is None:
                kinds = keys.get(table, "SS")
                claims.setdefault((table, *(normal(row_keys.get(n), kind) for n, kind in zip(("leat_pk", "leat_sk"), [*kinds, "S"]))), []).append((statement["entity"], attributes))
                continue
            parent = (".".join(outer) or None, path_of(row_keys, levels(row_keys) - 1))
            if parent not in parents:
                continue  # its root has no item
            seen[path, parent] = seen.get((path, parent), 0) + 1
            elements = parents[parent].setdefault(name, [])
            if statement["limit"] is None or seen[path, parent] <= statement["limit"]:
                elements += [attributes] if "leat_value" not in row else [row["leat_value"]] if row["leat_value"] is not None else []
    assert entity is not None
    return claims


def items_in(client, table):
    """({key: {attribute: value of DynamoDB's}}, names of the key, their types) of a table."""
    about = client.describe_table(TableName=table)["Table"]
    types = {a["AttributeName"]: a["AttributeType"] for a in about["AttributeDefinitions"]}
    names = [k["AttributeName"] for k in about["KeySchema"]]
    items = {}
    for page in client.get_paginator("scan").paginate(TableName=table):
        for item in page["Items"]:
            items[(table, *([normal(next(iter(item[n].values())), types[n]) for n in names] + [None])[:2])] = item
    return items, names, [types[n] for n in names]


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
    if kind in ("SS", "NS", "BS") and isinstance(want, list):
        element = {"SS": text, "NS": lambda v: Decimal(text(v)), "BS": lambda v: v if isinstance(v, bytes) else v.encode()}[kind]
        return {element(v) for v in value} == {element(w) for w in want}
    if kind == "L" and isinstance(want, list):
        return len(value) == len(want) and all(same(v, w, doubles) for v, w in zip(value, want))
    if kind == "M" and isinstance(want, dict):
        want = {n: v for n, v in want.items() if v != []}
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


def differences(dynamodb, cursor, listing, default=None, doubles=(), floats=(), absent={}, is_poison=lambda table, attributes: False, claims=None):
    """What differs between DynamoDB and MySQL's items: a list of texts. `default`: what an absent list is in the contract ([]); `absent`: {(table, entity): {attribute: what is written when it
    is NULL}}. `is_poison(table, attributes)`: DynamoDB cannot hold it. `claims` is filled with what claims_of says."""
    client, have, names, kinds = dynamodb.client(), {}, {}, {}
    for table in {s["table"] for s in listing["statements"]}:
        items, names[table], kinds[table] = items_in(client, table)
        have |= items
    claimed = claims_of(cursor, listing, kinds)
    (claims if claims is not None else {}).update(claimed)
    living = {key: [c for c in claimants if not is_poison(key[0], c[1])] for key, claimants in claimed.items()}
    want = {key: claimants[0] for key, claimants in living.items() if claimants}
    wrong = [f"{key} is only in DynamoDB" for key in have.keys() - want.keys()] + [f"{key} is only in MySQL" for key in want.keys() - have.keys()]
    for key in have.keys() & want.keys():
        entity, attributes = want[key]
        otherwise = absent.get((key[0], entity), {})
        for name in have[key].keys() | attributes.keys() | otherwise.keys():
            a, b = have[key].get(name), attributes.get(name)
            if name in names[key[0]] and b is None:
                continue  # made by a template: it was compared as the key
            if b is None or b == []:  # a list of nothing but NULLs is NULL, too
                right = a in ((otherwise.get(name),) if absent else (None, default, {"L": []} if b == [] else None))
            else:
                right = a is not None and same(a, b, name in doubles, name in floats)
            if not right:
                wrong.append(f"{key}, {name}: {a!r} in DynamoDB, {b!r} in MySQL")
    return wrong
