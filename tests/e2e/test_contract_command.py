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


# ---- sql of every type, and of every join

TYPES = """CREATE TABLE t (id INT PRIMARY KEY, i BIGINT, u BIGINT UNSIGNED, z INT(8) UNSIGNED ZEROFILL, d DECIMAL(30,10), f FLOAT, g DOUBLE, b BIT(64), y YEAR, c CHAR(20), v VARCHAR(40), l VARCHAR(40) CHARACTER SET latin1,
    bin BINARY(6), blb BLOB, e ENUM('b','a','c d'), s SET('x','y','z'), da DATE, dt DATETIME(6), ts TIMESTAMP(3) NULL, ti TIME(1), j JSON, p GEOMETRY, w VECTOR(3))"""
VALUES = [
    "(1, -9223372036854775808, 18446744073709551615, 42, -12345678901234567890.0123456789, 0.1, 1e-7, 18446744073709551615, 2026, 'pad  ', 'it''s \\\\ ', 'Größe', 'ab', x'00ff', 'a', 'x,z', '2026-02-28', "
    "'1969-12-31 23:59:59.999999', '2026-11-21 10:15:00.5', '-838:59:59', '{\"a\": [1, 2.50, null], \"b\": true}', ST_GeomFromText('POINT(1 2)'), STRING_TO_VECTOR('[1,2.5,-3]'))",
    "(2, 0, 0, 0, 0, 16777216, 123456789.125, 0, 0, '', '', '', '', '', 'c d', '', '0000-00-00', '2026-00-10', NULL, '00:00:00.5', 'null', NULL, NULL)",
    "(3" + ", NULL" * 22 + ")",
    "(4, 7, 7, 7, 7, 1.5, 1.5, 1, 1901, 'é', '日本', 'é', x'010203040506', REPEAT(x'41', 100), 'b', 'y', '1000-01-01', '9999-12-31 23:59:59', '1970-01-01 00:00:01', '12:00:00', 'true', ST_GeomFromText('POINT(1 2)', 4326), NULL)",
]
FORMS = {"N": "i u z d f g b y e s ts", "S": "i u z d f g b y c v l bin blb e s da dt ts ti j", "BOOL": "i u z d f g b y", "B": "c v bin blb p", "SS": "s"}
JOINS = """
CREATE TABLE a (id INT PRIMARY KEY, name VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci, kind ENUM('x','y','z'), other INT, gone DATETIME);
CREATE TABLE n (name VARCHAR(20) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY, text VARCHAR(20), up BIGINT UNSIGNED);
CREATE TABLE m (name VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_bin PRIMARY KEY, text VARCHAR(20));
CREATE TABLE k (a SMALLINT UNSIGNED, no INT, word VARCHAR(20), price DECIMAL(10,2), PRIMARY KEY (a, no));
CREATE TABLE g (id INT PRIMARY KEY, a INT, no INT, text VARCHAR(20) COLLATE utf8mb4_0900_ai_ci, KEY (a, no));
INSERT INTO a VALUES (1, 'one', 'x', 2, NULL), (2, 'One', 'y', 1, NULL), (3, 'two ', 'z', 3, NULL), (4, NULL, NULL, 99, NULL), (5, 'gone', 'x', 1, '2026-01-01'), (6, 'two', 'x', NULL, NULL);
INSERT INTO n VALUES ('one', 'first', 2), ('two', '', 3), ('tw', NULL, NULL); INSERT INTO m VALUES ('one', 'eins'), ('two', 'zwei'), ('One', 'Eins');
INSERT INTO k VALUES (1, 1, 'b', 1.50), (1, 2, 'B', 2.25), (1, 3, NULL, NULL), (1, 4, 'a', 0.25), (2, 1, 'z', 9.99), (3, 1, '', 0), (5, 1, 'no', 1);
INSERT INTO g VALUES (1, 1, 1, 'x'), (2, 1, 1, 'X'), (3, 1, 2, 'y'), (4, 1, 1, 'w'), (5, 2, 1, NULL), (6, 1, 4, 'q')"""


def one(kind, target, on, select, **more):
    return {"type": "S", "join": {"type": kind, "target_table": target, "join_condition": on, "select_column": select, **more}}


def sql_contract():
    types = {f"{kind}_{column}": {"type": kind, "source_column": column} for kind, columns in FORMS.items() for column in columns.split()}
    inner = {"type": "json-construction", "target_table": "g", "join_condition": "g.a = k.a AND g.no = k.no"}
    rows = {"target_table": "k", "join_condition": "k.a = a.id"}
    built = [{"name": "no", "type": "N", "source_column": "no"}, {"name": "word", "type": "S", "source_column": "word", "null_value": "-"}, {"name": "up", "type": "S", "expr": "CONCAT(UPPER(word), '!')"},
             {"name": "owner", **one("foreign-key", "a", "a.id = k.a", "name")},
             {"name": "inner", "type": "L", "join": {**inner, "filter": "text <> 'w'", "construction": {"type": "array", "order_by": "text DESC", "limit": 2, "select_columns": {"t": "text", "i": "id"}}}},
             {"name": "least", "type": "S", "calculation": {"type": "aggregate", "operation": "MIN", "select_column": "text", **{k: v for k, v in inner.items() if k != "type"}}}]
    joins = {
        "id": {"type": "N", "source_column": "id"}, "name": {"type": "S", "source_column": "name", "null_value": "none"}, "kind": {"type": "S", "source_column": "kind"},
        "same": one("lookup-table", "n", "n.name = a.name", "text"), "latin": one("lookup-table", "m", "m.name = a.name", "CONCAT(text, '/', m.name)"), "no_row": one("lookup-table", "n", "n.name = a.name", "COALESCE(text, 'null')"),
        "other": {"type": "S", "join": {"type": "self-join", "join_alias": "b", "join_condition": "b.id = a.other", "select_column": "b.name", "null_value": "nobody"}},
        "chain": {"type": "S", "join": {"type": "chain", "chain_separator": " > ", "joins": [{"target_table": "n", "join_condition": "n.name = a.name", "select_column": "n.text"},
                                                                                             {"target_table": "a", "join_alias": "upper", "join_condition": "upper.id = n.up", "select_column": "upper.kind"}]}},
        "if": one("conditional", "n", "n.name = a.name", "text", condition="kind IN ('x', 'z')", else_value="not"),
        "branch": {"type": "S", "join": {"type": "polymorphic-lookup", "type_column": "kind", "else_expr": "CONCAT('?', id)", "branches": [
            {"when_type_value": "x", "target_table": "n", "join_condition": "n.name = a.name", "select_column": "up"}, {"when_type_value": "y", "target_table": "m", "join_condition": "m.name = a.name", "select_column": "text"}]}},
        "list": {"type": "L", "join": {"type": "json-construction", **rows, "construction": {"type": "array", "order_by": "word DESC", "attributes": built}}},
        "text": {"type": "S", "join": {"type": "json-construction", **rows, "filter": "price IS NOT NULL", "construction": {"type": "array", "order_by": "price DESC", "limit": 2, "select_columns": {"w": "word", "p": "price"}}}},
        "first": {"type": "M", "join": {"type": "json-construction", **rows, "construction": {"type": "object", "order_by": "no DESC", "select_columns": {"w": "word", "n": "no"}}}},
        "words": {"type": "SS", "join": {"type": "aggregated-list", **rows, "select_column": "word"}}, "some": {"type": "BOOL", "join": {"type": "exists-check", **rows, "filter": "word > 'a'"}},
        "max": {"type": "S", "calculation": {"type": "aggregate", "operation": "MAX", "select_column": "word", **rows}}, "sum": {"type": "S", "calculation": {"type": "aggregate", "operation": "SUM", "select_column": "price * no", **rows}, "null_value": "none"},
        "average": {"type": "N", "calculation": {"type": "aggregate", "operation": "AVG", "select_column": "no", **rows}}, "count": {"type": "N", "calculation": {"type": "aggregate", "operation": "COUNT", **rows}},
    }
    return {"version": 1, "database": "testsql", "tables": [
        {"table": "Types", "pk": "id", "source_table": "t", "attributes": {"id": {"type": "N", "source_column": "id"}, **types}},
        {"table": "Joins", "type": "multi-entity", "gsis": [{"index_name": "byKind", "pk": "kind#name"}], "entities": [
            {"entity_type": "A", "source_table": "a", "pk_template": "A#{count}", "sk_template": "{name}{{{kind|no kind}}}", "filter": "gone IS NULL", "attributes": joins}]}]}


def test_sql_of_types_and_joins(world):
    """Each type in each form, each join and what is made of many rows, with texts that collations confuse: the SELECTs give the items."""
    with world.mysql.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = ''")
        for statement in ("CREATE DATABASE testsql", "USE testsql", TYPES, *("INSERT INTO t VALUES " + row for row in VALUES), *JOINS.split(";")):
            cursor.execute(statement.replace("%", "%%"), ())
        connection.commit()
        leat = world.running_leat(contract=sql_contract(), config={"database": {"mysql": {"database": "testsql"}}})
        leat.wait_caught_up()
        listing = leat.json("contract", "sql")
        wrong = sql_form.differences(world.dynamodb, cursor, listing, doubles={"N_g", "S_g"}, floats={"N_f", "S_f"})
        assert not wrong, "\n".join(wrong[:60])
        items = {i["id"]["N"]: i for i in world.dynamodb.client().scan(TableName="Joins")["Items"]}
        assert items["1"]["same"] == {"S": "first"} and "same" not in items["2"] and "same" not in items["3"] and "5" not in items
        assert items["1"]["latin"] == {"S": "eins/one"} and items["2"]["latin"] == {"S": "Eins/One"}


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


def model_key(name, kind="S"):
    return {"attribute_name": name, "attribute_type": kind}


def model_output(contract):
    """A contract in the model-output form: tables and indexes by other names, tables with their database, and what such files say besides."""
    def qualified(value):
        if isinstance(value, list):
            return [qualified(v) for v in value]
        if isinstance(value, dict):
            return {key: f"{shop.DATABASE}.{v}" if key in ("source_table", "target_table") else qualified(v) for key, v in value.items()}
        return value

    def types(table):
        return {a["name"]: a["type"] for e in table.get("entities", [table]) for a in e["attributes"]}

    def keys(names, types):
        return [model_key(n, types.get(n, "S")) for n in ([names] if isinstance(names, str) else names)] if names else None

    definitions = []
    for table in contract["tables"]:
        kinds = types(table)
        definitions.append({
            "table_name": table["table"], "aggregate_pattern": "item_collection" if "entities" in table else "separate", "source_tables": [], "item_count": 5, "item_size_bytes": 5,
            "partition_key": model_key(table["pk"], kinds.get(table["pk"], "S")), "sort_key": table.get("sk") and model_key(table["sk"], kinds.get(table["sk"], "S")),
            "attributes": qualified(table.get("attributes")), "entities": qualified(table.get("entities")),
            "gsis": [{"gsi_name": g["index_name"], "partition_key": keys(g["pk"], kinds), "sort_key": keys(g.get("sk"), kinds), "projection": g.get("projection", "ALL"),
                      "projected_attributes": g.get("projected_attributes"), "sparse_attribute": None, "item_count": 5, "item_size_bytes": 5} for g in table.get("gsis", [])]})
    return {"contract_version": "1.0", "job_id": "job", "source_database": contract["database"], "target_engine": "dynamodb", "table_definitions": definitions,
            "access_patterns": [{"source_tables": ["nowhere"], "source_table": "nowhere"}], "trade_offs": [], "validation_passed": True}


def test_model_output(world):
    """The shop's contract in the model-output form is the same contract: its SQL, its explanation and its tables."""
    leat = world.leat()
    want = leat.json("contract", "sql"), leat.json("contract", "explain")
    path = leat.folder / "model.json"
    path.write_text(json.dumps(model_output(SHOP)))
    leat.write_config(migration={"contractPath": str(path)})
    assert (leat.json("contract", "sql"), leat.json("contract", "explain")) == want
    leat.cli("tables", "create")
    leat.write_config(migration={"contractPath": str(ROOT / "examples/shop/contract.json")})
    assert [c for c in leat.json("check")["checks"] if c["result"] == "error"] == []


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


MODEL = model_output({"database": shop.DATABASE, "tables": [
    {"table": "Things", "pk": "id", "sk": "status", "attributes": [{"name": n, "type": "S", "source_table": "orders", "source_column": n, "join": None} for n in ("id", "status", "user_id")],
     "gsis": [{"index_name": "Index", "pk": ["status", "user_id"], "sk": "id", "projection": "INCLUDE", "projected_attributes": ["user_id"]}]},
    {"table": "Several", "pk": "PK", "sk": "SK", "entities": [{"entity_type": "CART", "source_table": "cart_items", "pk_template": "{user_id}", "sk_template": "{product_id}", "attributes": [
        {"name": "user_id", "type": "N", "source_table": "cart_items", "source_column": "user_id"}]}]}]})


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
    for contract in (SHOP, SHOP["tables"], model_output(SHOP), json.loads((ROOT / "examples/shop/summaries.json").read_text()), EVERYTHING, test_expr.contract(), test_many.contract()):
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
    ways = [*mutations(EVERYTHING), *mutations(MODEL)]
    for where, thing, changed in random.Random(7).sample(ways, min(SAMPLE, len(ways))):
        good, errors = json_schema.valid(schema, changed), words(changed)
        misshapen = any(s in e for s in shape for e in errors)
        counts["good" if good else "bad"] += 1
        if (not errors and not good and not ".".join(map(str, where)).endswith(later)) or (misshapen and good):
            wrong.append(f"{where} = {thing!r}: the schema says {'good' if good else 'bad'}, leat {errors or 'good'}")
    assert min(counts.values()) > SAMPLE / 10, counts
    assert not wrong, f"{len(wrong)} of {sum(counts.values())}:\n" + "\n".join(wrong[:40])
