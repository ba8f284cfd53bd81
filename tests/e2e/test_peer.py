"""The same binlog read by python-mysql-replication and by `leat decode`: the same changes in the same order, of the types that the peer reads right.

It is a decoder of its own, so that both would have to be wrong in the same way. What it gets wrong is left out, each with its reason.
"""

import json
import random
import sys
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from test_matrix import leat

from lib import select
from lib.servers import Mysql

sys.path.insert(0, "/opt/python")

# Left out: JSON (bytes, or Python's own printing), TIMESTAMP (the reader's local time), negative TIME with a fraction, zero dates (None), SET (unordered), GEOMETRY and VECTOR (raw bytes).
COLUMNS = {
    "t": ("TINYINT", lambda r: r.randint(-128, 127)), "tu": ("TINYINT UNSIGNED", lambda r: r.randint(0, 255)), "s": ("SMALLINT", lambda r: r.randint(-2**15, 2**15 - 1)),
    "m": ("MEDIUMINT", lambda r: r.randint(-2**23, 2**23 - 1)), "mu": ("MEDIUMINT UNSIGNED", lambda r: r.randint(0, 2**24 - 1)), "i": ("INT", lambda r: r.randint(-2**31, 2**31 - 1)),
    "iu": ("INT UNSIGNED", lambda r: r.randint(0, 2**32 - 1)), "l": ("BIGINT", lambda r: r.randint(-2**63, 2**63 - 1)), "lu": ("BIGINT UNSIGNED", lambda r: r.randint(0, 2**64 - 1)),
    "d": ("DECIMAL(20,6)", lambda r: Decimal(r.randint(-10**19, 10**19)).scaleb(-6)), "w": ("DECIMAL(65,30)", lambda r: Decimal(r.randint(0, 10**15)).scaleb(-9)), "f": ("DOUBLE", lambda r: r.uniform(-1e9, 1e9)),
    "v": ("VARCHAR(200)", lambda r: "".join(r.choice("aß東😀 '\"\\\n") for _ in range(r.randint(0, 200)))), "c": ("CHAR(20)", lambda r: "x" * r.randint(0, 20)), "x": ("TEXT", lambda r: "tä" * r.randint(0, 400)),
    "e": ("ENUM('a','b','ç')", lambda r: r.choice("abç")), "y": ("YEAR", lambda r: r.randint(1901, 2155)), "da": ("DATE", lambda r: date(2000, 1, 1) + timedelta(r.randint(0, 20000))),
    "dt": ("DATETIME(6)", lambda r: datetime(2000, 1, 1) + timedelta(microseconds=r.randint(0, 10**15))), "ti": ("TIME", lambda r: timedelta(seconds=r.randint(0, 3000000))),
}


def text(value):
    """A value of Python's as `leat decode` writes it."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value if value is None or isinstance(value, float) else str(value)


def row(values):
    return {name: text(value) for name, value in values.items()}


def of_peer(server, file):
    from pymysqlreplication import BinLogStreamReader
    from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

    account = {"host": "127.0.0.1", "port": server.port, "user": "root", "password": ""}
    stream = BinLogStreamReader(connection_settings=account, server_id=987654, log_file=file, log_pos=4, resume_stream=True, blocking=False,
                                only_events=[DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent])
    with closing(stream):
        for event in stream:
            kind = {DeleteRowsEvent: "delete", UpdateRowsEvent: "update", WriteRowsEvent: "insert"}[type(event)]
            for change in event.rows:
                before = change.get("before_values", change.get("values") if kind == "delete" else None)
                after = change.get("after_values", change.get("values") if kind == "insert" else None)
                yield kind, before and row(before), after and row(after)


def of_leat(server):
    for line in leat(server, "decode", "--from", "start", "--until", "now", "--table", "peer"):
        images = [select.plain(line.get(image)) for image in ("before", "after")]
        if any(images):
            yield line["kind"], *(image and {n: float(v) if n == "f" and v else v and str(v) for n, v in image.items()} for image in images)


def test_same_changes():
    """Some 1,500 changes of 20 types, by both readers."""
    pytest.importorskip("pymysqlreplication", reason="python-mysql-replication is not installed (deploy/packages, [pip])")
    rng = random.Random(20)
    with Mysql() as server:
        server.execute(f"CREATE DATABASE {server.database}")
        with closing(server.connect(server.database)) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE peer (id INT PRIMARY KEY, " + ", ".join(f"{n} {t}" for n, (t, _) in COLUMNS.items()) + ")")
            cursor.execute("SHOW BINARY LOG STATUS")
            file = cursor.fetchone()[0]
            for number in range(1000):
                values = [number, *(None if rng.random() < 0.05 else make(rng) for _, make in COLUMNS.values())]
                cursor.execute("INSERT INTO peer VALUES (" + ", ".join(["%s"] * len(values)) + ")", values)
                if number % 3 == 0:
                    name = rng.choice(list(COLUMNS))
                    cursor.execute(f"UPDATE peer SET {name} = %s WHERE id = %s", (COLUMNS[name][1](rng), rng.randint(0, number)))
                if number % 5 == 0:
                    cursor.execute("DELETE FROM peer WHERE id = %s", rng.randint(0, number))
            connection.commit()
        theirs, ours = list(of_peer(server, file)), list(of_leat(server))
    assert len(theirs) > 1300 and len(ours) == len(theirs)
    for n, (a, b) in enumerate(zip(ours, theirs)):
        assert a == b, f"change {n}:\nleat {json.dumps(a, default=str)}\npeer {json.dumps(b, default=str)}"
