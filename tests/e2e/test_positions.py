"""GTID sets against the server's own arithmetic, and what a server does with the sets that leat sends it."""

import json
import random
import subprocess

import pytest

from tests.e2e.test_binlog import DUMP, dump, end, ends_of, rows_of
from tests.lib.servers import Mysql

UUIDS = ["0" * 8 + "-1111-2222-3333-" + "4" * 12, "abcdefab-cdef-abcd-efab-cdefabcdefab", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
TAGS = ["", "a", "blue", "z_9", "t" * 32]


@pytest.fixture(scope="module")
def server():
    with Mysql() as mysql:
        mysql.execute("CREATE DATABASE test1", "CREATE TABLE test1.t (id INT PRIMARY KEY)")
        yield mysql


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
        assert [int(r["after"]["id"][1]) for r in rows_of(rest)] == [n for n in range(len(gtids)) if n not in have]
        assert ends_of(rest)[-1]["position"] == end(server)
