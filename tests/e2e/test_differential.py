"""Random rows of random tables on each server: what the stream adds up to, and what the snapshot reads, equal what SELECT says [S20-S23].

The seed is printed; LEAT_SEED sets it.
"""

import os
import random
from contextlib import closing

import pytest
from test_matrix import leat, snapshot

from lib import select
from lib.random_tables import Table
from lib.servers import NO_OLD_SERVER, Mysql, mysqld_of

TIMEOUT_S = 900
SEED = int(os.environ.get("LEAT_SEED") or random.SystemRandom().randrange(2**32))
ROWS_A_TABLE = 200
IMAGES = ("FULL", "MINIMAL", "NOBLOB")


def write(server, rng, rows):
    """Random tables with this many inserted rows in all, and changes of them."""
    tables, written = [], 0
    with closing(server.connect(server.database)) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = ''")
        while written < rows:
            table = Table(rng, f"t{len(tables)}", server.major)
            cursor.execute(table.create())
            tables.append(table)
            cursor.execute("BEGIN")
            for _ in range(ROWS_A_TABLE // 20):
                if rng.random() < 0.3:
                    cursor.execute("COMMIT")
                    image = rng.choice(IMAGES)
                    cursor.execute(f"SET SESSION binlog_row_image = '{image}'")
                    if server.version == "9.7":
                        cursor.execute(f"SET SESSION binlog_transaction_compression = {rng.choice(('ON', 'OFF'))}")
                    cursor.execute("BEGIN")
                cursor.execute("SELECT @@session.binlog_row_image")
                cursor.execute(table.insert(20, cursor.fetchone()[0] != "FULL"))
                written += 20
                for _ in range(rng.randrange(2)):
                    cursor.execute(table.change())
            cursor.execute("COMMIT")
    return tables, written


def added_up(lines, keys):
    """{table: {id: row}} of row changes; partial images change what they name."""
    state = {name: {} for name in keys}
    for line in lines:
        name = line["table"].split(".")[1] if line.get("row") else None
        if name not in state:
            continue
        rows, before, after = state[name], select.plain(line["before"]), select.plain(line["after"])
        row = rows.pop(before["id"]) if before else {}
        if before:
            assert not {c for c, v in before.items() if row[c] != v}, (line["kind"], name, before, row)
        if after:
            row = row | after
            rows[row["id"]] = row
    return state


def compare(server, table, found, where):
    hows = [how for _, how, *_ in table.columns]
    with closing(server.connect(server.database, conv={})) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT id, {', '.join(select.ask(how, f'c{i}') for i, how in enumerate(hows))} FROM {table.name}")
        wanted = {row[0]: [select.wanted(how, v) for how, v in zip(hows, row[1:])] for row in cursor.fetchall()}
    assert set(found) == set(wanted), f"seed {SEED}, {where}, {table.name}: other rows"
    for key, want in wanted.items():
        have = [select.given(how, found[key][f"c{i}"]) for i, how in enumerate(hows)]
        assert have == want, f"seed {SEED}, {where}, {table.name} {key}: " + "; ".join(
            f"c{i} {table.columns[i][0]}: {str(h)[:200]!r} is not {str(w)[:200]!r}" for i, (h, w) in enumerate(zip(have, want)) if h != w)
    return len(wanted)


def differential(version, rows):
    if mysqld_of(version) is None:
        pytest.skip(NO_OLD_SERVER.format(version))
    rng = random.Random(f"{SEED} {version}")
    with Mysql(version=version) as server:
        server.execute(f"CREATE DATABASE {server.database}")
        tables, written = write(server, rng, rows)
        lines = leat(server, "decode", "--from", "start", "--until", "now")
        state = added_up(lines, {table.name for table in tables})
        left = 0
        for table in tables:
            left += compare(server, table, state[table.name], "stream")
            read = {row["id"]: row for row in snapshot(server, server.database, table.name)}
            compare(server, table, read, "snapshot")
        print(f"\nMySQL {version}, seed {SEED}: {written} rows inserted into {len(tables)} tables, {len(lines)} changes, {left} rows in the end")


@pytest.mark.parametrize("version, rows", [("9.7", 6000), ("8.0", 2000), ("5.7", 2000)])
def test_random_rows(version, rows):
    differential(version, rows)


@pytest.mark.stress
@pytest.mark.parametrize("version, rows", [("9.7", 60000), ("8.0", 20000), ("5.7", 20000)])
def test_many_random_rows(version, rows):
    """100,000 rows in all."""
    differential(version, rows)
