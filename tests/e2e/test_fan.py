"""One row that concerns very many items, one item that changes very often, changes that concern none; and what status and metrics
show of rows that conflict, move, have no key or no valid item.

One MySQL, one DynamoDB behind a proxy that counts the writes of each key, one leat for all."""

import json
import time

import pytest

from conftest import World
from lib.proxy import FaultProxy
from lib.servers import Mysql, wait_until

# more than a batch climbs over itself (FAN_BATCH_MAX), so that the rest waits as a fan-out
PRODUCTS, CARTS = 600, 10_700
DIGITS = "(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)"
NUMBERS = f"(SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d n FROM {DIGITS} a, {DIGITS} b, {DIGITS} c, {DIGITS} d, {DIGITS} e) numbers"
CONTRACT = {"version": 1, "database": "online_shopping_store", "tables": [
    {"table": "Goods", "pk": "pk", "type": "multi-entity", "entities": [
        {"entity_type": "PRODUCT", "source_table": "products", "pk_template": "P#{id}", "attributes": [
            {"name": "id", "type": "N", "source_column": "id"},
            {"name": "name", "type": "S", "source_column": "name"},
            {"name": "category", "type": "S", "join": {
                "type": "foreign-key", "target_table": "categories", "join_condition": "categories.id = products.category_id",
                "select_column": "categories.name"}}]}]},
    {"table": "Carts", "pk": "user", "sk": "product", "type": "multi-entity", "entities": [
        {"entity_type": "CART", "source_table": "cart_items", "attributes": [
            {"name": "user", "type": "N", "source_column": "user_id"},
            {"name": "product", "type": "N", "source_column": "product_id"},
            {"name": "price", "type": "N", "join": {
                "type": "foreign-key", "target_table": "products", "join_condition": "products.id = cart_items.product_id",
                "select_column": "products.price"}}]}]},
    {"table": "Names", "pk": "name", "type": "multi-entity", "entities": [
        {"entity_type": "NAME", "source_table": "users", "attributes": [
            {"name": "name", "type": "S", "source_column": "first_name"},
            {"name": "id", "type": "N", "source_column": "id"}]}]},
]}


class Place(World):
    def __init__(self, mysql, dynamodb, proxy):
        super().__init__(mysql, dynamodb)
        self.proxy, self.client = proxy, dynamodb.client()

    def execute(self, *statements):
        with self.mysql.connect(self.mysql.database) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def transaction(self, *statements):
        self.execute("BEGIN", *statements, "COMMIT")

    def items(self, table, attribute):
        """attribute's values, with how many items have each"""
        counts, start = {}, {}
        while True:
            page = self.client.scan(TableName=table, ConsistentRead=True, **start)
            for item in page["Items"]:
                value = next(iter(item[attribute].values()))
                counts[value] = counts.get(value, 0) + 1
            if "LastEvaluatedKey" not in page:
                return counts
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def item(self, table, **key):
        found = self.client.get_item(TableName=table, ConsistentRead=True, Key={
            name: {"S": value} if isinstance(value, str) else {"N": str(value)} for name, value in key.items()})
        return found.get("Item")

    def target(self, table):
        return next(t for t in self.leats[-1].status()["targets"] if t["table"] == table)


@pytest.fixture(scope="module")
def place(dynamodb_server):
    client = dynamodb_server.client()
    for table in client.list_tables()["TableNames"]:
        client.delete_table(TableName=table)
    with Mysql() as mysql, FaultProxy(dynamodb_server.port, 1) as proxy:
        mysql.load_shop()
        place = Place(mysql, dynamodb_server, proxy)
        place.execute(
            "INSERT INTO users (id, username, email, password_hash, first_name) VALUES (1, 'ann', 'ann@x.org', 'h', 'Ann'), (2, 'bob', 'bob@x.org', 'h', 'Bob')",
            "INSERT INTO categories (id, name) VALUES (1, 'Books'), (2, 'Lamps')",
            f"INSERT INTO products (id, seller_id, category_id, name, price) SELECT n, 1, 1, CONCAT('p', n), 1 FROM {NUMBERS} WHERE n <= {PRODUCTS}",
            "SET foreign_key_checks = 0",
            f"INSERT INTO cart_items (user_id, product_id, quantity) SELECT n, 7, 1 FROM {NUMBERS} WHERE n <= {CARTS}")
        place.running_leat(contract=CONTRACT, endpoint=proxy.endpoint)
        place.leats[-1].wait_caught_up()
        yield place
        for leat in place.leats:
            leat.kill9()
        assert not proxy.violations


def test_a_fan_out_waits_while_the_stream_goes_on(place):
    """The rest of a fan-out waits in the store; other changes pass it; the acknowledged position does not (invariant 1); kill -9 in its middle."""
    leat = place.leats[-1]
    place.proxy.set(delay=1)
    place.proxy.delay_ms = 120
    place.execute("UPDATE products SET price = 2.50 WHERE id = 7")
    wait_until(lambda: leat.status()["fan_outs"] > 0, "a fan-out waits")
    changed = leat.status()["positions"]
    place.execute("UPDATE users SET first_name = 'Anne' WHERE id = 1")
    wait_until(lambda: place.item("Names", name="Anne"), "an unrelated change is there")
    status = leat.status()
    assert status["fan_outs"] > 0, "the unrelated change waited for the fan-out"
    assert status["positions"]["applied"] != changed["applied"]
    assert status["positions"]["acknowledged"] == changed["acknowledged"]
    assert leat.cli("wait", "--now", "--timeout", 0, expect=1)
    done = status["fan_out_roots"]
    wait_until(lambda: leat.status()["fan_out_roots"] > done, "it is worked off")
    leat.kill9()
    leat.start()
    place.proxy.off()
    leat.wait_caught_up()
    assert leat.status()["fan_outs"] == 0
    assert place.items("Carts", "price") == {"2.5": CARTS}


def test_a_fan_out_that_begins_again(place):
    """A price that changes faster than its fan-out is worked off: the last one stands everywhere, and nothing piles up."""
    leat = place.leats[-1]
    leat.wait_caught_up()
    place.proxy.set(delay=1)
    place.proxy.delay_ms = 100
    before = place.target("Carts")["put"]
    for number in range(50):
        place.execute(f"UPDATE products SET price = 100 + {number} WHERE id = 7")
    assert leat.status()["fan_outs"] <= 1
    place.proxy.off()
    leat.wait_caught_up()
    assert place.items("Carts", "price") == {"149": CARTS}
    assert place.target("Carts")["put"] - before < 20 * CARTS


def test_a_hot_key_is_written_a_few_times(place):
    """10,000 changes of one row while DynamoDB is slow: the outbox holds one entry, and each request takes the newest value."""
    leat = place.leats[-1]
    leat.wait_caught_up()
    place.proxy.written.clear()
    place.proxy.set(delay=1)
    place.proxy.delay_ms = 2000
    with place.mysql.connect(place.mysql.database) as connection, connection.cursor() as cursor:
        started = time.monotonic()
        for number in range(10_000):
            cursor.execute(f"UPDATE products SET name = 'hot{number}' WHERE id = 3")
            if number % 10 == 0:
                connection.commit()
        connection.commit()
    assert leat.status()["outbox_keys"] <= 2
    place.proxy.off()
    leat.wait_caught_up()
    seconds = time.monotonic() - started
    key = ("Goods", json.dumps([{"S": "P#3"}]))
    assert place.item("Goods", pk="P#3")["name"]["S"] == "hot9999"
    assert 1 <= place.proxy.written[key] <= 10 + 3 * seconds, f"{place.proxy.written[key]} writes in {seconds:.1f} s"
    assert set(place.proxy.written) == {key}


@pytest.mark.parametrize("statements", [
    ("UPDATE products SET description = 'of no item', inventory_quantity = 9 WHERE id <= 500",),      # columns that are not kept
    ("UPDATE products SET price = price + 1 WHERE id >= 100",),                                       # a kept one, of no item of theirs
    ("UPDATE categories SET parent_id = NULL, created_at = '2026-01-01' WHERE id = 1",),
    ("UPDATE products SET name = 'x' WHERE id = 5", "UPDATE products SET name = 'p5' WHERE id = 5"),  # there and back
    ("UPDATE products SET price = 7 WHERE id = 7", "UPDATE products SET price = 149 WHERE id = 7"),
    ("INSERT INTO products (id, seller_id, name, price) VALUES (99999, 1, 'n', 1)", "DELETE FROM products WHERE id = 99999"),
], ids=["columns not mapped", "columns of other items", "columns of a joined row", "there and back", "a fan-out there and back", "comes and goes"])
def test_what_changes_no_item_writes_nothing(place, statements):
    leat = place.leats[-1]
    leat.wait_caught_up()
    applied = leat.status()["transactions"]
    place.proxy.written.clear()
    place.transaction(*statements)
    leat.wait_caught_up()
    assert leat.status()["transactions"] > applied
    assert not place.proxy.written


def test_key_moves_conflicts_and_rows_without_item_are_shown(place):
    leat = place.leats[-1]
    leat.wait_caught_up()
    before = place.target("Names")
    values = ", ".join(f"({n}, 'u{n}', 'u{n}@x.org', 'h', 'n{n}')" for n in range(10, 20))
    place.execute(f"INSERT INTO users (id, username, email, password_hash, first_name) VALUES {values}")
    leat.wait_caught_up()  # in one batch with their inserts they would not be moves
    place.transaction("UPDATE users SET first_name = 'tmp' WHERE id = 10", "UPDATE users SET first_name = 'n10' WHERE id = 11",
                      "UPDATE users SET first_name = 'n11' WHERE id = 10")  # a swap
    place.transaction(*[f"UPDATE users SET first_name = 'n{n + 1}' WHERE id = {n}" for n in range(19, 11, -1)])  # a chain
    leat.wait_caught_up()
    moved = place.target("Names")
    assert moved["key_moves"] - before["key_moves"] == 10
    assert moved["moved_together"] - before["moved_together"] == 2 + 9 and moved["moved_apart"] == before["moved_apart"]
    assert moved["key_conflicts"] == before["key_conflicts"] == 0
    assert place.item("Names", name="n10")["id"]["N"] == "11" and place.item("Names", name="n11")["id"]["N"] == "10"

    place.execute("UPDATE users SET first_name = NULL WHERE id = 13",                  # no key
                  "UPDATE users SET first_name = '' WHERE id = 14",                    # poison: an empty key
                  "UPDATE users SET first_name = 'Bob' WHERE id IN (15, 16)")          # three claim one key
    leat.wait_caught_up()
    status, metrics = leat.status(), leat.metrics()
    assert place.target("Names")["key_conflicts"] == 1 and place.item("Names", name="Bob")["id"]["N"] == "2"
    assert next(e for e in status["entities"] if e["entity"] == "NAME") == {"entity": "NAME", "unkeyed": 1, "dead_letters": 1}
    assert metrics['leat_key_conflicts{table="Names"}'] == 1 and metrics['leat_key_conflicts_total{table="Names"}'] == 1
    assert metrics['leat_unkeyed_items{entity="NAME"}'] == 1 and metrics['leat_dead_letters{entity="NAME"}'] == 1
    assert metrics['leat_key_moves_total{table="Names"}'] == place.target("Names")["key_moves"] > moved["key_moves"]
    assert metrics['leat_moved_keys_written_total{table="Names",how="together"}'] == place.target("Names")["moved_together"]
    text = leat.cli("status").stdout
    assert "entity NAME: 1 rows without a key, 1 dead letters" in text

    place.execute("UPDATE users SET first_name = CONCAT('good', id) WHERE id BETWEEN 13 AND 16")
    leat.wait_caught_up()
    metrics = leat.metrics()
    assert [metrics[f"leat_{name}"] for name in ('key_conflicts{table="Names"}', 'unkeyed_items{entity="NAME"}', 'dead_letters{entity="NAME"}')] == [0, 0, 0]
    assert metrics['leat_key_conflicts_total{table="Names"}'] == 1, "a counter does not go back"


def test_moves_apart(place):
    """A chain too long for one transaction: puts go first and deletes later, counted as apart."""
    values = ", ".join(f"({n}, 'v{n}', 'v{n}@x.org', 'h', 'm{n}')" for n in range(200, 330))
    leat = place.leats[-1]
    place.execute(f"INSERT INTO users (id, username, email, password_hash, first_name) VALUES {values}")
    leat.wait_caught_up()
    before = place.target("Names")
    # a chain of 130 keys is too long for one transaction
    place.transaction(*[f"UPDATE users SET first_name = 'm{n + 1}' WHERE id = {n}" for n in range(329, 199, -1)])
    leat.wait_caught_up()
    after = place.target("Names")
    assert after["key_moves"] - before["key_moves"] == 130
    assert after["moved_apart"] - before["moved_apart"] >= 131 and after["moved_together"] == before["moved_together"]
    assert place.item("Names", name="m200") is None and place.item("Names", name="m330")["id"]["N"] == "329"
