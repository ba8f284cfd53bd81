"""What goes wrong, and what leat does about it: kill -9 at counted moments, MySQL and DynamoDB away, SIGTERM, lost answers, odd servers.

The proof after each is the same: DynamoDB equal to MySQL, item for item. Numbers are those of docs/faults.md."""

import collections
import json
import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from conftest import World
from lib import oracle, shop
from lib.proxy import FaultProxy
from lib.servers import BUILD, LEAT_PASSWORD, LEAT_USER, DynamoDBLocal, Mysql, wait_until

KILLS = 25
FAULTS = dict(unprocessed=0.05, throttle=0.03, throttling=0.02, error500=0.02, error503=0.01, error_after=0.02, drop_before=0.02, drop_after=0.02,
              delay=0.1, truncate=0.01, wrong_crc=0.01, conflict=0.05, throttle_item=0.02)


def populate(world, seed, users=200):
    with world.mysql.connect() as connection:
        shop.populate(connection, seed, users=users, categories=30, products=300, orders=300, carts=250)


def interrupted(status):
    """What a kill at this moment would interrupt."""
    if status["state"] != "streaming":
        return status["state"]
    if status["sweep"]:
        return "sweep"
    if status["in_flight"]:
        return "writes in flight"
    if status["outbox_keys"]:
        return "outbox"
    return "rest"


def test_kill_9_in_the_middle_of_a_load(world, capsys):
    """O1, invariants 1, 3, 4: 25 kills, each counted by what it interrupted; after each a restart; equal at the end."""
    populate(world, 3)
    leat = world.leat()
    leat.cli("tables", "create")
    leat.start()
    rng, counted = random.Random(3), collections.Counter()
    load = shop.MixedLoad(world.mysql.connect, 3, seconds=120, threads=3, rate=300)
    try:
        for number in range(KILLS):
            # early ones meet the snapshot, the sweep and the recovery; later ones the stream
            time.sleep(rng.uniform(0, 0.05) if number % 3 == 0 else rng.uniform(0.1, 1.0))
            done = leat.cli("status", "--json", expect=None)
            counted[interrupted(json.loads(done.stdout)) if done.returncode == 0 else "start"] += 1
            leat.kill9()
            leat.start()
    finally:
        load.stop()
        load.join()
    world.prove()
    with capsys.disabled():
        print("\n  kills by what they interrupted:", ", ".join(f"{what} {n}" for what, n in sorted(counted.items())))
    assert sum(counted.values()) == KILLS
    assert counted["writes in flight"] + counted["outbox"] >= 3, counted
    assert leat.sigterm() == 0


def test_mysql_killed_and_restarted(world):
    """S2: reconnects for ever, resumes where it was."""
    populate(world, 4)
    leat = world.running_leat()
    for number in range(3):
        load = shop.MixedLoad(world.mysql.connect, 40 + number, count=150, threads=2)
        load.join()
        world.mysql.kill9()
        wait_until(lambda: not leat.status()["source"]["connected"], "the loss is noticed", 20)
        assert leat.get("/ready")[0] == 503
        assert leat.get("/health")[0] == 200
        world.mysql.start()
        world.prove()
    leat.wait_ready()


def test_dynamodb_away_for_a_while(mysql):
    """Nothing is given up; the store takes in meanwhile."""
    with DynamoDBLocal(dbpath=True) as dynamodb:
        world = World(mysql, dynamodb)
        populate(world, 5)
        leat = world.running_leat()
        world.prove()
        dynamodb.kill9()
        load = shop.MixedLoad(mysql.connect, 5, count=400, threads=2)
        load.join()
        wait_until(lambda: leat.status()["outbox_keys"] > 0, "an outbox")
        time.sleep(1)
        status = leat.status()
        assert status["lag_seconds"] > 0.5 and status["target"]["trouble"], status
        dynamodb.start()
        world.prove(timeout_s=90)
        leat.wait_ready()
        assert leat.sigterm() == 0


def test_killed_while_dynamodb_is_away(mysql):
    """Unknown outcomes, then no memory of them but the journal's."""
    with DynamoDBLocal(dbpath=True) as dynamodb:
        world = World(mysql, dynamodb)
        populate(world, 6)
        leat = world.running_leat()
        dynamodb.kill9()
        shop.MixedLoad(mysql.connect, 6, count=300, threads=2).join()
        wait_until(lambda: leat.status()["outbox_keys"] > 0, "an outbox")
        leat.kill9()
        dynamodb.start()
        leat.start()
        world.prove()
        assert leat.status()["assertions"] > 0  # T7: a late duplicate cannot have the last word
        leat.kill9()


def test_sigterm_loses_nothing(world):
    """O7: under load, again and again; it always ends with 0 and goes on."""
    populate(world, 7)
    leat = world.running_leat()
    load = shop.MixedLoad(world.mysql.connect, 7, seconds=12, threads=3, rate=400)
    while load.running:
        load.wait(1)
        assert leat.sigterm() == 0
        leat.start()
    load.join()
    world.prove()


@pytest.mark.parametrize("seed", [1, 2])
def test_every_fault_of_the_target(world, seed):
    """T5 to T9, T12: the proxy verifies each signature, drops requests and answers, throttles, gives 5xx and UnprocessedItems, repeats late."""
    populate(world, 8)
    world.leat().cli("tables", "create")
    with FaultProxy(world.dynamodb.port, seed=seed, **FAULTS) as proxy:
        leat = world.leat(endpoint=proxy.endpoint, config={"database": {"dynamodb": {"request_timeout_ms": 2000}}})
        leat.start()
        shop.MixedLoad(world.mysql.connect, seed, count=800, threads=3).join()
        leat.wait_caught_up(200)
        print("faults:", dict(proxy.counts))
        world.prove()
        assert not proxy.violations, proxy.violations[:3]
        assert proxy.counts["bad_signature"] == 0
        assert all(proxy.counts[name] for name in ("unprocessed", "throttle", "drop_after", "error500")), proxy.counts


SERVERS = {
    "without GTIDs": dict(gtid_mode="OFF", enforce_gtid_consistency="OFF"),
    "compressed transactions": dict(binlog_transaction_compression="ON"),
    "MINIMAL metadata": dict(binlog_row_metadata="MINIMAL"),
    "MINIMAL images": dict(binlog_row_image="MINIMAL"),
    "NOBLOB images": dict(binlog_row_image="NOBLOB"),
    "no checksums": dict(binlog_checksum="NONE"),
    "cascades derived, MINIMAL images": dict(innodb_native_foreign_keys="ON", binlog_row_image="MINIMAL"),
    "small binlog files": dict(max_binlog_size="8192"),
}


@pytest.mark.parametrize("name", SERVERS)
def test_servers_of_all_kinds(dynamodb, name):
    """S14 to S18: a snapshot under load, every operation, a kill, on servers with other settings."""
    with Mysql(**SERVERS[name]) as mysql:
        mysql.load_shop()
        world = World(mysql, dynamodb)
        try:
            populate(world, 9)
            leat = world.leat()
            leat.cli("tables", "create")
            load = shop.MixedLoad(mysql.connect, 9, seconds=4, threads=2, rate=200)
            leat.start()
            load.wait(2)
            leat.kill9()
            leat.start()
            load.join()
            with mysql.connect() as connection:
                shop.every_operation(connection, 9, times=2)
            world.prove()
            assert leat.sigterm() == 0
        finally:
            for one in world.leats:
                one.kill9()


@pytest.mark.parametrize("gtid_mode", ["ON", "OFF"])
def test_defaults_of_minimal_images(dynamodb, gtid_mode):
    """S14, S16: what an INSERT leaves out is what the table gave it then, also behind an ALTER that changes the default."""
    with Mysql(binlog_row_image="MINIMAL", sql_mode="", gtid_mode=gtid_mode) as mysql:
        mysql.load_shop()
        world = World(mysql, dynamodb)
        try:
            populate(world, 9, users=20)
            leat = world.running_leat()
            world.prove()
            insert = "INSERT INTO products (seller_id, name, price) SELECT MIN(id), %s, 1 FROM users"
            with mysql.connect(mysql.database) as connection, connection.cursor() as cursor:
                cursor.execute(insert, "before")
                cursor.execute("INSERT INTO products (seller_id) SELECT MIN(id) FROM users")  # name '' and price 0.00, without strict mode
                world.prove()
                cursor.execute("ALTER TABLE products ALTER COLUMN inventory_quantity SET DEFAULT 77")
                cursor.execute(insert, "behind")
                world.prove()
                cursor.execute(insert, "and on")
                world.prove()
                leat.wait_ready()
                assert leat.sigterm() == 0  # and the next one cannot know what the default was
                cursor.execute(insert, "unseen")
                cursor.execute("ALTER TABLE products ALTER COLUMN inventory_quantity SET DEFAULT 78")
                leat.start()
                reason = leat.wait_parked()["parked"]["reason"]
                assert "may have changed their defaults" in reason and "empty state_dir" in reason, reason
        finally:
            for one in world.leats:
                one.kill9()


def test_huge_transaction(world):
    """S8: one transaction of many rows; nothing is sent before its commit, memory stays small."""
    populate(world, 10, users=50)
    leat = world.running_leat()
    world.prove()
    requests = leat.status()["target"]["requests"]
    with world.mysql.connect(world.mysql.database) as connection, connection.cursor() as cursor:
        connection.begin()
        cursor.execute("SELECT MIN(id) FROM users")
        (seller,) = cursor.fetchone()
        text = "x" * 5000
        for begin in range(0, 6000, 200):
            values = ",".join(f"({seller},'huge {n}',1.00,'{text}')" for n in range(begin, begin + 200))
            cursor.execute(f"INSERT INTO products (seller_id, name, price, description) VALUES {values}")
        assert leat.status()["target"]["requests"] == requests
        connection.commit()
    world.prove(timeout_s=120)


def test_memory_is_small(world):
    """Invariant 6: a snapshot of 25,000 rows and a load; anonymous memory (LMDB's dirty pages included) stays under 64 MB."""
    with world.mysql.connect() as connection:
        shop.populate(connection, 11)
    leat = world.running_leat()
    shop.MixedLoad(world.mysql.connect, 11, seconds=8, threads=4).join()
    world.prove(timeout_s=120)
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{leat.pid}/status").read_text().splitlines() if ":" in line)
    anonymous_mb = int(lines["RssAnon"].split()[0]) / 1024
    assert anonymous_mb < 64, anonymous_mb


def test_empty_database(world):
    """Nothing to copy is no trouble."""
    leat = world.running_leat()
    world.prove()
    with world.mysql.connect() as connection:
        shop.populate(connection, 12, users=20, categories=5, products=20, orders=20, carts=10)
    world.prove()
    assert leat.sigterm() == 0


def test_truncate(world):
    populate(world, 13, users=50)
    world.running_leat()
    world.mysql.execute("SET foreign_key_checks = 0", "TRUNCATE TABLE cart_items", "TRUNCATE order_items", database=world.mysql.database)
    world.prove()
    assert not any(key[2].startswith("CART#") for key in oracle.actual(world.dynamodb.client()) if key[0] == "Users")


def test_source_with_another_history(dynamodb):
    """S4, S5: a server that lacks what was applied is refused, loudly."""
    with Mysql() as first, Mysql() as second:
        for server in (first, second):
            server.load_shop()
        world = World(first, dynamodb)
        try:
            populate(world, 14, users=30)
            leat = world.running_leat()
            world.prove()
            assert leat.sigterm() == 0
            leat.write_config(database={"mysql": {"port": second.port, "tls": {"ca": str(second.ca)}}})
            leat.start()
            reason = leat.wait_parked()["parked"]["reason"]
            assert "history" in reason or "missing" in reason or "lack" in reason, reason
            assert leat.get("/ready")[0] == 503
        finally:
            for one in world.leats:
                one.kill9()


def test_one_server_id_twice(world):
    """S11: thrown out once, leat tries again; thrown out twice it is parked with the id and the remedy, and leaves the other alone. It goes on later."""
    leat = world.running_leat(config={"database": {"mysql": {"server_id": 4711}}})
    dump = Path(os.environ.get("LEAT_BINLOG_DUMP") or BUILD / "tests/unit/binlog_dump")
    command = [dump, "stream", f"port={world.mysql.port}", f"user={LEAT_USER}", f"password={LEAT_PASSWORD}", f"database={world.mysql.database}",
               "from=end", "server_id=4711"]

    for ended in (1, 0):  # leat comes back and throws the other out; then it does not come back
        wait_until(lambda: leat.status()["source"]["connected"], "leat follows")
        assert subprocess.run(command, capture_output=True).returncode == ended
    reason = leat.wait_parked()["parked"]["reason"]
    assert "server id 4711" in reason and "of its own" in reason, reason
    assert leat.get("/ready")[0] == 503


def test_restored_source(dynamodb):
    """S4: a source restored from an older copy of itself has the same name, the same files and soon the same GTIDs, for other transactions."""
    with Mysql() as mysql:
        mysql.load_shop()
        world = World(mysql, dynamodb)
        try:
            populate(world, 15, users=10)
            mysql.stop()
            copy = mysql.datadir.with_name("copy")
            shutil.copytree(mysql.datadir, copy)
            mysql.start()
            leat = world.running_leat()
            add_user = "INSERT INTO users (username, email, password_hash) VALUES ('u{0}', '{0}@x.net', 'x')"
            mysql.execute(*(add_user.format(n) for n in range(3)), database=mysql.database)
            world.prove()
            assert leat.sigterm() == 0
            mysql.stop()
            shutil.rmtree(mysql.datadir)
            copy.rename(mysql.datadir)
            last_s = int(time.time())
            wait_until(lambda: time.time() > last_s + 3, "files are made later, by whole seconds, than what was read")
            mysql.start()
            mysql.execute(*(add_user.format(n) for n in range(100, 109)), database=mysql.database)
            leat.start()
            reason = leat.wait_parked()["parked"]["reason"]
            assert "another history" in reason, reason
        finally:
            for one in world.leats:
                one.kill9()
