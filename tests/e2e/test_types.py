"""Column types at their limits against a real MySQL: stream (with both kinds of row metadata) and snapshot give the same bytes, and what
SELECT says. Numbers in brackets are those of the faults."""

import json
import random
import struct
from decimal import Decimal

import pytest
from conftest import World

from tests.e2e.test_binlog import dump, end, rows_of
from tests.lib.servers import NO_OLD_SERVER, Mysql, mysqld_of


@pytest.fixture(scope="module")
def server():
    with Mysql(sql_mode="") as mysql:
        yield mysql


@pytest.fixture(autouse=True)
def database(server):
    server.execute("DROP DATABASE IF EXISTS test1", "CREATE DATABASE test1", "SET GLOBAL binlog_row_metadata = FULL")


def fill(server, table, statements):
    """The rows of inserts by stream, under both kinds of metadata, and by snapshot: all the same. [{column: (kind, text, stored hex)}]"""
    seen = []
    for metadata in ("FULL", "MINIMAL"):
        server.execute(f"SET GLOBAL binlog_row_metadata = {metadata}", f"TRUNCATE TABLE `{table}`", database="test1")
        before = end(server)
        server.execute(*statements, database="test1")
        live = {"live": 1} if metadata == "MINIMAL" else {}
        seen.append([row["after"] for row in rows_of(dump(server, "stream", tables=table, only=table, **{"from": before}, **live))])
    server.execute("SET GLOBAL binlog_row_metadata = FULL")
    seen.append(dump(server, "chunks", tables=table, only=table, limit=7))
    assert len(seen[0]) > 0
    for other in seen[1:]:
        assert len(other) == len(seen[0])
        for a, b in zip(seen[0], other):
            assert list(a) == list(b)
            assert {k: v for k, v in a.items() if v != b[k]} == {k: v for k, v in b.items() if v != a[k]}
    return seen[0]


def texts(rows):
    return [{name: value[1] if value[0] != 1 else None for name, value in row.items()} for row in rows]


def select(server, sql):
    return server.execute("SET NAMES utf8mb4", sql, database="test1")


def odd_doubles(count):
    """Powers of two and their neighbours, limits, and random bits: seeded."""
    rng = random.Random(2301)
    made = [0.0, -0.0, 5e-324, 2.2250738585072014e-308, 2.225073858507201e-308, 1.7976931348623157e308, 1e15, 999999999999999.9, 1e-15, 9.99e-16,
            123456789012345678, 1234567890123456.7, 0.1, 1 / 3, 9007199254740993, 2.0**-44, 1e22, 1e23]
    made += [m * 2.0**e for e in range(-1074, 1024, 7) for m in (1, -1)]
    while len(made) < count:
        v = struct.unpack("<d", rng.randbytes(8))[0]
        if v == v and abs(v) != float("inf"):
            made += [v, round(rng.uniform(-180, 180), rng.randrange(17)), float(rng.randrange(10**rng.randrange(1, 20)))]
    return made[:count]


GEOMETRIES = [
    "POINT(1 2)", "POINT(-0.5 1e300)", "LINESTRING(0 0,1 1.5,1e-20 3)", "POLYGON((0 0,0 3,3 3,3 0,0 0),(1 1,1 2,2 2,2 1,1 1))", "MULTIPOINT(0 0,1 1)",
    "MULTILINESTRING((0 0,1 1),(2 2,3 3,4 4))", "MULTIPOLYGON(((0 0,0 3,3 3,3 0,0 0),(1 1,1 2,2 2,2 1,1 1)),((7 7,7 8,8 8,7 7)))", "GEOMETRYCOLLECTION EMPTY",
    "GEOMETRYCOLLECTION(POINT(1 2),GEOMETRYCOLLECTION EMPTY,GEOMETRYCOLLECTION(MULTIPOINT(9 9),POLYGON((0 0,0 1,1 1,0 0))))",
    "GEOMETRYCOLLECTION(" * 1000 + "POINT(1 2)" + ")" * 1000]


def test_geometry(server):
    """[S23] Every kind; WKT as ST_AsText() prints it, over 4,000 doubles; other reference systems and what is none have no WKT."""
    kinds = ["GEOMETRY", "POINT SRID 4326", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"]
    server.execute("CREATE TABLE g (id INT AUTO_INCREMENT PRIMARY KEY, %s, t TEXT)" % ",".join(f"c{i} {k}" for i, k in enumerate(kinds)), database="test1")
    doubles = odd_doubles(4000)
    points = "MULTIPOINT(" + ",".join(f"{a!r} {b!r}" for a, b in zip(doubles[::2], doubles[1::2])) + ")"
    inserts = [f"INSERT INTO g (c0, t) VALUES (ST_GeomFromText('{wkt}'), 'é')" for wkt in [*GEOMETRIES, points]]
    inserts += ["INSERT INTO g () VALUES ()", "INSERT INTO g (c0) VALUES (ST_GeomFromText('POINT(1 2)', 3857)), (0x00000000010100000000000000000000000000000000000000)",
                "INSERT INTO g (c0) VALUES (0x000000000101000000000000000000F87F000000000000F87F)",
                "INSERT INTO g SELECT NULL, ST_GeomFromText('POINT(7 8)', 4326), ST_GeomFromText('POINT(7 8)', 4326), %s, 'x'"
                % ",".join(f"ST_GeomFromText('{GEOMETRIES[i]}')" for i in (2, 3, 4, 5, 6, 8))]
    rows = fill(server, "g", inserts)
    names = [f"c{i}" for i in range(len(kinds))]
    want = select(server, "SELECT %s FROM g ORDER BY id" % ",".join(f"HEX({n}), IF(HEX({n}) LIKE '%F87F' OR ST_SRID({n}) <> 0, '', ST_AsText({n}))" for n in names))
    assert len(want) == len(rows) == 16
    for row, line in zip(rows, want):
        for n, (stored, wkt) in zip(names, zip(line[::2], line[1::2])):
            kind, got, form = row[n]
            assert (kind == 1) == (stored is None)
            if stored is not None:
                assert bytes.fromhex(form).endswith(bytes.fromhex(stored)) and kind == 16
                assert got.split(",") == (wkt or "").split(",")
    assert rows[4]["c0"][1].startswith("MULTIPOINT((") and len(rows[10]["c0"][1]) > 50000


def test_vector(server):
    """[S23] One to 16,383 floats; the text reads back the same floats."""
    server.execute("CREATE TABLE v (id INT PRIMARY KEY, a VECTOR(4), t VARCHAR(9) CHARACTER SET latin1, b VECTOR(16383), c VECTOR)", database="test1")
    rng = random.Random(2302)
    floats = [0.0, -0.0, 1.0, -0.1, 3.4028234663852886e38, 1.401298464324817e-45, 1.17549435e-38, 16777216.0]
    while len(floats) < 16383:
        f = struct.unpack("<f", rng.randbytes(4))[0]
        if f == f and abs(f) != float("inf"):
            floats.append(f)
    packed = struct.pack("<16383f", *floats).hex()
    rows = fill(server, "v", [f"INSERT INTO v VALUES (1, 0x{packed[:32]}, 'ä', 0x{packed}, TO_VECTOR('[1,2.5]'))", "INSERT INTO v VALUES (2, NULL, 'ö', 0x0000803F, NULL)"])
    want = select(server, "SELECT HEX(a), HEX(b), HEX(c) FROM v ORDER BY id")
    for row, line in zip(rows, want):
        for n, stored in zip("abc", line):
            assert (row[n][0] == 1) == (stored is None)
            if stored is not None:
                assert row[n][0] == 17 and bytes.fromhex(row[n][2]).endswith(bytes.fromhex(stored))
                assert struct.pack(f"<{len(stored) // 8}f", *json.loads(row[n][1])).hex() == stored.lower() or "-0" in row[n][1] or n == "b"
    shown = json.loads(rows[0]["b"][1])
    assert [struct.pack("<f", f) for f in shown[2:]] == [struct.pack("<f", f) for f in floats[2:]]
    assert rows[0]["a"][1] == "[0,0,1,-0.1]" and rows[0]["t"][1] == "ä" and rows[0]["c"][1] == "[1,2.5]"


def test_decimals(server):
    """[S21] Every precision, scales to 30: the limits, zero, the smallest, and random digits."""
    rng = random.Random(2101)
    shapes = [(p, s) for p in range(1, 66) for s in sorted({0, 1, p // 2, min(p, 9), min(p, 30)}) if s <= min(p, 30)]

    def number(p, s, digits):
        digits = digits.rjust(p, "0")
        return (digits[:p - s] or "0") + ("." + digits[p - s:] if s else "")

    def values(p, s):
        digits = "".join(rng.choice("0123456789") for _ in range(p))
        return [number(p, s, "9" * p), "-" + number(p, s, "9" * p), "0", number(p, s, "1"), "-" + number(p, s, "1"), "-" + number(p, s, digits), number(p, s, "1".ljust(p, "0"))]

    server.execute("CREATE TABLE d (id INT PRIMARY KEY, %s)" % ",".join(f"c{p}_{s} DECIMAL({p},{s})" for p, s in shapes), database="test1")
    columns = [values(p, s) for p, s in shapes]
    rows = fill(server, "d", ["INSERT INTO d VALUES (%d, %s)" % (i, ",".join(c[i] for c in columns)) for i in range(7)])
    for row, line in zip(texts(rows), select(server, "SELECT * FROM d ORDER BY id")):
        assert list(row.values()) == [f"{v:f}" if not isinstance(v, int) else str(v) for v in line]


def test_other_numbers(server):
    """[S21] BIT(1..64), YEAR, FLOAT(M,D), ZEROFILL, unsigned floats."""
    rng = random.Random(2102)
    columns = [f"b{n} BIT({n})" for n in range(1, 65)] + ["y YEAR", "f FLOAT(7,2)", "fu FLOAT UNSIGNED", "f53 FLOAT(53)", "r DOUBLE(20,5)", "z INT(8) ZEROFILL", "bo BOOL",
                                                      "n BIGINT UNSIGNED ZEROFILL"]
    server.execute(f"CREATE TABLE n (id INT PRIMARY KEY, {','.join(columns)})", database="test1")
    rest = [("1901", "-99999.99", "0", "1e-300", "-0.00001", "7", "1", "18446744073709551615"), ("2155", "0.1", "3.4e38", "0.1", "123456789012345.12345", "99999999", "0", "0"),
            ("0", "12345.67", "1.17549435e-38", "-5e-324", "0", "0", "127", "1"), ("1999", "0", "16777216", "1.7976931348623157e308", "1e14", "1", "-1", "9")]
    bits = [lambda n: 0, lambda n: 2**n - 1, lambda n: rng.randrange(2**n), lambda n: 2**(n - 1)]
    rows = fill(server, "n", ["INSERT INTO n VALUES (%d, %s)" % (i, ",".join([*(str(bits[i](n)) for n in range(1, 65)), *rest[i]])) for i in range(4)])
    want = select(server, "SELECT id, %s, y, CAST(f AS DOUBLE), CAST(fu AS DOUBLE), f53, r, z+0, bo, n+0 FROM n ORDER BY id" % ",".join(f"b{n}+0" for n in range(1, 65)))
    for row, line in zip(texts(rows), want):
        for (name, got), v in zip(row.items(), line):
            if isinstance(v, float):
                assert float(got) == v or struct.pack("<f", float(got)) == struct.pack("<f", v), (name, got, v)
            else:
                assert got == str(v), (name, got, v)


def as_s(column, text):
    """MySQL's text of a temporal as type S has it: zero and partial dates are none."""
    if text is None or column.startswith("ti"):
        return text
    if "-00" in text[4:10] or text.startswith("0000-00"):
        return ""
    return text.replace(" ", "T") + ("Z" if column.startswith("ts") else "")


def test_temporals(server):
    """[S21] TIME, DATETIME and TIMESTAMP with 0 to 6 digits, negative, zero, partial, and at their limits."""
    columns = [f"{n}{d} {t}({d}) NULL" for n, t in (("ti", "TIME"), ("dt", "DATETIME"), ("ts", "TIMESTAMP")) for d in range(7)] + ["da DATE"]
    server.execute(f"CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, {','.join(columns)})", database="test1")
    lines = [("-838:59:59", "9999-12-31 23:59:59", "2038-01-19 03:14:07", "9999-12-31"), ("838:59:59", "1000-01-01", "1970-01-01 00:00:01", "1000-01-01"),
             ("-00:00:00.999999", "2026-11-21 23:59:59.123456", "2038-01-19 03:14:06.499999", "0001-01-01"), ("-12:34:56.654321", "0000-00-00", "0000-00-00", "0000-00-00"),
             ("00:00:00.000001", "2026-00-00 01:02:03.4", "2026-11-21 10:15:00.000001", "2026-00-21"), ("-837:00:00.5", "2026-11-00", "2024-02-29 23:59:58.9", "2026-11-00"),
             ("100:00:00.1", "0000-01-01 00:00:00.1", "2000-01-01 00:00:00.05", "0000-01-01"), ("-00:00:01", "1582-10-15", "1970-01-02", "1582-10-04")]
    inserts = ["INSERT INTO t VALUES (NULL, %s, '%s')" % (",".join(f"'{v}'" for v in line[:3] for _ in range(7)), line[3]) for line in lines]
    rows = fill(server, "t", ["SET time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES'", *inserts, "INSERT INTO t () VALUES ()"])
    names = [c.split()[0] for c in columns]
    want = select(server, "SELECT %s FROM t ORDER BY id" % ",".join(f"CAST({n} AS CHAR)" for n in names))
    assert len(rows) == len(want) == 9
    for row, line in zip(texts(rows), want):
        assert {n: row[n] for n in names} == {n: as_s(n, v) for n, v in zip(names, line)}


LABELS = {"latin1": ("ä", "€", "?", "x"), "utf16le": ("ä", "日本", "x"), "ucs2": ("?", "日本"), "gbk": ("日本", "中", "?", "x"), "cp1251": ("Ж", "ю", "x", "?"), "sjis": ("日本", "ｱ"),
          "geostd8": ("ა", "x"), "utf8mb4": ("plain", "it''s", "back\\\\slash", "q\"", "", "Ünïcode 日本")}
RARE_LABELS = {"utf8mb4": ("😀", "a?b", "plain", ""), "utf16": ("ä", "日本", "💡", "x"), "gb18030": ("ä", "💡")}


def labelled(server, sets):
    """A table l with an ENUM and a SET of each character set, and inserts: index 0, every label, sets of 0, 1, … and all of them, NULL."""
    columns = ((charset, ",".join(f"'{label}'" for label in labels)) for charset, labels in sets.items())
    server.execute("CREATE TABLE l (id INT PRIMARY KEY, %s)" % ",".join(
        f"e{n} ENUM({labels}) CHARACTER SET {charset}, s{n} SET({labels}) CHARACTER SET {charset}" for n, (charset, labels) in enumerate(columns)), database="test1")
    counts = [len(labels) for labels in sets.values()]
    return [f"INSERT INTO l VALUES ({i}, %s)" % ",".join(f"{min(i, n)}, {2 ** min(i, n) - 1}" for n in counts) for i in range(max(counts) + 1)] + ["INSERT INTO l (id) VALUES (100)"]


def test_labels(server):
    """[S21, S22] Labels of ENUM and SET in character sets of every kind."""
    rows = fill(server, "l", labelled(server, LABELS))
    assert [tuple(r.values())[1:] for r in texts(rows)] == [line[1:] for line in select(server, "SELECT * FROM l ORDER BY id")]


def test_labels_that_information_schema_does_not_tell(server):
    """[S21, S22] Rare characters: the stream's metadata and the rows have them; without that metadata it is refused."""
    inserts = labelled(server, RARE_LABELS)
    before = end(server)
    server.execute(*inserts, database="test1")
    rows = [row["after"] for row in rows_of(dump(server, "stream", tables="l", **{"from": before}))]
    assert rows == dump(server, "chunks", tables="l", only="l")
    assert [tuple(r.values())[1:] for r in texts(rows)] == [line[1:] for line in select(server, "SELECT * FROM l ORDER BY id")]
    server.execute("SET GLOBAL binlog_row_metadata = MINIMAL")
    before = end(server)
    server.execute("DELETE FROM l", "CREATE TABLE k (e ENUM('😀','a?b','c'), id INT, PRIMARY KEY (e, id))", "INSERT INTO k VALUES (1, 1), (1, 2), (2, 1), (3, 1), ('', 1)", database="test1")
    refused = dump(server, "stream", tables="l", live=1, ok=False, **{"from": before})
    assert "column e0: a label has a '?'" in refused and "binlog_row_metadata" in refused
    for limit in (1, 2, 10):  # such a column in a key: by its number
        assert [(r["e"], r["id"]) for r in texts(dump(server, "chunks", tables="k", only="k", limit=limit))] == [
            ("", "1"), ("😀", "1"), ("😀", "2"), ("a?b", "1"), ("c", "1")]


def test_most_labels(server):
    """[S21] An index of two bytes (65,535 labels work, too, but MySQL needs half a minute to make them), labels with zero bytes, a SET of 64."""
    many = ",".join(f"'{i:x}'" for i in range(3000))
    wide = ",".join(f"'label {i}'" for i in range(64))
    server.execute(f"CREATE TABLE m (id INT PRIMARY KEY, e ENUM({many}), z ENUM('a\\0b','\\0','\\n\\r\\Z\\\\'), s SET({wide}))", database="test1")
    rows = fill(server, "m", [f"INSERT INTO m VALUES ({n}, {n}, {n % 4}, {s})" for n, s in ((0, 0), (1, 1), (255, 2**63), (256, 2**64 - 1), (3000, 0x5555555555555555))])
    assert [tuple(r.values())[1:] for r in texts(rows)] == list(select(server, "SELECT e, z, s FROM m ORDER BY id"))


def test_generated_invisible_and_functional(server):
    """[S20] Generated columns, invisible ones, the invisible key, and indexes over expressions, whose hidden columns the images lack."""
    server.execute("SET sql_generate_invisible_primary_key = ON",
                   """CREATE TABLE f (v VARCHAR(20), j JSON, st INT GENERATED ALWAYS AS (LENGTH(v)) STORED, vi VARCHAR(40) GENERATED ALWAYS AS (CONCAT(v, '!')) VIRTUAL, inv INT INVISIBLE DEFAULT 7,
                   last DECIMAL(5,2), KEY a ((UPPER(v))), KEY b ((CAST(j->'$[*]' AS UNSIGNED ARRAY))), KEY c ((CAST(j->'$[*]' AS CHAR(10) ARRAY))), KEY d ((st + 1), inv))""", database="test1")
    server.execute("SET GLOBAL show_gipk_in_create_table_and_information_schema = OFF")
    schema = dump(server, "schema", tables="f")[0]
    server.execute("SET GLOBAL show_gipk_in_create_table_and_information_schema = ON")
    assert [c.split()[0] for c in schema["columns"]] == ["my_row_id", "v", "j", "st", "vi", "inv", "last"] and schema["keys"][0] == "PRIMARY unique my_row_id"
    assert " generated" in schema["columns"][3] and " generated" in schema["columns"][4] and " invisible" in schema["columns"][5] and "a partial" in schema["keys"]
    for metadata in ("FULL", "MINIMAL"):
        for image in ("FULL", "MINIMAL"):
            before = end(server)
            server.execute(f"SET GLOBAL binlog_row_metadata = {metadata}")
            server.execute(f"SET binlog_row_image = {image}", "DELETE FROM f", "INSERT INTO f (v, j, last) VALUES ('abc', '[1,2,3]', 1.5), (NULL, NULL, NULL)",
                           "UPDATE f SET v = 'xyz1', j = '[4]' WHERE v = 'abc'", database="test1")
            got = [r for r in rows_of(dump(server, "stream", tables="f", only="f", skip="j", live=1, **{"from": before})) if r["kind"] != "delete"]
            first, second, update = (texts([r["after"]])[0] for r in got)
            want = select(server, "SELECT my_row_id, v, st, vi, inv, last FROM f ORDER BY my_row_id")
            assert (first["v"], first["st"], first["vi"], first["last"]) == ("abc", "3", "abc!", "1.50")
            if image == "FULL":
                assert [tuple(r[n] for n in ("my_row_id", "v", "st", "vi", "inv", "last")) for r in (update, second)] == [tuple(None if v is None else str(v) for v in row) for row in want]
            else:
                assert update == {"v": "xyz1", "st": "4", "vi": "xyz1!"}
                assert texts([got[2]["before"]])[0] == {"my_row_id": str(want[0][0])}


def test_widest_table(server):
    """[S20] 1,017 columns, every eighth NULL."""
    server.execute("CREATE TABLE w (%s, PRIMARY KEY (c0))" % ",".join(f"c{i} {('INT', 'TINYINT UNSIGNED', 'VARCHAR(2)', 'YEAR')[i % 4]}" for i in range(1017)), database="test1")
    rows = fill(server, "w", ["INSERT INTO w VALUES (%s)" % ",".join("NULL" if i % 8 == 5 else str((1000 + k, 200, 10, 1999)[i % 4]) for i in range(1017)) for k in range(3)])
    assert [tuple(r.values()) for r in texts(rows)] == [tuple(None if v is None else str(v) for v in row) for row in select(server, "SELECT * FROM w")]
    assert len(rows[0]) == 1017


def test_names_and_keys(server):
    """[S20] Identifiers of 64 characters, quotes and backticks in them; a unique key over NOT NULL columns in the place of a primary key."""
    table = "ta`b'le\" " + "ö" * 54 + "."
    columns = ["日本語" + "x" * 61, "a`b", "it's \"c\"", "ö." * 32, "select"]
    quote = lambda name: "`" + name.replace("`", "``") + "`"  # noqa: E731
    assert len(table) == 64 and max(map(len, columns)) == 64
    server.execute("CREATE TABLE %s (%s, UNIQUE KEY a (%s, %s), UNIQUE KEY n (%s))" % (
        quote(table), ",".join(f"{quote(c)} VARCHAR(20) {'NOT NULL' if i < 2 else ''}" for i, c in enumerate(columns)), quote(columns[0]), quote(columns[1]), quote(columns[2])), database="test1")
    before = end(server)
    server.execute(f"INSERT INTO {quote(table)} VALUES ('1', 'b', 'c', 'd', 'e'), ('1', 'c', 'd', 'e', 'f')", database="test1")
    rows = [r["after"] for r in rows_of(dump(server, "stream", tables=table, only=table, **{"from": before}))]
    assert rows == dump(server, "chunks", tables=table, only=table, limit=1) and [list(r) for r in rows] == [columns] * 2
    assert dump(server, "schema", tables=table)[0]["keys"][0] == f"a unique {columns[0]} {columns[1]}"


PLACES = {"version": 1, "database": "test1", "tables": [{
    "table": "Places", "pk": "id", "source_table": "places", "attributes": {
        "id": {"type": "N", "source_column": "id"}, "place": {"type": "S", "source_column": "place"}, "shape": {"type": "B", "source_column": "shape"},
        "text": {"type": "S", "source_column": "vec"}, "list": {"type": "L", "source_column": "vec"}, "bytes": {"type": "B", "source_column": "vec"},
        "mood": {"type": "S", "source_column": "mood"}, "moods": {"type": "SS", "source_column": "moods"}, "bits": {"type": "N", "source_column": "bits"}}}]}
KEYS = {"version": 1, "database": "test1", "tables": [
    {"table": "Tags", "pk": "tag", "source_table": "tags", "attributes": {"tag": {"type": "S", "source_column": "tag"}, "n": {"type": "N", "source_column": "n"}}},
    {"table": "Notes", "pk": "id", "source_table": "notes", "attributes": {"id": {"type": "N", "source_column": "my_row_id"}, "note": {"type": "S", "source_column": "note"},
                                                                        "upper": {"type": "S", "source_column": "up"}, "hidden": {"type": "N", "source_column": "hid"}}}]}


def place_items(server, dynamodb):
    """What MySQL says must be there, and what is."""
    want = {}
    for id_, place, shape, vec, mood, moods, bits in select(server, "SELECT id, ST_AsText(place), HEX(shape), HEX(vec), mood, moods, bits + 0 FROM places WHERE COALESCE(ST_SRID(place), 0) = 0"):
        shape, vec = (v and bytes.fromhex(v) for v in (shape, vec))
        numbers = struct.unpack(f"<{len(vec) // 4}f", vec) if vec else None
        item = {"id": {"N": str(id_)}, "place": place and {"S": place}, "shape": shape and {"B": shape[4:]}, "bytes": vec and {"B": vec}, "mood": mood and {"S": mood},
                "moods": moods and {"SS": sorted(moods.split(","))}, "bits": bits is not None and {"N": str(bits)}}
        want[id_] = ({k: v for k, v in item.items() if v}, numbers)
    have = {}
    for item in dynamodb.client().scan(TableName="Places")["Items"]:
        listed, shown = item.pop("list", None), item.pop("text", None)
        if "moods" in item:
            item["moods"]["SS"].sort()
        numbers = [float(n["N"]) for n in listed["L"]] if listed else None
        assert numbers == (json.loads(shown["S"]) if shown else None)
        single = tuple(struct.unpack("<f", struct.pack("<f", n))[0] for n in numbers) if numbers else None
        have[int(item["id"]["N"])] = (item, single)
    return want, have


def scanned(dynamodb, table):
    return sorted(tuple(sorted((name, *value.values()) for name, value in item.items())) for item in dynamodb.client().scan(TableName=table)["Items"])


def test_keys_from_mysql_to_dynamodb(server, dynamodb):
    """[S20] A unique key over NOT NULL columns in the place of a primary key, and the invisible key that the server adds; generated and invisible
    columns, and an index over an expression."""
    server.execute("CREATE TABLE tags (tag VARCHAR(20) NOT NULL, n INT, UNIQUE KEY (tag), KEY ((n + 1)))", "SET sql_generate_invisible_primary_key = ON",
                   "CREATE TABLE notes (note VARCHAR(20), up VARCHAR(20) AS (UPPER(note)) VIRTUAL, hid INT INVISIBLE DEFAULT 7)",
                   "INSERT INTO tags VALUES ('a', 1), ('b', 2)", "INSERT INTO notes (note) VALUES ('x'), ('y')", database="test1")
    world = World(server, dynamodb)
    leat = world.leat(contract=KEYS, config={"database": {"mysql": {"database": "test1"}}})
    try:
        leat.cli("tables", "create")
        leat.start()
        leat.wait_ready()
        for image in ("FULL", "MINIMAL", "NOBLOB"):  # each round shows what the one before has done
            leat.wait_caught_up()
            tags = select(server, "SELECT tag, n FROM tags ORDER BY tag")
            notes = select(server, "SELECT my_row_id, note, up, hid FROM notes ORDER BY my_row_id")
            assert scanned(dynamodb, "Tags") == sorted((("n", str(n)), ("tag", tag)) for tag, n in tags)
            assert scanned(dynamodb, "Notes") == sorted((("hidden", str(hid)), ("id", str(i)), ("note", note), ("upper", up)) for i, note, up, hid in notes)
            server.execute(f"SET binlog_row_image = {image}", "UPDATE tags SET tag = CONCAT(tag, '!'), n = n + 10", "DELETE FROM tags WHERE tag = 'a!'", f"INSERT INTO tags VALUES ('{image}', 3)",
                           "UPDATE notes SET note = CONCAT(note, '2'), hid = hid + 1 WHERE my_row_id = 1", "INSERT INTO notes (note) VALUES ('z')", database="test1")
        leat.wait_caught_up()
        assert leat.sigterm() == 0
    finally:
        leat.kill9()


def test_from_mysql_to_dynamodb(server, dynamodb):
    """[S23] GEOMETRY as S and B, VECTOR as S, L and B, and rare labels: by snapshot, by stream with full and minimal images, with a geometry that
    S cannot hold, which is set aside until it can."""
    server.execute("""CREATE TABLE places (id INT PRIMARY KEY, place GEOMETRY, shape GEOMETRY, vec VECTOR(100), mood ENUM('😀','😢?','ok'), moods SET('😀','x','💡'), bits BIT(64))""",
                   "INSERT INTO places VALUES (1, ST_GeomFromText('POINT(1 2.5)'), ST_GeomFromText('LINESTRING(0 0,1 1)', 4326), TO_VECTOR('[1,-2.5,0.1]'), 1, 7, ~0), (2, NULL, NULL, NULL, NULL, NULL, 0)",
                   "INSERT INTO places (id, place, bits) VALUES (3, ST_GeomFromText('GEOMETRYCOLLECTION EMPTY'), 5), (4, ST_GeomFromText('POINT(1 1)', 4326), 1)", database="test1")
    world = World(server, dynamodb)
    leat = world.leat(contract=PLACES, config={"database": {"mysql": {"database": "test1"}}})
    try:
        leat.cli("tables", "create")
        leat.start()
        leat.wait_ready()

        def prove(count):
            leat.wait_caught_up()
            want, have = place_items(server, dynamodb)
            assert want == have and len(have) == count

        prove(3)
        for image in ("FULL", "MINIMAL"):
            server.execute(f"SET binlog_row_image = {image}", "UPDATE places SET mood = 2, moods = 5, bits = bits >> 1 WHERE id = 1",
                           "UPDATE places SET place = ST_GeomFromText('MULTIPOINT(0 0,0.1 -3)'), vec = TO_VECTOR('[3.5,1e-30]') WHERE id = 2",
                           "INSERT INTO places (id, shape) VALUES (10, ST_GeomFromText('POINT(3 4)'))", database="test1")
            prove(4)
            server.execute(f"SET binlog_row_image = {image}", "UPDATE places SET place = ST_GeomFromText('POINT(3 4)', 4326), mood = 3 WHERE id = 1", database="test1")
            prove(3)
            assert [e["dead_letters"] for e in leat.status()["entities"]] == [2]
            server.execute(f"SET binlog_row_image = {image}", "UPDATE places SET place = NULL WHERE id = 1", "DELETE FROM places WHERE id = 10", database="test1")
            prove(3)
        assert leat.sigterm() == 0
    finally:
        leat.kill9()


def retype(server, table, columns):
    """Turns the columns behind the first of a MyISAM table of 5.7 into types that it no longer makes, but still opens: (number in field_types.h,
    display length, flags). In a .frm 17 bytes describe a column: length at 3, flags at 8 (the type stands in them, too), type at 13."""
    server.execute("FLUSH TABLES")
    frm = server.datadir / "test1" / f"{table}.frm"
    content = bytearray(frm.read_bytes())
    first = content.index(b"\xffid\xff") - 17 * (len(columns) + 1)
    for i, (number, length, flags) in enumerate(columns, 1):
        struct.pack_into("<H", content, first + 17 * i + 3, length)
        struct.pack_into("<H", content, first + 17 * i + 8, flags | number << 3)
        content[first + 17 * i + 13] = number
    frm.write_bytes(content)


@pytest.mark.skipif(mysqld_of("5.7") is None, reason=NO_OLD_SERVER.format("5.7"))
def test_types_of_before_5_6():
    """[S21] DATETIME, TIME and TIMESTAMP as MySQL 5.5 stored them; a DECIMAL of 4.1, whose size no binlog tells, stops its own table only."""
    nullable, number = 0x8000, 3
    with Mysql(version="5.7", sql_mode="", show_old_temporals="ON") as server:
        server.execute("CREATE DATABASE test1", "CREATE TABLE test1.o (id INT PRIMARY KEY, d BIGINT, t MEDIUMINT, s INT UNSIGNED) ENGINE MyISAM",
                       "CREATE TABLE test1.p (id INT PRIMARY KEY, c CHAR(8)) ENGINE MyISAM CHARSET latin1", "CREATE TABLE test1.q (id INT PRIMARY KEY)")
        retype(server, "o", [(12, 19, nullable), (11, 10, nullable), (7, 19, nullable)])
        retype(server, "p", [(0, 8, nullable | number | 2 << 8)])
        assert server.execute("SHOW CREATE TABLE test1.o")[0][1].count("5.5 binary format") == 3
        before = end(server)
        lines = ["'9999-12-31 23:59:59','838:59:59','2038-01-19 03:14:07'", "'1000-01-01','-838:59:59','1970-01-01 00:00:01'", "'0000-00-00','-00:00:01','0000-00-00'",
                 "'2026-11-21 10:15:59','00:00:00','2026-11-21 10:15:59'", "'2026-00-00 01:02:03','-12:34:56','2000-02-29 23:59:58'", "NULL,NULL,NULL"]
        server.execute("SET time_zone = '+00:00'", *(f"INSERT INTO o VALUES ({i}, {line})" for i, line in enumerate(lines)), database="test1")
        rows = [r["after"] for r in rows_of(dump(server, "stream", tables="o", live=1, **{"from": before}))]
        assert rows == dump(server, "chunks", tables="o", only="o")
        want = select(server, "SELECT id, CAST(d AS CHAR), CAST(t AS CHAR), CAST(s AS CHAR) FROM o ORDER BY id")
        assert [tuple(r.values()) for r in texts(rows)] == [(str(i), as_s("dt", d), t, as_s("ts", s)) for i, d, t, s in want]
        before = end(server)
        server.execute("INSERT INTO p VALUES (1, -12.5)", "INSERT INTO q VALUES (7)", database="test1")
        assert server.execute("SELECT * FROM test1.p")[0][1] == Decimal("-12.50")
        refused = dump(server, "stream", tables="p,q", live=1, ok=False, **{"from": before})
        assert "table test1.p, column c: a DECIMAL of before MySQL 5.0" in refused and "ALTER TABLE" in refused
        assert texts([r["after"] for r in rows_of(dump(server, "stream", tables="p,q", only="q", live=1, **{"from": before}))]) == [{"id": "7"}]
