#!/usr/bin/env python3
"""Makes the seeds of fuzz_events from real servers: tests/fuzz/make_seeds.py [VERSION...]

Each is a binlog file of a few KB under seeds/fuzz_events, VERSION-SCENARIO: together they have every event and every column type that
the version can log. What only a stream has (artificial events, heartbeats) and what no server writes on demand (an incident,
a payload that is not compressed) is put together here, from real events where possible.
"""

import shutil
import struct
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.lib.servers import Mysql  # noqa: E402

SEEDS = ROOT / "tests/fuzz/seeds/fuzz_events"
MAGIC = b"\xfebin"
HEADER = 19
QUERY, FORMAT, PAYLOAD = 2, 15, 40

TYPES = """CREATE TABLE types (
  id INT PRIMARY KEY, t TINYINT, tu TINYINT UNSIGNED, s SMALLINT, m MEDIUMINT, b BIGINT UNSIGNED, y YEAR, f FLOAT, d DOUBLE,
  de DECIMAL(10,2), db DECIMAL(65,30), b1 BIT(1), b64 BIT(64), da DATE, ti TIME, t6 TIME(6), dt DATETIME, d3 DATETIME(3),
  ts TIMESTAMP NULL, t4 TIMESTAMP(4) NULL, c CHAR(10), cw CHAR(100), v VARCHAR(50), vl VARCHAR(2000), tt TINYTEXT, tx TEXT, lt LONGTEXT,
  l1 VARCHAR(9) CHARACTER SET latin1, g VARCHAR(9) CHARACTER SET gbk, u16 VARCHAR(9) CHARACTER SET utf16, bi BINARY(6), vb VARBINARY(300), bl BLOB,
  e ENUM('one','it''s','ü'), st SET('a','b','c'), j JSON, ge GEOMETRY %s) DEFAULT CHARSET utf8mb4"""
ROWS = [
    "2, -128, 255, -32768, -8388608, 18446744073709551615, 1901, -1.5, 1.7976931348623157e308, -12.50, 99999999999999999999999999999999999.9, "
    "b'1', 18446744073709551615, '9999-12-31', '-838:59:59', '-0:0:0.000001', '2026-11-21 10:15:00', '2026-11-21 10:15:00.5', "
    "'1970-01-01 00:00:01', '2038-01-19 03:14:07.9', 'char', REPEAT('ü', 100), 'äöü€😀', REPEAT('ü', 300), 'tiny', 'text', '', 'Ä€', '中文', '中文', "
    "0x0001, 0x00FF00, 'blob', 'it''s', 'a,c', "
    """'{"a": [1, -2, 3.5, null, true, "ü", {"b": "c"}], "d": 12345678901}', ST_GeomFromText('POINT(1 2)') %s""",
    "3, 0, 0, 0, 0, 0, 0, 0, -0.0, 0, 0, 0, 0, '0000-00-00', '0', '0', '2026-00-00', '0000-00-00', '0000-00-00', '0000-00-00', '', '', '', '', '', '', "
    "'', '', '', '', '', '', '', 0, 0, JSON_ARRAY(CAST('2026-01-02 03:04:05.6' AS DATETIME(6)), CAST('-1:2:3' AS TIME), CAST('2026-01-02' AS DATE), "
    "CAST(1.50 AS DECIMAL(10,2)), CAST('x' AS BINARY), CAST(-1 AS UNSIGNED)), "
    "ST_GeomFromText('GEOMETRYCOLLECTION(LINESTRING(0 0,1 1),POLYGON((0 0,0 1,1 1,0 0)))') %s",
]
SEED_TABLE = """CREATE TABLE seed (id INT PRIMARY KEY, v VARCHAR(50), u BIGINT UNSIGNED, de DECIMAL(10,2), e ENUM('a','b'), st SET('x','y'), d3 DATETIME(3),
  j JSON, b BLOB) DEFAULT CHARSET utf8mb4"""  # as `seed` in fuzz_events.c has it
DML = ["INSERT INTO seed VALUES (1, 'one', 18446744073709551615, -1.50, 'a', 'x,y', '2026-11-21 10:15:00.123', '{\"a\": [1, 2]}', 'b'), (2, NULL, 1, 2, 'b', '', NULL, NULL, NULL)",
       "UPDATE seed SET v = 'zwei', j = '[]' WHERE id = 1", "DELETE FROM seed WHERE id = 2"]


def settings(**values):
    return [f"SET {name} = {value}" for name, value in values.items()]


# name: (first version that can, statements); the statements of one scenario run in one session
SCENARIOS = {
    "types": (50700, lambda vector: [*settings(**{"GLOBAL binlog_row_metadata": "FULL"} if vector else {}), TYPES % (", ve VECTOR(3)" if vector else ""), "INSERT INTO types (id) VALUES (1)",
                                     *(f"INSERT INTO types VALUES ({row % (more if vector else '')})" for row, more in zip(ROWS, [", TO_VECTOR('[1,-2.5,3e9]')", ", NULL"])),
                                     "UPDATE types SET id = id + 10 ORDER BY id DESC", "DELETE FROM types"]),
    "rows": (50700, [SEED_TABLE, *settings(binlog_rows_query_log_events="ON"), *DML, "TRUNCATE TABLE seed"]),
    "full-metadata": (80000, [*settings(**{"GLOBAL binlog_row_metadata": "FULL"}), SEED_TABLE, *DML]),
    "minimal-image": (50700, [SEED_TABLE, *settings(binlog_row_image="MINIMAL"), *DML, "INSERT INTO seed () VALUES (5,'x',1,1,1,1,NULL,NULL,NULL)"]),
    "noblob-image": (50700, [SEED_TABLE, *settings(binlog_row_image="NOBLOB"), *DML]),
    "partial-json": (80000, [SEED_TABLE, *settings(binlog_row_value_options="PARTIAL_JSON"), DML[0],
                             """UPDATE seed SET j = '{"a": [1, 2, 3], "b": "a longer text, so that a diff is shorter than it"}' WHERE id = 1""",
                             "UPDATE seed SET j = JSON_SET(j, '$.a[1]', 'x')", "UPDATE seed SET j = JSON_REMOVE(JSON_REPLACE(j, '$.b', 7), '$.a[0]')",
                             *settings(binlog_row_image="MINIMAL"), "UPDATE seed SET j = JSON_ARRAY_INSERT(j, '$.a[0]', JSON_OBJECT('k', 1.5))"]),
    "rollbacks": (50700, [SEED_TABLE, "CREATE TABLE my (id INT) ENGINE MyISAM", "BEGIN", DML[0], "SAVEPOINT `a``b`", "UPDATE seed SET u = 2", "ROLLBACK TO `a``b`",
                          "INSERT INTO my VALUES (1)", "COMMIT", "BEGIN", "UPDATE seed SET u = 3", "INSERT INTO my VALUES (2)", "ROLLBACK"]),
    "xa": (50700, [SEED_TABLE, "XA START 'x','y',7", DML[0], "XA END 'x','y',7", "XA PREPARE 'x','y',7", "XA COMMIT 'x','y',7",
                   "XA START 'z'", "DELETE FROM seed", "XA END 'z'", "XA PREPARE 'z'", "XA ROLLBACK 'z'",
                   "XA START 'o'", "DELETE FROM seed", "XA END 'o'", "XA COMMIT 'o' ONE PHASE"]),
    "statements": (50700, [SEED_TABLE, *settings(binlog_format="STATEMENT", insert_id=9), "CREATE TABLE other (id INT AUTO_INCREMENT PRIMARY KEY, d DOUBLE)",
                           "INSERT INTO other (d) VALUES (RAND())", "SET @x = 'é'", "UPDATE other SET d = LENGTH(@x)"]),
    "definitions": (50700, [SEED_TABLE, "ALTER TABLE seed ADD COLUMN w INT DEFAULT 7", "INSERT INTO seed (id) VALUES (1)", "CREATE TABLE new LIKE seed",
                            "RENAME TABLE seed TO old, new TO seed", "CREATE TABLE copy (PRIMARY KEY (id)) AS SELECT id, v FROM old", "DROP TABLE old, copy"]),
    "v1-rows": (50700, [SEED_TABLE, *DML]),
    "no-checksum": (50700, [SEED_TABLE, *DML[:1]]),
    "compressed": (80020, [SEED_TABLE, *settings(binlog_transaction_compression="ON"), "BEGIN", *DML, "COMMIT"]),
    "tagged": (80300, [SEED_TABLE, "SET gtid_next = 'AUTOMATIC:blue'", DML[0], "SET gtid_next = AUTOMATIC", DML[1]]),
    "cascades": (90600, ["CREATE TABLE p (id INT PRIMARY KEY)", "CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)",
                         "INSERT INTO p VALUES (1)", "INSERT INTO c VALUES (1, 1)", "DELETE FROM p"]),
}


ANONYMOUS = {"rollbacks", "definitions"}  # what GTIDs forbid, or forbade


def number(server):
    major, minor, patch = server.execute("SELECT VERSION()")[0][0].split("-")[0].split(".")
    return int(major) * 10000 + int(minor) * 100 + int(patch)


def status(server, version):
    return server.execute("SHOW BINARY LOG STATUS" if version >= 80200 else "SHOW MASTER STATUS")[0][0]


def record(server, version, name, statements):
    """The binlog file of the statements, each run in one session; it begins and ends with a rotation."""
    server.execute("DROP DATABASE IF EXISTS test1", "CREATE DATABASE test1", "SET GLOBAL binlog_checksum = %s" % ("NONE" if name == "no-checksum" else "CRC32"))
    if version >= 80000:
        server.execute("SET GLOBAL binlog_row_metadata = MINIMAL")
    server.execute("FLUSH BINARY LOGS")
    file = server.datadir / status(server, version)
    server.execute("SET sql_mode = ''", *statements, database="test1")
    server.execute("FLUSH BINARY LOGS")
    return file


def events(data):
    at = len(MAGIC)
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 9)[0]
        yield data[at:at + size]
        at += size


def event(kind, body, *, flags=0, log_pos=0, timestamp=1600000000, checksum=True):
    raw = struct.pack("<IBIIIH", timestamp, kind, 1, HEADER + len(body) + 4 * checksum, log_pos, flags) + body
    return raw + struct.pack("<I", zlib.crc32(raw)) if checksum else raw


def lenenc(n):
    return bytes([n]) if n < 251 else b"\xfc" + struct.pack("<H", n)


def not_compressed(data):
    """The events between GTID and the end of each transaction in a payload that is not compressed: mutations reach what is inside."""
    made, inner = [MAGIC], []
    for one in events(data):
        if one[4] in (2, 16, 19, 29, 30, 31, 32, 39) and (inner or (one[4] == QUERY and one[:-4].endswith(b"BEGIN"))):
            inner.append(struct.pack("<I", len(one) - 4).join([one[:9], one[13:-4]]))
            if one[4] == 16:
                body = b"".join(inner)
                fields = b"\x02\x03\xfc\xff\x00" + b"\x01" + lenenc(len(lenenc(len(body)))) + lenenc(len(body)) + b"\x00"
                made.append(event(PAYLOAD, fields + body))
                inner = []
        else:
            made.append(one)
    return b"".join(made)


def as_streamed(data):
    """As the dump gives it: an artificial rotation, the format without a position, heartbeats of both versions, an incident at the end."""
    place = struct.pack("<Q", 4) + b"binlog.000007"
    heartbeat_v2 = b"\x01\x0dbinlog.000007" + b"\x02\x03\xfc\x9a\x02" + b"\x00"
    made = list(events(data))
    return b"".join([MAGIC, event(4, place, flags=0x20), made[0], *made[1:4], event(27, b"binlog.000007", log_pos=400), *made[4:],
                     event(41, heartbeat_v2), event(99, b"?", flags=0x80), event(26, b"\x01\x00\x04LOST")])


def make(version_name):
    with Mysql(**({} if version_name == "9.7" else {"version": version_name}), sql_mode="") as server:
        version = number(server)
        for name, (since, statements) in sorted(SCENARIOS.items(), key=lambda item: item[0] in ANONYMOUS):
            if version < since:
                continue
            if name in ANONYMOUS and server.execute("SELECT @@GLOBAL.gtid_mode")[0][0] == "ON":
                server.execute(*(f"SET GLOBAL gtid_mode = {mode}" for mode in ("ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF")), "SET GLOBAL enforce_gtid_consistency = OFF")
            made = statements(version >= 90000) if callable(statements) else statements
            if name == "v1-rows":
                if version >= 80400:  # the option is gone
                    continue
                server.execute("SET GLOBAL log_bin_use_v1_row_events = ON")
            file = record(server, version, name, made)
            target = SEEDS / f"{version_name}-{name}"
            shutil.copy(file, target)
            if name == "rows":
                data = target.read_bytes()
                (SEEDS / f"{version_name}-not-compressed").write_bytes(not_compressed(data))
                (SEEDS / f"{version_name}-as-streamed").write_bytes(as_streamed(data))
        if version < 80400:
            server.execute("SET GLOBAL log_bin_use_v1_row_events = OFF")
        server.execute("FLUSH BINARY LOGS")
        file = server.datadir / status(server, version)
        server.stop()
        shutil.copy(file, SEEDS / f"{version_name}-stop")


def main():
    SEEDS.mkdir(parents=True, exist_ok=True)
    for version in sys.argv[1:] or ["9.7", "8.0", "5.7"]:
        make(version)


if __name__ == "__main__":
    main()
