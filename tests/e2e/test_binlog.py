"""binlog/ against a real MySQL: numbers in brackets are those of the faults that it must survive."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.lib.reading import measured, to_nothing
from tests.lib.servers import BUILD, LEAT_PASSWORD, LEAT_USER, Leat, Mysql

DUMP = Path(os.environ.get("LEAT_BINLOG_DUMP") or BUILD / "tests/unit/binlog_dump")
ALL_TYPES = """CREATE TABLE types (
  id INT PRIMARY KEY, t1 TINYINT, t2 TINYINT UNSIGNED, s1 SMALLINT, s2 SMALLINT UNSIGNED, m1 MEDIUMINT, m2 MEDIUMINT UNSIGNED,
  y YEAR, i1 INT, i2 INT UNSIGNED, b1 BIGINT, b2 BIGINT UNSIGNED, f FLOAT, d DOUBLE,
  de1 DECIMAL(10,2), de2 DECIMAL(65,30), de3 DECIMAL(9,9), de4 DECIMAL(20,0), bit1 BIT(1), bit2 BIT(12), bit3 BIT(64),
  da DATE, ti0 TIME, ti3 TIME(3), ti6 TIME(6), ti1 TIME(1), dt0 DATETIME, dt2 DATETIME(2), dt6 DATETIME(6),
  ts0 TIMESTAMP NULL, ts4 TIMESTAMP(4) NULL, ts6 TIMESTAMP(6) NULL,
  c CHAR(10), v VARCHAR(50), vl VARCHAR(2000), tt TINYTEXT, tx TEXT, tm MEDIUMTEXT, tl LONGTEXT,
  l1 VARCHAR(50) CHARACTER SET latin1, u3 VARCHAR(50) CHARACTER SET utf8mb3, a VARCHAR(50) CHARACTER SET ascii,
  bi BINARY(6), vb VARBINARY(300), bl BLOB, bt TINYBLOB,
  e ENUM('one','it''s','ü,x'), el ENUM('ä','b') CHARACTER SET latin1, st SET('a','b','c'), st64 SET(%s), cl CHAR(200), last BIGINT UNSIGNED
) DEFAULT CHARSET utf8mb4""" % ",".join(f"'v{i}'" for i in range(64))
ROWS = [
    "(1" + ", NULL" * 51 + ")",
    """(2, -128, 255, -32768, 65535, -8388608, 16777215, 1901, -2147483648, 4294967295, -9223372036854775808, 18446744073709551615,
       -1.5, 1.7976931348623157e308, -12.50, 99999999999999999999999999999999999.999999999999999999999999999999, 0.123456789,
       -99999999999999999999, b'1', b'101010101010', 18446744073709551615, '9999-12-31', '-838:59:59', '838:59:58.999', '-00:00:00.000001',
       '-1:02:03.4', '1000-01-01 00:00:00', '9999-12-31 23:59:59.99', '2026-11-21 10:15:00.123456', '1970-01-01 00:00:01',
       '2038-01-19 03:14:07.9999', '2026-11-21 10:15:00.000001', 'char  ', 'äöü€😀', REPEAT('ü', 1500), 'tiny', REPEAT('x', 60000), 'medium',
       '', 'Ä€\u0081é', 'zażółć', 'ascii', 0x0001, 0x00FF00, REPEAT('z', 5000), '', 'it''s', 'ä', 'a,c', 18446744073709551615, 'wide', 18446744073709551615)""",
    """(3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -0.0, 0, 0, 0, 0, b'0', b'0', b'0', '0000-00-00', '0', '0', '0', '-0.1', '0000-00-00', '2026-00-00',
       '2026-11-00 01:02:03', '0000-00-00 00:00:00', '0000-00-00 00:00:00', '0000-00-00 00:00:00', '', '', '', '', '', '', '', '', '', '',
       '', '', '', '', 0, 1, '', 0, '', 0)""",
    """(4, 1, 1, 1, 1, -1, 1, 2155, 1, 1, 1, 1, 0.1, 1e-7, -0.01, -0.000000000000000000000000000001, -0.5, 7, b'1', b'1', b'1', '2026-02-28',
       '-00:00:01', '-0:0:1.001', '-838:59:58.000001', '23:59:59.9', '2026-11-21 10:15:00', '2026-11-21 10:15:00.5', '1000-01-01 00:00:00.1',
       '2026-06-01 12:00:00', '2026-06-01 12:00:00.5', '1970-01-01 00:00:01.5', 'ABC', 'a\\0b', 'q', 'q', 'q', 'q', 'q', '\\r\\n\\t"\\\\', 'x', 'y',
       'abcdef', 'x', 'y', 'z', 3, 2, 'b', 1, REPEAT('ü', 200), 1)""",
]


def run(server, what, *, user=None, password=None, env=None, **more):
    """One run of binlog_dump, whatever its end."""
    keys = {"port": server.port, "user": user or LEAT_USER, "password": LEAT_PASSWORD if password is None else password, "database": "test1"} | more
    return subprocess.run([str(DUMP), what, *(f"{k}={v}" for k, v in keys.items())], capture_output=True, text=True, timeout=120,
                          env={**os.environ, **(env or {})})


def dump(server, what, *, ok=True, **more):
    """The lines of binlog_dump; with ok=False its error text."""
    made = run(server, what, **more)
    if ok:
        assert made.returncode == 0, made.stderr
        return [json.loads(line) for line in made.stdout.split("\n") if line]  # not splitlines(): U+2028 is no end of a line
    assert made.returncode == 1, made.stdout + made.stderr
    return made.stderr


def rows_of(lines):
    return [line for line in lines if "kind" in line]


def ends_of(lines):
    return [line for line in lines if "end" in line]


def text(image):
    return None if image is None else {name: value[1] if value[0] != 1 else None for name, value in image.items()}


def end(server, **more):
    return dump(server, "position", **more)[0]["end"]


@pytest.fixture(scope="module")
def server():
    with Mysql(sql_mode="") as mysql:
        mysql.execute("CREATE DATABASE test1", "CREATE DATABASE test2")
        yield mysql


@pytest.fixture
def table(server):
    server.execute("DROP DATABASE IF EXISTS test1", "CREATE DATABASE test1",
                   "CREATE TABLE test1.t (id INT PRIMARY KEY, v VARCHAR(20), n INT UNSIGNED) ENGINE InnoDB")
    return end(server)


def fill_types(server):
    server.execute("DROP DATABASE IF EXISTS test1", "CREATE DATABASE test1")
    server.execute(ALL_TYPES, database="test1")
    before = end(server)
    server.execute(*(f"INSERT INTO types VALUES {row}" for row in ROWS), database="test1")
    return before


def compare_decoders(server, **more):
    """Both decoders must give the same stored bytes."""
    before = fill_types(server)
    streamed = [row["after"] for row in rows_of(dump(server, "stream", **{"from": before, "tables": "types"} | more))]
    chunked = dump(server, "chunks", tables="types", only="types")
    assert len(streamed) == len(chunked) == len(ROWS)
    for a, b in zip(streamed, chunked):
        assert list(a) == list(b)
        assert {k: v for k, v in a.items() if v != b[k]} == {k: v for k, v in b.items() if v != a[k]}
    return [text(row) for row in streamed]


def test_types_of_stream_and_snapshot_are_equal(server):
    """[S20-S22] and the exact text of what is odd."""
    none, most, zero, small = compare_decoders(server)
    assert set(none.values()) == {"1", None}
    assert most["b2"] == "18446744073709551615" and most["b1"] == "-9223372036854775808" and most["bit3"] == "18446744073709551615"
    assert most["de2"] == "9" * 35 + "." + "9" * 30 and most["de1"] == "-12.50" and most["de3"] == "0.123456789"
    assert most["ti0"] == "-838:59:59" and most["ti6"] == "-00:00:00.000001" and most["ti1"] == "-01:02:03.4"
    assert most["dt2"] == "9999-12-31T23:59:59.99" and most["ts4"] == "2038-01-19T03:14:07.9999Z"
    assert most["v"] == "äöü€😀" and most["l1"] == "Ä€\u0081é" and most["el"] == "ä" and most["e"] == "it's" and most["st"] == "a,c"
    assert most["st64"] == ",".join(f"v{i}" for i in range(64)) and most["d"] == "1.7976931348623157e+308" and most["f"] == "-1.5"
    assert zero["y"] == "0" and zero["da"] == "" and zero["d"] == "0" and zero["e"] == "" and zero["ti1"] == "-00:00:00.1" and zero["de1"] == "0.00"
    assert small["f"] == "0.1" and small["d"] == "1e-7" and small["de2"] == "-0.000000000000000000000000000001" and small["v"] == "a\0b"
    assert small["ts0"] == "2026-06-01T12:00:00Z" and small["ti3"] == "-00:00:01.001" and small["e"] == "ü,x"


def test_chunks_of_every_key_type(server):
    """Chunks of one row each meet all rows, whatever the key: collations, signs, two columns, ENUM."""
    keys = {"a": ("a INT, b VARCHAR(10)", "a, b", "(-1,'x'),(-1,'y'),(0,'A'),(0,'b'),(7,'ä')"),
            "b": ("a VARCHAR(10), b INT", "a, b", "('a',1),('B',1),('c',2),('ä',3),('',4)"),
            "c": ("a ENUM('z','y','x'), b TIME(3)", "a, b", "('z','-10:00:00.5'),('z','800:00'),('y','1:0'),('x','0')"),
            "d": ("a DECIMAL(10,2), b DATETIME(6)", "a, b", "(-1.5,'2026-01-01 00:00:00.000001'),(-1.5,'2026-01-01'),(0,'0000-00-00')"),
            "e": ("a VARBINARY(10), b TIMESTAMP(2)", "a, b", "(0x00,'2026-01-01'),(0x0001,'2026-01-01'),(0xFF,'2026-01-01 00:00:00.25')"),
            "f": ("a BIGINT UNSIGNED, b VARCHAR(5) CHARACTER SET latin1", "a, b", "(18446744073709551615,'ä'),(1,'z'),(1,'ü'),(1,'')"),
            "g": ("a DATE, b SMALLINT, c CHAR(3)", "a, b, c", "('2026-01-01',1,'a'),('2026-01-01',1,'b'),('2026-01-01',2,'a'),('2025-01-01',9,'z')")}
    server.execute("DROP DATABASE IF EXISTS test1", "CREATE DATABASE test1")
    for name, (columns, key, values) in keys.items():
        server.execute(f"CREATE TABLE {name} ({columns}, PRIMARY KEY ({key}))", f"INSERT INTO {name} VALUES {values}", database="test1")
        want = server.execute(f"SELECT COUNT(*) FROM {name}", database="test1")[0][0]
        for limit in (1, 2, 100):
            got = [tuple(v[2] for v in row.values()) for row in dump(server, "chunks", tables=name, only=name, limit=limit)]
            assert len(got) == len(set(got)) == want, (name, limit, got)


def test_minimal_metadata(server):
    """[S16] Names from the live schema, signs and character sets from the event; a changed table is refused."""
    server.execute("SET GLOBAL binlog_row_metadata = MINIMAL")
    try:
        before = fill_types(server)
        assert "binlog_row_metadata" in dump(server, "stream", ok=False, **{"from": before})
        compare_decoders(server, live=1)
        before = end(server)
        server.execute("INSERT INTO types (id) VALUES (9)", "ALTER TABLE types DROP COLUMN t1", database="test1")
        assert "was changed" in dump(server, "stream", ok=False, **{"from": before, "live": 1, "tables": "types"})
    finally:
        server.execute("SET GLOBAL binlog_row_metadata = FULL")


def test_rollback_leaves_no_trace(server, table):
    """[S13] Transactions, savepoints, and statements that fail."""
    with server.connect("test1") as c, c.cursor() as q:
        c.autocommit(False)
        q.execute("INSERT INTO t VALUES (1, 'gone', 1)")
        c.rollback()
        q.execute("INSERT INTO t VALUES (2, 'kept', 4294967295)")
        q.execute("SAVEPOINT a")
        q.execute("INSERT INTO t VALUES (3, 'gone', 1)")
        q.execute("ROLLBACK TO a")
        q.execute("UPDATE t SET v = 'more' WHERE id = 2")
        c.commit()
    server.execute("DELETE FROM t", "TRUNCATE TABLE t", database="test1")
    lines = dump(server, "stream", **{"from": table})
    assert [(r["kind"], text(r["before"]), text(r["after"])) for r in rows_of(lines)[:3]] == [
        ("insert", None, {"id": "2", "v": "kept", "n": "4294967295"}),
        ("update", {"id": "2", "v": "kept", "n": "4294967295"}, {"id": "2", "v": "more", "n": "4294967295"}),
        ("delete", {"id": "2", "v": "more", "n": "4294967295"}, None)]
    assert rows_of(lines)[3]["kind"] == "truncate"
    assert abs(ends_of(lines)[-1]["commit_us"] - time.time() * 1e6) < 120e6
    assert ends_of(lines)[-1]["position"] == end(server)


def test_myisam_and_create_select(server, table):
    """[S13] A table without transactions, and rows in a DDL."""
    server.execute("CREATE TABLE m (id INT PRIMARY KEY) ENGINE MyISAM", "INSERT INTO m VALUES (1)", "INSERT INTO t VALUES (1, 'x', 1)",
                   "CREATE TABLE s (PRIMARY KEY (id)) SELECT * FROM t", database="test1")
    rows = rows_of(dump(server, "stream", **{"from": table}))
    assert [(r["table"], text(r["after"])["id"]) for r in rows] == [("m", "1"), ("t", "1"), ("s", "1")]


def test_resume_at_every_transaction(server, table):
    """[S2] From each end on, the rest comes, once."""
    for i in range(5):
        server.execute(f"INSERT INTO t VALUES ({i}, 'x', {i})", *(["FLUSH BINARY LOGS"] if i == 2 else []), database="test1")
    lines = dump(server, "stream", **{"from": table})
    ends = ends_of(lines)
    assert len(ends) == 5
    for i, one in enumerate(ends):
        rest = dump(server, "stream", **{"from": one["position"]})
        assert [r["after"]["id"][1] for r in rows_of(rest)] == [str(k) for k in range(i + 1, 5)]
        rest = dump(server, "stream", **{"from": f"{one['file']}:{one['offset']}"})
        assert [r["after"]["id"][1] for r in rows_of(rest)] == [str(k) for k in range(i + 1, 5)]
        assert [e["offset"] for e in ends_of(rest)] == [e["offset"] for e in ends[i + 1:]]


def test_tagged_gtids(server, table):
    """[S6] A tag, then none again; resumed by a set that has both."""
    with server.connect("test1") as c, c.cursor() as q:
        q.execute("SET gtid_next = 'AUTOMATIC:blue'")
        q.execute("INSERT INTO t VALUES (1, 'tagged', 1)")
        q.execute("SET gtid_next = AUTOMATIC")
        q.execute("INSERT INTO t VALUES (2, 'plain', 1)")
    ends = ends_of(dump(server, "stream", **{"from": table}))
    assert ":blue:" in ends[0]["end"] and ":blue:" not in ends[1]["end"]
    assert abs(ends[0]["commit_us"] - time.time() * 1e6) < 120e6
    rest = dump(server, "stream", **{"from": ends[0]["position"]})
    assert [text(r["after"])["v"] for r in rows_of(rest)] == ["plain"]
    assert dump(server, "stream", **{"from": ends[1]["position"]})[0].keys() == {"peak_kb", "rss_kb"}


def test_compressed_transactions(server, table):
    """[S15] Many rows in one event; the end is the outer one."""
    with server.connect("test1") as c, c.cursor() as q:
        q.execute("SET binlog_transaction_compression = ON")
        q.execute("INSERT INTO t VALUES " + ",".join(f"({i}, REPEAT('x', 20), {i})" for i in range(20000)))
        q.execute("UPDATE t SET v = 'y' WHERE id < 10")
    lines = dump(server, "stream", **{"from": table})
    assert len(rows_of(lines)) == 20010 and text(rows_of(lines)[19999]["after"]) == {"id": "19999", "v": "x" * 20, "n": "19999"}
    assert ends_of(lines)[0]["bytes"] < 400_000
    rest = dump(server, "stream", **{"from": f"{ends_of(lines)[0]['file']}:{ends_of(lines)[0]['offset']}"})
    assert len(rows_of(rest)) == 10


def one_transaction(server, kib, blob_kib, *settings):
    """One of about so many KiB. The images of updates hold a blob of random bytes, which nobody compresses, and cost the server little."""
    server.execute("CREATE TABLE big (id INT AUTO_INCREMENT PRIMARY KEY, n INT, b LONGBLOB)", database="test1")
    with server.connect("test1") as c, c.cursor() as q:
        for _ in range(max(1, 8192 // blob_kib)):
            q.execute("INSERT INTO big (n, b) VALUES (0, _binary %s)", (os.urandom(blob_kib * 1024),))
    before = end(server)
    with server.connect("test1") as c, c.cursor() as q:
        for setting in settings:
            q.execute(f"SET {setting}")
        c.begin()
        for _ in range(kib // (2 * max(8192, blob_kib))):
            q.execute("UPDATE big SET n = n + 1")
        c.commit()
    return before


def allocations(server, tmp_path, rows):
    """How often reading one transaction of so many rows asks for memory."""
    before = end(server)
    server.execute(f"INSERT INTO many {SERIES % rows}", f"UPDATE many SET n = n + 1 WHERE id % 4 = 0", "DELETE FROM many", database="test1")
    env = {"LD_PRELOAD": str(BUILD / "tests/lib/liballocations.so"), "LEAT_ALLOCATIONS": str(tmp_path / "count")}
    lines = dump(server, "stream", quiet=1, env=env, **{"from": before})
    assert sum(line["rows"] for line in ends_of(lines)) == rows // 4 * 9
    return int((tmp_path / "count").read_text())


SERIES = """WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < %d)
  SELECT i, i, i * 1.01, CONCAT('na', i, 'ïve'), REPEAT('text', i MOD 100), i / 3, i MOD 3 + 1, i MOD 8,
    '2026-11-21 10:15:00.123', NOW(), CONCAT('-1:02:0', i MOD 10), CONCAT('é', i), x'00ff', JSON_OBJECT('id', i, 'list', JSON_ARRAY(i, 1.5, 'x')) FROM s"""


def test_nothing_is_allocated_per_row(server, table, tmp_path):
    server.execute("SET GLOBAL cte_max_recursion_depth = 1000000",
                   """CREATE TABLE many (id INT PRIMARY KEY, n BIGINT UNSIGNED, price DECIMAL(12,2), name VARCHAR(80), body TEXT, ratio DOUBLE,
                     kind ENUM('a','b','c'), tags SET('x','y','z'), at DATETIME(3), seen TIMESTAMP, span TIME, old VARCHAR(20) CHARACTER SET latin1,
                     raw BINARY(8), doc JSON)""", database="test1")
    few, many = allocations(server, tmp_path, 4000), allocations(server, tmp_path, 40000)
    assert few > 100 and many - few < 100, (few, many)


def decode_peak_kb(server, before):
    """Of leat decode, printing all of it."""
    leat = Leat(server, endpoint="http://127.0.0.1:1", config={"database": {"mysql": {"database": "test1"}}})
    return measured(to_nothing(*leat.command("decode", "--from", before, "--until", "now")), leat.env)["peak_mb"] * 1024


HUGE = [pytest.param(200, id="200MB"), pytest.param(1024, id="1GB", marks=pytest.mark.stress)]
HUGE_PACKET = [pytest.param(64, id="64MB"), pytest.param(250, id="250MB", marks=pytest.mark.stress)]


@pytest.mark.parametrize("mib", HUGE)
def test_huge_transaction_in_bounded_memory(server, table, mib):
    """[S8] One transaction in 32 MB of memory, however large."""
    before = one_transaction(server, mib * 1024, 100)
    lines = dump(server, "stream", quiet=1, memory=4 << 20, **{"from": before})
    (line,) = ends_of(lines)
    assert line["bytes"] > mib * 950_000 and line["rows"] > mib * 4 and line["memory"] < 5 << 20, line
    assert 0 < lines[-1]["peak_kb"] < 32 * 1024, lines[-1]
    assert 0 < decode_peak_kb(server, before) < 32 * 1024


@pytest.mark.parametrize("mib", HUGE_PACKET)
def test_huge_compressed_transaction_in_bounded_memory(server, table, mib):
    """[S8] The library takes twice the packet while it comes; leat has no copy of it, and what the library took goes back."""
    before = one_transaction(server, mib * 1024, 4096, "binlog_transaction_compression = ON")
    lines = dump(server, "stream", quiet=1, memory=4 << 20, **{"from": before})
    (line,) = ends_of(lines)
    assert line["bytes"] > mib * 950_000 and line["memory"] < 1 << 20, line
    assert line["rows"] == mib // 16 * 2, line
    assert 0 < lines[-1]["peak_kb"] < 32 * 1024 + 2.5 * line["bytes"] / 1024, lines[-1]
    assert 0 < decode_peak_kb(server, before) < 32 * 1024 + 2.5 * line["bytes"] / 1024
    assert lines[-1]["rss_kb"] < 48 * 1024, lines[-1]  # the largest event has 8 MB


@pytest.mark.parametrize("checksum", ["NONE", "CRC32"])
def test_checksums(server, table, checksum):
    server.execute(f"SET GLOBAL binlog_checksum = {checksum}")
    try:
        before = end(server)
        server.execute("INSERT INTO t VALUES (1, 'x', 1)", "FLUSH BINARY LOGS", "INSERT INTO t VALUES (2, 'x', 1)", database="test1")
        assert len(rows_of(dump(server, "stream", **{"from": before}))) == 2
    finally:
        server.execute("SET GLOBAL binlog_checksum = CRC32")


def test_partial_images(server, table):
    """[S14] What a MINIMAL image lacks is unknown, not NULL."""
    with server.connect("test1") as c, c.cursor() as q:
        q.execute("INSERT INTO t VALUES (1, 'x', 1)")
        q.execute("SET binlog_row_image = MINIMAL")
        q.execute("UPDATE t SET v = NULL WHERE id = 1")
        q.execute("DELETE FROM t")
    rows = rows_of(dump(server, "stream", **{"from": table}))
    assert [(text(r["before"]), text(r["after"])) for r in rows[1:]] == [({"id": "1"}, {"v": None}), ({"id": "1"}, None)]


DEFAULTS = r"""CREATE TABLE defaults (
  id INT AUTO_INCREMENT PRIMARY KEY, i INT DEFAULT -7, b BIGINT UNSIGNED DEFAULT 18446744073709551615, bm BIGINT DEFAULT -9223372036854775808,
  bo BOOLEAN DEFAULT TRUE, iz INT(5) ZEROFILL DEFAULT 7, y YEAR DEFAULT 2001, y0 YEAR DEFAULT 0, de DECIMAL(12,3) DEFAULT 5.1, dn DECIMAL(10,2) DEFAULT -0.5,
  dz DECIMAL(5,2) ZEROFILL DEFAULT 1.5, d0 DECIMAL(10,0) DEFAULT 12, db DECIMAL(65,30) DEFAULT 99999999999999999999999999999999999.999999999999999999999999999999,
  f FLOAT DEFAULT 0.1, fb FLOAT DEFAULT 3.4e38, f7 FLOAT DEFAULT 16777217, f9 FLOAT DEFAULT 1.234567891, fd FLOAT(7,3) DEFAULT 1234.567,
  d DOUBLE DEFAULT 0.30000000000000004, dx DOUBLE DEFAULT 1.7976931348623157e308, dd DOUBLE(10,2) DEFAULT 1234567.89, dm DOUBLE(10,2) DEFAULT -0.07, d_ DOUBLE DEFAULT 5e-324,
  v VARCHAR(50) DEFAULT 'it''s "ä" \\ x\n', v0 VARCHAR(9) DEFAULT 'a\0b', e_ VARCHAR(5) DEFAULT '', vs VARCHAR(5) DEFAULT ' a ', c CHAR(5) DEFAULT 'x ',
  vn VARCHAR(9) DEFAULT 'NULL', vt VARCHAR(20) DEFAULT 'CURRENT_TIMESTAMP', vl VARCHAR(9) CHARACTER SET latin1 DEFAULT 'ä€', vq VARCHAR(9) DEFAULT '😀',
  en ENUM('a','b''c','ü','x\\y','l\nf') DEFAULT 'Ü', ex ENUM('a','x\\y','l\nf') DEFAULT 'l\nf', el ENUM('b','ä') CHARACTER SET latin1 DEFAULT 'ä',
  s SET('a','B','c') DEFAULT 'c,b', s0 SET('a') DEFAULT '', da DATE DEFAULT '2020-01-02', dt DATETIME(3) DEFAULT '2020-01-02 03:04:05.6', t2 TIME(2) DEFAULT '-12:13:14.15',
  tm TIME DEFAULT '838:59:59', ts TIMESTAMP NULL DEFAULT '2020-01-02 03:04:05', tz TIMESTAMP(2) NULL DEFAULT 0, z DATETIME DEFAULT 0, bi BIT(5) DEFAULT b'101',
  b6 BIT(64) DEFAULT 18446744073709551615, bn BINARY(4) DEFAULT 'ab', vb VARBINARY(9) DEFAULT x'00ff41', now DATETIME DEFAULT CURRENT_TIMESTAMP,
  fx INT DEFAULT (1 + 2), tx TEXT DEFAULT ('hello'), g INT AS (i + 1), gs INT AS (i + 2) STORED, hid INT DEFAULT 9 INVISIBLE,
  n0 INT, n1 TEXT, n2 ENUM('a') DEFAULT NULL,
  r1 INT NOT NULL, r2 DECIMAL(10,2) NOT NULL, r3 DECIMAL(4,0) UNSIGNED NOT NULL, r4 VARCHAR(9) NOT NULL, r5 ENUM('q','') NOT NULL, r6 DATE NOT NULL, r7 DATETIME(3) NOT NULL,
  r8 TIME(3) NOT NULL, r9 TIMESTAMP NOT NULL, ra YEAR NOT NULL, rb FLOAT NOT NULL, rc DOUBLE(5,2) NOT NULL, rd SET('a') NOT NULL, re BIT(3) NOT NULL, rf TEXT NOT NULL, rg BLOB NOT NULL,
  rh BINARY(3) NOT NULL, ri BIGINT UNSIGNED NOT NULL, rj CHAR(3) NOT NULL, rk VECTOR(3) NOT NULL,
  ve VECTOR(3), gn GEOMETRY, gx GEOMETRY DEFAULT (POINT(1, 2)), vx VECTOR(2) DEFAULT (TO_VECTOR('[1,2]')), bx BLOB DEFAULT ('b'), ea ENUM('😀','b') DEFAULT 'b', eb ENUM('b','😀') NOT NULL,
  ec ENUM('😀','b') NOT NULL, sa SET('😀','b') NOT NULL) DEFAULT CHARSET utf8mb4"""
ALWAYS_IN_THE_IMAGE = {"id", "now", "fx", "tx", "g", "gs", "gx", "vx", "bx"}
NOT_TOLD = {"f7", "f9", "vq", "ts", "bn", "vb", "ec"}  # by information_schema


def test_defaults(server, table):
    """[S14] What an INSERT leaves out: the schema gives the very values that a full image has, and a MINIMAL image has what it does not."""
    server.execute(DEFAULTS, "INSERT INTO defaults () VALUES ()", database="test1")
    server.execute("SET binlog_row_image = MINIMAL", "INSERT INTO defaults () VALUES ()", database="test1")
    full, minimal = (row["after"] for row in rows_of(dump(server, "stream", **{"from": table})))
    (described,) = (line for line in dump(server, "schema", tables="defaults") if line["table"] == "defaults")
    assert set(full) - set(described["defaults"]) == ALWAYS_IN_THE_IMAGE | NOT_TOLD
    assert {name: full[name] for name in described["defaults"]} == described["defaults"]
    assert set(minimal) == ALWAYS_IN_THE_IMAGE


def test_insert_of_nothing_but_defaults(server, table):
    """[S14] The image has no columns at all, and is a row nevertheless."""
    server.execute("CREATE TABLE two (a INT DEFAULT 1, b INT DEFAULT 2, PRIMARY KEY (a, b))", "SET binlog_row_image = MINIMAL",
                   "INSERT INTO two () VALUES ()", "DELETE FROM two", "INSERT INTO two VALUES (3, 4)", database="test1")
    rows = rows_of(dump(server, "stream", **{"from": table}))
    assert [(r["kind"], text(r["after"])) for r in rows] == [("insert", {}), ("delete", None), ("insert", {"a": "3", "b": "4"})]


def test_labels_of_schema_and_stream(server, table):
    """[S21] Backslashes, quotes and controls in labels: the snapshot takes them from the schema, the stream from the event."""
    server.execute(r"CREATE TABLE l (id INT PRIMARY KEY, e ENUM('a\\b','c\nd','e''f','g\\''h','\r\\n','ü') )", database="test1")
    server.execute(*(f"INSERT INTO l VALUES ({n}, {n})" for n in range(1, 7)), database="test1")
    streamed = [text(r["after"]) for r in rows_of(dump(server, "stream", **{"from": table}))]
    assert [row["e"] for row in streamed] == ["a\\b", "c\nd", "e'f", "g\\'h", "\r\\n", "ü"]
    assert [text(row) for row in dump(server, "chunks", tables="l", only="l")] == streamed


def test_statements_are_refused(server, table):
    """[S14] A session that logs statements."""
    with server.connect("test1") as c, c.cursor() as q:
        q.execute("SET binlog_format = STATEMENT")
        q.execute("INSERT INTO test1.t VALUES (1, 'x', 1)")
    assert "binlog_format" in dump(server, "stream", ok=False, **{"from": table})


def test_tables_that_go_away_are_loud(server, table):
    """[S16] DROP and RENAME of ours stop; of others they pass. A new column comes by its name."""
    server.execute("CREATE TABLE x (id INT PRIMARY KEY)", "DROP TABLE x", "ALTER TABLE t ADD COLUMN w INT AFTER id",
                   "INSERT INTO t VALUES (1, 2, 'x', 3)", database="test1")
    rows = rows_of(dump(server, "stream", only="t", tables="t", live=1, **{"from": table}))
    assert text(rows[0]["after"]) == {"id": "1", "w": "2", "v": "x", "n": "3"}
    before = end(server)
    for statement in ("RENAME TABLE t TO u", "ALTER TABLE u RENAME TO t", "DROP TABLE t"):
        server.execute(statement, database="test1")
    assert "RENAME TABLE t TO u" in dump(server, "stream", ok=False, live=1, **{"from": table, "only": "t"})
    assert rows_of(dump(server, "stream", **{"from": before, "only": "other"})) == []


def test_columns_that_are_not_wanted(server, table):
    """[S23] Skipped by their length, differences of JSON too."""
    server.execute("CREATE TABLE j (id INT PRIMARY KEY, a JSON, g GEOMETRY, u VARCHAR(10) CHARACTER SET utf16, v INT)",
                   "INSERT INTO j VALUES (1, '{\"a\": [1]}', ST_GeomFromText('POINT(1 2)'), 'x', 7)",
                   "SET SESSION binlog_row_value_options = PARTIAL_JSON",
                   "UPDATE j SET a = JSON_SET(a, '$.a[0]', 2), v = 8", database="test1")
    rows = rows_of(dump(server, "stream", skip="a,g,u", **{"from": table}))
    assert text(rows[-1]["after"]) == {"id": "1", "v": "8"}


def test_foreign_keys_and_cascades(server, table):
    """[S18] 9.6 and later log what a cascade changes; the flag of a session without foreign keys is passed on."""
    server.execute("CREATE TABLE c (id INT PRIMARY KEY, t_id INT, UNIQUE KEY (t_id), FOREIGN KEY (t_id) REFERENCES t (id) ON DELETE CASCADE "
                   "ON UPDATE SET NULL)", database="test1")
    schema = dump(server, "schema", tables="c")[0]
    assert schema["foreign_keys"] == ["t_id -> t.id delete 2 update 3"]
    assert schema["keys"] == ["PRIMARY unique id", "t_id unique null t_id"]
    server.execute("INSERT INTO t VALUES (1, 'x', 1)", "INSERT INTO c VALUES (1, 1)", "DELETE FROM t",
                   "SET foreign_key_checks = 0", "INSERT INTO t VALUES (5, 'x', 1)", database="test1")
    rows = rows_of(dump(server, "stream", **{"from": table}))
    assert sorted((r["kind"], r["table"]) for r in rows[2:4]) == [("delete", "c"), ("delete", "t")]
    assert rows[0]["cascades_logged"] and not rows[0]["foreign_keys_off"] and rows[-1]["foreign_keys_off"]


def test_tls(server):
    """The certificate's name is checked unless told otherwise."""
    host = {"host": "localhost"}
    assert dump(server, "position", tls="verify-identity", ca=server.ca, **host)
    assert dump(server, "position", tls="verify-ca", ca=server.ca, host="127.0.0.1")
    assert dump(server, "position", tls="required")
    refused = dump(server, "position", ok=False, tls="verify-identity", **host)  # the system's authorities do not know this one
    assert refused.startswith("source:") and "database.mysql.tls.ca" in refused


def test_no_entry(server):
    assert "Access denied" in dump(server, "position", ok=False, password="wrong")
    assert dump(server, "position", ok=False, password="wrong").startswith("source:")
    assert dump(server, "position", ok=False, port=1).startswith("lost:")
    assert dump(server, "position", ok=False, host="no-such-host.invalid").startswith("lost:")


def test_check(server, table):
    lines = {line["name"]: line for line in dump(server, "check", tables="t,absent")}
    assert lines["table absent"]["result"] == 2 and lines["table t"]["result"] == 0
    assert [n for n, line in lines.items() if line["result"]] == ["table absent"]
    server.execute("SET GLOBAL binlog_row_metadata = MINIMAL")
    try:
        lines = {line["name"]: line for line in dump(server, "check", tables="t")}
        assert lines["binlog_row_metadata"]["result"] == 1 and "SET PERSIST" in lines["binlog_row_metadata"]["remedy"]
    finally:
        server.execute("SET GLOBAL binlog_row_metadata = FULL")


def test_purged_and_reset(server, table):
    """[S3, S4] Named, never skipped."""
    server.execute("INSERT INTO t VALUES (1, 'x', 1)", database="test1")
    later = end(server)
    file = server.execute("SHOW BINARY LOG STATUS")[0]
    server.execute("FLUSH BINARY LOGS", "INSERT INTO t VALUES (2, 'x', 1)", "FLUSH BINARY LOGS", database="test1")
    server.execute("PURGE BINARY LOGS TO '%s'" % server.execute("SHOW BINARY LOG STATUS")[0][0])
    for start in (table, later):
        assert "purged" in dump(server, "stream", ok=False, **{"from": start})
    assert "no longer has" in dump(server, "stream", ok=False, **{"from": f"{file[0]}:{file[1]}"})
    now = end(server)
    server.execute("RESET BINARY LOGS AND GTIDS", "INSERT INTO t VALUES (3, 'x', 1)", database="test1")
    assert "lacks transactions" in dump(server, "stream", ok=False, **{"from": now})


def test_flipped_bits(server, table):
    """[S9] No bit of a binlog can turn unnoticed."""
    server.execute("FLUSH BINARY LOGS", database="test1")
    file = server.datadir / server.execute("SHOW BINARY LOG STATUS")[0][0]
    server.execute("INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2)", "UPDATE t SET v = 'z'", "FLUSH BINARY LOGS", database="test1")
    assert len(rows_of(dump(server, "file", path=file))) == 4
    assert dump(server, "file", path=file, flips=1) == []


def test_two_clients_with_one_server_id(server, table):
    """[S11] The older is told by name."""
    keys = {"port": server.port, "user": LEAT_USER, "password": LEAT_PASSWORD, "database": "test1", "from": "end", "heartbeats": 60, "server_id": 77}
    first = subprocess.Popen([str(DUMP), "stream", *(f"{k}={v}" for k, v in keys.items())], stderr=subprocess.PIPE, text=True)
    deadline = time.time() + 20
    while not server.execute("SELECT 1 FROM performance_schema.threads WHERE processlist_command LIKE 'Binlog Dump%'"):
        assert time.time() < deadline
        time.sleep(0.05)
    dump(server, "stream", server_id=77, **{"from": "end"})
    _, error = first.communicate(timeout=30)
    assert "server id 77" in error and error.startswith("taken:"), error


def test_frozen_server_and_restart(server, table):
    """[S1, S2] A frozen server is lost within the read timeout; a restarted one is resumed."""
    keys = {"port": server.port, "user": LEAT_USER, "password": LEAT_PASSWORD, "database": "test1", "from": table, "heartbeats": 1000}
    process = subprocess.Popen([str(DUMP), "stream", *(f"{k}={v}" for k, v in keys.items())], stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    server.pause()
    started = time.time()
    try:
        _, error = process.communicate(timeout=60)
        assert error.startswith("lost:") and time.time() - started < 30, error
    finally:
        server.go_on()
    server.execute("INSERT INTO t VALUES (1, 'x', 1)", database="test1")
    server.restart()
    server.execute("INSERT INTO t VALUES (2, 'x', 1)", database="test1")
    assert len(rows_of(dump(server, "stream", **{"from": table}))) == 2


def test_without_gtids():
    """File and offset, LOCK TABLES, anonymous transactions; [S4] a reset binlog of the same name, [S7] an offset that the protocol cannot ask for."""
    with Mysql(gtid_mode="OFF") as mysql:
        mysql.execute("CREATE DATABASE test1", "CREATE TABLE test1.t (id INT PRIMARY KEY)")
        position = dump(mysql, "position", tables="t")[0]
        assert position["executed"] == position["end"]
        mysql.execute("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)", database="test1")
        ends = ends_of(dump(mysql, "stream", **{"from": position["executed"]}))
        assert [e["end"] for e in ends] == ["", ""]
        rest = dump(mysql, "stream", **{"from": ends[0]["position"]})
        assert len(rows_of(rest)) == 1 and ends_of(rest)[0]["offset"] == ends[1]["offset"]
        file, offset = ends[0]["position"].split(":")
        assert "has another history" in dump(mysql, "stream", ok=False, **{"from": f"{file}:{int(offset) + 100000}"})
        assert "4 GiB" in dump(mysql, "stream", ok=False, **{"from": f"{file}:{2**32 + 5}"})
        assert dump(mysql, "check", tables="t")
        # [S13] a transaction of both kinds that is rolled back: only what MyISAM keeps is told
        mysql.execute("CREATE TABLE m (id INT PRIMARY KEY) ENGINE MyISAM", database="test1")
        before = dump(mysql, "position", tables="t")[0]["end"]
        with mysql.connect("test1") as c, c.cursor() as q:
            c.begin()
            q.execute("INSERT INTO t VALUES (12)")
            q.execute("SAVEPOINT a")
            q.execute("INSERT INTO m VALUES (2)")
            q.execute("INSERT INTO t VALUES (13)")
            q.execute("ROLLBACK TO a")
            q.execute("INSERT INTO t VALUES (14)")
            c.rollback()
        rows = rows_of(dump(mysql, "stream", **{"from": before}))
        assert [(r["table"], r["after"]["id"][1]) for r in rows] == [("m", "2")]
