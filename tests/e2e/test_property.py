"""Random schemas, contracts and transactions: after them DynamoDB is what MySQL makes of `leat contract sql`, item for item.

A batch of seeds shares one leat: its contract holds the tables of all, its load mixes their transactions. Rows are there before the snapshot,
change while it runs, and stream afterwards. A seed that fails is run alone, made smaller while it still fails (transactions, statements,
then tables, entities and attributes of the contract), and printed as SQL and contract. LEAT_SEED=n tries one seed, LEAT_SEED=a-b several.
"""

import contextlib
import json
import os
import random
import time
from collections import Counter

import pymysql
import pytest

from lib import sql_form
from lib.random_contract import Case
from lib.servers import Leat, Mysql

TIMEOUT_S = 3600
DATABASE = "testproperty"
KEY = "a key for masks"
MINIMISE_S = float(os.environ.get("LEAT_MINIMISE_S", "120"))
# what a seed must exercise on average
LEAST = {"rows changed": 50, "key moves": 0.8, "swaps": 4, "conflicts": 0.4, "cascades": 5, "poison": 0.3, "fan-out": 20, "partial images": 5, "rolled back": 1, "unkeyed": 1, "many at once": 10, "truncated": 0.2}


class World:
    """A MySQL and a DynamoDB for all seeds."""

    def __init__(self, mysql, dynamodb):
        self.mysql, self.dynamodb, self.counts = mysql, dynamodb, Counter()
        self.derived = "innodb_native_foreign_keys" in mysql.options  # cascades


@pytest.fixture(scope="module", params=["cascades logged", "cascades derived"])
def property_world(request, dynamodb_server):
    options = {} if request.param == "cascades logged" else {"innodb_native_foreign_keys": "ON"}
    with Mysql(innodb_redo_log_capacity="128M", **options) as mysql:
        yield World(mysql, dynamodb_server)


# ---- one run of some seeds


def execute(cursor, transactions, counts):
    """Runs them; what the server refuses has no effect, as in an application that goes on."""
    for case, transaction in transactions:
        committed, did = transaction.end == "COMMIT", Counter()
        cursor.execute(f"SET SESSION binlog_row_image = '{transaction.image}', foreign_key_checks = {int(transaction.checks)}")
        cursor.execute("BEGIN")
        for s in transaction.statements:
            try:
                if s.probe and transaction.checks:
                    cursor.execute(s.probe)
                    children = cursor.fetchone()[0]
                else:
                    children = 0
                rows = cursor.execute(s.sql)
            except (pymysql.IntegrityError, pymysql.OperationalError, pymysql.DataError) as error:
                assert error.args[0] < 2000 or error.args[0] >= 3000, f"seed {case.seed}: the server is gone ({error}) at: {s.sql}"
                continue
            if not rows and s.does != "truncate":
                continue
            did += Counter({"rows changed": rows, "many at once": rows > 1, "cascades": children, "swaps": s.does == "swap", "truncated": s.does == "truncate"})
            if s.does in ("update", "swap"):
                did["partial images"] += transaction.image != "FULL"
            did["fan-out"] += s.table.name in case.contract.joined
        cursor.execute(transaction.end)
        counts += did if committed else Counter({"rolled back": bool(did)})


def mixed(rng, cases, part):
    """Each case's transactions in their order, mixed with those of the others."""
    order = [case for case in cases for _ in getattr(case, part)]
    rng.shuffle(order)
    each = {case.seed: iter(getattr(case, part)) for case in cases}
    return [(case, next(each[case.seed])) for case in order]


def differences(world, cursor, cases, listing, status, counts):
    padded = KEY.encode().ljust(64, b"\0")
    cursor.execute("SET @leat_mask_inner = %s, @leat_mask_outer = %s", tuple(bytes(b ^ pad for b in padded) for pad in (0x36, 0x5C)))
    owners = {table["table"]: case.contract for case in cases for table in case.contract.targets}
    absent = {k: v for case in cases for k, v in case.contract.absent().items()}
    claims, poison = {}, Counter()
    wrong = sql_form.differences(world.dynamodb, cursor, listing, absent=absent, is_poison=lambda table, attributes: owners[table].is_poison(table, attributes), claims=claims)
    for (table, *_), claimants in claims.items():
        dead = [entity for entity, c in claimants if owners[table].is_poison(table, c)]
        poison.update(dead)
        counts["conflicts"] += len(claimants) - len(dead) > 1
    letters = Counter()
    for e in status["entities"]:
        letters[e["entity"]] += e["dead_letters"]
    counts["unkeyed"] += sum(e["unkeyed"] for e in status["entities"])
    counts["poison"] += letters.total()
    # rows whose key no item can have are letters, too, and not among the claims
    return wrong + [f"after the poison: {name} has {letters[name]} dead letters, MySQL {n}" for name, n in poison.items() if letters[name] < n]


def run(world, cases, counts, spoil=None):
    """What differs in the end, or went wrong on the way: texts. `spoil(cursor)`: what is done behind leat's back before the last comparison."""
    rng = random.Random(f"{cases[0].seed} {len(cases)}")
    leat = None
    with world.mysql.connect() as connection, connection.cursor() as cursor:
        try:
            cursor.execute(f"CREATE DATABASE {DATABASE}")
            cursor.execute(f"USE {DATABASE}")
            for case in cases:
                for table in case.tables:
                    cursor.execute(table.create())
            execute(cursor, mixed(rng, cases, "before"), counts)
            contract = {"version": 1, "tables": [t for case in cases for t in case.contract.targets]}
            leat = Leat(world.mysql, world.dynamodb, contract=contract, config={"database": {"mysql": {"database": DATABASE}}, "mask_key": KEY})
            listing = leat.json("contract", "sql")
            leat.cli("tables", "create")
            leat.start()
            execute(cursor, mixed(rng, cases, "during"), counts)
            leat.wait_ready()
            for part in (None, "after"):
                if part:
                    execute(cursor, mixed(rng, cases, part), counts)
                leat.wait_caught_up()
                if part and spoil:
                    spoil(cursor)
                cursor.execute("SET SESSION foreign_key_checks = 1")
                wrong = differences(world, cursor, cases, listing, leat.status(), counts)
                if wrong:
                    return [f"{'after the stream' if part else 'after the snapshot'}: {w}" for w in wrong]
            counts["key moves"] += int(leat.metric("leat_key_moves_total"))
            return []
        except AssertionError as error:
            return [str(error)]
        finally:
            if leat:
                leat.kill9()
            with contextlib.suppress(pymysql.InterfaceError):  # a dead server, already told
                cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
            client = world.dynamodb.client()
            for table in client.list_tables()["TableNames"]:
                client.delete_table(TableName=table)


# ---- a failing seed made smaller


def smaller(items, least, fails):
    """A shorter list that still fails: without halves, quarters, …, single elements."""
    size = max(1, len(items) // 2)
    while size:
        start = 0
        while start < len(items):
            shorter = items[:start] + items[start + size:]
            if len(shorter) >= least and fails(shorter):
                items = shorter
            else:
                start += size
        size //= 2
    return items


def lists_of(case):
    """(object, name of a list in it, its least length): what may be left out, the largest first."""
    yield vars(case.contract), "targets", 1
    for part in ("after", "during", "before"):
        yield vars(case), part, 0
    for table in case.contract.targets:
        yield table, "entities", 1
    for table in case.contract.targets:
        for entity in table.get("entities", [table]):
            yield entity, "attributes", 1
        yield table, "gsis", 0
    for part in ("after", "during", "before"):
        for transaction in getattr(case, part):
            yield vars(transaction), "statements", 0


def kinds_of(wrong):
    """What kinds of things went wrong."""
    return {w.split(") ", 1)[1] if "is only in" in w else "an attribute" if w.startswith("after the ") else w[:20] for w in wrong}


def minimise(world, case, wrong):
    """Leaves out of the case what it fails without, for MINIMISE_S; the case, and what is said of it."""
    end, kinds, said = time.monotonic() + MINIMISE_S, kinds_of(wrong), [wrong]

    def still_fails():
        if time.monotonic() > end:
            return False
        now = run(world, [case], Counter())
        fails = bool(kinds & kinds_of(now)) and " ended with 3" not in now[0]  # 3: no contract any more
        said[0] = now if fails else said[0]
        return fails

    for holder, name, least in lists_of(case):
        whole = holder.get(name)
        if whole:
            def fails_with(shorter):
                holder[name] = shorter
                return still_fails()
            holder[name] = smaller(whole, least, fails_with)
    return case, said[0]


def told(case, wrong):
    lines = [f"-- seed {case.seed}", *(t.create() + ";" for t in case.tables)]
    for part, where in (("before", "leat has not started"), ("during", "it takes its snapshot"), ("after", "it streams")):
        lines += [f"-- {where}", *(f"{line};" for t in getattr(case, part) for line in t.lines())]
    return "\n".join([*lines, "-- contract", json.dumps({"version": 1, "tables": case.contract.targets}, indent=1), "-- what differs", *wrong[:30]])


def fails(world, cases, wrong):
    """The report of the first seed that fails alone, made smaller."""
    if "the server is gone" in wrong[0]:
        return wrong[0]
    for case in cases:
        alone = wrong if len(cases) == 1 else run(world, [case], Counter())
        if alone:
            return told(*minimise(world, case, alone))
    return f"seeds {[c.seed for c in cases]} fail together, none alone:\n" + "\n".join(wrong[:30])


# ---- tests


def seeds_of(first, count):
    """LEAT_SEED instead, if it is given."""
    given = os.environ.get("LEAT_SEED")
    if not given:
        return list(range(first, first + count))
    low, _, high = given.partition("-")
    return list(range(int(low), int(high or low) + 1))


def try_seeds(world, seeds, together=10):
    began = time.monotonic()
    for i in range(0, len(seeds), together):
        cases = [Case(seed, world.derived) for seed in seeds[i:i + together]]
        wrong = run(world, cases, world.counts)
        assert not wrong, fails(world, cases, wrong)
    seconds = time.monotonic() - began
    print(f"\n{len(seeds)} seeds in {seconds:.1f} s: " + ", ".join(f"{world.counts[name]} {name}" for name in LEAST))
    if not os.environ.get("LEAT_SEED"):
        low = {name: world.counts[name] for name, least in LEAST.items() if world.counts[name] < least * len(seeds)}
        assert not low, f"{len(seeds)} seeds exercised too little: {low}"


def test_some_seeds(property_world):
    try_seeds(property_world, seeds_of(0, 10))


def test_a_lost_change_is_found(property_world):
    """The comparison sees an item that is not there, one that should not be, and a value; the report is SQL, a contract and what differs."""
    case, client, spoilt = Case(2, property_world.derived), property_world.dynamodb.client(), {}

    def spoil(cursor):
        for table in client.list_tables()["TableNames"]:
            items, names, _ = sql_form.items_in(client, table)
            for item in list(items.values())[:1]:
                client.put_item(TableName=table, Item=item | {"of nobody": {"S": "x"}})
                spoilt[table] = item

    wrong = run(property_world, [case], Counter(), spoil)
    assert spoilt and len(wrong) == len(spoilt) and all("of nobody: {'S': 'x'} in DynamoDB, None in MySQL" in w for w in wrong), wrong
    report = told(case, wrong)
    assert "CREATE TABLE s2_a" in report and "COMMIT;" in report and '"source_table"' in report and "of nobody" in report


@pytest.mark.stress
def test_many_seeds(property_world):
    """100 seeds, 50 for each server; LEAT_SEEDS=1000: 2,000."""
    count = int(os.environ.get("LEAT_SEEDS", "50"))
    try_seeds(property_world, seeds_of(10000 if property_world.derived else 1000, count))
