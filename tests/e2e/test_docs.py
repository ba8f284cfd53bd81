"""The examples of docs/contract.md are true: this reads them from there, runs all of them with one leat, and compares with DynamoDB and with MySQL's evaluation of the contract."""

import base64
import json
import re

import pytest

from conftest import World
from lib import sql_form
from lib.servers import ROOT, Mysql

DATABASE, KEY = "examples", "docs"
TEXT = (ROOT / "docs/contract.md").read_text()


def blocks(kind):
    """(rest of the first line, body) of each fenced block of a kind."""
    return re.findall(rf"^```{kind}(?: ([^\n]*))?\n(.*?)^```$", TEXT, re.M | re.S)


def json_values(text):
    """JSON values one after another, and what stands between them."""
    at, decoder = 0, json.JSONDecoder()
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        between = re.compile(r"(?:\s*\S+ (?:-|\{.*\})$)*", re.M).match(text, at) if text[at:at + 2] == "\n " else None
        yield value, between[0] if between else ""
        at = between.end() if between else at


def attributes():
    """[(table, attribute, {key: what it is, None for absent})]"""
    found = []
    for table, body in blocks("example"):
        for attribute, lines in json_values(body):
            wants = dict(line.split(None, 1) for line in lines.strip().splitlines())
            assert wants, attribute
            found.append((table, attribute, {int(key): None if v == "-" else json.loads(v) for key, v in wants.items()}))
    return found


def expressions():
    """[(expression, text or None)], all over one row."""
    (where, body), = blocks("expressions")
    assert where == "people 1"
    return [(e, None if v == "NULL" else v) for e, v in (re.split(r"\s{2,}", line) for line in body.strip().splitlines())]


def tables():
    """[(table, items)]"""
    return [(first, rest) for first, *rest in ([v for v, _ in json_values(body)] for _, body in blocks("table"))]


def contract():
    made = [table for table, _ in tables()]
    for root in {table for table, _, _ in attributes()}:
        mine = {f"a{n}": a for n, (table, a, _) in enumerate(attributes()) if table == root}
        exprs = {f"e{n}": {"type": "S", "expr": e} for n, (e, _) in enumerate(expressions())} if root == "people" else {}
        made.append({"table": f"All-{root}", "source_table": root, "pk": "id", "attributes": {"id": {"type": "N", "source_column": "id"}, **mine, **exprs}})
    return {"version": 1, "database": DATABASE, "tables": made}


def sets_sorted(value):
    if isinstance(value, dict):
        return {k: sorted(v) if k in ("SS", "NS", "BS") else sets_sorted(v) for k, v in value.items()}
    return [sets_sorted(v) for v in value] if isinstance(value, list) else value


class Docs(World):
    def __init__(self, mysql, dynamodb):
        super().__init__(mysql, dynamodb)
        self.connection = mysql.connect()
        self.cursor = self.connection.cursor()
        self.items = {}

    def run(self, sql):
        for statement in sql.split(";\n"):
            if statement.strip():
                self.cursor.execute(statement.replace("%", "%%"), ())

    def prepare(self):
        self.run(f"SET SESSION sql_mode = '', time_zone = '+00:00';\nCREATE DATABASE {DATABASE} COLLATE utf8mb4_0900_bin;\nUSE {DATABASE};\nGRANT SELECT, LOCK TABLES ON {DATABASE}.* TO leat@'%'")
        (_, sql), = blocks("sql")
        tables, rows = sql.split("INSERT", 1)
        self.run(tables)
        leat = self.running_leat(contract=contract(), config={"database": {"mysql": {"database": DATABASE}}, "mask_key": KEY})
        self.run("INSERT" + rows)
        self.connection.commit()
        leat.wait_caught_up()
        for table in contract()["tables"]:
            self.items[table["table"]] = sets_sorted(self.scan(table["table"]))

    def scan(self, table):
        def plain(value):
            if isinstance(value, dict):
                return {k: plain(v) for k, v in value.items()}
            if isinstance(value, list):
                return [plain(v) for v in value]
            return base64.b64encode(bytes(value)).decode() if isinstance(value, bytes) else value

        return plain(self.dynamodb.client().scan(TableName=table)["Items"])


@pytest.fixture(scope="module")
def docs(dynamodb_server):
    client = dynamodb_server.client()
    for table in client.list_tables()["TableNames"]:
        client.delete_table(TableName=table)
    with Mysql() as mysql:
        docs = Docs(mysql, dynamodb_server)
        try:
            docs.prepare()
            yield docs
        finally:
            docs.connection.close()
            for leat in docs.leats:
                leat.kill9()


def test_attributes(docs):
    wrong = []
    for n, (table, attribute, wants) in enumerate(attributes()):
        items = {int(i["id"]["N"]): i for i in docs.items[f"All-{table}"]}
        wrong += [f"{json.dumps(attribute)}\n  {key} is {items[key].get(f'a{n}')}, not {want}" for key, want in wants.items() if items[key].get(f"a{n}") != sets_sorted(want)]
    assert not wrong, "\n".join(wrong)


def test_expressions(docs):
    item = next(i for i in docs.items["All-people"] if i["id"]["N"] == "1")
    wrong = []
    for n, (expr, want) in enumerate(expressions()):
        docs.cursor.execute(f"SELECT CAST({expr} AS CHAR) FROM people WHERE id = 1".replace("%", "%%"), ())
        (mysql,), have = docs.cursor.fetchone(), item.get(f"e{n}", {}).get("S")
        if not have == want == mysql:
            wrong.append(f"{expr} is {have!r}, the text says {want!r}, MySQL {mysql!r}")
    assert not wrong, "\n".join(wrong)


def test_tables(docs):
    def by_text(items):
        return sorted(json.dumps(sets_sorted(i), sort_keys=True) for i in items)

    for table, items in tables():
        assert by_text(docs.items[table["table"]]) == by_text(items), table["table"]


def test_sql_form(docs):
    """MySQL's own evaluation of the same contract."""
    padded = KEY.encode().ljust(64, b"\0")
    docs.cursor.execute("SET @leat_mask_inner = %s, @leat_mask_outer = %s", tuple(bytes(b ^ pad for b in padded) for pad in (0x36, 0x5C)))
    differences = sql_form.differences(docs.dynamodb, docs.cursor, docs.leats[0].json("contract", "sql"))
    constant = ("{'NULL': True}", "{'L': []}")  # what stands for NULL is no SQL
    wrong = [w for w in differences if not w.endswith(tuple(f"{c} in DynamoDB, None in MySQL" for c in constant))]
    assert not wrong, "\n".join(wrong)


def test_forms(docs):
    """The contract in all its forms is one contract."""
    leat, listings = docs.leats[0], []
    config = leat.config
    for n, (_, text) in enumerate(blocks("contract")):
        path = leat.folder / f"form-{n}.json"
        path.write_text(text)
        leat.write_config(migration={"contractPath": str(path)})
        listings.append(leat.json("contract", "sql"))
    leat.write_config(**config)
    assert len(listings) == 4 and all(one == listings[0] for one in listings)


def test_complete():
    """Every kind of join, calculation, transformation and type, and every function, has its example."""
    def values(value, key):
        if isinstance(value, dict):
            found = {value["type"]} if isinstance(value.get("type"), str) and key in ("join", "calculation", "transformation", "construction") else set()
            found |= {value["operation"]} if "operation" in value else set()
            return found.union(*(values(v, k) for k, v in value.items()))
        return set().union(*(values(v, key) for v in value)) if isinstance(value, list) else set()

    shown = set().union(*(values(a, "") for _, a, _ in attributes()))
    schema = json.loads((ROOT / "contract/contract.schema.json").read_text())["$defs"]

    def choices(kind):
        (one,) = schema[kind]["properties"]["type"].get("allOf")
        return set(one.get("enum", [one.get("const")]))

    properties = [(j["allOf"][0] if "allOf" in j else j)["properties"] for j in schema["join"]["oneOf"]]
    joins = {p["type"]["allOf"][0]["const"] for p in properties if "type" in p}
    wanted = joins | choices("transformation") | choices("construction") | {"case", "aggregate", "SUM", "COUNT", "AVG", "MIN", "MAX"}
    assert len(joins) == 10 and wanted <= shown, wanted - shown
    assert {a["type"] for _, a, _ in attributes()} == {"S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"}
    functions = set(re.findall(r"`([A-Z_]+)`", TEXT.split("and the functions", 1)[1].split("Three-valued", 1)[0]))
    assert len(functions) > 15 and not {f for f in functions if not any(re.search(rf"\b{f}\(", e) for e, _ in expressions())}
