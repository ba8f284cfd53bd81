"""The type matrix [S20-S23]: every cell of tests/matrix/cells, by the stream (`leat decode`) and by the snapshot's reader, equals SELECT.

A database holds a mode: a table for each section, a row for each value. All modes of a server are written first; then one pass of
the stream shows every insert, update (each row takes the next one's values) and delete, with the images that the mode leaves.
"""

import json
import subprocess

import pytest

from lib import matrix, select
from lib.servers import BUILD, LEAT_PASSWORD, LEAT_USER, NO_OLD_SERVER, Mysql, mysqld_of

VERSIONS = ("9.7", "8.0", "5.7")
SECTIONS, MODES = matrix.read()


def fill(columns, number):
    """The values of a row; columns with fewer values begin again at NULL."""
    return [c.values[number] if number < len(c.values) else "NULL" for c in columns]


def select_all(cursor, database, section, columns):
    asked = ", ".join(select.ask(c.how, f"c{i}") for i, c in enumerate(columns))
    cursor.execute(f"SELECT id, {asked} FROM {database}.{section.name} ORDER BY id")
    return {int(row[0]): [select.wanted(c.how, v) for c, v in zip(columns, row[1:])] for row in cursor.fetchall()}


class Written:
    """What a mode wrote: for each table what SELECT said before and after the updates."""

    def __init__(self, server, mode, number):
        self.mode, self.database, self.tables = mode, f"test_{number}", {}
        server.execute(f"CREATE DATABASE {self.database}")
        with self.session(server) as connection, connection.cursor() as cursor:
            for section in SECTIONS:
                columns = section.on(server.major, mode)
                if columns:
                    self.tables[section.name] = section, columns, *self.write(cursor, section, columns)

    def session(self, server):
        mode = self.mode
        settings = [f"GLOBAL binlog_checksum = '{mode.checksum}'", f"SESSION binlog_row_image = '{mode.image}'"]
        if mode.metadata != "none":
            settings.append(f"GLOBAL binlog_row_metadata = '{mode.metadata}'")
        if mode.compression == "on":
            settings.append("SESSION binlog_transaction_compression = ON")
        connection = server.connect(conv={})
        with connection.cursor() as cursor:
            for setting in settings:
                cursor.execute(f"SET {setting}")
        return connection

    def write(self, cursor, section, columns):
        cursor.execute(f"SET SESSION sql_mode = '{'' if section.lax else 'STRICT_ALL_TABLES'}'")
        table = f"{self.database}.{section.name}"
        cursor.execute(f"CREATE TABLE {table} (id INT PRIMARY KEY, {', '.join(f'c{i} {c.definition}' for i, c in enumerate(columns))}) CHARACTER SET utf8mb4")
        count = max(len(c.values) for c in columns)
        cursor.execute("BEGIN")
        for row in range(count):
            cursor.execute(f"INSERT INTO {table} VALUES ({row}, {', '.join(fill(columns, row))})")
        first = select_all(cursor, self.database, section, columns)
        for row in range(count):
            changed = ", ".join(f"c{i} = {v}" for i, v in enumerate(fill(columns, (row + 1) % count)))
            cursor.execute(f"UPDATE {table} SET {changed} WHERE id = {row}")
        second = select_all(cursor, self.database, section, columns)
        cursor.execute("COMMIT")
        return first, second

    def delete(self, server):
        with self.session(server) as connection, connection.cursor() as cursor:
            for name in self.tables:
                cursor.execute(f"DELETE FROM {self.database}.{name} ORDER BY id")


def leat(server, *arguments):
    config = {"database": {"mysql": {"host": "127.0.0.1", "port": server.port, "database": "test_0", "username": LEAT_USER,
                                     "password": LEAT_PASSWORD, "tls": {"mode": "disabled"}}, "dynamodb": {"region": "us-west-2"}},
              "migration": {"contractPath": "none.json"}}
    path = server.folder / "leat.json"
    path.write_text(json.dumps(config))
    made = subprocess.run([BUILD / "src/leat", "-c", path, *arguments], capture_output=True, text=True, timeout=200)
    assert made.returncode == 0, made.stderr
    return made.stdout


def leat(server, *arguments):
    """`leat decode` over the server."""
    mysql = {"host": "127.0.0.1", "port": server.port, "database": "test_0", "username": LEAT_USER, "password": LEAT_PASSWORD, "tls": {"mode": "disabled"}}
    path = server.folder / "leat.json"
    path.write_text(json.dumps({"database": {"mysql": mysql, "dynamodb": {"region": "us-west-2"}}, "migration": {"contractPath": "none.json"}}))
    return run(BUILD / "src/leat", "-c", path, *arguments)


def snapshot(server, database, table):
    """What the snapshot reads of a table."""
    return run(BUILD / "tests/unit/binlog_dump", "chunks", f"port={server.port}", f"user={LEAT_USER}", f"password={LEAT_PASSWORD}",
               f"database={database}", f"tables={table}", f"only={table}", "limit=50", "values=select")


def run(*command):
    made = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert made.returncode == 0, made.stderr
    return [dict(line) for line in select.lines(made.stdout)]


class Seen:
    """A server of a version, all that was written, and all that leat read."""

    def __init__(self, server):
        self.server = server
        self.modes = [Written(server, mode, number) for number, mode in enumerate(m for m in MODES if server.version in m.versions)]
        self.snapshot = {name: snapshot(server, self.modes[0].database, name) for name in self.modes[0].tables}
        for mode in self.modes:
            mode.delete(server)
        self.streamed = {}
        for line in leat(server, "decode", "--from", "start", "--until", "now"):
            if line["kind"] in ("insert", "update", "delete"):
                self.streamed.setdefault(line["table"], []).append(line)


@pytest.fixture(scope="module", params=VERSIONS)
def seen(request):
    if mysqld_of(request.param) is None:
        pytest.skip(NO_OLD_SERVER.format(request.param))
    with Mysql(version=request.param, max_allowed_packet="64M") as server:
        yield Seen(server)


def check_image(where, columns, image, want, must_have, exact):
    """`must_have`: which columns have to be in the image; `exact`: and no others may."""
    found = 0
    for i, column in enumerate(columns):
        value = image.get(f"c{i}", select.ABSENT)
        if value is select.ABSENT:
            assert not must_have(column), f"{where}, c{i} {column.definition}: {value}"
            continue
        assert must_have(column) or not exact, f"{where}, c{i} {column.definition}: should not be in the image"
        assert select.given(column.how, value) == want[i], f"{where}, c{i} {column.definition}: {str(value)[:300]!r} is not {str(want[i])[:300]!r}"
        found += 1
    return found


def check_row(mode, line, section, columns, first, second):
    before, after = select.plain(line["before"]), select.plain(line["after"])
    row = int((before or after)["id"])
    where = f"{mode}: {section.name}, {line['kind']} of row {row}"
    everything, nothing = (lambda c: True), (lambda c: False)
    kept = {"FULL": everything, "MINIMAL": nothing, "NOBLOB": lambda c: not c.large}[mode.image]
    cells = 0
    if line["kind"] != "insert":
        cells += check_image(f"{where}, before", columns, before, first[row] if line["kind"] == "update" else second[row], kept, mode.image != "FULL")
    if line["kind"] != "delete":
        cells += check_image(f"{where}, after", columns, after, first[row] if line["kind"] == "insert" else second[row], everything, True)
    return cells


def test_stream(seen):
    """Inserts, updates and deletes of every cell in every mode."""
    cells = images = 0
    for mode in seen.modes:
        for section, columns, first, second in mode.tables.values():
            lines = seen.streamed[f"{mode.database}.{section.name}"]
            assert [line["kind"] for line in lines] == ["insert"] * len(first) + ["update"] * len(first) + ["delete"] * len(first)
            images += sum(check_row(mode.mode, line, section, columns, first, second) for line in lines)
            cells += sum(len(c.values) for c in columns)
    print(f"\nMySQL {seen.server.version}: {cells} cells in {len(seen.modes)} modes by the stream, {images} values compared")
    assert cells >= 400 * len(seen.modes)


def test_snapshot(seen):
    """Every cell; a snapshot does not know of modes."""
    cells = 0
    for section, columns, _, second in seen.modes[0].tables.values():
        rows = seen.snapshot[section.name]
        assert [int(row["id"]) for row in rows] == sorted(second)
        for row in rows:
            cells += check_image(f"snapshot: {section.name}, row {row['id']}", columns, row, second[int(row["id"])], lambda c: True, True)
    print(f"\nMySQL {seen.server.version}: {cells} values of {sum(len(c.values) for _, columns, *_ in seen.modes[0].tables.values() for c in columns)} cells by the snapshot")


def test_the_list():
    """How many cells there are, and what a version lacks, by name."""
    values = sum(len(c.values) for s in SECTIONS for c in s.columns)
    for version in VERSIONS:
        major = tuple(map(int, version.split(".")))
        lacks = [c.definition for s in SECTIONS for c in s.columns if c.since > major] + [str(m) for m in MODES if version not in m.versions]
        print(f"\nnot on MySQL {version}: {'; '.join(lacks)}")
    print(f"{values} cells a mode, {len(MODES)} modes")
    assert values >= 400 and len(MODES) >= 10
