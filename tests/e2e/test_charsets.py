"""[S22] Character sets: every code of every set, and columns of every set by stream and snapshot, against what the server says."""

import base64
import contextlib
import os
import subprocess

import pytest

from conftest import World
from lib.servers import BUILD, Mysql, mysqld_of, wait_until
from test_binlog import dump, end, rows_of, text

CONVERT = os.environ.get("LEAT_CHARSET_CONVERT") or BUILD / "tests/unit/charset_convert"
UNICODE = ("utf8mb4", "utf8mb3", "ucs2", "utf16", "utf16le", "utf32")
TEXTS = {
    "armscii8": "Հայաստան", "ascii": "plain", "big5": "漢字中文", "cp1250": "źdźbło €", "cp1251": "Привет €", "cp1256": "عربي €", "cp1257": "Rīga €",
    "cp850": "Größe ░", "cp852": "źdźbło", "cp866": "Привет ⁿ²", "cp932": "漢字かな ﾃｽﾄ ①", "dec8": "Größe", "eucjpms": "漢字かな ﾃｽﾄ ①",
    "euckr": "한국어", "gb18030": "汉语 € 😀", "gb2312": "汉语", "gbk": "汉语漢語", "geostd8": "საქართველო", "greek": "Ελλάς", "hebrew": "שלום",
    "hp8": "Größe", "keybcs2": "žluťoučký", "koi8r": "Привет", "koi8u": "Їжак", "latin1": "Größe € \u0081", "latin2": "źdźbło", "latin5": "İstanbul",
    "latin7": "Rīga ž", "macce": "źdźbło", "macroman": "Größe", "sjis": "漢字かな ﾃｽﾄ", "swe7": "ÅÄÖ åäö", "tis620": "ไทย", "ujis": "漢字かな ﾃｽﾄ",
    "ucs2": "Aß漢 ", "utf16": "Aß漢😀 ", "utf16le": "Aß漢😀 ", "utf32": "Aß漢😀 ", "utf8mb3": "Aß漢 ", "utf8mb4": "Aß漢😀\0é ",
}


FOUR = ("utf8mb4", "utf16", "utf32", "gb18030")  # have room in the table for a CHAR of more than 255 bytes, too


@pytest.fixture(scope="module")
def server():
    with Mysql(sql_mode="") as mysql:
        mysql.execute("CREATE DATABASE test1")
        yield mysql


@pytest.fixture(scope="module")
def servers(server):
    """The server of a version, started when it is first wanted."""
    with contextlib.ExitStack() as stack:
        started = {"9.7": server}

        def of(version):
            if version not in started:
                if not mysqld_of(version):
                    pytest.skip(f"MySQL {version} is not here")
                started[version] = stack.enter_context(Mysql(version=version, sql_mode=""))
            return started[version]

        yield of


def collations(server):
    return server.execute("SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATIONS ORDER BY ID")


def converted(lines):
    made = subprocess.run([str(CONVERT)], input="".join(f"{number} {code}\n" for number, code in lines), capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    return made.stdout.splitlines()


def codes():
    """One byte; two; three behind 8F; gb18030's four of the basic plane, around its end, and some of the other planes."""
    yield from (bytes([a]) for a in range(256))
    yield from (bytes([a, b]) for a in range(128, 256) for b in range(256))
    yield from (bytes([0x8F, a, b]) for a in range(128, 256) for b in range(128, 256))
    for i in sorted({*range(39600), *range(188990, 189010), *range(189000, 1237576, 997), *range(1237560, 1237600)}):
        yield bytes([0x81 + i // 12600, 0x30 + i // 1260 % 10, 0x81 + i // 10 % 126, 0x30 + i % 10])


def ask(cursor, charset):
    """What the server converts each code to; "-" where it drops bytes, writes '?' for what has no Unicode, or U+FFFD."""
    cursor.execute(f"SELECT HEX(b), IF(HEX(CONVERT(b USING {charset})) <> HEX(b), NULL, "
                   f"HEX(CONVERT(CONVERT(b USING {charset}) USING utf8mb4))) FROM test1.codes")
    return [(code, "-" if not utf8 or "EFBFBD" in utf8 or bytes.fromhex(utf8).count(b"?") != bytes.fromhex(code).count(b"?") else utf8)
            for code, utf8 in cursor.fetchall()]


def test_every_code_of_every_set(server):
    """[S22]"""
    numbers = {charset: number for number, charset in collations(server)}
    longest = dict(server.execute("SELECT CHARACTER_SET_NAME, MAXLEN FROM information_schema.CHARACTER_SETS"))
    of_length = {}
    for code in codes():
        of_length.setdefault(len(code), []).append(code)
    ranges = {1: (1,), 2: (1, 2), 3: (1, 2, 3), 4: (1, 2, 4)}
    seen = 0
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE test1.codes (b VARBINARY(4) PRIMARY KEY)")
        for length in (1, 2, 3, 4):
            cursor.execute("TRUNCATE test1.codes")
            for i in range(0, len(of_length[length]), 20000):
                cursor.execute("INSERT INTO test1.codes VALUES " + ",".join(f"(x'{c.hex()}')" for c in of_length[length][i:i + 20000]))
            for charset in longest:
                if charset in (*UNICODE, "binary") or length not in ranges[longest[charset]]:
                    continue
                want = ask(cursor, charset)
                got = converted([(numbers[charset], code) for code, _ in want])
                assert [(c, w, g) for (c, w), g in zip(want, got, strict=True) if w != g] == [], charset
                seen += len(want)
    assert seen > 350000


@pytest.mark.parametrize("version", ["9.7", "8.0", "5.7"])
def test_every_collation_belongs_to_its_set(servers, version):
    """[S22] information_schema.COLLATIONS of each server: a sample text of the set comes back by each of its collations."""
    mysql = servers(version)
    names = {"utf8": "utf8mb3"}
    rows = [(n, names.get(c, c)) for n, c in collations(mysql) if c != "binary"]
    assert len(rows) > 200 and {c for _, c in rows} == set(TEXTS)
    own = {c: mysql.execute(f"SELECT HEX(CONVERT(_utf8mb4 x'{TEXTS[c].encode().hex()}' USING {'utf8' if c == 'utf8mb3' else c}))")[0][0] for c in TEXTS}
    got = converted([(n, own[c]) for n, c in rows])
    assert [(r, g) for r, g in zip(rows, got) if bytes.fromhex(g.replace("-", "")).decode() != TEXTS[r[1]]] == []
    assert converted([(9999, "41")]) == ["-"]


# ---- columns


def create(server, columns, name="t"):
    server.execute("DROP DATABASE IF EXISTS test1", "CREATE DATABASE test1", f"CREATE TABLE test1.{name} ({columns})")
    return end(server)


def both(server, before, name="t", **more):
    """Rows by stream and by snapshot, which must be equal to the byte of their stored form."""
    streamed = [row["after"] for row in rows_of(dump(server, "stream", **{"from": before, "tables": name} | more))]
    chunked = dump(server, "chunks", tables=name, only=name)
    assert streamed == chunked
    return streamed


@pytest.mark.parametrize("version, metadata", [("9.7", "FULL"), ("9.7", "MINIMAL"), ("8.0", "FULL"), ("5.7", None)])
def test_a_column_of_every_set(servers, version, metadata):
    """[S22] VARCHAR, CHAR (its padding goes), TEXT, ENUM and SET."""
    server = servers(version)
    if metadata:
        server.execute(f"SET GLOBAL binlog_row_metadata = {metadata}")
    try:
        types = ("VARCHAR(20)", "CHAR(20)", "TEXT", "ENUM('x','{}')", "SET('x','{}')", "CHAR(70)")
        columns = [f"{c}_{i} " + t.format(TEXTS[c].strip().replace("\0", "").replace(",", "").replace("😀", "")).replace(")", f") CHARACTER SET {c}").replace("TEXT", f"TEXT CHARACTER SET {c}")
                   for c in TEXTS for i, t in enumerate(types) if i < 5 or c in FOUR]
        before = create(server, "id INT PRIMARY KEY, " + ", ".join(columns))
        names = [column.split()[0] for column in columns]
        with server.connect("test1") as connection, connection.cursor() as cursor:
            values = [2 if i in (3, 4) else TEXTS[c] for c in TEXTS for i in range(6) if i < 5 or c in FOUR]
            cursor.execute(f"INSERT INTO t VALUES (1{', %s' * len(values)})", values)
            cursor.execute(f"INSERT INTO t VALUES (2{', %s' * len(values)})", ["" if isinstance(v, str) else 1 for v in values])
            cursor.execute("SELECT " + ", ".join(f"CONVERT({n} USING utf8mb4)" for n in names) + " FROM t ORDER BY id")
            want = [dict(zip(names, row)) for row in cursor.fetchall()]
        got = [text(row) for row in both(server, before, live=1)]
        assert [{k: v for k, v in row.items() if k != "id"} for row in got] == want
        assert want[0]["gbk_0"] == "汉语漢語" and want[0]["utf16_1"] == "Aß漢😀" and want[0]["utf32_0"] == "Aß漢😀 "
    finally:
        if metadata:
            server.execute("SET GLOBAL binlog_row_metadata = FULL")


def test_labels_of_an_unknown_set(servers):
    """[S22] 8.0.12 does not tell it: the schema does; without, labels beyond plain ASCII are refused, not guessed."""
    server = servers("8.0")
    before = create(server, "id INT PRIMARY KEY, plain ENUM('a b'), u ENUM('ü'), l SET('ä','ö') CHARACTER SET latin1")
    server.execute("INSERT INTO test1.t VALUES (1, 1, 1, 3)")
    assert text(both(server, before, live=1)[0]) == {"id": "1", "plain": "a b", "u": "ü", "l": "ä,ö"}
    assert "column u: an ENUM or SET without its labels" in dump(server, "stream", ok=False, **{"from": before, "tables": "t"})
    before = create(server, "id INT PRIMARY KEY, plain ENUM('a b')")
    server.execute("INSERT INTO test1.t VALUES (1, 1)")
    assert text(both(server, before)[0]) == {"id": "1", "plain": "a b"}


def test_bytes_that_are_no_text(server):
    """[S22] What the server itself lets in: lone surrogates of UCS-2, codes of cp932 and gbk that are no characters."""
    before = create(server, "id INT PRIMARY KEY, u VARCHAR(9) CHARACTER SET ucs2, j VARCHAR(9) CHARACTER SET cp932, g TEXT CHARACTER SET gbk")
    server.execute("INSERT INTO test1.t VALUES (1, x'D800', x'41FCFC', x'FEFE'), (2, x'0041', x'41', x'41')")
    bad, good = both(server, before)
    assert {k: base64.b64decode(v[1]).hex() for k, v in bad.items() if k != "id"} == {"u": "d800", "j": "41fcfc", "g": "fefe"}
    assert text(good) == {"id": "2", "u": "A", "j": "A", "g": "A"}
    kinds = {v[0] for k, v in bad.items() if k != "id"}
    assert len(kinds) == 1 and kinds != {good["u"][0]}
    before = create(server, "u VARCHAR(9) CHARACTER SET ucs2 PRIMARY KEY")
    server.execute("INSERT INTO test1.t VALUES (x'D800')")
    assert len(both(server, before)) == 1
    assert "key column u has bytes that are no text" in dump(server, "chunks", ok=False, tables="t", only="t", limit=1)


def test_chunks_of_keys_in_other_sets(server):
    """[S22] Chunks are bounded as the collation orders, whatever bytes the parameters have."""
    keys = {"latin1": "latin1_german2_ci", "l1bin": "latin1_bin", "gbk": "gbk_chinese_ci", "gbkbin": "gbk_bin", "utf16": "utf16_unicode_ci", "utf16le": "utf16le_bin",
            "cp1251": "cp1251_ukrainian_ci", "sjis": "sjis_bin", "euckr": "euckr_korean_ci", "utf32": "utf32_bin", "latin2": "latin2_czech_cs",
            "cp1250": "cp1250_czech_cs", "swe7": "swe7_swedish_ci", "u3": "utf8mb3_bin", "gb18030": "gb18030_unicode_520_ci", "tis620": "tis620_thai_ci"}
    server.execute("DROP DATABASE IF EXISTS test1", "CREATE DATABASE test1")
    for name, collation in keys.items():
        charset = collation.split("_")[0]
        words = sorted({w + x for w in (TEXTS[charset].replace("\0", "").split()) for x in ("", "a", "B", "10", "~"[:charset not in ("swe7", "sjis")])}
                       | {TEXTS[charset][i:j].strip() for i in range(6) for j in range(i + 1, 7)} | {"", "a1", "b", "Z", "zz"})
        with server.connect("test1") as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE {name} (a VARCHAR(30) CHARACTER SET {charset} COLLATE {collation}, b INT, PRIMARY KEY (a, b))")
            for n, word in enumerate(words):
                cursor.execute(f"INSERT INTO {name} VALUES (%s, %s)", (word, n))
            cursor.execute(f"SELECT CONVERT(a USING utf8mb4), b FROM {name} ORDER BY {name}.a, b")
            want = [(a, str(b)) for a, b in cursor.fetchall()]
        assert len(want) > 12
        for limit in (1, 7):
            assert [tuple(text(row).values()) for row in dump(server, "chunks", tables=name, only=name, limit=limit)] == want, (name, limit)


def twins(server, charset):
    """Codes of a set that share their Unicode character with others."""
    number = next(n for n, c in collations(server) if c == charset)
    of_text = {}
    wanted = [code for code in codes() if len(code) in (2, 3)]
    for code, utf8 in zip(wanted, converted([(number, code.hex()) for code in wanted]), strict=True):
        if utf8 != "-" and len(bytes.fromhex(utf8).decode()) == 1:
            of_text.setdefault(utf8, []).append(code)
    return [code for same in of_text.values() if len(same) > 1 for code in same]


@pytest.mark.parametrize("version", ["9.7", "8.0", "5.7"])
def test_chunks_that_end_at_codes_with_twins(servers, version):
    """[S22] Rows whose keys are different codes of one Unicode character: no chunk's end loses any of them."""
    server = servers(version)
    server.execute("DROP DATABASE IF EXISTS test1", "CREATE DATABASE test1")
    seen = 0
    for charset, collation in (("cp932", "cp932_bin"), ("cp932", "cp932_japanese_ci"), ("sjis", "sjis_japanese_ci"), ("big5", "big5_bin"),
                               ("eucjpms", "eucjpms_bin"), ("ujis", "ujis_japanese_ci"), ("gb18030", "gb18030_bin")):
        keys = twins(server, charset)
        server.execute(f"CREATE TABLE {collation} (k VARCHAR(9) CHARACTER SET {charset} COLLATE {collation}, n INT, raw VARBINARY(9), PRIMARY KEY (k, n))", database="test1")
        if keys:
            server.execute(f"INSERT INTO {collation} VALUES " + ",".join(f"(x'{k.hex()}', {i % 2}, x'{k.hex()}')" for i, k in enumerate(keys)), database="test1")
        want = [raw.hex() for raw, in server.execute(f"SELECT raw FROM {collation} ORDER BY k, n", database="test1")]
        assert len(want) == len(keys)
        seen += len(keys)
        for limit in (1, 2):
            rows = dump(server, "chunks", tables=collation, only=collation, limit=limit)
            assert [base64.b64decode(row["raw"][1]).hex() for row in rows] == want, (collation, limit)
    assert seen > 1000


# ---- the whole way

WORDS = {"version": 1, "database": "test1", "tables": [{
    "table": "Words", "pk": "word", "source_table": "words", "attributes": {
        "word": {"type": "S", "source_column": "word"}, "id": {"type": "N", "source_column": "id"},
        "old": {"type": "S", "source_column": "old"}, "jp": {"type": "S", "source_column": "jp"}}},
    {"table": "Marks", "pk": "id", "source_table": "words", "attributes": {
        "id": {"type": "N", "source_column": "id"}, "none": {"type": "BOOL", "expr": "jp IS NULL"}}}]}


def test_from_mysql_to_dynamodb(server, dynamodb):
    """[S22] A primary key in gbk, text in cp1251 and cp932; an item whose text is none is set aside, and comes back with its text."""
    create(server, "word VARCHAR(20) CHARACTER SET gbk, id INT, old VARCHAR(20) CHARACTER SET cp1251, jp VARCHAR(20) CHARACTER SET cp932, PRIMARY KEY (word, id)", "words")
    server.execute("INSERT INTO words VALUES ('汉语', 1, 'Привет', 'ﾃｽﾄ①'), ('漢語', 2, '', x'41FCFC')", database="test1")
    leat = World(server, dynamodb).leat(contract=WORDS, config={"database": {"mysql": {"database": "test1"}}})

    def prove(bad):
        leat.wait_caught_up()
        rows = server.execute("SELECT CONVERT(word USING utf8mb4), id, CONVERT(old USING utf8mb4), CONVERT(jp USING utf8mb4) FROM words WHERE jp IS NULL OR HEX(jp) NOT LIKE '%FCFC'", database="test1")
        items = [(i["word"]["S"], int(i["id"]["N"]), i["old"]["S"], i.get("jp", {}).get("S")) for i in dynamodb.client().scan(TableName="Words")["Items"]]
        assert sorted(items) == sorted(rows)
        assert [e["dead_letters"] for e in leat.status()["entities"]] == [bad, 0]
        marks = [(int(i["id"]["N"]), i["none"]["BOOL"]) for i in dynamodb.client().scan(TableName="Marks")["Items"]]
        assert sorted(marks) == sorted((n, bool(none)) for n, none in server.execute("SELECT id, jp IS NULL FROM words", database="test1"))

    try:
        leat.cli("tables", "create")
        leat.start()
        leat.wait_ready()
        prove(1)
        server.execute("UPDATE words SET jp = '漢字' WHERE id = 2", "UPDATE words SET jp = x'FCFC' WHERE id = 1", "INSERT INTO words VALUES ('汉', 3, 'Ж', '')", database="test1")
        server.execute("UPDATE words SET word = '語' WHERE id = 3", "UPDATE words SET old = 'Ґ€' WHERE id = 2", "UPDATE words SET jp = NULL WHERE id = 3", database="test1")
        prove(1)
        server.execute("UPDATE words SET jp = 'ｱ' WHERE id = 1", database="test1")
        prove(0)
        assert leat.sigterm() == 0
    finally:
        leat.kill9()


TWINS = {"version": 1, "database": "test1", "tables": [{
    "table": "Twins", "pk": "n", "source_table": "twins", "attributes": {"n": {"type": "N", "source_column": "n"}, "raw": {"type": "B", "source_column": "raw"}}}]}


def test_a_snapshot_goes_on_behind_codes_with_twins(server, dynamodb):
    """[S22] Stopped at one chunk of a row and gone on with: every row arrives, whatever code the last key had."""
    keys = twins(server, "cp932")
    create(server, "k VARCHAR(9) CHARACTER SET cp932 COLLATE cp932_bin, n INT, raw VARBINARY(9), PRIMARY KEY (k, n)", "twins")
    server.execute("INSERT INTO twins VALUES " + ",".join(f"(x'{k.hex()}', {i}, x'{k.hex()}')" for i, k in enumerate(keys)), database="test1")
    leat = World(server, dynamodb).leat(contract=TWINS, config={"database": {"mysql": {"database": "test1"}}, "snapshot": {"chunk_rows": 1}})
    try:
        leat.cli("tables", "create")
        for _ in range(2):
            leat.start()
            wait_until(lambda: leat.status()["state"] in ("snapshot", "streaming"), "the snapshot", 10)
            assert leat.sigterm() == 0
        leat.write_config(snapshot={"chunk_rows": 2})
        leat.start()
        leat.wait_ready()
        leat.wait_caught_up()
        items = [page for p in dynamodb.client().get_paginator("scan").paginate(TableName="Twins") for page in p["Items"]]
        assert sorted((int(i["n"]["N"]), i["raw"]["B"]) for i in items) == list(enumerate(keys))
        assert leat.sigterm() == 0
    finally:
        leat.kill9()
