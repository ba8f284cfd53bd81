"""JSON columns against a real MySQL: what leat reads by stream and by snapshot is what SELECT prints [S23]; partial updates [S14]."""

import json
import random
import struct
import subprocess
from decimal import Decimal

import pytest
from conftest import World

from tests.e2e.test_binlog import DUMP, dump, end, rows_of
from tests.lib.servers import NO_OLD_SERVER, Mysql, mysqld_of

JSON, JSON_DIFF = 15, 19  # enum value_kind

# What CAST makes of other types: the scalars that JSON text cannot write.
SCALARS = [
    "CAST(CAST(-12.50 AS DECIMAL(5,2)) AS JSON)", "CAST(CAST(0 AS DECIMAL(5,2)) AS JSON)", "CAST(CAST(7 AS DECIMAL(20,0)) AS JSON)",
    f"CAST(CAST('-{'9' * 35}.{'9' * 30}' AS DECIMAL(65,30)) AS JSON)", "CAST(CAST('0.000000000000000000000000000001' AS DECIMAL(30,30)) AS JSON)",
    "CAST(DATE'2026-11-21' AS JSON)", "CAST(DATE'0000-00-00' AS JSON)", "CAST(DATE'2026-11-00' AS JSON)", "CAST(DATE'9999-12-31' AS JSON)",
    "CAST(TIME'-838:59:59' AS JSON)", "CAST(TIME'838:59:58.999999' AS JSON)", "CAST(TIME'-00:00:00.000001' AS JSON)", "CAST(TIME'00:00:00' AS JSON)",
    "CAST(TIMESTAMP'2026-11-21 10:15:00.123456' AS JSON)", "CAST(TIMESTAMP'0000-00-00 00:00:00' AS JSON)",
    "CAST(CAST('9999-12-31 23:59:59.999999' AS DATETIME(6)) AS JSON)", "CAST(CAST(2026 AS YEAR) AS JSON)", "CAST(b'101' AS JSON)",
    *(f"CAST(CAST(REPEAT('x', {n}) AS BINARY) AS JSON)" for n in (0, 1, 2, 3, 56, 57, 58, 114, 200, 300)),
    "CAST(x'00FF80' AS JSON)", "CAST(ST_GeomFromText('POINT(1.5 -2)') AS JSON)", "CAST(1e0 AS JSON)", "CAST(-0e0 AS JSON)", "CAST(NULL AS JSON)",
    "CAST('null' AS JSON)", "CAST(TRUE AS JSON)", "CAST(FALSE AS JSON)", "CAST(18446744073709551615 AS JSON)", "CAST(-9223372036854775808 AS JSON)",
]
# Types that only columns have keep their number inside an opaque value.
TYPED = ("CREATE TABLE typed (id INT PRIMARY KEY, y YEAR, b BIT(17), bl BLOB, vb VARBINARY(20), ts TIMESTAMP(6) NULL, ti TIME(3), e ENUM('a','b'),"
         " s SET('a','b'), f FLOAT, d DOUBLE, de DECIMAL(20,5), bi BIGINT UNSIGNED, c VARCHAR(20) CHARACTER SET latin1)")
TYPED_ROW = "(1, 1999, 70000, x'0102FF', x'00', '2026-11-21 10:00:00.5', '-10:11:12.5', 'b', 'a,b', 0.1, 1e100, -1.5, 18446744073709551615, 'ä')"
KEYS = ["", " ", "a", "b", "A", "aa", "ab", "é", "日本", "😀", '"', "\\", "\\\"", "a.b", "a b", "$", "$.a", "[0]", "*", "\n", "\x01", "\x7f", "key" * 90, "0", "1e1", "@"]
NUMBERS = [0, 1, -1, 127, 128, 255, 256, -128, -129, 32767, 32768, -32768, -32769, 65535, 65536, 2**31 - 1, 2**31, -2**31, -2**31 - 1, 2**32 - 1, 2**32,
           2**63 - 1, 2**63, -2**63, 2**64 - 1, 1.0, -1.0, 0.1, 1.5, 100.0, 1e14, 1e15, 1e16, 1e-13, 1e-14, 1e-15, 1e-16, 123456789012345.0, 1234567890123456.0,
           12345678901234567.0, 123456789012345.6, 1.7976931348623157e308, 2.2250738585072014e-308, 5e-324, 4.35, 0.3, 2 / 3, 9007199254740993.0, 1e21, 1e22, 1e23]
STRINGS = ["", "a", "x" * 127, "x" * 128, "ü" * 64, "x" * 16384, '"\\/\b\f\n\r\t', "".join(map(chr, range(0x20))), "\x7f\x80\u2028", "日本語😀", "1234567\"", "12345678\"", "\\" * 9]


def document(r, depth):
    kind = r.randrange(8 if depth else 5)
    if kind == 0:
        return r.choice(NUMBERS)
    if kind == 1:
        return r.choice(STRINGS)
    if kind == 2:
        return r.choice([None, True, False])
    if kind == 3:
        return r.randrange(-2**r.randrange(1, 63), 2**r.randrange(1, 64))
    if kind == 4:
        return "".join(r.choice("ab\"\\\n\tüé😀 ") for _ in range(r.randrange(40)))
    if kind == 5:
        return [document(r, depth - 1) for _ in range(r.randrange(6))]
    return {r.choice(KEYS): document(r, depth - 1) for _ in range(r.randrange(8))}


def nested(depth, inner):
    """Objects and arrays in turn around a value."""
    for i in range(depth):
        inner = [inner] if i % 2 else {"k": inner}
    return inner


def documents(r, deepest):
    yield from (json.dumps(n) for n in NUMBERS)
    yield from (json.dumps(s) for s in STRINGS)
    yield from ("[]", "{}", "[[], {}]", '{"a": 1, "a": 2, "b": 3, "a": [4]}', json.dumps(nested(deepest, [])), json.dumps(nested(deepest, {})))
    yield json.dumps(nested(deepest, [1, "x", 1.5, 2**40]))
    doubles = [struct.unpack("<d", r.randbytes(8))[0] for _ in range(2000)]
    yield json.dumps([d for d in doubles if abs(d) < 1.8e308 and d == d])
    yield json.dumps([r.uniform(-1, 1) * 10.0 ** r.randrange(-20, 25) for _ in range(2000)])
    yield json.dumps([round(r.uniform(-1000, 1000), r.randrange(6)) for _ in range(500)])
    yield json.dumps([2.0 ** n for n in range(-1074, 1024)])
    yield json.dumps([10.0 ** n for n in range(-323, 309)])
    yield json.dumps([str(i) for i in range(20000)])  # over 64 KiB: the large format, with inlined and other values
    yield json.dumps({f"key{i}": [i, -i, i * 100000, i / 7, str(i), None, True] for i in range(3000)})
    yield json.dumps({"small": {"a": [1, 2]}, "big": "y" * 70000, "list": ["z" * 66000, 70000, -70000, 1.5, {}]})
    yield json.dumps("s" * 2100000)
    for _ in range(300):
        yield json.dumps(document(r, r.randrange(6)))


@pytest.fixture(scope="module")
def server():
    with Mysql(sql_mode="", max_allowed_packet="64M") as mysql:
        yield mysql


@pytest.fixture(scope="module", params=("8.0", "5.7"))
def old_server(request):
    if mysqld_of(request.param) is None:
        pytest.skip(NO_OLD_SERVER.format(request.param))
    with Mysql(version=request.param, sql_mode="", max_allowed_packet="64M") as mysql:
        yield mysql


def fresh(server):
    server.execute("DROP DATABASE IF EXISTS test1", "CREATE DATABASE test1")
    return server


@pytest.fixture
def database(server):
    return fresh(server)


@pytest.fixture
def old_database(old_server):
    return fresh(old_server)


def printed(server, table="t"):
    """What SELECT prints, by id; with the newlines in base64 escaped, which old servers print as they are."""
    return {i: doc and doc.replace("\n", "\\n") for i, doc in server.execute(f"SELECT id, CAST(doc AS CHAR) FROM {table}", database="test1")}


def differences(images, want):
    got = {int(image["id"][1]): image["doc"] for image in images}
    assert len(got) == len(want)
    return {i: (want[i], got[i][:2]) for i in want if got[i][1] != (want[i] or "") or got[i][0] != (JSON if want[i] is not None else 1)}


def test_S23_documents_read_by_stream_and_snapshot_are_what_select_prints(database):
    """[S23] Every scalar, numbers at their limits, thousands of doubles, the large format, 100 levels, odd keys, random documents."""
    prove_documents(database)


def test_S23_documents_of_old_servers(old_database):
    """[S23] The same, as that server's SELECT prints it."""
    prove_documents(old_database)


def prove_documents(server):
    r = random.Random(23)
    scalars = SCALARS if server.version == "9.7" else [s for s in SCALARS if "YEAR" not in s]  # as a type of CAST
    server.execute("CREATE TABLE t (id INT PRIMARY KEY, doc JSON, x INT)", TYPED, f"INSERT INTO typed VALUES {TYPED_ROW}", database="test1")
    before = end(server)
    with server.connect(database="test1") as connection, connection.cursor() as cursor:
        for i, text in enumerate(documents(r, 99 if server.major >= (8, 0) else 98)):  # 5.7 counts what is inside the innermost
            cursor.execute("INSERT INTO t VALUES (%s, %s, 1)", (i, text))
        for i, scalar in enumerate(scalars, start=10000):
            cursor.execute(f"INSERT INTO t VALUES ({i}, {scalar}, 1), ({i + 1000}, JSON_OBJECT('k', JSON_ARRAY({scalar}, 1)), 1)")
        cursor.execute("SELECT * FROM typed LIMIT 0")
        for i, (name, *_) in enumerate(cursor.description[1:], start=20000):
            cursor.execute(f"INSERT INTO t SELECT {i}, JSON_ARRAY({name}, JSON_OBJECT('c', {name})), 1 FROM typed")
        cursor.execute("INSERT INTO t (id) VALUES (30000)")
        connection.commit()
    want = printed(server)
    assert len(want) > 400 and want[30000] is None
    assert differences([row["after"] for row in rows_of(dump(server, "stream", **{"from": before, "tables": "t", "live": 1}))], want) == {}
    assert differences(dump(server, "chunks", tables="t", only="t", limit=100), want) == {}


def test_S23_a_document_of_no_bytes_is_null(database):
    """[S23] INSERT IGNORE leaves nothing at all in a column that is NOT NULL; and so does ALTER, for the rows there are."""
    server = database
    server.execute("CREATE TABLE t (id INT PRIMARY KEY, doc JSON NOT NULL)", database="test1")
    before = end(server)
    server.execute("INSERT IGNORE INTO t VALUES (1, NULL), (2, NULL)", database="test1")
    server.execute("UPDATE t SET id = 3 WHERE id = 1", database="test1")
    images = [row["after"] for row in rows_of(dump(server, "stream", **{"from": before, "tables": "t"}))]
    assert [image["doc"][:2] for image in images] == [[JSON, "null"]] * 3 and set(printed(server).values()) == {"null"}
    assert [row["doc"][:2] for row in dump(server, "chunks", tables="t", only="t")] == [[JSON, "null"]] * 2


def update(r, doc):
    """A change of a document that MySQL may log in part: paths into it and new values."""
    paths, stack = [], [("$", doc)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict):
            below = [(f'{path}.{json.dumps(k, ensure_ascii=False)}', v) for k, v in value.items()]
            paths.append(f'{path}.{json.dumps(r.choice(KEYS), ensure_ascii=False)}')
        elif isinstance(value, list):
            below = [(f"{path}[{i}]", v) for i, v in enumerate(value)]
            paths += [f"{path}[{len(value) + 1}]", f"{path}[last]"]
        else:
            below = []
            paths.append(f"{path}[0]")  # a scalar is the list of itself
        paths += [p for p, _ in below]
        stack += below
    chosen = r.sample(paths, min(len(paths), r.randrange(1, 4)))
    function = r.choice(["JSON_SET", "JSON_SET", "JSON_REPLACE", "JSON_REMOVE", "JSON_ARRAY_INSERT", "JSON_INSERT"])
    if function == "JSON_ARRAY_INSERT":
        chosen = [p for p in chosen if p.endswith("]")] or ["$.list[0]"]
    if function == "JSON_REMOVE":
        return f"JSON_REMOVE(doc{', %s' * len(chosen)})", [p for p in chosen if p != "$"]
    values = [v for p in chosen for v in (p, json.dumps(document(r, r.randrange(3))))]
    return f"{function}(doc{', %s, CAST(%s AS JSON)' * len(chosen)})", values


def partial_updates(server, seed, count):
    """Rows of t updated `count` times; the binlog then holds differences, unless MySQL preferred whole documents."""
    r = random.Random(seed)
    with server.connect(database="test1") as connection, connection.cursor() as cursor:
        for i in range(count):
            cursor.execute("SELECT doc FROM t WHERE id = %s", (i % 10,))
            text = cursor.fetchone()[0]
            call, arguments = update(r, json.loads(text))
            cursor.execute(f"UPDATE t SET doc = {call}, x = x + 1 WHERE id = %s", (*arguments, i % 10))
            cursor.execute("INSERT INTO states SELECT %s, id, x, CAST(doc AS CHAR) FROM t WHERE id = %s", (i, i % 10))
        connection.commit()


PAD = "p" * 300  # MySQL logs the whole document where that is no longer than the differences


def make_documents(server):
    server.execute("CREATE TABLE t (id INT PRIMARY KEY, other JSON, doc JSON, x INT, third JSON)",
                   "CREATE TABLE states (n INT PRIMARY KEY, id INT, x INT, doc LONGTEXT)", database="test1")
    r = random.Random(14)
    with server.connect(database="test1") as connection, connection.cursor() as cursor:
        for i in range(10):
            doc = {"pad": PAD, "list": [document(r, 2) for _ in range(4)], **{r.choice(KEYS): document(r, 3) for _ in range(6)}}
            cursor.execute("INSERT INTO t VALUES (%s, '[1]', %s, 0, NULL)", (i, json.dumps(doc)))
        connection.commit()


@pytest.mark.parametrize("image, compression, count", [("FULL", "OFF", 100), ("FULL", "ON", 100), ("MINIMAL", "OFF", 250), ("MINIMAL", "ON", 100), ("NOBLOB", "OFF", 50)])
def test_S14_partial_updates(database, image, compression, count):
    """[S14] With the document in the image before the whole new one comes out; else the differences, which lead to it."""
    database.execute(f"SET GLOBAL binlog_transaction_compression = {compression}")
    try:
        prove_partial_updates(database, image, count)
    finally:
        database.execute("SET GLOBAL binlog_transaction_compression = OFF")


@pytest.mark.parametrize("old_server", ["8.0"], indirect=True)
def test_S14_partial_updates_of_old_servers(old_database):
    """[S14] 8.0.12 is the first that leat reads which logs them."""
    for image in ("FULL", "MINIMAL"):
        prove_partial_updates(fresh(old_database), image, 100)


def prove_partial_updates(server, image, count):
    make_documents(server)
    before = end(server)
    server.execute(f"SET GLOBAL binlog_row_image = {image}", "SET GLOBAL binlog_row_value_options = PARTIAL_JSON")
    try:
        documents_before = printed(server)
        partial_updates(server, image, count)
    finally:
        server.execute("SET GLOBAL binlog_row_image = FULL", "SET GLOBAL binlog_row_value_options = ''")
    rows = rows_of(dump(server, "stream", **{"from": before, "tables": "t", "only": "t"}))
    want = server.execute("SELECT id, doc FROM states ORDER BY n", database="test1")
    assert len(rows) == len(want) == count
    pairs, kinds, state = [], set(), dict(documents_before)
    for row, (i, doc) in zip(rows, want):
        assert row["before"]["id"][1] == str(i)
        kind, after, _ = row["after"].get("doc", [JSON, state[i], None])
        kinds.add(kind)
        if kind == JSON_DIFF:
            pairs.append((state[i], after, doc))
        else:
            assert after == doc
        state[i] = doc
    assert kinds == ({JSON, JSON_DIFF} if image == "MINIMAL" else {JSON})  # with NOBLOB MySQL logs the documents that it needs
    made = subprocess.run([str(DUMP), "apply"], input="".join(f"{old}\n{diffs}\n" for old, diffs, _ in pairs), capture_output=True, text=True, check=True)
    assert made.stdout.split("\n")[:-1] == [doc for _, _, doc in pairs]


DOCUMENTS = {"version": 1, "database": "test1", "tables": [{
    "table": "Documents", "pk": "id", "source_table": "docs", "attributes": {
        "id": {"type": "N", "source_column": "id"}, "text": {"type": "S", "source_column": "doc"}, "map": {"type": "M", "source_column": "doc"},
        "list": {"type": "L", "source_column": "list"}, "flag": {"type": "BOOL", "source_column": "flag"}, "number": {"type": "N", "source_column": "num"}}}]}


def attribute(value):
    """A JSON value as DynamoDB has it."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, Decimal):
        return {"N": value}
    if isinstance(value, str):
        return {"S": value}
    return {"L": [attribute(v) for v in value]} if isinstance(value, list) else {"M": {k: attribute(v) for k, v in value.items()}}


def with_numbers(a):
    """The same with N as numbers: DynamoDB does not keep how they were written."""
    (kind, value), = a.items()
    if kind == "N":
        return {"N": Decimal(value)}
    if kind == "L":
        return {"L": [with_numbers(v) for v in value]}
    return {"M": {k: with_numbers(v) for k, v in value.items()}} if kind == "M" else a


def document_items(server, poison):
    want = {}
    for id_, *columns in server.execute("SELECT id, CAST(doc AS CHAR), CAST(list AS CHAR), CAST(flag AS CHAR), CAST(num AS CHAR) FROM docs", database="test1"):
        doc, *others = (None if c in (None, "null") else c for c in columns)
        values = [c and attribute(json.loads(c, parse_int=Decimal, parse_float=Decimal)) for c in (doc, *others)]
        item = {"id": {"N": Decimal(id_)}, "text": doc and {"S": doc}} | dict(zip(("map", "list", "flag", "number"), values))
        if id_ not in poison:
            want[id_] = {k: v for k, v in item.items() if v}
    return want


def test_S14_S23_documents_from_mysql_to_dynamodb(database, dynamodb):
    """[S14, S23] JSON columns as S, M, L, BOOL and N: by snapshot, then by updates in part, whose documents are the store's with minimal images. What
    DynamoDB cannot hold is set aside until it is another value."""
    server = database
    rich = json.dumps({"a": 1, "text": "é\n\"", "list": [1, 2.5, None, True, {"x": {"y": []}}], "big": 12345678901234567890, "pad": PAD})
    server.execute("CREATE TABLE docs (id INT PRIMARY KEY, doc JSON, list JSON, flag JSON, num JSON)", database="test1")
    with server.connect(database="test1") as connection, connection.cursor() as cursor:
        for row in ((1, rich, "[]", "true", "1.5"), (2, rich, '[1, "x", [2]]', "false", "-7"), (3, "null", None, "null", "null"), (4, "{}", "[null]", None, "1e20"),
                    (5, "[1]", "[]", "true", "1"), (6, "{}", "[]", "1", "1"), (7, "{}", "[]", "true", "1e200"), (8, "{}", '["x"]', "true", '"12"'),
                    (9, json.dumps({"a": nested(31, [])}), "[]", "true", "1"), (11, '{"": 1}', "[]", "true", "1"), (10, json.dumps(nested(29, {"z": 1})), "[]", "true", "1")):
            cursor.execute("INSERT INTO docs VALUES (%s, %s, %s, %s, %s)", row)
        cursor.execute("UPDATE docs SET num = CAST(CAST(12.50 AS DECIMAL(10,2)) AS JSON) WHERE id = 4")
        connection.commit()
    leat = World(server, dynamodb).leat(contract=DOCUMENTS, config={"database": {"mysql": {"database": "test1"}}})
    poison = {5, 6, 7, 8, 9, 11}

    def prove():
        leat.wait_caught_up()
        items = [with_numbers({"M": item})["M"] for item in dynamodb.client().scan(TableName="Documents")["Items"]]
        assert {int(item["id"]["N"]): item for item in items} == document_items(server, poison)
        assert [e["dead_letters"] for e in leat.status()["entities"]] == [len(poison)]

    try:
        leat.cli("tables", "create")
        leat.start()
        leat.wait_ready()
        prove()
        for i, image in enumerate(("FULL", "MINIMAL")):
            server.execute(f"SET binlog_row_image = {image}, binlog_row_value_options = PARTIAL_JSON",
                           f"UPDATE docs SET doc = JSON_SET(doc, '$.a', {i}, '$.list[4].x.y[0]', 'new', '$.n{i}', CAST('[1]' AS JSON)) WHERE id < 3",
                           "UPDATE docs SET doc = JSON_REMOVE(doc, '$.list[0]', '$.big') WHERE id = 2", "UPDATE docs SET list = JSON_SET(list, '$[9]', 3) WHERE id = 2",
                           "UPDATE docs SET id = id + 100, doc = JSON_REPLACE(doc, '$.text', 'moved') WHERE id = 2", "UPDATE docs SET id = 2 WHERE id = 102", database="test1")
            prove()
        server.execute("UPDATE docs SET num = '1e100' WHERE id = 7", "UPDATE docs SET doc = '{}' WHERE id = 9", "UPDATE docs SET flag = 'false' WHERE id = 6", database="test1")
        poison -= {6, 7, 9}
        prove()
        assert leat.sigterm() == 0
    finally:
        leat.kill9()
