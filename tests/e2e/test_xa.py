"""XA [S12]: rows are logged at XA PREPARE; they count from XA COMMIT on, in its place, and never after XA ROLLBACK."""

import re
from pathlib import Path

import pytest

from conftest import World
from lib.servers import NO_OLD_SERVER, Mysql, mysqld_of, wait_until
from tests.e2e.test_binlog import dump, end, rows_of, text


ALL = pytest.mark.parametrize("server", ["9.7", "8.0", "5.7"], indirect=True)


@pytest.fixture(scope="module")
def server(request):
    version = getattr(request, "param", "9.7")
    if mysqld_of(version) is None:
        pytest.skip(NO_OLD_SERVER.format(version))
    with Mysql(version=version, sql_mode="") as mysql:
        mysql.execute("CREATE DATABASE test1", "CREATE DATABASE test2", "CREATE TABLE test2.o (id INT PRIMARY KEY)",
                      "CREATE TABLE test1.t (id INT PRIMARY KEY, v LONGTEXT)")
        yield mysql


def run(server, *statements, database="test1"):
    """In one session: XA belongs to it."""
    with server.connect(database) as c, c.cursor() as q:
        for statement in statements:
            q.execute(statement)


def prepare(server, xid, *statements, session=()):
    """Ends with the session, which leaves what is prepared."""
    run(server, *session, f"XA START {xid}", *statements, f"XA END {xid}", f"XA PREPARE {xid}")


def ids(server, before):
    return [int(text(r["after"])["id"]) for r in rows_of(dump(server, "stream", **{"from": before, "tables": "t", "live": 1}))]


@ALL
def test_rows_come_with_the_commit(server):
    """Two prepared at once, decided in the other order; names with parts, formats and odd bytes; empty ones; others' tables."""
    before = end(server)
    prepare(server, "'a','b',7", "INSERT INTO t VALUES (1, 'x')")
    prepare(server, "X'00ff27','''',2147483647", "INSERT INTO t VALUES (2, 'x')", "INSERT INTO test2.o VALUES (2)")
    prepare(server, "'" + "g" * 64 + "','" + "b" * 64 + "'", "INSERT INTO t VALUES (3, 'x')")
    prepare(server, "'others'", "INSERT INTO test2.o VALUES (4)")
    run(server, "XA START 'empty'", "SELECT * FROM t", "XA END 'empty'", "XA PREPARE 'empty'", "XA COMMIT 'empty'")
    assert ids(server, before) == []
    run(server, "XA COMMIT X'00ff27','''',2147483647", "INSERT INTO t VALUES (5, 'between')", "XA ROLLBACK '" + "g" * 64 + "','" + "b" * 64 + "'",
        "XA COMMIT 'others'", "XA COMMIT 'a','b',7")
    assert ids(server, before) == [2, 5, 1]
    assert server.execute("SELECT id FROM test1.t ORDER BY id") == ((1,), (2,), (5,))


@ALL
def test_one_phase_and_savepoints(server):
    before = end(server)
    run(server, "XA START 'y'", "INSERT INTO t VALUES (11, 'x')", "SAVEPOINT s", "INSERT INTO t VALUES (12, 'x')", "ROLLBACK TO s",
        "INSERT INTO t VALUES (13, 'x')", "XA END 'y'", "XA COMMIT 'y' ONE PHASE")
    prepare(server, "'y'", "INSERT INTO t VALUES (14, 'x')", "SAVEPOINT s", "INSERT INTO t VALUES (15, 'x')", "ROLLBACK TO s")
    run(server, "XA COMMIT 'y'")
    prepare(server, "'y'", "INSERT INTO t VALUES (16, 'x')")  # the same name once more
    run(server, "XA ROLLBACK 'y'")
    assert ids(server, before) == [11, 13, 14]


def test_compressed_and_large(server):
    """Prepared inside a compressed event; one larger than the memory that a transaction may have."""
    on = ("SET SESSION binlog_transaction_compression = ON",)
    before = end(server)
    prepare(server, "'c'", "INSERT INTO t VALUES (21, 'x')", session=on)
    prepare(server, "'d'", "INSERT INTO t VALUES (22, 'x')", session=on)
    run(server, *on, "XA START 'e'", "INSERT INTO t VALUES (23, 'x')", "XA END 'e'", "XA COMMIT 'e' ONE PHASE")
    prepare(server, "'large'", *(f"INSERT INTO t VALUES ({i}, REPEAT('{i}', 400000))" for i in range(30, 40)))
    run(server, "XA COMMIT 'large'", "XA COMMIT 'd'", "XA ROLLBACK 'c'")
    assert ids(server, before) == [23, *range(30, 40), 22]


@ALL
def test_a_commit_of_what_was_never_seen(server):
    """Whoever begins between PREPARE and COMMIT hears of it; a ROLLBACK needs nothing."""
    prepare(server, "'u'", "INSERT INTO t VALUES (41, 'x')")
    prepare(server, "'v'", "INSERT INTO t VALUES (42, 'x')")
    before = end(server)
    run(server, "XA ROLLBACK 'v'")
    assert ids(server, before) == []
    run(server, "XA COMMIT 'u'")
    assert "XA COMMIT X'75',X'',1" in dump(server, "stream", ok=False, **{"from": before, "tables": "t", "live": 1})


# ---- the replicator

USER = "INSERT INTO users (username, email, password_hash) VALUES ('{0}', '{0}@x.org', 'h')"


def names(world):
    """Who stands in DynamoDB."""
    world.leats[0].wait_caught_up()
    return {item["username"]["S"] for item in world.dynamodb.client().scan(TableName="Users")["Items"] if "username" in item}


def xa(world, *statements):
    run(world.mysql, *statements, database=world.mysql.database)


def hold(world, xid, *statements, session=()):
    xa(world, *session, f"XA START '{xid}'", *statements, f"XA END '{xid}'", f"XA PREPARE '{xid}'")


def held(leat):
    return leat.status()["prepared_transactions"]["count"]


def test_kills_between_prepare_and_commit(world):
    """kill -9 and an orderly end while some are prepared, and behind the decision: present, absent, still waiting. Both servers restart."""
    leat = world.running_leat()
    hold(world, "commit", USER.format("ann"), USER.format("bob"))
    hold(world, "rollback", USER.format("eve"))
    hold(world, "packed", USER.format("joe"), session=("SET SESSION binlog_transaction_compression = ON",))
    hold(world, "later", USER.format("zoe"))
    assert names(world) == set() and held(leat) == 4
    leat.kill9()  # before any checkpoint knows of them
    leat.start()
    leat.wait_ready()
    assert names(world) == set() and held(leat) == 4
    assert leat.sigterm() == 0  # in the checkpoint
    world.mysql.restart()
    xa(world, "XA COMMIT 'commit'", "XA ROLLBACK 'rollback'")
    leat.start()
    leat.wait_ready()
    assert names(world) == {"ann", "bob"} and held(leat) == 2
    leat.kill9()  # decided, and no checkpoint since: decided once more
    leat.start()
    xa(world, "XA COMMIT 'packed'")
    assert names(world) == {"ann", "bob", "joe"} and held(leat) == 1
    assert leat.metric("leat_prepared_transactions") == 1 and 0 < leat.metric("leat_prepared_oldest_seconds") < 300
    world.prove()
    xa(world, "XA COMMIT 'later'")
    assert names(world) == {"ann", "bob", "joe", "zoe"} and held(leat) == 0
    world.prove()


def test_the_snapshot_waits(world):
    """Prepared before the snapshot: its rows lie before L. A kill in the wait changes nothing."""
    hold(world, "early", USER.format("ann"))
    hold(world, "gone", USER.format("eve"))
    leat = world.leat()
    leat.cli("tables", "create")
    for _ in range(2):
        leat.start()
        wait_until(lambda: "waiting for prepared XA transactions" in leat.logs, "that it waits")
        leat.kill9()
    leat.start()
    xa(world, "XA ROLLBACK 'gone'", USER.format("bob"), "XA COMMIT 'early'")
    leat.wait_ready()
    assert names(world) == {"ann", "bob"}
    hold(world, "next", USER.format("joe"))
    xa(world, "XA COMMIT 'next'")
    world.prove()


@pytest.mark.parametrize("version", ["8.0", "5.7"])
def test_old_servers(version, dynamodb):
    """The snapshot waits, prepared transactions outlive a kill of leat and of the server, are decided, and all is proven."""
    if mysqld_of(version) is None:
        pytest.skip(NO_OLD_SERVER.format(version))
    with Mysql(version=version) as mysql:
        mysql.load_shop()
        world = World(mysql, dynamodb)
        hold(world, "early", USER.format("ann"))
        leat = world.leat()
        try:
            leat.cli("tables", "create")
            leat.start()
            wait_until(lambda: "waiting for prepared XA transactions" in leat.logs, "that it waits")
            xa(world, "XA COMMIT 'early'")
            leat.wait_ready()
            hold(world, "commit", USER.format("bob"), "DELETE FROM users WHERE username = 'ann'")
            hold(world, "rollback", USER.format("eve"))
            assert names(world) == {"ann"} and held(leat) == 2
            leat.kill9()
            mysql.execute("FLUSH ENGINE LOGS")  # 5.7 writes the last XA PREPARE to its redo log up to a second after its answer
            mysql.kill9()  # an orderly end takes these ten seconds
            mysql.start()
            leat.start()
            leat.wait_ready()
            xa(world, "XA COMMIT 'commit'", "XA ROLLBACK 'rollback'")
            assert names(world) == {"bob"} and held(leat) == 0
            world.prove()
        finally:
            leat.kill9()


def test_a_commit_of_what_the_snapshot_could_not_see(world):
    """Without XA_RECOVER_ADMIN leat cannot wait: the COMMIT parks, with the remedy; a new snapshot ends it."""
    world.mysql.execute("REVOKE XA_RECOVER_ADMIN ON *.* FROM leat@'%'")
    hold(world, "unseen", USER.format("ann"))
    leat = world.running_leat()
    xa(world, USER.format("bob"), "XA COMMIT 'unseen'")
    leat.wait_parked()
    reason = leat.status()["parked"]["reason"]
    assert "XA COMMIT X'756e7365656e',X'',1" in reason and "XA_RECOVER_ADMIN" in reason and "empty state_dir" in reason
    assert leat.sigterm() == 0


def test_without_gtids_and_large(mysql_without_gtids, dynamodb):
    """Positions by file; a prepared transaction far larger than leat's memory for it, and a replay over all of them."""
    world = World(mysql_without_gtids, dynamodb)
    try:
        leat = world.running_leat()
        begin = "{}:{}".format(*world.mysql.execute("SHOW BINARY LOG STATUS")[0][:2])
        rows = ", ".join(f"('u{i}', 'u{i}@x.org', REPEAT('h', 255))" for i in range(20))
        fill = "INSERT INTO bulk (v) VALUES " + ", ".join(["(REPEAT('x', 60000))"] * 50)
        world.mysql.execute("CREATE TABLE bulk (id INT PRIMARY KEY AUTO_INCREMENT, v LONGTEXT)", database=world.mysql.database)
        hold(world, "large", *[fill] * 20, f"INSERT INTO users (username, email, password_hash) VALUES {rows}")  # 60 MB, most of it of no use
        hold(world, "small", USER.format("eve"))
        world.mysql.execute("FLUSH BINARY LOGS")
        assert names(world) == set()
        assert peak_kb(leat) < 50_000  # of 60 MB that came in
        leat.kill9()
        leat.start()
        leat.wait_ready()
        xa(world, "XA COMMIT 'large'", "XA ROLLBACK 'small'")
        assert names(world) == {f"u{i}" for i in range(20)}
        assert peak_kb(leat) < 50_000
        world.prove()
        end_ = "{}:{}".format(*world.mysql.execute("SHOW BINARY LOG STATUS")[0][:2])
        replay = leat.json("replay", "--from", begin, "--to", end_)
        assert replay["row_changes"] >= 20, replay
        assert "begin earlier" in leat.cli("replay", "--from", end_before(world), "--to", end_, expect=4).stderr
        world.prove()
        assert leat.sigterm() == 0
    finally:
        for one in world.leats:
            one.kill9()


def peak_kb(leat):
    """Without the pages of the store's file, which it maps and the kernel may take back."""
    status = Path(f"/proc/{leat.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) - int(re.search(r"RssFile:\s+(\d+)", status)[1])


def end_before(world):
    """The start of the newest binlog file: behind the PREPAREs, before the COMMIT."""
    return "{}:4".format(world.mysql.execute("SHOW BINARY LOGS")[-1][0])


@pytest.fixture
def mysql_without_gtids():
    with Mysql(gtid_mode="OFF", enforce_gtid_consistency="OFF") as server:
        server.load_shop()
        yield server
