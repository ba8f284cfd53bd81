"""Positions against a real server: GTID sets, and what servers, networks and administrators do to a stream."""

import json
import random
import subprocess

import pytest

from tests.e2e.test_binlog import DUMP, dump, end, ends_of, rows_of, run
from tests.lib.mysql_proxy import MysqlProxy
from tests.lib.servers import Mysql

UUIDS = ["0" * 8 + "-1111-2222-3333-" + "4" * 12, "abcdefab-cdef-abcd-efab-cdefabcdefab", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
TAGS = ["", "a", "blue", "z_9", "t" * 32]


CREATE = ["CREATE DATABASE test1", "CREATE TABLE test1.t (id INT PRIMARY KEY)"]


@pytest.fixture(scope="module")
def server():
    with Mysql() as mysql:
        mysql.execute(*CREATE)
        yield mysql


@pytest.fixture
def begin(server):
    """The end of the binlog, with an empty table t."""
    server.execute("DELETE FROM t", database="test1")
    return end(server)


def ids(lines):
    return [int((row["after"] or row["before"])["id"][1]) for row in rows_of(lines)]


def some_set(draw):
    """A set as an operator may write it: any order, overlaps, upper case, spaces, empty intervals."""
    parts = []
    for _ in range(draw.randrange(6)):
        intervals = []
        for _ in range(draw.randrange(1, 5)):
            first = draw.choice([draw.randrange(1, 30), draw.randrange(1, 30), 2**62])
            intervals.append(draw.choice([f"{first}", f"{first}-{first + draw.randrange(8)}", f" {first} - {first + 3}", f"{first + 2}-{first}"]))
        uuid, tag = draw.choice(UUIDS), draw.choice(TAGS)
        parts.append(":".join([draw.choice([uuid, uuid.upper()]), *([draw.choice([tag, tag.upper()])] if tag else []), *intervals]))
    return draw.choice([",", ", ", ",,"]).join(parts)


def test_arithmetic_as_the_server_does_it(server):
    """[S6] Holes, several UUIDs, tags: union, difference and containment of random sets are what GTID_SUBTRACT and GTID_SUBSET say."""
    draw = random.Random(6)
    pairs = [(some_set(draw), some_set(draw)) for _ in range(400)]
    pairs += [(a, a) for a, _ in pairs[:20]] + [(f"{a},{b}", b) for a, b in pairs[:40]]
    made = subprocess.run([str(DUMP), "gtids"], input="".join(f"{a};{b}\n" for a, b in pairs), capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    got = [json.loads(line) for line in made.stdout.splitlines()]
    assert len(got) == len(pairs)
    with server.connect() as c, c.cursor() as q:
        for (a, b), mine in zip(pairs, got):
            q.execute("SELECT GTID_SUBTRACT(CONCAT(%s, ',', %s), ''), GTID_SUBTRACT(%s, %s), GTID_SUBSET(%s, %s)", (a, b, a, b, b, a))
            union, minus, subset = q.fetchone()
            assert mine == [union.replace("\n", ""), minus.replace("\n", ""), bool(subset)], (a, b)


def test_dump_from_sets_with_holes(server):
    """[S6] From any set, however holey, exactly the transactions come that are not in it: the server understands what leat encodes."""
    draw = random.Random(66)
    gtids = [":".join(filter(None, [uuid, tag, str(n)])) for uuid in UUIDS for tag in ("", "blue", "t" * 32) for n in (1, 2, 3, 5, 8)]
    draw.shuffle(gtids)
    start = end(server)
    with server.connect("test1") as c, c.cursor() as q:
        for n, gtid in enumerate(gtids):
            q.execute(f"SET gtid_next = '{gtid}'")
            q.execute(f"INSERT INTO t VALUES ({n})")
        q.execute("SET gtid_next = AUTOMATIC")
    lines = dump(server, "stream", **{"from": start})
    assert [e["end"] for e in ends_of(lines)] == gtids
    for plain in (True, False, False):  # without tags the encoded form is another
        have = [n for n, gtid in enumerate(gtids) if draw.random() < 0.5 and not (plain and gtid.count(":") == 2)]
        rest = dump(server, "stream", **{"from": ",".join([start, *(gtids[n] for n in have)])})
        assert ids(rest) == [n for n in range(len(gtids)) if n not in have]
        assert ends_of(rest)[-1]["position"] == end(server)


def test_purged_between_question_and_dump(server, begin):
    """[S3] The binlog reached back when leat asked, and is purged before the dump begins: the server's error 1236 is named, with the remedy."""
    def purge():
        server.execute("FLUSH BINARY LOGS", "INSERT INTO t VALUES (2)", "FLUSH BINARY LOGS", database="test1")
        server.execute("PURGE BINARY LOGS TO '%s'" % server.execute("SHOW BINARY LOG STATUS")[0][0])

    server.execute("INSERT INTO t VALUES (1)", database="test1")
    file, offset = server.execute("SHOW BINARY LOG STATUS")[0][:2]
    with MysqlProxy(server.port) as proxy:
        proxy.before_dump = purge
        error = dump(server, "stream", ok=False, port=proxy.port, **{"from": begin})
        assert error.startswith("source:") and "has purged binlogs that are still needed" in error and "binlog_expire_logs_seconds" in error, error
        proxy.before_dump = lambda: server.execute("FLUSH BINARY LOGS", "PURGE BINARY LOGS TO '%s'" % server.execute("SHOW BINARY LOG STATUS")[0][0])
        file, offset = server.execute("SHOW BINARY LOG STATUS")[0][:2]
        server.execute("FLUSH BINARY LOGS")
        error = dump(server, "stream", ok=False, port=proxy.port, **{"from": f"{file}:{offset}"})
        assert error.startswith("source:") and "empty state_dir" in error, error


def test_flipped_byte_on_the_way(server, begin):
    """[S9] Whatever event a bit flips in, between the server and us, its checksum tells; nothing behind it is delivered."""
    server.execute(*(f"INSERT INTO t VALUES ({n})" for n in range(3)), database="test1")
    packets = []
    with MysqlProxy(server.port) as proxy:
        proxy.alter = lambda n, packet: packets.append(packet) or packet
        assert ids(dump(server, "stream", port=proxy.port, **{"from": begin})) == [0, 1, 2]
        rows = [n for n, packet in enumerate(packets) if packet[5] == 30]  # WRITE_ROWS, behind the packet's first byte
        assert len(rows) == 3
        for n, at in ((rows[1], 1), (rows[1], -1), (rows[2] - 1, 30), (1, 40)):  # the time, the checksum, a table map, the format
            proxy.alter = lambda k, packet: packet if k != n else packet[:at % len(packet)] + bytes([packet[at] ^ 0x40]) + packet[at % len(packet) + 1:]
            error = dump(server, "stream", ok=False, port=proxy.port, **{"from": begin})
            assert error.startswith("source:") and "checksum" in error, (n, at, error)


def test_stream_that_breaks_off(server, begin):
    """[S10] A connection that ends in the middle of any packet: lost, to be tried again; never half an event."""
    server.execute(*(f"INSERT INTO t VALUES ({n})" for n in range(2)), database="test1")
    with MysqlProxy(server.port) as proxy:
        for at in range(0, 12, 3):
            proxy.alter = lambda n, packet: None if n == at else packet
            error = dump(server, "stream", ok=False, port=proxy.port, **{"from": begin})
            assert error.startswith("lost:"), error
        proxy.alter = None
        assert ids(dump(server, "stream", port=proxy.port, **{"from": begin})) == [0, 1]


def test_failover(server, begin):
    """[S5] To a server with other file names: by GTID the stream goes on where it was; one that lacks a transaction is refused, by its number."""
    server.execute(*(f"INSERT INTO t VALUES ({n})" for n in range(4)), database="test1")
    before = ends_of(dump(server, "stream", **{"from": begin}))
    with Mysql(log_bin="other") as other:
        other.execute("RESET BINARY LOGS AND GTIDS", f"SET GLOBAL gtid_purged = '{begin}'", "SET sql_log_bin = 0", *CREATE)
        for n, one in enumerate(before[:3]):
            other.execute(f"SET gtid_next = '{one['end']}'", f"INSERT INTO test1.t VALUES ({n})")
        assert ids(dump(other, "stream", **{"from": before[0]["position"]})) == [1, 2]
        error = dump(other, "stream", ok=False, **{"from": before[3]["position"]})
        assert error.startswith("source:") and "lacks transactions" in error and before[3]["end"] in error, error
        assert ends_of(dump(other, "stream", **{"from": before[0]["position"]}))[0]["file"].startswith("other.")


def test_without_binlog_no_trace(server, begin):
    """[S17] sql_log_bin = 0 leaves nothing that could be followed: what comes is the rest, at the right positions."""
    server.execute("INSERT INTO t VALUES (1)", "SET sql_log_bin = 0", "INSERT INTO t VALUES (2)", "UPDATE t SET id = 3 WHERE id = 1",
                   "SET sql_log_bin = 1", "INSERT INTO t VALUES (4)", database="test1")
    lines = dump(server, "stream", **{"from": begin})
    assert ids(lines) == [1, 4] and ends_of(lines)[-1]["position"] == end(server)


def test_keys_that_change(server, begin):
    """[S19] A shift, a swap and a changed key: each change has the key before and after it, in the server's order."""
    server.execute("INSERT INTO t VALUES (1), (2), (3)", "UPDATE t SET id = id + 1 ORDER BY id DESC", "BEGIN", "UPDATE t SET id = 0 WHERE id = 2",
                   "UPDATE t SET id = 2 WHERE id = 3", "UPDATE t SET id = 3 WHERE id = 0", "COMMIT", database="test1")
    lines = dump(server, "stream", **{"from": begin})
    changes = [tuple(int(row[side]["id"][1]) for side in ("before", "after")) for row in rows_of(lines) if row["kind"] == "update"]
    assert changes == [(3, 4), (2, 3), (1, 2), (2, 0), (3, 2), (0, 3)]
    rows = {1, 2, 3}
    for before, after in changes:
        assert before in rows and after not in rows
        rows = rows - {before} | {after}
    assert sorted(rows) == [one for one, in server.execute("SELECT id FROM test1.t ORDER BY id")]


def test_rotations_are_no_positions(server, begin):
    """[S2] A connection begins with a rotation that the server makes up, and files end with real ones: the ends that are told are those of transactions."""
    for n in range(3):
        server.execute(f"INSERT INTO t VALUES ({n})", "FLUSH BINARY LOGS", database="test1")
    ends = ends_of(dump(server, "stream", **{"from": begin}))
    events = {}
    for file in {one["file"] for one in ends}:
        events[file] = {end_pos for _, _, kind, _, end_pos, _ in server.execute(f"SHOW BINLOG EVENTS IN '{file}'") if kind == "Xid"}
    assert len(ends) == 3 and all(one["offset"] in events[one["file"]] for one in ends)
    assert ends_of(dump(server, "stream", **{"from": ends[-1]["position"]})) == []


OPERATIONS = {
    "stream": {"from": None, "live": 1},
    "chunks": {"only": "child", "limit": 1},
    "check": {},
    "position": {},
    "schema": {},
}


def test_each_statement_may_be_the_one_that_fails(server, begin):
    """[S1] Whatever leat asks a server, at each step in turn: the connection ends before it, or in the middle of the answer (lost, try again), or the
    server says no (a text that names the step). Never a wrong result, and never a crash."""
    server.execute("CREATE TABLE child (id INT PRIMARY KEY, t_id INT, v VARCHAR(9) DEFAULT 'x', e ENUM('a', '€'), FOREIGN KEY (t_id) REFERENCES t (id))",
                   "INSERT INTO child VALUES (1, NULL, 'x', 'a'), (2, NULL, 'y', '€')", database="test1")
    for what, options in OPERATIONS.items():
        options = options | {"tables": "t,child"} | ({"from": begin} if "from" in options else {})
        with MysqlProxy(server.port) as proxy:
            good = dump(server, what, port=proxy.port, **options)
        failed = 0
        for number in range(proxy.commands):
            kind = ("cut", "refuse", "half")[number % 3]
            with MysqlProxy(server.port) as bad:
                bad.fault = (number, kind)
                made = run(server, what, port=bad.port, **options)
            if made.returncode == 0:  # a refused question whose answer is only told in words
                assert kind == "refuse", (what, number)
                continue
            failed += 1
            assert made.returncode == 1 and made.stderr.startswith("source:" if kind == "refuse" else "lost:"), (what, number, kind, made.stderr)
        assert failed >= proxy.commands - 1 and good, (what, failed, proxy.commands)
    server.execute("DROP TABLE child", database="test1")
