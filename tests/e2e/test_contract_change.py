"""Another contract than the one the store was made for: what is the same receives no write, what differs is made anew, what went stays until
--prune; under load, with kills in the middle. DynamoDB is compared with MySQL's own items by `leat contract sql`."""

import copy
import json
import random
from pathlib import Path

import pytest
from conftest import World
from lib import shop, sql_form
from lib.servers import Mysql, wait_until

SHOP = json.loads((Path(__file__).parents[2] / "examples/shop/contract.json").read_text())
SIZES = {"users": 60, "categories": 15, "products": 120, "orders": 150, "carts": 100}


def entities(contract):
    return {e["entity_type"]: e for t in contract["tables"] for e in t.get("entities", [])}


def changed(edit):
    contract = copy.deepcopy(SHOP)
    edit(contract)
    return contract


def use(leat, contract, *arguments, kill=False):
    """leat starts again with this contract."""
    write(leat, contract)
    leat.kill9() if kill else leat.sigterm()
    leat.start(*arguments)


def write(leat, contract):
    (leat.folder / "contract.json").write_text(json.dumps(contract))


def told(leat):
    """What `leat check` says that a start would do."""
    lines = leat.json("check", expect=None)["checks"]
    return sorted(line["message"] for line in lines if line["name"] == "another contract"), [line["message"] for line in lines if line["name"] == "store"]


def written(leat):
    return leat.metric("leat_items_written_total") or 0


def settled(leat):
    leat.wait_ready()
    leat.wait_caught_up()


def compare(world, leat):
    settled(leat)
    with world.mysql.connect(shop.DATABASE) as connection, connection.cursor() as cursor:
        wrong = sql_form.differences(world.dynamodb, cursor, leat.json("contract", "sql"), default={"L": []})
    assert not wrong, "\n".join(wrong[:20])


@pytest.fixture
def leat(world):
    with world.mysql.connect() as connection:
        shop.populate(connection, 3, **SIZES)
    leat = world.running_leat(contract=copy.deepcopy(SHOP))
    leat.wait_caught_up()
    return leat


def reverse(contract):
    """The same contract, written from behind: tables, entities, attributes."""
    contract["tables"].reverse()
    for table in contract["tables"]:
        for entity in table.get("entities", [table]):
            entity["attributes"].reverse()
            entity["description"] = "written in another way"
        table.get("entities", []).reverse()


def test_other_text(world, leat):
    """Order and comments change all the store's numbers, and no item."""
    other = changed(reverse)
    write(leat, other)
    assert told(leat) == ([], ["it will become this contract's"])
    use(leat, other)
    settled(leat)
    assert written(leat) == 0
    with world.mysql.connect() as connection:
        shop.MixedLoad(world.mysql.connect, 5, count=60, threads=1).join()
    compare(world, leat)
    use(leat, SHOP, kill=True)
    settled(leat)
    world.prove(leat)


def new_attribute(contract):
    entities(contract)["USER"]["attributes"].append({"name": "full_name", "type": "S", "expr": "CONCAT_WS(' ', first_name, last_name)"})


def new_key(contract):
    new_attribute(contract)
    entities(contract)["USER"]["sk_template"] = "PROFILE#{id}"


def new_entity(contract):
    table = contract["tables"][0]
    table["entities"].insert(0, {"entity_type": "NAME", "source_table": "users", "pk_template": "NAME#{username}", "sk_template": "#NAME",
                                 "attributes": [{"name": "email", "type": "S", "source_column": "email"}]})


def test_changed_entity(world, leat):
    """One entity of a table of several: its items are written, once each, and nothing else is."""
    use(leat, changed(new_attribute))
    compare(world, leat)
    with world.mysql.connect(shop.DATABASE) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*), SUM(first_name IS NOT NULL OR last_name IS NOT NULL) FROM users")
        users, named = cursor.fetchone()
    assert 0 < written(leat) <= users
    use(leat, changed(new_key))
    compare(world, leat)
    assert written(leat) == 2 * users
    use(leat, SHOP)
    compare(world, leat)
    use(leat, changed(new_entity))
    compare(world, leat)
    assert written(leat) == users


def without(contract):
    """Orders go, and a whole table; their columns and tables with them."""
    contract["tables"][0]["gsis"].pop()  # that orders alone are in
    contract["tables"][0]["entities"] = [e for e in contract["tables"][0]["entities"] if e["entity_type"] != "ORDER"]
    del contract["tables"][1]


def test_vanished_entity(world, leat):
    """Its items stay, are named in the status, and go with --prune; so does a table that went with all it had."""
    write(leat, changed(without))
    lines, _ = told(leat)
    assert any(line.startswith("entity ORDER of table Users is no more: its items stay") for line in lines), lines
    first, gone = SHOP["tables"][0]["table"], SHOP["tables"][1]["table"]
    contract = changed(without)
    use(leat, contract)
    settled(leat)
    assert written(leat) == 0
    former = {(f["table"], f["entity"]) for f in leat.status()["former_entities"]}
    assert (first, "ORDER") in former and any(table == gone for table, _ in former)
    scan = world.dynamodb.client().scan
    count = lambda table: scan(TableName=table, Select="COUNT")["Count"]  # noqa: E731
    items = count(gone)
    assert items > 0
    use(leat, contract, kill=True)
    settled(leat)
    assert count(gone) == items and leat.status()["former_entities"]
    use(leat, contract, "--prune", kill=True)
    settled(leat)
    wait_until(lambda: not leat.status()["former_entities"], "nothing is left of former entities", 30)
    assert count(gone) == 0
    compare(world, leat)
    leat.sigterm()
    write(leat, SHOP)
    lines, _ = told(leat)  # from the store, as nobody uses it
    assert "entity ORDER of table Users is new: its items will be made" in lines and any(line.startswith("table ") for line in lines), lines
    leat.start()
    use(leat, SHOP, kill=True)  # and back: their tables and columns are read beside the stream
    compare(world, leat)
    assert "reading for another contract" in leat.logs
    world.prove(leat)


def test_altered_column(world, leat):
    """An ALTER that gives a column another type makes another contract of the same text: the column is read again, its entities are swept."""
    with world.mysql.connect(shop.DATABASE) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE products MODIFY inventory_quantity VARCHAR(20), MODIFY price DECIMAL(14, 4)")
        cursor.execute("UPDATE products SET inventory_quantity = '007' WHERE id = 3")
    compare(world, leat)
    assert "reading for another contract" in leat.logs
    use(leat, changed(new_attribute), kill=True)
    compare(world, leat)


def new_table(contract):
    """Of a MySQL table that no foreign key concerns."""
    contract["tables"].append({"table": "Notices", "pk": "id", "source_table": "notices", "attributes": [
        {"name": "id", "type": "N", "source_column": "id"}, {"name": "text", "type": "S", "source_column": "text"}]})


def test_unlogged_cascades(dynamodb):
    """A server that does not log cascades: a table that they concern cannot be read beside the stream, others can. What is refused changes nothing."""
    with Mysql(innodb_native_foreign_keys="ON") as mysql:
        mysql.load_shop()
        with mysql.connect(shop.DATABASE) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE notices (id INT PRIMARY KEY, text VARCHAR(20) NOT NULL)")
            cursor.execute("INSERT INTO notices VALUES (1, 'one'), (2, 'two')")
            shop.populate(connection, 3, **SIZES)
        world = World(mysql, dynamodb)
        base, reads = changed(without), changed(lambda contract: (without(contract), new_table(contract)))
        leat = world.running_leat(contract=reads)
        leat.sigterm()
        write(leat, base)
        leat.start()
        try:
            settled(leat)
            refusal = "the store has, foreign keys cascade to or from it, and this server does not log cascades"
            write(leat, SHOP)
            _, store = told(leat)
            checks = [line for line in leat.json("check", expect=None)["checks"] if refusal in line["message"]]
            assert [(line["name"], line["result"]) for line in checks] == [("another contract", "error")] and not store, checks
            leat.sigterm()
            done = leat.cli("run", expect=3)
            assert refusal in done.stderr and "start with an empty state_dir and empty tables" in done.stderr, done.stderr
            write(leat, base)
            leat.start()
            settled(leat)
            assert written(leat) == 0 and "reading for another contract" not in leat.logs
            with mysql.connect(shop.DATABASE) as connection, connection.cursor() as cursor:
                cursor.execute("INSERT INTO notices VALUES (3, 'unseen')")
                cursor.execute("DELETE FROM users WHERE id = 1")  # and what cascades
            use(leat, reads)
            compare(world, leat)
            assert "reading for another contract" in leat.logs
        finally:
            leat.kill9()


@pytest.mark.parametrize("image", ["FULL", "MINIMAL"])
def test_changes_under_load(world, leat, image):
    """Contracts come and go while the shop works, and leat is killed in the middle of each. Tables are read in many small chunks."""
    seed = f"contract changes, {image}"
    rng = random.Random(seed)
    leat.write_config(snapshot={"chunk_rows": 20})
    with world.mysql.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"SET GLOBAL binlog_row_image = {image}")
    edits = [reverse, new_attribute, new_key, new_entity, without, lambda contract: None]
    load = shop.MixedLoad(world.mysql.connect, seed, threads=2, rate=100)
    for edit in (*rng.sample(edits, len(edits)), without, reverse):
        contract = changed(edit)
        use(leat, contract, "--prune", kill=rng.random() < 0.7)
        for _ in range(rng.randrange(3)):
            load.wait(rng.uniform(0, 0.5))
            leat.kill9()
            leat.start("--prune")
        if edit is without:
            leat.wait_ready()  # so that it is the store's contract, and the next one lacks tables
    load.stop()
    settled(leat)
    assert "reading for another contract" in leat.logs
    wait_until(lambda: not leat.status()["former_entities"], "nothing is left of former entities", 30)
    compare(world, leat)
    use(leat, SHOP, "--prune")
    settled(leat)
    wait_until(lambda: not leat.status()["former_entities"], "nothing is left of former entities", 30)
    world.prove(leat)
