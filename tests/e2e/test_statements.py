"""Statements [S13, S14, S16]: which of them concern a mapped table, and what becomes of its items. MySQL's own SELECT is the oracle."""

import contextlib
from pathlib import Path

import pytest

from conftest import World
from lib.servers import NO_OLD_SERVER, Mysql, mysqld_of, temporary_folder
from tests.e2e.test_binlog import dump, rows_of, text

CONTRACT = {"version": 1, "database": "test1", "tables": [{
    "table": "Things", "type": "multi-entity", "pk": "pk", "sk": "sk",
    "entities": [{"entity_type": name, "source_table": name, "pk_template": name + "#{id}", "sk_template": "#",
                  "attributes": [{"name": "v", "type": "S", "source_column": "v"}]} for name in ("t", "größe")]}]}
TABLES = [f"CREATE TABLE {name} (id INT PRIMARY KEY, v VARCHAR(20), w INT) CHARSET utf8mb4" for name in ("t", "größe")]


def on(*versions):
    return pytest.mark.parametrize("server", versions, indirect=True)


ALL = on("9.7", "8.0", "5.7")


@pytest.fixture(scope="module")
def server(request):
    version = getattr(request, "param", "9.7")
    if mysqld_of(version) is None:
        pytest.skip(NO_OLD_SERVER.format(version))
    with Mysql(version=version, sql_mode="", gtid_mode="OFF", enforce_gtid_consistency="OFF", secure_file_priv=temporary_folder("load")) as mysql:
        yield mysql


@pytest.fixture
def source(server):
    server.execute("DROP DATABASE IF EXISTS test1", "DROP DATABASE IF EXISTS test2", "CREATE DATABASE test1", "CREATE DATABASE test2")
    server.execute(*TABLES, "CREATE TABLE u (id INT PRIMARY KEY, v VARCHAR(20), w INT)", "CREATE TABLE m (id INT PRIMARY KEY) ENGINE MyISAM",
                   database="test1")
    return server


@pytest.fixture
def world(source, dynamodb):
    one = World(source, dynamodb)
    yield one
    for leat in one.leats:
        leat.kill9()


def run(server, *statements, names="utf8mb4", ok=True):
    with server.connect("test1") as c, c.cursor() as q:
        c.set_character_set(names)
        for statement in statements:
            with contextlib.nullcontext() if ok else contextlib.suppress(Exception):
                q.execute(statement)


def end(server):
    file, offset = server.execute(f"SHOW {'BINARY LOG' if server.version == '9.7' else 'MASTER'} STATUS")[0][:2]
    return f"{file}:{offset}"


def kinds_of(server, before):
    """The events of the file behind a position, as the server calls them."""
    file, offset = before.split(":")
    return {row[2] for row in server.execute(f"SHOW BINLOG EVENTS IN '{file}' FROM {offset}")}


def leat_of(world, **config):
    leat = world.leat(contract=CONTRACT, config={"database": {"mysql": {"database": "test1"}}} | config)
    leat.cli("tables", "create")
    leat.start()
    leat.wait_ready()
    return leat


def prove(world, leat):
    """DynamoDB holds what SELECT gives."""
    leat.wait_caught_up()
    items = {i["pk"]["S"]: i.get("v", {}).get("S") for i in world.dynamodb.client().scan(TableName="Things")["Items"]}
    rows = {}
    for name in ("t", "größe"):
        with contextlib.suppress(Exception):  # it may have been dropped
            rows |= {f"{name}#{id_}": v for id_, v in world.mysql.execute(f"SELECT id, v FROM `{name}`", database="test1")}
    assert items == rows
    return rows


def read(server, before, **more):
    """What the decoder gives of both tables: (kind, table, id)."""
    lines = dump(server, "stream", **{"from": before, "tables": "t,größe", "live": 1} | more)
    return [(r["kind"], r["table"], text(r["after"] or r["before"] or {"id": [0, ""]})["id"]) for r in rows_of(lines) if r["table"] in ("t", "größe")]


def refused(server, before, **more):
    return dump(server, "stream", ok=False, **{"from": before, "tables": "t,größe", "live": 1} | more)


# ---- what is followed


@ALL
def test_truncates(source):
    """[S16] By every way of naming a table; and never a temporary table, whose TRUNCATE is logged alike."""
    before = end(source)
    run(source, "INSERT INTO t VALUES (1, 'x', 1)", "TRUNCATE t", "/*!50001 TRUNCATE */ TABLE test1 . `t` -- x", "TRUNCATE TABLE größe")
    run(source, "TRUNCATE TABLE größe", names="latin1")
    run(source, "SET sql_mode = 'ANSI_QUOTES'", 'TRUNCATE TABLE "test1"."t"')
    run(source, "TRUNCATE TABLE u", "TRUNCATE TABLE m", "CREATE TABLE test2.t LIKE t", "TRUNCATE TABLE test2.t")
    run(source, "SET foreign_key_checks = 0", "CREATE TABLE k (id INT PRIMARY KEY, t INT, FOREIGN KEY (t) REFERENCES t (id) ON DELETE CASCADE)", "TRUNCATE t")
    run(source, "SET binlog_format = STATEMENT", "CREATE TEMPORARY TABLE t (id INT)", "TRUNCATE t", "ALTER TABLE t ADD x INT", "ALTER TABLE t RENAME TO t9",
        "DROP TABLE t9")
    run(source, "INSERT INTO t VALUES (2, 'x', 1)")
    t, g = ("truncate", "t", ""), ("truncate", "größe", "")
    assert read(source, before) == [("insert", "t", "1"), t, t, g, g, t, t, ("insert", "t", "2")]


@ALL
def test_transactions_of_both_engines(source):
    """[S13] MyISAM keeps what InnoDB rolls back; savepoints with odd names, one in another; DDL that commits in the middle; CREATE ... SELECT."""
    before = end(source)
    run(source, "START TRANSACTION", "INSERT INTO t VALUES (1, 'x', 1)", "INSERT INTO m VALUES (1)", "ROLLBACK")
    run(source, "START TRANSACTION", "INSERT INTO t VALUES (2, 'x', 1)", "SAVEPOINT `A b``c`", "INSERT INTO t VALUES (3, 'x', 1)", "SAVEPOINT `to`",
        "INSERT INTO t VALUES (4, 'x', 1)", "INSERT INTO m VALUES (2)", "ROLLBACK TO `TO`", "INSERT INTO t VALUES (5, 'x', 1)", "ROLLBACK TO `a B``C`",
        "INSERT INTO t VALUES (6, 'x', 1)", "COMMIT")
    run(source, "START TRANSACTION", "INSERT INTO t VALUES (7, 'x', 1)", "CREATE TABLE n (id INT PRIMARY KEY)", "INSERT INTO t VALUES (8, 'x', 1)")
    run(source, "CREATE TABLE s (PRIMARY KEY (id)) SELECT * FROM t", "CREATE TABLE s2 (PRIMARY KEY (id)) ENGINE MyISAM SELECT * FROM t")
    # statements of another database may be logged as such, with savepoints that are rolled back to
    run(source, "USE test2", "CREATE TABLE m2 (id INT) ENGINE MyISAM", "CREATE TABLE i2 (id INT PRIMARY KEY)", "SET binlog_format = STATEMENT",
        "START TRANSACTION", "INSERT INTO i2 VALUES (1)", "SAVEPOINT `S`", "INSERT INTO m2 VALUES (1)", "INSERT INTO i2 VALUES (2)", "ROLLBACK TO `s`", "COMMIT")
    assert read(source, before) == [("insert", "t", i) for i in "2678"]
    assert [r[0] for r in source.execute("SELECT id FROM test1.t ORDER BY id")] == [2, 6, 7, 8]


@on("9.7", "8.0")
def test_swaps_by_online_schema_changes(world):
    """[S16] What gh-ost and pt-online-schema-change do to a table, in the order in which they do it; values come from the new table on."""
    run(world.mysql, "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 1)", "INSERT INTO größe VALUES (1, 'a', 1)")
    leat = leat_of(world)
    run(world.mysql, "CREATE TABLE _t_gho LIKE t", "CREATE TABLE _t_ghc (id INT PRIMARY KEY)", "ALTER TABLE _t_gho ADD x INT FIRST, DROP w",
        "INSERT IGNORE INTO _t_gho (id, v) SELECT id, v FROM t", "UPDATE t SET v = 'c' WHERE id = 2", "REPLACE INTO _t_gho (id, v) VALUES (2, 'c')",
        "RENAME /* gh-ost */ TABLE `test1`.`t` TO `test1`.`_t_del`, `test1`.`_t_gho` TO `test1`.`t`", "INSERT INTO t VALUES (9, 3, 'd')",
        "DROP TABLE _t_ghc, _t_del", "DELETE FROM t WHERE id = 1")
    assert prove(world, leat) == {"t#2": "c", "t#3": "d", "größe#1": "a"}
    run(world.mysql, "CREATE TABLE __größe_new LIKE größe", "INSERT INTO __größe_new SELECT * FROM größe",
        "RENAME TABLE größe TO _größe_old, __größe_new TO größe", "INSERT INTO größe VALUES (2, 'b', 2)", "DROP TABLE IF EXISTS `_größe_old`")
    run(world.mysql, "RENAME TABLE t TO swap, swap TO t", "INSERT INTO t VALUES (1, 7, 'e')", "CREATE INDEX i ON t (v)", "DROP INDEX i ON t")
    assert len(prove(world, leat)) == 5
    leat.kill9()
    leat.start()
    leat.wait_ready()
    run(world.mysql, "UPDATE t SET v = 'z'")
    assert prove(world, leat)["t#7"] == "z"


@on("5.7")
def test_a_swap_without_names(world):
    """[S16] 5.7's binlog has no column names: the schema is read again behind the swap, and at a restart."""
    run(world.mysql, "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 1)")
    leat = leat_of(world)
    run(world.mysql, "CREATE TABLE _t_gho LIKE t", "ALTER TABLE _t_gho ADD x INT FIRST, DROP w", "INSERT IGNORE INTO _t_gho (id, v) SELECT id, v FROM t",
        "UPDATE t SET v = 'c' WHERE id = 2", "REPLACE INTO _t_gho (id, v) VALUES (2, 'c')", "RENAME TABLE `test1`.`t` TO `test1`.`_t_del`, `test1`.`_t_gho` TO `test1`.`t`",
        "INSERT INTO t VALUES (9, 3, 'd')", "DROP TABLE _t_del", "DELETE FROM t WHERE id = 1")
    assert prove(world, leat) == {"t#2": "c", "t#3": "d"}
    leat.kill9()
    run(world.mysql, "UPDATE t SET v = 'z'")
    leat.start()
    leat.wait_ready()
    assert prove(world, leat) == {"t#2": "z", "t#3": "z"}


def test_dropped_and_made_again(world):
    """[S16] "on_drop": "delete": the items go; a table of this name that comes back is followed."""
    run(world.mysql, "INSERT INTO t VALUES (1, 'a', 1)", "INSERT INTO größe VALUES (1, 'a', 1)")
    leat = leat_of(world, on_drop="delete")
    run(world.mysql, "DROP TABLE IF EXISTS u, t, nothing")
    assert prove(world, leat) == {"größe#1": "a"}
    run(world.mysql, "CREATE TABLE t (w INT, v VARCHAR(20), id INT PRIMARY KEY)", "INSERT INTO t VALUES (1, 'b', 2)")
    assert prove(world, leat) == {"größe#1": "a", "t#2": "b"}
    run(world.mysql, "DROP DATABASE test1", ok=True)
    assert prove(world, leat) == {}
    world.mysql.execute("CREATE DATABASE test1")
    run(world.mysql, *TABLES, "INSERT INTO größe VALUES (3, 'c', 1)")
    assert prove(world, leat) == {"größe#3": "c"}


# ---- what parks

TAKES_ROWS = {
    "DROP TABLE t": "table test1.t is dropped", "DROP TABLE u, t": "on_drop", "DROP DATABASE test1": "is dropped: DROP DATABASE test1",
    "RENAME TABLE t TO x": "table test1.t is renamed", "RENAME TABLE t TO test2.t": "is renamed", "ALTER TABLE t RENAME x": "is renamed",
    "ALTER TABLE t ADD z INT, RENAME TO x, ALGORITHM = COPY": "is renamed", "RENAME TABLE t TO x, u TO t": "gets the rows of another",
    "RENAME TABLE t TO _t_old, größe TO t": "gets the rows of another", "ALTER TABLE t DISCARD TABLESPACE": "loses or gets rows",
}


@ALL
def test_what_takes_rows_away_parks(source):
    """[S16] Named with table and remedy; of other tables it passes."""
    for statement, reason in TAKES_ROWS.items():
        source.execute("DROP DATABASE IF EXISTS test1", "CREATE DATABASE test1")
        source.execute(*TABLES, "CREATE TABLE u LIKE t", database="test1")
        before = end(source)
        run(source, statement)
        source.execute("CREATE DATABASE IF NOT EXISTS test1")
        source.execute(*(t.replace("TABLE", "TABLE IF NOT EXISTS") for t in TABLES), database="test1")  # the driver reads the schema
        assert reason in refused(source, before), statement


@on("9.7", "8.0")  # 5.7's binlog has no names: the reader of these tests would have to read the schema again
def test_partitions(source):
    """[S16] Rows that leave or come with a partition; an ALTER that only arranges them anew passes."""
    run(source, "DROP TABLE t", "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), w INT) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20))")
    before = end(source)
    run(source, "ALTER TABLE t ADD PARTITION (PARTITION p2 VALUES LESS THAN (30))", "ALTER TABLE t REORGANIZE PARTITION p0, p1 INTO (PARTITION p0 VALUES LESS THAN (20))",
        "INSERT INTO t VALUES (1, 'x', 1)")
    assert read(source, before) == [("insert", "t", "1")]
    for statement in ("ALTER TABLE t TRUNCATE PARTITION p0", "ALTER TABLE t EXCHANGE PARTITION p0 WITH TABLE u", "ALTER TABLE t DROP PARTITION p2"):
        before = end(source)
        run(source, statement)
        assert "table test1.t loses or gets rows" in refused(source, before), statement
    run(source, "CREATE TABLE part LIKE t", "DROP TABLE t", TABLES[0])
    before = end(source)
    run(source, "ALTER TABLE part EXCHANGE PARTITION p0 WITH TABLE t")
    assert "table test1.t loses or gets rows" in refused(source, before)


@ALL
def test_statements_instead_of_rows(source):
    """[S14] Refused where they may change a mapped table: the event tells the databases that were used, also through a trigger."""
    source.execute("CREATE TABLE workshop_test1 (id INT PRIMARY KEY)", "CREATE TABLE tr (id INT PRIMARY KEY)",
                   "CREATE TRIGGER tr AFTER INSERT ON tr FOR EACH ROW INSERT INTO test1.t VALUES (NEW.id, 'x', 1)", database="test2")
    before = end(source)
    run(source, "SET binlog_format = STATEMENT", "USE test2", "INSERT INTO workshop_test1 VALUES (1)", "INSERT INTO workshop_test1 SELECT LENGTH('test1') + 3",
        "UPDATE workshop_test1 SET id = 2 WHERE id = 1 /* test1.t */", "CREATE TEMPORARY TABLE t (id INT)", "INSERT INTO t VALUES (1)", "DELETE FROM t")
    run(source, "INSERT INTO t VALUES (1, 'x', 1)")
    assert read(source, before) == [("insert", "t", "1")]
    for statements in (("INSERT INTO t VALUES (2, 'x', 1)",), ("USE test2", "UPDATE test1.t SET v = 'y'"), ("USE test2", "INSERT INTO tr VALUES (5)"),
                       ("USE test2", "DELETE FROM `TEST1`.t".replace("TEST1", "test1"))):
        before = end(source)
        run(source, "SET binlog_format = STATEMENT", *statements)
        assert "binlog_format" in refused(source, before), statements
    run(source, "DROP TABLE t")
    before = end(source)
    run(source, "SET binlog_format = STATEMENT", "CREATE TABLE t (PRIMARY KEY (id)) SELECT 1 AS id, 'x' AS v, 2 AS w")
    assert "is filled by a query" in refused(source, before)


@ALL
def test_load_data(source):
    """[S13, S14] LOAD DATA gives rows; as a statement it brings its file in events, in pieces, and is refused like any other."""
    file = Path(source.options["secure_file_priv"]) / "rows"
    file.write_text("".join(f"{i},{'x' * 10},1\n" for i in range(30000)))  # some 500 KB: four pieces
    source.execute(*(t.replace("TABLE t", "TABLE test2.o") for t in TABLES[:1]))
    before = end(source)
    load = f"LOAD DATA INFILE '{file}' INTO TABLE {{}} FIELDS TERMINATED BY ','"
    run(source, load.format("t"))
    assert read(source, before) == [("insert", "t", str(i)) for i in range(30000)]
    before = end(source)
    run(source, "SET binlog_format = STATEMENT", "USE test2", load.format("o"))
    run(source, "INSERT INTO t VALUES (30000, 'x', 1)")
    assert {"Begin_load_query", "Append_block", "Execute_load_query"} <= kinds_of(source, before)
    assert read(source, before) == [("insert", "t", "30000")]
    run(source, "TRUNCATE t")
    for at in ("test1", "test2"):
        run(source, "DELETE FROM test1.t")
        before = end(source)
        run(source, "SET binlog_format = STATEMENT", f"USE {at}", load.format("test1.t"))
        error = refused(source, before)
        assert "binlog_format" in error and "LOAD DATA INFILE" in error


@ALL
def test_an_incident(source):
    """[S10] MyISAM keeps rows that the source could not log: it says so, by an incident, and who reads the binlog lacks them."""
    small, large = ("SET GLOBAL max_binlog_stmt_cache_size = " + size for size in ("4096", "18446744073709547520"))
    source.execute("CREATE TABLE my (id INT PRIMARY KEY, v LONGTEXT) ENGINE MyISAM", small, database="test1")
    before = end(source)
    run(source, "INSERT INTO t VALUES (1, 'x', 1)", "INSERT INTO my VALUES (1, REPEAT('x', 60000)), (2, REPEAT('x', 60000))", ok=False)
    run(source, large)
    assert "Incident" in kinds_of(source, before) and source.execute("SELECT COUNT(*) FROM test1.my")[0][0] > 0
    error = refused(source, before)
    assert f"an incident at {before.split(':')[0]}:" in error and "empty state_dir" in error


@on("9.7", "5.7")
def test_names_from_the_schema_end_at_an_alter(world):
    """[S16] binlog_row_metadata=MINIMAL: two columns of one type change places. leat reads the schema again; across it nothing is taken for another."""
    server = world.mysql
    if server.version != "5.7":  # which writes no more
        server.execute("SET GLOBAL binlog_row_metadata = MINIMAL")
    try:
        run(server, "ALTER TABLE t MODIFY w VARCHAR(20)", "INSERT INTO t VALUES (1, 'v', 'w')")
        leat = leat_of(world)
        run(server, "INSERT INTO t VALUES (2, 'v', 'w')", "ALTER TABLE t MODIFY v VARCHAR(20) AFTER w", "INSERT INTO t VALUES (3, 'w', 'v')")
        assert prove(world, leat) == {"t#1": "v", "t#2": "v", "t#3": "v"}
        leat.kill9()
        run(server, "INSERT INTO t VALUES (4, 'w', 'v')", "ALTER TABLE t MODIFY w VARCHAR(20) AFTER v", "INSERT INTO t VALUES (5, 'v', 'w')")
        leat.start()
        leat.wait_parked()
        reason = leat.status()["parked"]["reason"]
        assert "table test1.t" in reason and "binlog_row_metadata" in reason and "ALTER TABLE t MODIFY" in reason
    finally:
        if server.version != "5.7":
            server.execute("SET GLOBAL binlog_row_metadata = FULL")
