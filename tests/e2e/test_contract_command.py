"""`leat contract explain | sql | schema`. The SQL form is run by MySQL and compared with DynamoDB; here for the shop, in test_expr.py for every expression."""

import copy
import json
import os
import random
import subprocess
from types import SimpleNamespace

import test_expr
import test_many
from lib import json_schema, shop, sql_form
from lib.servers import ROOT, Leat


def test_sql_of_the_shop(world):
    """After some work on the shop the SELECTs give what leat wrote: joins, lists in their order, keys made of joins, rows without an item."""
    with world.mysql.connect(database=world.mysql.database) as connection:
        shop.populate(connection, 7, users=60, categories=20, products=80, orders=120, carts=80)
        leat = world.running_leat()
        shop.every_operation(connection, seed=3)
        world.prove()
        listing = leat.json("contract", "sql")
        with connection.cursor() as cursor:
            wrong = sql_form.differences(world.dynamodb, cursor, listing, default={"L": []})
            assert not wrong, "\n".join(wrong[:60])
            connection.begin()  # what only this session sees is a difference
            cursor.execute("UPDATE order_items SET quantity = quantity + 1 ORDER BY id DESC LIMIT 1")
            assert sql_form.differences(world.dynamodb, cursor, listing, default={"L": []}), "a change must be seen"
            connection.rollback()
    text = leat.cli("contract", "sql").stdout
    assert text.startswith("SET NAMES utf8mb4;") and text.count("SELECT ") == len(listing["statements"])


def change(explanation, table):
    return {(c["entity"], c["alias"]): c["items"] for t in explanation["tables"] if t["table"] == table for c in t["changes"]}


def test_explanation(world):
    """The costs that `explain` names are the items that a change touches: counted in DynamoDB by what they then hold."""
    leat = world.leat()
    explanation = leat.json("contract", "explain")
    assert change(explanation, "products") == {("PRODUCT", "products"): "1", ("ORDER", "products"): "1 per order_items row", ("CART", "products"): "1 per cart_items row"}
    assert change(explanation, "categories") == {("CATEGORY", "categories"): "1", ("CATEGORY", "parent"): "1 per categories row", ("PRODUCT", "categories"): "1 per products row"}
    assert change(explanation, "order_items") == {("ORDER", "order_items"): "1"}
    order = next(e for e in explanation["entities"] if e["entity"] == "ORDER")
    assert order["key"] == "PK = {user_email}, SK = ORDER#{created_at}#{order_id}" and not order["can_conflict"]
    assert {r["alias"]: (r["parent"], r["edge"]) for r in order["rows"]} == {
        "orders": (None, None), "users": ("orders", "one"), "order_items": ("orders", "many"), "products": ("order_items", "one")}
    items = next(r for r in order["rows"] if r["alias"] == "order_items")
    assert items["on"] == "order_items.order_id = orders.id" and items["down"] == "the index order_items (order_id)" and items["up"] == "the key of orders (id)"
    assert {t["table"]: t["cascades_to"] for t in explanation["tables"]}["orders"] == ["order_items"]
    text = leat.cli("contract", "explain").stdout
    assert "a change touches 1 ORDER item per order_items row (reads its rows of order_items) + 1 CART item per cart_items row + 1 PRODUCT item\n" in text

    leat.cli("tables", "create")
    leat.start()
    leat.wait_ready()
    with world.mysql.connect(database=world.mysql.database) as connection, connection.cursor() as cursor:
        shop.populate(connection, 7, users=40, categories=10, products=20, orders=60, carts=40)
        cursor.execute("SELECT product_id FROM order_items JOIN cart_items USING (product_id) GROUP BY product_id ORDER BY COUNT(*) DESC LIMIT 1")
        product = cursor.fetchone()[0]
        cursor.execute("UPDATE products SET name = 'a name of its own' WHERE id = %s", (product,))
        connection.commit()
        leat.wait_caught_up()
        for entity, table in (("PRODUCT", "Products"), ("ORDER", "Users"), ("CART", "Users")):
            words = next(items for (e, _), items in change(explanation, "products").items() if e == entity)
            cursor.execute(f"SELECT COUNT(DISTINCT {'order_id' if entity == 'ORDER' else 'user_id'}) FROM {words.split()[2]} WHERE product_id = %s" if " per " in words else "SELECT 1 + 0 * %s", (product,))
            pages = world.dynamodb.client().get_paginator("scan").paginate(TableName=table)
            touched = sum("a name of its own" in str(i) for page in pages for i in page["Items"] if i["entity_type"]["S"] == entity)
            assert touched == cursor.fetchone()[0] > 0, (entity, words)


def test_without_a_source(world):
    """The schema is the source's: without it the command says so."""
    leat = world.leat(mysql_port=1)
    for what in ("explain", "sql"):
        assert "the schema of the source is needed" in leat.cli("contract", what, expect=4).stderr
    assert "there are explain, sql and schema" in leat.cli("contract", "tree", expect=2).stderr


# ---- schema

SAMPLE = int(os.environ.get("LEAT_SAMPLE", "150"))
SHOP = json.loads((ROOT / "examples/shop/contract.json").read_text())
JOINED = {"target_table": "users", "join_condition": "users.id = orders.user_id", "select_column": "email"}
# What the examples leave out: every other kind of object.
EVERYTHING = {"$schema": "contract.schema.json", "version": 1, "x-team": "shop", "tables": [{
    "table": "Things", "pk": {"name": "id", "type": "N"}, "sk": None, "source_table": "orders", "ttl": "ttl", "billing": {"read": 5, "write": 5}, "filter": "id > 0", "write_nulls": True, "description": 1,
    "gsis": [{"index_name": "Index", "pk": ["a", "b"], "sk": "c", "projection": "INCLUDE", "projected_attributes": ["a", "b"]}],
    "attributes": {
        "id": {"type": "N", "source_column": "id"}, "a": {"type": "S", "expr": "status", "null_value": "none"}, "b": {"type": "S", "template": "{id}|{status|x}"}, "c": {"type": "S", "source_column": "status"},
        "ttl": {"type": "N", "source_column": "created_at", "transformation": {"type": "date-format", "format": "epoch"}},
        "one": {"type": "S", "join": {"type": "foreign-key", **JOINED, "null_value": "x"}}, "several": {"type": "S", "join": {"type": "multi-column", **{k: v for k, v in JOINED.items() if k != "join_condition"}, "join_conditions": ["users.id = orders.user_id"]}},
        "text": {"type": "S", "join": {"type": "multi-column", **JOINED}}, "old": {"type": "S", "source_table": "users", "source_column": "email", "join": {"local_column": "user_id", "source_column": "id"}},
        "own": {"type": "S", "join": {"type": "self-join", "join_alias": "other", "join_condition": "other.id = orders.id", "select_column": "status"}},
        "if": {"type": "S", "join": {"type": "conditional", "condition": "id > 5", **JOINED, "else_value": "none"}},
        "chain": {"type": "S", "join": {"type": "chain", "joins": [JOINED, {"target_table": "users", "join_alias": "again", "join_condition": "again.id = users.id", "select_column": "again.email"}], "chain_separator": "/"}},
        "branches": {"type": "S", "join": {"type": "polymorphic-lookup", "type_column": "status", "branches": [{"when_type_value": "paid", **JOINED}], "else_expr": "status"}},
        "list": {"type": "L", "join": {"type": "aggregated-list", "target_table": "order_items", "join_condition": "order_items.order_id = orders.id", "select_column": "id", "order_by": "id DESC", "limit": 3, "filter": "id > 0"}},
        "any": {"type": "BOOL", "join": {"type": "exists-check", "target_table": "order_items", "join_condition": "order_items.order_id = orders.id"}},
        "first": {"type": "M", "join": {"type": "json-construction", "target_table": "order_items", "join_condition": "order_items.order_id = orders.id",
                                        "construction": {"type": "object", "select_columns": {"x": "id"}, "order_by": "id", "limit": 1, "filter": "id > 0"}}},
        "case": {"type": "S", "calculation": {"type": "case", "cases": [{"when": "id > 5", "then": "'big'"}], "else": "'small'"}},
        "count": {"type": "N", "calculation": {"type": "aggregate", "operation": "COUNT", "target_table": "order_items", "join_condition": "order_items.order_id = orders.id"}},
    }}, {"table": "Several", "type": "multi-entity", "pk": "PK", "entities": [
        {"entity_type": "CART", "source_table": "cart_items", "pk_template": "{user_id}", "sk_template": "{product_id}", "write_entity_type": False, "attributes": [
            {"name": "user_id", "type": "N", "source_column": "user_id"}, {"name": "product_id", "type": "N", "source_column": "product_id"}]}]}]}


def places(value, path=()):
    """The path of every object and member."""
    if isinstance(value, dict):
        yield path
    for key, v in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if isinstance(value, dict):
            yield (*path, key)
        yield from places(v, (*path, key))


def mutations(contract):
    """Each object with a key too many, each member missing or another thing."""
    for path in dict.fromkeys(places(contract)):
        for thing in (None, 7, "", "x", True, [], {}, ["x"], "absent", "surplus"):
            changed = {"root": copy.deepcopy(contract)}
            *way, last = ("root", *path)
            parent = changed
            for key in way:
                parent = parent[key]
            if thing == "absent":
                del parent[last]
            elif thing != "surplus":
                parent[last] = thing
            elif isinstance(parent[last], dict):
                parent[last]["surplus"] = 1
            if "root" in changed:
                yield path, thing, changed["root"]


def schema_of(leat):
    return json.loads(subprocess.run([leat.binary, "contract", "schema"], capture_output=True, check=True).stdout)


def test_schema():
    """The schema is the file that editors read, each key has its words, and it agrees with the parser about contracts and about ways to break them (LEAT_SAMPLE of them)."""
    leat = Leat(SimpleNamespace(port=1, database=shop.DATABASE, tls="disabled", ca=""), endpoint="http://127.0.0.1:1")
    schema = schema_of(leat)
    assert schema == json.loads((ROOT / "contract/contract.schema.json").read_text()), "leat contract schema > contract/contract.schema.json"
    for kind, definition in schema["$defs"].items():
        for part in definition.get("oneOf", [definition]):
            undescribed = [key for key, p in part.get("properties", {}).items() if "description" not in p]
            assert not undescribed, f"{kind}: {undescribed}"
    for contract in (SHOP, SHOP["tables"], EVERYTHING, test_expr.contract(), test_many.contract()):
        assert json_schema.valid(schema, contract)

    def words(contract):
        path.write_text(json.dumps(contract))
        return [c["message"] for c in json.loads(leat.cli("check", "--offline", "--json", expect=None).stdout)["checks"] if c["result"] == "error"]

    path = leat.folder / "changed.json"
    leat.write_config(migration={"contractPath": str(path)})
    assert words(EVERYTHING) == []
    shape = ("unknown key", "lacks", "; it must be a", "must be an object", "does not belong there", "this list is empty")
    later = ("transformation.type", "construction.type", "branches.0.when_type_value")  # leat looks at these with the live schema only
    counts, wrong = {"good": 0, "bad": 0}, []
    ways = list(mutations(EVERYTHING))
    for where, thing, changed in random.Random(7).sample(ways, min(SAMPLE, len(ways))):
        good, errors = json_schema.valid(schema, changed), words(changed)
        misshapen = any(s in e for s in shape for e in errors)
        counts["good" if good else "bad"] += 1
        if (not errors and not good and not ".".join(map(str, where)).endswith(later)) or (misshapen and good):
            wrong.append(f"{where} = {thing!r}: the schema says {'good' if good else 'bad'}, leat {errors or 'good'}")
    assert min(counts.values()) > SAMPLE / 10, counts
    assert not wrong, f"{len(wrong)} of {sum(counts.values())}:\n" + "\n".join(wrong[:40])
