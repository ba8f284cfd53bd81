"""Odd names, a full disk, a store that cannot be written, and other surroundings that nobody plans for."""

import re
import subprocess
import time

import pytest

from conftest import World
from lib import shop
from lib.servers import wait_until

DATABASE = "test `odd`.'ö\" $x"
TABLE, CHILD = "or`der.s \"'ß", "it em`s"


def quoted(name):
    return "`" + name.replace("`", "``") + "`"


def odd_contract():
    """The root's columns have spaces, quotes, dots, backticks; a child is joined over such a column."""
    return {"version": 1, "database": DATABASE, "tables": [{
        "table": "Odd.Table-1", "type": "multi-entity", "pk": "p k", "sk": "s#k",
        "entities": [{
            "entity_type": "ODD 'entity'", "source_table": TABLE, "pk_template": "K#{the id}", "sk_template": "#",
            "attributes": [
                {"name": "the id", "type": "N", "source_column": "the id"},
                {"name": "na.me \"q\"", "type": "S", "source_column": "na`me.'ü"},
                {"name": "chil dren", "type": "L", "null_value": [], "join": {
                    "type": "json-construction", "target_table": CHILD,
                    "join_condition": f"{quoted(TABLE)}.`the id` = {quoted(CHILD)}.`par ent`",
                    "construction": {"type": "array", "select_columns": {"n o": f"{quoted(CHILD)}.`n o`"}}}}]}]}]}


def test_odd_identifiers(mysql, dynamodb):
    """Snapshot, stream and replay over names that need quoting everywhere."""
    db, table, child = quoted(DATABASE), quoted(TABLE), quoted(CHILD)
    with mysql.connect() as connection, connection.cursor() as cursor:
        for statement in (f"CREATE DATABASE {db}", f"USE {db}",
                          f"CREATE TABLE {table} (`the id` INT PRIMARY KEY, `na``me.'ü` VARCHAR(50))",
                          f"CREATE TABLE {child} (`n o` INT PRIMARY KEY, `par ent` INT, KEY (`par ent`))",
                          f"INSERT INTO {table} VALUES (1, 'one'), (2, NULL)", f"INSERT INTO {child} VALUES (1, 1), (2, 1)"):
            cursor.execute(statement)
        cursor.execute(f"GRANT SELECT, LOCK TABLES ON `{DATABASE.replace('`', '``').replace('_', chr(92) + '_')}`.* TO leat@'%%'", ())
        world = World(mysql, dynamodb)
        try:
            leat = world.leat(contract=odd_contract(), config={"database": {"mysql": {"database": DATABASE}}})
            leat.cli("check", "--offline")
            leat.cli("tables", "create")
            grants = leat.cli("check", "--grants").stdout
            for grant in re.findall(r"^GRANT SELECT .*;$", grants, re.MULTILINE):
                cursor.execute(grant.replace("%", "%%"), ())
            leat.cli("check")
            leat.start()
            leat.wait_ready()

            def items():
                leat.wait_caught_up()
                return {i["p k"]["S"]: (i.get("na.me \"q\"", {}).get("S"), len(i.get("chil dren", {"L": []})["L"]))
                        for i in dynamodb.client().scan(TableName="Odd.Table-1")["Items"]}

            assert items() == {"K#1": ("one", 2), "K#2": (None, 0)}
            cursor.execute(f"UPDATE {table} SET `na``me.'ü` = 'zwei' WHERE `the id` = 2")
            cursor.execute(f"UPDATE {child} SET `par ent` = 2 WHERE `n o` = 2")
            assert items() == {"K#1": ("one", 1), "K#2": ("zwei", 1)}
            cursor.execute(f"TRUNCATE TABLE {child}")
            cursor.execute(f"DELETE FROM {table} WHERE `the id` = 1")
            assert items() == {"K#2": ("zwei", 0)}
            assert TABLE.replace('"', '\\"') in leat.get("/metrics")[1]
            assert {t["table"] for t in leat.status()["tables"]} == {TABLE, CHILD}
            assert leat.sigterm() == 0
        finally:
            for one in world.leats:
                one.kill9()


# ---- disks


@pytest.fixture
def small_disk(tmp_path):
    """A folder of four megabytes; unmounted with the test."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", folder]).returncode:
        pytest.skip("no file system can be mounted here: a full disk needs root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    with open(folder / "ballast", "wb", buffering=0) as ballast, pytest.raises(OSError):
        while True:
            ballast.write(b"x" * 4096)


def test_disk_full_and_room_again(world, small_disk):
    """O3: parks for the store, keeps serving its status, goes on by itself; nothing is lost."""
    with world.mysql.connect() as connection:
        shop.populate(connection, 6, users=20, categories=5, products=20, orders=20, carts=10)
    leat = world.running_leat(state_dir=small_disk / "state")
    world.prove()
    fill(small_disk)
    load = shop.MixedLoad(world.mysql.connect, 6, seconds=30, threads=2, rate=500)
    try:
        status = leat.wait_parked(30)
        assert status["parked"]["class"] == "store", status["parked"]
        assert re.search("space|full", status["parked"]["reason"], re.IGNORECASE), status["parked"]
        time.sleep(1)
        assert leat.get("/health")[0] == 200 and leat.get("/ready")[0] == 503 and leat.status()["state"] == "parked"
    finally:
        load.stop()
    (small_disk / "ballast").unlink()
    leat.wait_ready(30)
    world.prove()
    assert leat.sigterm() == 0


def test_sigterm_with_a_full_disk(world, small_disk):
    leat = world.running_leat(state_dir=small_disk / "state")
    fill(small_disk)
    shop_load = shop.MixedLoad(world.mysql.connect, 7, count=50, threads=1)
    shop_load.join()
    began = time.monotonic()
    assert leat.sigterm() == 0
    assert time.monotonic() - began < 20
    (small_disk / "ballast").unlink()
    leat.start()
    world.prove()


def test_a_store_that_cannot_be_made(world, small_disk):
    """At the start such a fault ends the program, with the class of the store."""
    world.leat().cli("tables", "create")
    fill(small_disk)
    full = world.leat(state_dir=small_disk / "state").cli("run", expect=6, timeout_s=20)
    assert re.search("space|full", full.stderr, re.IGNORECASE), full.stderr
    (small_disk / "ballast").unlink()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert "Read-only" in world.leat(state_dir=small_disk / "other").cli("run", expect=6, timeout_s=20).stderr
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    file = small_disk / "file"
    file.write_text("not a folder")
    assert world.leat(state_dir=file).cli("run", expect=6, timeout_s=20).stderr.count("leat: ") == 1
    assert world.leat(state_dir=small_disk / "a" / "b").cli("run", expect=6, timeout_s=20).stderr.count("leat: ") == 1
    assert world.leat(state_dir="/tmp/" + "x" * 200).cli("run", expect=3, timeout_s=20).stderr.count("leat: ") == 1


# ---- accounts, ports, hosts


def test_empty_password_and_a_port_that_is_picked(world):
    world.mysql.execute("CREATE USER bare@'%' IDENTIFIED BY ''", "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO bare@'%'",
                        f"GRANT SELECT ON `{world.mysql.database}`.* TO bare@'%'")
    leat = world.leat(config={"database": {"mysql": {"username": "bare", "password": None}}, "http": {"listen": "127.0.0.1:0"}})
    leat.cli("tables", "create")
    leat._spawn(leat.command("run"), env=leat.env)
    leat.port = int(wait_until(lambda: re.search(r"event=http .* port=(\d+)", leat.logs), "the port", 10)[1])
    leat.wait_ready()
    world.prove()
    assert leat.sigterm() == 0


def test_the_end_while_a_host_swallows_everything(world):
    """O7: SIGTERM while connecting to a host that never answers, and during a snapshot; both end with 0, and the snapshot goes on."""
    leat = world.leat(config={"database": {"mysql": {"host": "192.0.2.1", "connect_timeout_s": 3}}})
    leat.start()
    began = time.monotonic()
    assert leat.sigterm() == 0
    assert time.monotonic() - began < 6

    with world.mysql.connect() as connection:
        shop.populate(connection, 8, users=1000, categories=100, products=1000, orders=1000, carts=500)
    leat = world.leat(config={"snapshot": {"chunk_rows": 1}})
    leat.cli("tables", "create")
    leat.start()
    wait_until(lambda: leat.status()["state"] in ("snapshot", "streaming"), "the snapshot", 10)
    began = time.monotonic()
    assert leat.sigterm() == 0
    assert time.monotonic() - began < 5
    assert "event=drained" not in leat.logs, "the snapshot was over before it could be ended"
    leat.write_config(snapshot={"chunk_rows": 2000})
    leat.start()
    leat.wait_ready()
    world.prove()
