"""`leat decode` against a real MySQL: what SELECT prints is what the lines say. Numbers in brackets are those of docs/faults.md."""

import base64
import json
import shutil
import signal
import struct
import subprocess
import zlib

import pytest

from tests.lib.servers import BUILD, LEAT_PASSWORD, LEAT_USER, NO_OLD_SERVER, Mysql, mysqld_of, wait_until

LEAT = BUILD / "src/leat"

# How a line shows what SELECT prints: the digits or the text as they are, binary as base64, a number of the same value, an embedded document.
SAME, BASE64, SINGLE, DOUBLE, VECTOR, JSON = "same", "base64", "single", "double", "vector", "json"
MANY = ",".join(f"'v{i}'" for i in range(64))
COLUMNS = [  # definition, how, what SELECT is asked ({} is the column), values
    ("TINYINT", SAME, "{}", ["-128", "127", "0"]),
    ("TINYINT UNSIGNED", SAME, "{}", ["255", "0"]),
    ("SMALLINT UNSIGNED", SAME, "{}", ["65535", "1"]),
    ("MEDIUMINT", SAME, "{}", ["-8388608", "8388607"]),
    ("INT UNSIGNED", SAME, "{}", ["4294967295", "7"]),
    ("BIGINT", SAME, "{}", ["-9223372036854775808", "9223372036854775807"]),
    ("BIGINT UNSIGNED", SAME, "{}", ["18446744073709551615", "0"]),
    ("DECIMAL(10,2)", SAME, "{}", ["-12.5", "0", "-0.01", "99999999.99"]),
    ("DECIMAL(65,30)", SAME, "{}", ["9" * 35 + "." + "9" * 30, "-0.000000000000000000000000000001"]),
    ("DECIMAL(9,0)", SAME, "{}", ["-999999999", "3"]),
    ("FLOAT", SINGLE, "{}+0e0", ["0.1", "-1.5", "3.4e38", "1e-38", "16777216"]),
    ("DOUBLE", DOUBLE, "{}", ["0.1", "1.7976931348623157e308", "-1e-7", "1e21", "0"]),
    ("BIT(1)", SAME, "{}+0", ["1", "0"]),
    ("BIT(64)", SAME, "{}+0", ["18446744073709551615", "5"]),
    ("YEAR", SAME, "{}+0", ["1901", "2155", "0"]),
    ("DATE", SAME, "{}", ["'9999-12-31'", "'0000-00-00'", "'2026-11-00'", "'0001-02-03'"]),
    ("TIME", SAME, "{}", ["'-838:59:59'", "'838:59:59'", "'0'"]),
    ("TIME(6)", SAME, "{}", ["'-00:00:00.000001'", "'23:59:59.999999'"]),
    ("TIME(1)", SAME, "{}", ["'-1:02:03.4'"]),
    ("DATETIME", SAME, "{}", ["'1000-01-01'", "'0000-00-00'", "'2026-00-01 01:02:03'"]),
    ("DATETIME(3)", SAME, "{}", ["'9999-12-31 23:59:59.999'", "'2026-11-21 10:15:00'"]),
    ("TIMESTAMP NULL", SAME, "{}", ["'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'0000-00-00'"]),
    ("TIMESTAMP(6) NULL", SAME, "{}", ["'2026-11-21 10:15:00.000001'"]),
    ("CHAR(10)", SAME, "{}", ["'char  '", "''"]),
    ("VARCHAR(50)", SAME, "{}", ["'äöü€😀'", "'a\\0b'", "'q\\r\\n\\t\\b\\Z\"\\\\/'", "'01234567\"89abcdef\\\\'", "'\u2028\u007f'"]),
    ("LONGTEXT", SAME, "{}", ["REPEAT('ü\"', 70000)", "''"]),
    ("VARCHAR(50) CHARACTER SET latin1", SAME, "{}", ["'Ä€é'"]),
    ("VARCHAR(50) CHARACTER SET utf8mb3", SAME, "{}", ["'zażółć'"]),
    ("CHAR(9) CHARACTER SET gbk", SAME, "{}", ["'中文'"]),
    ("VARCHAR(9) CHARACTER SET utf16", SAME, "{}", ["'😀\"'", "''"]),
    ("TEXT CHARACTER SET sjis", SAME, "{}", ["'日本 ﾃﾞ'"]),
    ("ENUM('ж','я') CHARACTER SET koi8r", SAME, "{}", ["1", "2"]),
    ("BINARY(6)", BASE64, "{}", ["0x0001", "''"]),
    ("VARBINARY(300)", BASE64, "{}", ["0x00FF00", "REPEAT(0xFF, 300)"]),
    ("BLOB", BASE64, "{}", ["REPEAT('z', 5000)", "0x22"]),
    ("ENUM('one','it''s','ü,\"x')", SAME, "{}", ["1", "2", "3", "0"]),
    ("SET('a','b','c\"')", SAME, "{}", ["'a,c\"'", "''", "'b'"]),
    (f"SET({MANY})", SAME, "{}", ["18446744073709551615"]),
    ("GEOMETRY", JSON, "IF(ST_SRID({0}) = 0, CONCAT('{{\"srid\":0,\"wkt\":\"', ST_AsText({0}), '\"}}'), "
     "CONCAT('{{\"srid\":', ST_SRID({0}), ',\"wkb\":\"', REPLACE(TO_BASE64(SUBSTR({0}, 5)), '\\n', ''), '\"}}'))",
     ["ST_GeomFromText('POINT(1.5 -2e30)')", "ST_GeomFromText('POINT(52 13)', 4326)", "ST_GeomFromText('POLYGON((0 0,0 1,1 1,0 0))')",
      "ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')"]),
    ("JSON", JSON, "{}", ["'{\"a\": [1, 2.50, null, true, \"ü\\\\n\"], \"big\": 18446744073709551615}'", "CAST(1.50 AS JSON)", "CAST(TIME'-01:02:03.4' AS JSON)",
                          "JSON_OBJECT()", "CAST(x'00ff' AS JSON)"]),
    ("VECTOR(3)", VECTOR, "HEX({})", ["TO_VECTOR('[1.5,-2,3e30]')", "TO_VECTOR('[0.1,-3.25e-5]')"]),
]


# ---- the program and its lines


def config(server, database="test1"):
    path = server.folder / "leat.json"
    if not path.exists():
        mysql = {"host": "127.0.0.1", "port": server.port, "database": database, "username": LEAT_USER, "password": LEAT_PASSWORD,
                 "tls": {"mode": "disabled"}, "heartbeat_s": 1}
        path.write_text(json.dumps({"database": {"mysql": mysql, "dynamodb": {"region": "us-west-2"}}, "migration": {"contractPath": "none.json"}}))
    return path


def lines_of(text):
    """Lines end with a newline, and with nothing else: U+2028 may stand in one."""
    assert not text or text.endswith("\n")
    return text.split("\n")[:-1]


def decode(server, *arguments, code=0, notes=False, **more):
    """The lines, as text; with another exit code, or `notes`: lines and standard error."""
    made = subprocess.run([LEAT, "-c", config(server), "decode", *arguments], capture_output=True, text=True, timeout=60, **more)
    assert made.returncode == code, (made.returncode, made.stderr)
    if code == 0 and not notes:
        return lines_of(made.stdout)
    return lines_of(made.stdout), made.stderr


def parsed(lines):
    """Numbers stay the digits that were printed."""
    return [json.loads(line, parse_int=str, parse_float=str) for line in lines]


def rows(lines):
    return [line for line in parsed(lines) if "row" in line]


def files(server):
    return sorted(server.datadir.glob("binlog.[0-9]*"))


def end(server):
    row = server.execute("SHOW BINARY LOG STATUS")[0]
    return f"{row[0]}:{row[1]}"


def gtids(server):
    return server.execute("SELECT @@gtid_executed")[0][0].replace("\n", "")


def fresh(server, *statements):
    """A new binlog file that holds these statements alone; the file."""
    server.execute("DROP DATABASE IF EXISTS test1", "CREATE DATABASE test1", "FLUSH BINARY LOGS")
    server.execute(*statements, database="test1")
    return files(server)[-1]


@pytest.fixture(scope="module")
def server():
    with Mysql(sql_mode="") as mysql:
        yield mysql


@pytest.fixture(scope="module")
def plain():
    """A server as old ones were: no GTIDs, no checksums, no column names."""
    with Mysql(sql_mode="", gtid_mode="OFF", binlog_checksum="NONE", binlog_row_metadata="MINIMAL") as mysql:
        yield mysql


SMALL = "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), n INT UNSIGNED)"


# ---- values


def shown(value, how):
    """SELECT's text as the line must show it."""
    if value is None:
        return None
    if how == BASE64:
        return base64.b64encode(value).decode()
    if how == SINGLE:
        return struct.pack("f", float(value))
    if how == VECTOR:
        return bytes.fromhex(value)
    if how == DOUBLE:
        return float(value)
    return json.loads(value, parse_int=str, parse_float=str) if how == JSON else value


def comparable(value, how):
    if value is None or how not in (SINGLE, DOUBLE, VECTOR):
        return value
    if how == VECTOR:
        return b"".join(struct.pack("<f", float(v)) for v in value)
    assert isinstance(value, str)  # a bare number
    return struct.pack("f", float(value)) if how == SINGLE else float(value)


def selected(server):
    asked = ", ".join(expression.format(f"c{i}") for i, (_, _, expression, _) in enumerate(COLUMNS))
    with server.connect("test1", conv={}) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT id, {asked} FROM types ORDER BY id")
        return {row[0]: [shown(v, how) for v, (_, how, _, _) in zip(row[1:], COLUMNS)] for row in cursor.fetchall()}


def image(line, which):
    return [comparable(line[which][f"c{i}"], how) for i, (_, how, _, _) in enumerate(COLUMNS)]


def test_lines_say_what_select_says(server):
    """[S20-S23] Each value of each type, in inserts, both images of updates, and deletes."""
    definitions = ", ".join(f"c{i} {definition}" for i, (definition, *_) in enumerate(COLUMNS))
    most = max(len(values) for *_, values in COLUMNS)
    inserts = [f"INSERT INTO types (id) VALUES ({most})"]
    inserts += [f"INSERT INTO types VALUES ({k}, " + ", ".join(values[k % len(values)] for *_, values in COLUMNS) + ")" for k in range(most)]
    fresh(server, f"CREATE TABLE types (id INT PRIMARY KEY, {definitions})", *inserts)
    first = selected(server)
    swap = ", ".join(f"a.c{i} = b.c{i}" for i in range(len(COLUMNS)))
    server.execute(f"UPDATE types a JOIN types b ON b.id = a.id + 1 SET {swap} WHERE a.id = 0", f"UPDATE types SET c0 = 9 WHERE id = {most}", database="test1")
    second = selected(server)
    server.execute("DELETE FROM types", database="test1")
    lines = rows(decode(server, files(server)[-1]))
    assert [line["kind"] for line in lines] == ["insert"] * (most + 1) + ["update"] * 2 + ["delete"] * (most + 1)
    for line in lines:
        assert line["table"] == "test1.types" and list((line["after"] or line["before"])) == ["id"] + [f"c{i}" for i in range(len(COLUMNS))]
        key = (line["before"] or line["after"])["id"]
        if line["kind"] == "insert":
            assert line["before"] is None and image(line, "after") == first[key]
        elif line["kind"] == "update":
            assert image(line, "before") == first[key] and image(line, "after") == second[key]
        else:
            assert line["after"] is None and image(line, "before") == second[key]
    assert len({line["position"] for line in lines}) == most + 1 + 2 + 1  # the delete is one transaction
    assert [line["row"] for line in lines[-most - 1:]] == [str(k + 1) for k in range(most + 1)]


def test_partial_images(server):
    """[S14] A column that is not in the image is not in the line."""
    fresh(server, SMALL, "SET SESSION binlog_row_image = 'MINIMAL'", "INSERT INTO t (id) VALUES (1)", "UPDATE t SET v = 'x'", "DELETE FROM t")
    insert, update, delete = rows(decode(server, files(server)[-1]))
    assert insert["after"] == {"id": "1"} and update["before"] == {"id": "1"} and update["after"] == {"v": "x"} and delete["before"] == {"id": "1"}


def test_partial_json(server):
    """[S14] The whole document where the image before has it, else what was done to it."""
    file = fresh(server, "CREATE TABLE j (id INT PRIMARY KEY, d JSON)", """INSERT INTO j VALUES (1, '{"a": 1, "b": "long enough to be changed in parts only"}')""",
                 "SET SESSION binlog_row_value_options = 'PARTIAL_JSON'", "UPDATE j SET d = JSON_SET(d, '$.a', 2)",
                 "SET SESSION binlog_row_image = 'MINIMAL'", "UPDATE j SET d = JSON_SET(d, '$.a', 3)")
    assert 39 in [kind for _, kind, _ in events(file.read_bytes())]
    _, whole, part = rows(decode(server, file))
    assert whole["after"]["d"] == {"a": "2", "b": "long enough to be changed in parts only"}
    assert part["after"] == {"d": {"json_diff": [{"op": "replace", "path": "$.a", "value": "3"}]}}


# ---- files, source, stretches


def some_history(server):
    """Two files: transactions of several rows and tables, DDL, a rollback to a savepoint, TRUNCATE."""
    fresh(server, SMALL, "CREATE TABLE u (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2)")
    with server.connect("test1") as c, c.cursor() as q:
        c.autocommit(False)
        for statement in ("INSERT INTO u VALUES (1)", "SAVEPOINT s", "INSERT INTO t VALUES (3, 'gone', 3)", "ROLLBACK TO s", "UPDATE t SET n = 4294967295"):
            q.execute(statement)
        c.commit()
    server.execute("FLUSH BINARY LOGS", "DELETE FROM t WHERE id = 1", "ALTER TABLE t ADD COLUMN w INT", "INSERT INTO t VALUES (4, 'd', 4, 4)", "TRUNCATE TABLE u",
                   database="test1")
    return files(server)[-2:]


def test_files_and_source_say_the_same(server):
    both = some_history(server)
    from_files = decode(server, *both, "--transactions")
    assert from_files == decode(server, "--from", f"{both[0].name}:4", "--until", "now", "--transactions")
    piped = subprocess.run([LEAT, "decode", "-", "--transactions"], input=b"".join(f.read_bytes() for f in both), capture_output=True, check=True)
    assert lines_of(piped.stdout.decode().replace('"position":"-:', f'"position":"{both[0].name}:')) == from_files
    kinds = [line["kind"] for line in parsed(from_files)]
    assert kinds == ["ddl", "transaction"] * 2 + ["insert", "insert", "transaction", "insert", "update", "update", "transaction",
                                                  "delete", "transaction", "ddl", "transaction", "insert", "transaction", "truncate", "transaction"]
    everything = decode(server, "--from", "start", "--until", "now")
    assert everything[-1] == [line for line in from_files if '"transaction"' not in line][-1]
    assert [line for line in decode(server, *files(server))] == everything
    assert decode(server, "--from", "start", "--until", gtids(server)) == everything


def test_stretches(server):
    """[S2] From and until each transaction's end, by offset and by GTID, in files and from the source."""
    both = some_history(server)
    lines = parsed(decode(server, *both, "--transactions"))
    uuid, first = lines[0]["gtid"].split(":")
    ends = [line for line in lines if line["kind"] == "transaction"]
    for i, one in enumerate(ends):
        rest = [line for line in lines if line["position"] in {e["position"] for e in ends[i + 1:]}]
        head = lines[:len(lines) - len(rest)]
        by_gtid = f"{uuid}:1-{int(first) + i}"
        for position in (one["position"], by_gtid):
            assert parsed(decode(server, *both, "--transactions", "--from", position)) == rest
            assert parsed(decode(server, *both, "--transactions", "--until", position)) == head
            assert parsed(decode(server, "--from", position, "--until", "now", "--transactions")) == rest
        assert parsed(decode(server, "--from", f"{both[0].name}:4", "--until", one["position"], "--transactions")) == head
        assert parsed(decode(server, "--from", f"{uuid}:1-{int(first) - 1}", "--until", by_gtid, "--transactions")) == head
    assert decode(server, "--from", "now", "--until", "now") == []
    _, error = decode(server, *both, "--until", f"{uuid}:1-999999", code=1)
    assert "end before --until" in error
    _, error = decode(server, *both, "--from", "binlog.009999:4", code=1)
    assert "end before --from" in error
    _, error = decode(server, "--from", f"{both[0].name}:4", "--until", by_gtid, code=2)
    assert "cannot be compared" in error


def test_tables(server):
    """By name, by database and name, several; what concerns no shown table is left out."""
    server.execute("DROP DATABASE IF EXISTS test2", "CREATE DATABASE test2")
    file = fresh(server, SMALL, "CREATE TABLE u (id INT PRIMARY KEY)", "CREATE TABLE test2.t (id INT PRIMARY KEY)", "INSERT INTO t (id) VALUES (1)", "INSERT INTO u VALUES (2)",
                 "INSERT INTO test2.t VALUES (3)", "ALTER TABLE test2.t ADD x INT", "DROP TABLE u")
    def ids(*tables):
        lines = parsed(decode(server, file, *(word for t in tables for word in ("--table", t))))
        return [line["after"]["id"] if "row" in line else line["sql"].split()[0] for line in lines]
    assert ids("test1.t") == ["CREATE", "1"] and ids("test1.u") == ["CREATE", "2", "DROP"]
    assert ids("t") == ["CREATE", "CREATE", "1", "3", "ALTER"] == ids("test1.t", "test2.t")
    made = subprocess.run([LEAT, "decode", file, "--table=test1.wrong"], capture_output=True, text=True)
    assert (made.returncode, made.stdout) == (0, "") and "test1.wrong" in made.stderr
    lines = parsed(decode(server, file, "--table", "test1.u", "--transactions"))
    assert [(line["kind"], line.get("rows"), line.get("tables")) for line in lines] == [
        ("ddl", None, None), ("transaction", "0", {}), ("insert", None, None), ("transaction", "1", {"test1.u": "1"}), ("ddl", None, None), ("transaction", "0", {})]


def test_transactions_alone(server):
    both = some_history(server)
    lines = parsed(decode(server, *both, "--transactions", "--no-rows"))
    assert {line["kind"] for line in lines} == {"transaction"}
    assert [(line["rows"], line["statements"], line["tables"]) for line in lines] == [
        ("0", "1", {}), ("0", "1", {}), ("2", "0", {"test1.t": "2"}), ("3", "0", {"test1.t": "2", "test1.u": "1"}), ("1", "0", {"test1.t": "1"}),
        ("0", "1", {}), ("1", "0", {"test1.t": "1"}), ("1", "0", {"test1.u": "1"})]
    assert all(int(line["bytes"]) > 0 and line["timestamp"].endswith("Z") for line in lines)


def test_compressed(server):
    """[S15]"""
    statements = [SMALL, "SET SESSION binlog_transaction_compression = {}", *(f"INSERT INTO t VALUES ({i}, REPEAT('x', 20), {i})" for i in range(3)), "UPDATE t SET n = n + 1"]
    def lines(compression):
        file = fresh(server, *(s.format(compression) for s in statements))
        return file.stat().st_size, [{k: line[k] for k in ("row", "kind", "table", "before", "after")} for line in rows(decode(server, file))]
    (small, compressed), (_, plain_lines) = lines("ON"), lines("OFF")
    assert compressed == plain_lines and len(compressed) == 6


def test_xa(server):
    """[S12] Rows stand where they are committed, with the transaction's name; also when it was prepared before --from."""
    file = fresh(server, SMALL)
    def prepare(name, key):
        with server.connect("test1") as c, c.cursor() as q:
            for statement in (f"XA START '{name}'", f"INSERT INTO t (id) VALUES ({key})", f"XA END '{name}'", f"XA PREPARE '{name}'"):
                q.execute(statement)
    prepare("a", 1)
    prepare("b", 2)
    between = end(server)
    server.execute("INSERT INTO t (id) VALUES (3)", "XA ROLLBACK 'a'", "XA COMMIT 'b'", database="test1")
    lines = parsed(decode(server, file, "--transactions"))[2:]
    assert [(line["kind"], line.get("xid")) for line in lines] == [
        ("xa_prepare", "X'61',X'',1"), ("xa_prepare", "X'62',X'',1"), ("insert", None), ("transaction", None), ("xa_rollback", "X'61',X'',1"),
        ("insert", "X'62',X'',1"), ("transaction", "X'62',X'',1")]
    assert [line["after"]["id"] for line in lines if "row" in line] == ["3", "2"] and lines[-2]["position"] == end(server)
    assert parsed(decode(server, file, "--transactions", "--from", between)) == lines[2:]
    _, error = decode(server, "--from", between, "--until", "now", code=4)
    assert "prepared before the start" in error


def test_without_gtids_checksums_and_names(plain):
    """[S16] Files alone have numbers for names; the source's schema gives them, unless the table has changed since."""
    file = fresh(plain, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), n INT UNSIGNED, e ENUM('a','b'), s SET('x','y'))", "INSERT INTO t VALUES (1, 'ü', 4294967295, 'b', 'x,y')")
    made = subprocess.run([LEAT, "decode", file], capture_output=True, text=True, check=True)
    ddl, insert = parsed(lines_of(made.stdout))
    assert insert["gtid"] is None and insert["after"] == {"@1": "1", "@2": "ü", "@3": "4294967295", "@4": "2", "@5": "3"}
    assert made.stderr.count("@1") == 1
    named = {"id": "1", "v": "ü", "n": "4294967295", "e": "b", "s": "x,y"}
    assert rows(decode(plain, file, "--schema"))[0]["after"] == named
    lines = rows(decode(plain, "--from", f"{file.name}:4", "--until", "now"))
    assert lines[0]["after"] == named and lines[0]["position"] == end(plain)
    assert rows(decode(plain, "--from", "start", "--until", "now"))[-1] == lines[0]
    plain.execute("ALTER TABLE t DROP COLUMN e", database="test1")
    assert rows(decode(plain, file, "--schema"))[0]["after"] == insert["after"]


@pytest.mark.parametrize("version", ["8.0", "5.7"])
def test_rows_of_the_first_version(version):
    """Row events as 5.5 wrote them, from servers told to, without checksums: files and source say the same, in each kind of image."""
    if mysqld_of(version) is None:
        pytest.skip(NO_OLD_SERVER.format(version))
    with Mysql(version=version, sql_mode="", log_bin_use_v1_row_events=1, binlog_checksum="NONE") as old:
        file = fresh(old, SMALL, "INSERT INTO t VALUES (1, 'ü', 4294967295), (2, NULL, NULL)", "UPDATE t SET v = 'x', n = 7 WHERE id = 1", "DELETE FROM t WHERE id = 2",
                     "SET SESSION binlog_row_image = MINIMAL", "UPDATE t SET n = 8", "DELETE FROM t")
        assert {23, 24, 25} == {kind for _, kind, _ in events(file.read_bytes())} & {23, 24, 25, 30, 31, 32}
        first, second = {"id": "1", "v": "ü", "n": "4294967295"}, {"id": "2", "v": None, "n": None}
        changed = first | {"v": "x", "n": "7"}
        want = [(None, first), (None, second), (first, changed), (second, None), ({"id": "1"}, {"n": "8"}), ({"id": "1"}, None)]
        for arguments in ([file, "--schema"], ["--from", f"{file.name}:4", "--until", "now"], ["--from", "start", "--until", "now"]):
            lines = rows(decode(old, *arguments))
            assert [(line["before"], line["after"]) for line in lines] == want
            assert all(line["gtid"] for line in lines)


def test_a_purged_file_is_named(server):
    """[S3] By offset and by GTID set: what is missing, and where the source's binlog begins now; never its lines from there."""
    both = some_history(server)
    old, behind = f"{both[0].name}:4", gtids(server).split(":")[0] + ":1"
    server.execute("FLUSH BINARY LOGS", f"PURGE BINARY LOGS TO '{both[1].name}'")
    for position in (old, behind):
        lines, error = decode(server, "--from", position, "--until", "now", code=4)
        assert lines == [] and "purged" in error, error
    assert rows(decode(server, "--from", "start", "--until", "now"))[0]["position"].startswith(both[1].name)


def test_statements_stop_it_or_are_shown(server):
    """[S14]"""
    file = fresh(server, SMALL, "INSERT INTO t VALUES (1, 'a', 1)", "SET SESSION binlog_format = STATEMENT", "UPDATE t SET v = 'ü'", "SET SESSION binlog_format = ROW", "DELETE FROM t")
    lines, error = decode(server, file, code=4)
    assert [line["kind"] for line in parsed(lines)] == ["ddl", "insert"] and "UPDATE t SET v = 'ü'" in error and f"{file.name}:" in error
    lines = parsed(decode(server, file, "--statements"))
    assert [line["kind"] for line in lines] == ["ddl", "insert", "statement", "delete"]
    assert lines[2]["sql"] == "UPDATE t SET v = 'ü'" and lines[2]["database"] == "test1"
    _, error = decode(server, file, "--table", "test1.other", code=4)  # a trigger may change it
    assert "instead of these rows" in error
    made = subprocess.run([LEAT, "decode", file, "--table", "test2.t"], capture_output=True, text=True)
    assert (made.returncode, made.stdout) == (0, "")
    with server.connect("test1") as c, c.cursor() as q:  # SQL in another character set is shown as text
        q.execute("SET character_set_client = latin1")
        q._query("ALTER TABLE t COMMENT 'ü'".encode("latin1"))
    assert parsed(decode(server, file, "--statements"))[-1]["sql"] == "ALTER TABLE t COMMENT 'ü'"
    with server.connect("test1") as c, c.cursor() as q:  # and what is none, as bytes
        q.execute("SET character_set_client = binary")
        q._query(b"ALTER TABLE t FORCE /* \xff */")
    assert parsed(decode(server, file, "--statements"))[-1]["sql"] == {"invalid_text": base64.b64encode(b"ALTER TABLE t FORCE /* \xff */").decode()}


# ---- following, ending, writing


def start(server, *arguments, **more):
    return subprocess.Popen([LEAT, "-c", config(server), "decode", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_follows_until_interrupted(server, number):
    """A line comes at once, not when a buffer is full; it ends behind a whole line."""
    fresh(server, SMALL)
    process = start(server, "--from", end(server), "--table", "test1.t")
    for i in range(3):
        server.execute(f"INSERT INTO t (id) VALUES ({i})", database="test1")
        assert json.loads(process.stdout.readline())["after"]["id"] == i
    process.send_signal(number)
    rest, error = process.communicate(timeout=10)
    assert (process.returncode, rest, error) == (0, "", "")


def test_follows_through_a_restart_of_the_source(server):
    """[S2] By file and offset: what was shown is not shown again."""
    fresh(server, SMALL, "INSERT INTO t (id) VALUES (0)")
    process = start(server, "--from", end(server), "--table", "test1.t")
    server.execute("INSERT INTO t (id) VALUES (1)", database="test1")
    assert json.loads(process.stdout.readline())["after"]["id"] == 1
    server.kill9()
    server.start()
    server.execute("INSERT INTO t (id) VALUES (2)", database="test1")
    assert json.loads(process.stdout.readline())["after"]["id"] == 2
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0 and process.stderr.read().count("note: ") == 1


def test_readers_that_leave_and_disks_that_are_full(server):
    file = fresh(server, SMALL, *(f"INSERT INTO t VALUES ({i}, REPEAT('x', 20), 1)" for i in range(100)))
    for _ in range(6):
        server.execute("UPDATE t SET n = n + 1", database="test1")
    process = start(server, *[file] * 30)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(10) == 0
    assert all("is not the file that follows" in line for line in process.stderr)
    with open("/dev/full", "w") as full:
        made = subprocess.run([LEAT, "decode", file], stdout=full, stderr=subprocess.PIPE, text=True)
    assert made.returncode == 6 and "No space left" in made.stderr


# ---- files that are not whole


def with_checksum(event):
    return event + struct.pack("<I", zlib.crc32(event))


def events(data):
    at = 4
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 9)[0]
        yield at, data[at + 4], size
        at += size


def test_unfinished_files(server, tmp_path):
    """[S10] The newest file may end anywhere; one that was closed may not."""
    open_file = fresh(server, SMALL, "INSERT INTO t VALUES (1, 'a', 1)", "INSERT INTO t VALUES (2, 'b', 2)")
    data = open_file.read_bytes()
    places = list(events(data))
    copy = tmp_path / "binlog.000007"
    copy.write_bytes(data[:-5])
    made = subprocess.run([LEAT, "decode", copy], capture_output=True, text=True)
    assert made.returncode == 0 and len(lines_of(made.stdout)) == 2
    assert f"ends within the event at byte {places[-1][0]}:" in made.stderr
    copy.write_bytes(data[:places[-1][0]])  # no commit
    made = subprocess.run([LEAT, "decode", copy], capture_output=True, text=True)
    assert made.returncode == 0 and len(lines_of(made.stdout)) == 2 and "ends within a transaction" in made.stderr
    server.execute("FLUSH BINARY LOGS")
    data = open_file.read_bytes()
    for cut, what in ((len(data) - 5, "ends within the event at byte"), (places[-1][0], "ends within a transaction"), (60, "ends within the event at byte")):
        copy.write_bytes(data[:cut])
        made = subprocess.run([LEAT, "decode", copy], capture_output=True, text=True)
        assert made.returncode == 4 and what in made.stderr, made.stderr
    copy.write_bytes(data)
    assert len(decode(server, copy)) == 3


def test_damaged_and_foreign_files(server, tmp_path):
    """[S9, S10] Each is refused by what it is and where."""
    file = fresh(server, SMALL, *(f"INSERT INTO t VALUES ({i}, 'a', 1)" for i in range(3)), "FLUSH BINARY LOGS")
    file = files(server)[-2]
    data = bytearray(file.read_bytes())
    places = list(events(data))
    copy = tmp_path / "binlog.000007"

    def error(content):
        copy.write_bytes(content)
        made = subprocess.run([LEAT, "decode", copy], capture_output=True, text=True)
        assert made.returncode == 4, made
        return lines_of(made.stdout), made.stderr

    row = [at for at, kind, _ in places if kind == 30][1]
    flipped = bytearray(data)
    flipped[row + 30] ^= 4
    lines, text = error(flipped)
    assert len(lines) == 2 and f"event at byte {row}" in text and "checksum" in text  # up to there all is shown
    assert "encrypted" in error(b"\xfdbin" + data[4:])[1] and "is empty" in error(b"")[1]
    assert "no binlog file" in error(b"#!/bin/sh\n")[1] and "no binlog file" in error(b"\xfe")[1]
    assert f"byte {len(data)}: no event begins here" in error(data + bytes(40))[1]
    first = places[0]
    body = bytearray(data[first[0]:first[0] + first[2] - 4])
    maria = bytearray(body)
    maria[21:21 + 20] = b"11.4.2-MariaDB-log\0\0"
    assert "MariaDB" in error(b"\xfebin" + with_checksum(bytes(maria)))[1]
    strange = struct.pack("<IBIIIH", 0, 160, 1, 19 + 4 + 4, 0, 0) + b"what"
    lines, text = error(data[:row] + with_checksum(strange) + data[row:])
    assert "event type 160" in text and f"event at byte {row}" in text
    assert "format description" in error(b"\xfebin" + data[places[1][0]:])[1]


def test_files_in_a_wrong_order(server, tmp_path):
    """[S10] A gap, the wrong order, or a file twice are noted; copies under other names tell nothing."""
    server.execute(*["FLUSH BINARY LOGS"] * 3)
    a, b, c = files(server)[-4:-1]
    copy = shutil.copy(a, tmp_path / "a.copy")
    for names, noted in (((a, b, c), []), ((a, c), [c]), ((b, a), [a]), ((a, a), [a]), ((copy, c), []), ((c, copy), [])):
        _, errors = decode(server, *names, notes=True)
        assert [line.split()[2] for line in errors.splitlines() if "is not the file that follows" in line] == [f.name for f in noted], names
    _, error = decode(server, a, b, c, "--from", f"{c.name}:4", "--until", f"{a.name}:500", code=2)
    assert f"--until ({a.name}:500) lies before --from ({c.name}:4)" in error
    _, error = decode(server, "--from", f"{c.name}:4", "--until", f"{a.name}:500", code=2)
    assert "lies before --from" in error


def test_places_where_no_event_begins(server):
    """[S10]"""
    file = files(server)[0].name
    _, error = decode(server, "--from", f"{file}:77", "--until", "now", code=4)
    assert "at a position given as FILE:OFFSET no event may begin" in error
    _, error = decode(server, "--from", f"{file}:999999999", "--until", f"{file}:1000000000", code=4)
    assert "but reading was to begin at 999999999" in error and "(`leat decode`: with --from start)" in error


def test_closed_standard_descriptors(server):
    """What is opened later must not get their numbers, and the messages."""
    file = fresh(server, SMALL, "INSERT INTO t (id) VALUES (1)")
    made = subprocess.run(["sh", "-c", '"$0" decode "$1" >&-', LEAT, file], capture_output=True, text=True, timeout=60)
    assert made.returncode == 6 and "cannot write standard output: Bad file descriptor" in made.stderr
    made = subprocess.run(["sh", "-c", '"$0" decode "$1" <&- 2>&-', LEAT, file], capture_output=True, text=True, timeout=60)
    assert made.returncode == 0 and lines_of(made.stdout) == decode(server, file)


def test_relay_logs(server):
    """Positions are the source's."""
    with Mysql(sql_mode="", relay_log="relay") as replica:
        both = some_history(server)
        server.execute("CREATE USER IF NOT EXISTS repl@'%' IDENTIFIED BY 'repl'", "GRANT REPLICATION SLAVE ON *.* TO repl@'%'")
        replica.execute("CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=%d, SOURCE_USER='repl', SOURCE_PASSWORD='repl', "
                        "GET_SOURCE_PUBLIC_KEY=1, SOURCE_LOG_FILE='%s', SOURCE_LOG_POS=4" % (server.port, both[0].name), "START REPLICA IO_THREAD")
        wanted = decode(server, *files(server)[files(server).index(both[0]):])
        wait_until(lambda: lines_of(subprocess.run([LEAT, "decode", *sorted(replica.datadir.glob("relay.[0-9]*"))], capture_output=True, text=True).stdout) == wanted,
                   "the relay log holds what the source wrote", 15)


# ---- the command line


@pytest.mark.parametrize("arguments, what", [
    ([], "needs binlog files"), (["--from"], "needs a value"), (["--form", "x"], "did you mean --from"), (["--from", "yesterday", "/dev/null"], "is no position"),
    (["/nowhere/binlog.000001"], "No such file"), (["/tmp"], "is a folder"), (["--no-rows", "x"], "--transactions"), (["--from", "now", "/dev/null"], "for a source"),
])
def test_usage(arguments, what):
    made = subprocess.run([LEAT, "decode", *arguments], capture_output=True, text=True)
    assert made.returncode == 2 and what in made.stderr, made


def test_help():
    assert "leat decode --from now" in subprocess.run([LEAT, "help", "decode"], capture_output=True, text=True, check=True).stdout
