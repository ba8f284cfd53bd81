"""A schema, a contract over it and a load of transactions, all from one seed: what tests/e2e/test_property.py tries.

Values come from small domains, so that rows meet: joins find rows and lose them, keys collide, unique values are swapped. A transaction is
SQL alone, made without looking at the rows, so that leaving one out does not change the others: that is how a failing seed is made smaller.
"""

import json
import random
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

WORDS = ["'a'", "'A'", "'b'", "'one'", "'two'", "'zz '", "'ä'", "''"]
INTEGERS = [str(n) for n in range(-1, 7)]
NUMBER, TEXT, TIME, OTHER = "number", "text", "time", "other"
BIG = 410_000  # bytes: no item holds it

# kind: (column type, its values, types of attributes, class, may be in a key)
KINDS = {
    "int": ("INT", INTEGERS, "N S BOOL", NUMBER, True),
    "small": ("SMALLINT UNSIGNED", INTEGERS[1:], "N S BOOL", NUMBER, True),
    "huge": ("BIGINT UNSIGNED", [*INTEGERS[1:], "18446744073709551615"], "N S BOOL", NUMBER, True),
    "decimal": ("DECIMAL(10,2)", ["0", "1.5", "2", "-2.25", "3.10", "99999999.99"], "N S BOOL", NUMBER, True),
    "wide": ("DECIMAL(50,0)", ["1", "20", "300", "-4", "12345678901234567890123456789012345678901234567891"], "N S", OTHER, False),
    "double": ("DOUBLE", ["0", "0.5", "-2.25", "1024.125"], "N S BOOL", OTHER, False),
    "text": ("VARCHAR(40) COLLATE utf8mb4_bin", WORDS, "S B", TEXT, True),
    "loose": ("VARCHAR(40) COLLATE utf8mb4_0900_ai_ci", WORDS, "S B", TEXT, True),
    "latin": ("VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_swedish_ci", WORDS, "S", TEXT, False),
    "digits": ("VARCHAR(40) COLLATE utf8mb4_bin", ["'12'", "'-1.50'", "'007'", "'7'", "'3'", "'no'"], "S N", TEXT, False),
    "long": ("VARCHAR(2500) COLLATE utf8mb4_bin", ["'a'", "'b'", "'c'", "REPEAT('k', 1500)", "REPEAT('k', 2200)"], "S", OTHER, False),
    "blob": ("MEDIUMTEXT", ["'a'", "'b'", "'c'", "'d'", "'e'", "'f'", f"REPEAT('x', {BIG})"], "S", OTHER, False),
    "enum": ("ENUM('x','one','a')", ["'x'", "'one'", "'a'"], "S N", TEXT, False),
    "set": ("SET('p','q','r')", ["''", "'p'", "'p,r'", "'q,r'"], "SS S N", OTHER, False),
    "date": ("DATE", ["'2026-01-01'", "'2026-01-02'", "'2025-12-31'", "'2026-02-28'"], "S", TIME, True),
    "datetime": ("DATETIME(3)", ["'2026-01-01 00:00:00'", "'2026-01-02 10:15:00.5'", "'1969-12-31 23:59:59.999'"], "S", TIME, False),
    "stamp": ("TIMESTAMP", ["'2026-01-01 00:00:00'", "'2026-01-02 10:15:00'", "'1970-01-01 00:00:01'"], "S N", TIME, False),
    "clock": ("TIME(1)", ["'00:00:00'", "'-10:00:00.5'", "'800:00:00'"], "S", OTHER, False),
    "binary": ("BINARY(4)", ["'a'", "x'00ff'", "'bcde'", "x'ffffffff'"], "B S", OTHER, True),
    "bit": ("BIT(12)", ["0", "1", "4095"], "N S BOOL", OTHER, False),
    "year": ("YEAR", ["2026", "1901", "2000"], "N S", OTHER, False),
    "json": ("JSON", ["'{\"a\": [1, 2.5, null], \"b\": {\"c\": \"x\"}}'", "'{}'", "'{\"a\": 1}'", "'{\"b\": \"x\"}'", "'[1, \"a\"]'", "'null'"], "M S", OTHER, False),
    "parsed": ("VARCHAR(60) COLLATE utf8mb4_bin", ["'{\"a\": [1, true]}'", "'{\"b\": {}}'", "'{\"b\": 1.5}'", "'[1]'", "'no JSON'"], "S", OTHER, False),
}
KEY_KINDS = ["int", "int", "int", "small", "huge", "decimal", "text", "loose", "binary", "date"]
DATA_KINDS = [k for k in KINDS if k != "blob"] + ["int", "int", "text", "loose", "decimal", "enum", "wide", "long"]


@dataclass
class Column:
    name: str
    kind: str
    null: bool
    values: list

    @property
    def is_a(self):
        return KINDS[self.kind][3]


@dataclass
class Ref:
    columns: list
    target: "Table"
    far: list
    rules: str  # None: no foreign key, rows need not be there


@dataclass
class Table:
    name: str
    columns: dict = field(default_factory=dict)
    key: list = field(default_factory=list)
    uniques: list = field(default_factory=list)
    refs: list = field(default_factory=list)

    def add(self, name, kind, null, values=None):
        self.columns[name] = Column(name, kind, null, values or KINDS[kind][1])
        return name

    def create(self):
        lines = [f"{c.name} {KINDS[c.kind][0]} {'NULL' if c.null else 'NOT NULL'}" for c in self.columns.values()]
        lines.append(f"PRIMARY KEY ({', '.join(self.key)})")
        lines += [f"UNIQUE KEY ({', '.join(u)})" for u in self.uniques]
        lines += [f"FOREIGN KEY ({', '.join(f.columns)}) REFERENCES {f.target.name} ({', '.join(f.far)}) {f.rules}" for f in self.refs if f.rules is not None]
        return f"CREATE TABLE {self.name} ({', '.join(lines)}) CHARACTER SET utf8mb4"


# ---- schema


def key_values(kind):
    return [str(n) for n in range(1, 9)] if kind in ("int", "small", "huge") else KINDS[kind][1]


def add_ref(r, table, target, number):
    far = r.choice([target.key, target.key, *target.uniques])
    null = r.random() < 0.6
    columns = [table.add(f"r{number}_{i}", target.columns[c].kind, null, target.columns[c].values) for i, c in enumerate(far)]
    rules = None
    if r.random() < 0.6:
        choices = ["CASCADE", "SET NULL", "RESTRICT"] if null else ["CASCADE", "CASCADE", "RESTRICT"]
        rules = f"ON DELETE {r.choice(choices)} ON UPDATE {r.choice(choices)}"
    table.refs.append(Ref(columns, target, far, rules))
    return columns


def make_table(r, name, earlier):
    t = Table(name)
    parent = r.choice(earlier) if earlier and r.random() < 0.3 else None
    if parent:  # its key is the parent's and a number
        t.key = [t.add(f"k{i}", parent.columns[c].kind, False, parent.columns[c].values) for i, c in enumerate(parent.key)]
        t.refs.append(Ref(list(t.key), parent, list(parent.key), r.choice([None, "ON DELETE CASCADE ON UPDATE CASCADE", "ON DELETE CASCADE"])))
        t.key.append(t.add("no", "small", False, ["1", "2", "3"]))
    else:
        for i in range(r.choice((1, 1, 1, 2))):
            kind = r.choice(KEY_KINDS)
            t.key.append(t.add(f"k{i}", kind, False, key_values(kind)))
    for i, kind in enumerate(["int", "text"] + r.sample(DATA_KINDS, r.randint(2, 5)) + (["blob"] if r.random() < 0.15 else [])):
        t.add(f"c{i}", kind, r.random() < 0.6)
    if r.random() < 0.4:
        t.uniques.append([r.choice([c.name for c in t.columns.values() if c.name[0] == "c" and KINDS[c.kind][4]])])
    for other in r.sample(earlier, min(len(earlier), r.randint(0 if parent else 1, 2))):
        add_ref(r, t, other, len(t.refs))
    if r.random() < 0.4:
        add_ref(r, t, t, len(t.refs))
    return t


# ---- contract


def literal(r, column):
    return r.choice([v for v in column.values if len(v) < 40 and "REPEAT" not in v] or ["NULL"])


def in_template(attribute):
    """May it stand in one? JSON text of a list may not."""
    return attribute["type"] in ("S", "N") and attribute.get("join", {}).get("type") != "json-construction"


def index_parts(table):
    """{attribute that stands in an index's key: most bytes}"""
    parts = {g["pk"]: 2048 for g in table.get("gsis", [])}
    return parts | {g["sk"]: 1024 for g in table.get("gsis", []) if "sk" in g}


class Contract:
    """Tables of a contract over `tables`, and what the comparison must know of its attributes."""

    def __init__(self, r, tables, prefix):
        self.r, self.tables, self.prefix, self.count = r, tables, prefix, 0
        self.types = {}  # attribute: type
        self.joined = set()  # tables whose rows stand in items of others
        self.targets = [self.target(i) for i in range(r.randint(1, 3))]

    def name(self, kind, more=None):
        self.count += 1
        name = f"{self.prefix}{self.count}"
        self.types[name] = kind
        return name

    # -- small SQL over one row

    def of_class(self, table, *classes):
        return [c for c in table.columns.values() if c.is_a in classes]

    def condition(self, table):
        r, c = self.r, self.r.choice(self.of_class(table, NUMBER, TEXT, TIME))
        simple = r.choice([f"{c.name} {r.choice(('=', '<>', '<', '>=', '<=>'))} {literal(r, c)}", f"{c.name} IS {r.choice(('', 'NOT '))}NULL",
                           f"{c.name} {r.choice(('', 'NOT '))}IN ({literal(r, c)}, {literal(r, c)})", f"{c.name} BETWEEN {literal(r, c)} AND {literal(r, c)}"])
        joined = r.random()
        if joined < 0.15:
            return f"{simple} {r.choice(('AND', 'OR'))} {self.condition(table)}"
        return f"NOT ({simple})" if joined < 0.25 else simple

    def expression(self, table, of=None):
        """(EXPR, its class)"""
        r = self.r
        n, m = (r.choice(self.of_class(table, NUMBER)).name for _ in range(2))
        t, u = (r.choice(self.of_class(table, TEXT)).name for _ in range(2))
        times = [c.name for c in self.of_class(table, TIME)]
        numbers = [f"{n} + 1", f"{n} * 2 - {m}", f"ABS({n})", f"ROUND({n} / 3, 2)", f"COALESCE({n}, {m}, 0)", f"CASE WHEN {self.condition(table)} THEN {n} ELSE 0 END", f"-{n}",
                   f"IF({self.condition(table)}, 1, {n})", f"LENGTH({t})", f"CHAR_LENGTH({t})", f"NULLIF({n}, 2)", f"{n} = {m}", f"{n} / 4"]
        texts = [f"UPPER({t})", f"LOWER({t})", f"CONCAT({t}, '-', {n})", f"CONCAT_WS('/', {t}, {n}, {u})", f"SUBSTRING({t}, 1, 2)", f"IFNULL({t}, '-')", f"LPAD({n}, 5, '0')", f"TRIM({t})",
                 f"NULLIF({t}, 'a')", f"IF({self.condition(table)}, {t}, 'no')", f"CASE {t} WHEN 'a' THEN 'first' WHEN 'b' THEN {u} END", *(f"DATE_FORMAT({d}, '%Y-%m')" for d in times)]
        kind = of or r.choice((NUMBER, TEXT))
        return r.choice(numbers if kind == NUMBER else texts), kind

    def selected(self, table):
        """A column or EXPR of the row, and the type it is written as."""
        if self.r.random() < 0.65:
            c = self.r.choice(list(table.columns.values()))
            return c.name, self.r.choice(KINDS[c.kind][2].split())
        text, kind = self.expression(table)
        return text, "S" if kind == TEXT else self.r.choice("SN")

    def natural(self, table):
        """An EXPR for `select_columns`, and its type."""
        if self.r.random() < 0.6:
            c = self.r.choice([c for c in table.columns.values() if c.kind not in ("json",)])
            return c.name, "N" if c.is_a == NUMBER or c.kind in ("wide", "double", "bit", "year") else "B" if c.kind == "binary" else "S"
        text, kind = self.expression(table)
        return text, "S" if kind == TEXT else "N"

    # -- edges

    def ones(self, table):
        found = [(f.target, list(zip(f.columns, f.far))) for f in table.refs] * 3
        for other in self.tables:
            for unique in [other.key, *other.uniques]:
                far = other.columns[unique[0]]
                if len(unique) == 1 and far.is_a in (NUMBER, TEXT):
                    found += [(other, [(c.name, far.name)]) for c in self.of_class(table, far.is_a) if c.kind != "enum" and [c.name] != unique]
        return found

    def manys(self, table):
        found = [(other, list(zip(f.far, f.columns))) for other in self.tables for f in other.refs if f.target is table] * 3
        for other in self.tables:
            for c in (NUMBER, TEXT):
                near, far = ([c for c in self.of_class(t, c) if c.kind != "enum"] for t in (table, other))
                if near and far:
                    found.append((other, [(self.r.choice(near).name, self.r.choice(far).name)]))
        return found

    def edge(self, table, alias, edges, own_alias=False):
        """(far table, its alias, keys of a join)"""
        far, pairs = self.r.choice(edges)
        self.joined.add(far.name)
        self.count += 1
        name = f"j{self.count}" if own_alias or alias == far.name or far is table or self.r.random() < 0.5 else far.name
        conditions = [f"{name}.{y} = {alias}.{x}" if self.r.random() < 0.5 else f"{alias}.{x} = {name}.{y}" for x, y in pairs]
        join = {"target_table": far.name, "join_condition": " AND ".join(conditions)}
        return far, name, join | ({"join_alias": name} if name != far.name else {}), pairs

    # -- attributes: each gives (definition without name, type)

    def a_column(self, table, alias, depth):
        c = self.r.choice(list(table.columns.values()))
        kind = self.r.choice(KINDS[c.kind][2].split())
        return {"source_column": c.name}, kind

    def an_expr(self, table, alias, depth):
        text, kind = self.expression(table)
        return {"expr": text}, "S" if kind == TEXT else self.r.choice("SN")

    def a_case(self, table, alias, depth):
        kind = self.r.choice((NUMBER, TEXT))
        cases = [{"when": self.condition(table), "then": self.expression(table, kind)[0]} for _ in range(self.r.randint(1, 2))]
        more = {"else": self.expression(table, kind)[0]} if self.r.random() < 0.6 else {}
        return {"calculation": {"type": "case", "cases": cases, **more}}, "S" if kind == TEXT else "N"

    def a_transformation(self, table, alias, depth):
        r, c = self.r, self.r.choice([c for c in table.columns.values() if c.is_a != OTHER or c.kind == "parsed"])
        if c.kind == "parsed":
            return {"source_column": c.name, "transformation": {"type": "json-parse"}}, "M"
        kind, form, kinds = r.choice({
            NUMBER: [("number-format", "%06d", "S"), ("number-format", "%.1f", "SN"), ("mask", "last4", "S"), ("string-format", "<%s>", "S")],
            TEXT: [("string-format", "lower", "S"), ("string-format", "trim", "S"), ("mask", "hash", "S"), ("mask", "redact", "S"), ("string-format", f"<%s>", "S")],
            TIME: [("date-format", "DD.MM.YYYY", "S"), ("date-format", "epoch", "NS"), ("date-format", "%Y%m", "S"), ("date-format", "iso8601", "S")]}[c.is_a])
        return {"source_column": c.name, "transformation": {"type": kind, "format": form}}, r.choice(kinds)

    def a_lookup(self, table, alias, depth):
        ones = self.ones(table)
        if not ones:
            return self.a_column(table, alias, depth)
        far, name, join, pairs = self.edge(table, alias, ones)
        if len(pairs) == 1 and name == far.name and alias == table.name and self.r.random() < 0.2:
            c = self.r.choice(list(far.columns.values()))
            return {"source_table": far.name, "source_column": c.name, "join": {"local_column": pairs[0][0], "source_column": pairs[0][1]}}, self.r.choice(KINDS[c.kind][2].split())
        select, kind = self.selected(far)
        if far is table and "join_alias" in join:
            del join["target_table"]
            return {"join": {"type": "self-join", **join, "select_column": f"{name}.{select}" if select in far.columns else select}}, kind
        if self.r.random() < 0.3:
            join["join_conditions"] = join.pop("join_condition").split(" AND ")
            return {"join": {"type": "multi-column", **join, "select_column": select}}, kind
        return {"join": {"type": self.r.choice(("foreign-key", "lookup-table")), **join, "select_column": select}}, kind

    def otherwise(self, table, kind):
        return self.r.choice([{}, {"else_value": "none" if kind == TEXT else -7}, {"else_expr": self.expression(table, kind)[0]}])

    def a_conditional(self, table, alias, depth):
        ones = self.ones(table)
        if not ones:
            return self.an_expr(table, alias, depth)
        far, name, join, _ = self.edge(table, alias, ones)
        select, kind = self.expression(far)
        return {"join": {"type": "conditional", "condition": self.condition(table), **join, "select_column": select, **self.otherwise(table, kind)}}, "S" if kind == TEXT else "N"

    def a_polymorphic(self, table, alias, depth):
        ones, types = self.ones(table), [c for c in self.of_class(table, TEXT) if c.kind != "digits"]
        if not ones or not types:
            return self.an_expr(table, alias, depth)
        c, kind, branches = self.r.choice(types), self.r.choice((NUMBER, TEXT)), []
        for value in self.r.sample(c.values, min(2, len(c.values))):
            far, name, join, _ = self.edge(table, alias, ones, own_alias=True)
            branches.append({"when_type_value": value.strip("'"), **join, "select_column": self.expression(far, kind)[0]})
        return {"join": {"type": "polymorphic-lookup", "type_column": c.name, "branches": branches, **self.otherwise(table, kind)}}, "S" if kind == TEXT else "N"

    def a_chain(self, table, alias, depth):
        steps, at, names = [], table, [alias]
        separated = self.r.random() < 0.5
        for _ in range(self.r.randint(2, 3)):
            ones = self.ones(at)
            if not ones:
                break
            far, name, join, _ = self.edge(at, names[-1], ones, own_alias=True)
            steps.append({**join, "select_column": self.expression(far, TEXT)[0]} if separated else join)
            names.append(name)
            at = far
        if not steps:
            return self.a_column(table, alias, depth)
        kind = "S"
        if not separated:
            steps[-1]["select_column"], kind = self.selected(at)
        return {"join": {"type": "chain", "joins": steps, **({"chain_separator": self.r.choice((" > ", "/"))} if separated else {})}}, kind

    def ordered(self, far, several=True):
        c = [c.name for c in far.columns.values() if c.kind not in ("json", "blob", "double")]
        by = [f"{name}{self.r.choice(('', ' ASC', ' DESC'))}" for name in self.r.sample(c, self.r.randint(1, 2))]
        return {**({"order_by": ", ".join(by)} if self.r.random() < 0.6 else {}), **({"limit": self.r.randint(1, 3)} if self.r.random() < 0.4 else {})}

    def filtered(self, far):
        return {"filter": self.condition(far)} if self.r.random() < 0.4 else {}

    def a_construction(self, table, alias, depth):
        manys = self.manys(table)
        if not manys or depth > 2:
            return self.a_column(table, alias, depth)
        far, name, join, _ = self.edge(table, alias, manys, own_alias=depth > 0)
        kind = self.r.choice(("array", "array", "object"))
        construction = {"type": kind, **self.ordered(far)}
        if depth == 0 and self.r.random() < 0.2:  # as JSON text
            chosen = [self.natural(far) for _ in range(3)]
            construction["select_columns"] = {self.name(t): text for text, t in chosen if t != "B"}
            if construction["select_columns"]:
                return {"join": {"type": "json-construction", **join, **self.filtered(far), "construction": construction}}, "S"
        if self.r.random() < 0.4:
            construction["select_columns"] = {self.name(t): text for text, t in (self.natural(far) for _ in range(self.r.randint(1, 3)))}
        else:
            construction["attributes"] = [self.attribute(far, name, depth + 1) for _ in range(self.r.randint(1, 4))]
        return {"join": {"type": "json-construction", **join, **self.filtered(far), "construction": construction}}, "L" if kind == "array" else "M"

    def a_list(self, table, alias, depth):
        manys = self.manys(table)
        if not manys:
            return self.a_column(table, alias, depth)
        far, name, join, _ = self.edge(table, alias, manys, own_alias=depth > 0)
        text, natural = self.natural(far)
        return {"x-element": natural, "join": {"type": "aggregated-list", **join, "select_column": text, **self.ordered(far), **self.filtered(far)}}, self.r.choice(["L", natural + "S"])

    def an_exists(self, table, alias, depth):
        manys = self.manys(table)
        if not manys:
            return self.a_column(table, alias, depth)
        far, name, join, _ = self.edge(table, alias, manys, own_alias=depth > 0)
        return {"join": {"type": "exists-check", **join, **self.filtered(far)}}, "BOOL"

    def an_aggregate(self, table, alias, depth):
        manys = self.manys(table)
        if not manys:
            return self.an_expr(table, alias, depth)
        far, name, join, _ = self.edge(table, alias, manys, own_alias=depth > 0)
        operation = self.r.choice(("SUM", "SUM", "COUNT", "COUNT", "AVG", "MIN", "MAX"))
        select, kind = {}, self.r.choice("NS")
        if operation in ("SUM", "AVG"):
            n = self.r.choice(self.of_class(far, NUMBER)).name
            select = {"select_column": n if self.r.random() < 0.6 else self.r.choice([f"{n} + 1", f"{n} * {n}", f"COALESCE({n}, 1)", f"IF({self.condition(far)}, {n}, NULL)"])}
        elif operation == "COUNT":
            select = self.r.choice([{}, {"select_column": "*"}, {"select_column": self.r.choice(list(far.columns))}])
        else:
            c = self.r.choice(self.of_class(far, NUMBER, TEXT, TIME))
            select, kind = {"select_column": c.name}, kind if c.is_a == NUMBER else "S"
        return {"calculation": {"type": "aggregate", "operation": operation, **join, **select, **self.filtered(far)}}, kind

    def attribute(self, table, alias, depth):
        """With a name; null_value where it may have one."""
        r = self.r
        make = r.choices((self.a_column, self.an_expr, self.a_case, self.a_transformation, self.a_lookup, self.a_conditional, self.a_polymorphic, self.a_chain, self.a_construction, self.a_list,
                          self.an_exists, self.an_aggregate), (5, 2, 1, 2, 4, 1, 1, 2, 3, 2, 1, 3))[0]
        definition, kind = make(table, alias, depth)
        attribute = {"name": self.name("NS" if definition.get("x-element") == "N" else kind), "type": kind, **definition}
        many = definition.get("join", {}).get("type") in ("json-construction", "aggregated-list")
        if not many and kind in ("S", "N", "BOOL") and r.random() < 0.15:
            attribute["null_value"] = {"S": r.choice(("-", "none")), "N": 0, "BOOL": False}[kind]
        if many and kind == "L" and depth == 0 and r.random() < 0.3:
            attribute["null_value"] = []
        return attribute

    # -- entities

    def key_part(self, table, attributes):
        """Appends an attribute that can stand in a key, and gives its name."""
        r = self.r
        for _ in range(20):
            kind = r.random()
            make = self.a_column if kind < 0.6 else self.a_lookup if kind < 0.8 else self.an_expr if kind < 0.9 else self.an_aggregate
            definition, kind = make(table, table.name, 0)
            if kind in ("S", "N"):
                break
        else:
            definition, kind = {"source_column": table.key[0]}, "S"
        attributes.append({"name": self.name(kind), "type": kind, **definition})
        return attributes[-1]["name"]

    def own_key(self, table, attributes):
        """The row's key as attributes: with it no two rows have one item."""
        names = []
        for c in table.key:
            kind = KINDS[table.columns[c].kind][2].split()[0]
            attributes.append({"name": self.name("S" if kind == "B" else kind), "type": "S" if kind == "B" else kind, "source_column": c})
            names.append(attributes[-1]["name"])
        return names

    def entity(self, target, number, multi):
        r = self.r
        table = r.choice(self.tables)
        attributes = [self.attribute(table, table.name, 0) for _ in range(r.randint(2, 6))]
        entity = {"source_table": table.name, "attributes": attributes}
        if multi:
            entity["entity_type"] = f"{self.prefix}E{target}{number}"
            if r.random() < 0.2:
                entity["write_entity_type"] = False
        if r.random() < 0.3:
            entity["filter"] = self.condition(table)
        unique = r.random() < 0.6
        if multi:
            default = r.choice(("", "", "|none"))
            entity["pk_template"] = r.choice(("", "", "K#")) + "{" + self.key_part(table, attributes) + default + "}"
            rest = self.own_key(table, attributes) if unique else [self.key_part(table, attributes)]
            entity["sk_template"] = r.choice(("", "", "S#")) + "#".join(f"{{{n}}}" for n in rest)
        else:
            own = self.own_key(table, attributes) if unique else None
            entity["pk"] = self.key_part(table, attributes) if not unique or r.random() < 0.5 else own[0] if len(own) == 1 else "#".join(own)
            if unique and entity["pk"] not in (own[0], "#".join(own)):
                entity["sk"] = own[0] if len(own) == 1 else "#".join(own)
            elif r.random() < 0.3:
                entity["sk"] = self.key_part(table, attributes)
        if r.random() < 0.3:
            names = r.sample([a["name"] for a in attributes if in_template(a)], 1)
            attributes.append({"name": self.name("S"), "type": "S", "template": f"<{{{names[0]}{r.choice(('', '|', '|-'))}}}{{{r.choice(table.key)}}}>"})
        return entity

    def target(self, number):
        r, multi = self.r, self.r.random() < 0.5
        name = f"{self.prefix}T{number}"
        table = {"table": name}
        if multi:
            table |= {"type": "multi-entity", "entities": [self.entity(number, i, True) for i in range(r.randint(1, 3))]}
        else:
            table |= self.entity(number, 0, False)
        entities = table.get("entities", [table])
        for i in range(r.choice((0, 0, 1, 2))):
            entity = r.choice(entities)
            can = [a["name"] for a in entity["attributes"] if in_template(a)]
            chosen = r.sample(can, min(len(can), 3))
            pk, sk = chosen[0] if len(chosen) < 3 or r.random() < 0.5 else "#".join(chosen[:2]), chosen[-1] if len(chosen) > 1 and r.random() < 0.6 else None
            table.setdefault("gsis", []).append({"index_name": f"{name}-{i}", "pk": pk, **({"sk": sk} if sk else {}), "projection": r.choice(("ALL", "KEYS_ONLY"))})
        for entity in entities:
            if r.random() < 0.15:
                entity["write_nulls"] = True
        return table

    # -- what the comparison must know

    def absent(self):
        """{(DynamoDB table, entity): {attribute: what is written when SQL says NULL}}"""
        found = {}
        for table in self.targets:
            keys = {table.get("pk"), table.get("sk"), *index_parts(table)}
            for e in table.get("entities", [table]):
                nulls = {a["name"]: {"NULL": True} for a in e["attributes"] if e.get("write_nulls") and a["name"] not in keys}
                found[table["table"], e.get("entity_type", e["source_table"])] = nulls | {a["name"]: {"L": []} for a in e["attributes"] if a.get("null_value") == []}
        return found

    def is_poison(self, table, attributes):
        """Can DynamoDB not hold this item? `attributes` are as SQL has them."""
        def size(v):
            return sum(map(size, v.values())) if isinstance(v, dict) else sum(map(size, v)) if isinstance(v, list) else len(v) if isinstance(v, bytes) else len(str(v).encode())
        if any(self.bad(n, v) for n, v in attributes.items()) or size(attributes) > 400 * 1024:
            return True
        return any(n in attributes and not 1 <= len(as_text(attributes[n]).encode()) <= most for t in self.targets if t["table"] == table for n, most in index_parts(t).items())

    def bad(self, name, value):
        kind = self.types.get(name)
        if isinstance(value, list):
            value = value[:1] if kind == "M" else value
            return any(any(self.bad(n, v) for n, v in e.items()) if isinstance(e, dict) else kind == "NS" and not is_number(as_text(e)) for e in value)
        if kind == "N":
            return not is_number(as_text(value))
        if kind == "M":
            try:
                return not isinstance(json.loads(as_text(value)), dict)
            except ValueError:
                return True
        return False


def as_text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def is_number(text):
    """One that DynamoDB holds: 38 digits, zeros at the ends not counted."""
    try:
        n = Decimal(text)
    except InvalidOperation:
        return False
    digits = "".join(map(str, n.as_tuple().digits)).strip("0")
    return not digits or (len(digits) <= 38 and -130 <= n.adjusted() <= 125)


# ---- load


@dataclass
class Statement:
    sql: str
    does: str  # what it counts as when it changed a row: insert, update, delete, truncate, swap
    table: Table
    probe: str = None  # counts rows that a cascade will change


@dataclass
class Transaction:
    statements: list
    image: str = "FULL"
    checks: bool = True  # of foreign keys
    end: str = "COMMIT"

    def lines(self):
        yield f"SET SESSION binlog_row_image = '{self.image}', foreign_key_checks = {int(self.checks)}"
        yield "BEGIN"
        yield from (s.sql for s in self.statements)
        yield self.end


class Load:
    def __init__(self, r, tables):
        self.r, self.tables = r, tables

    def value(self, column):
        return "NULL" if column.null and self.r.random() < 0.2 else self.r.choice(column.values)

    def insert(self, t):
        r = self.r
        rows = ", ".join("(" + ", ".join(self.value(c) for c in t.columns.values()) + ")" for _ in range(r.choice((1, 2, 4))))
        how = r.choice(("INSERT", "INSERT IGNORE", "INSERT IGNORE", "REPLACE"))
        if how == "REPLACE" and self.children(t, "TRUE"):
            how = "INSERT IGNORE"  # MySQL 9.7.4 can die of one that cascades (row0mysql.cc:2444)
        c = r.choice(list(t.columns.values()))
        more = f" ON DUPLICATE KEY UPDATE {c.name} = VALUES({c.name})" if how == "INSERT" and r.random() < 0.4 else ""
        return [Statement(f"{how} INTO {t.name} ({', '.join(t.columns)}) VALUES {rows}{more}", "insert", t)]

    def where(self, t, by_key=0.6):
        r = self.r
        if r.random() < by_key:
            return " AND ".join(f"{k} = {r.choice(t.columns[k].values)}" for k in t.key)
        c = r.choice(list(t.columns.values()))
        return f"{c.name} = {r.choice(c.values)}" if r.random() < 0.8 else f"{c.name} IS NULL"

    def children(self, t, where):
        """Counts the rows that follow those of t."""
        counts = [f"(SELECT COUNT(*) FROM {o.name} WHERE ({', '.join(f.columns)}) IN (SELECT {', '.join(f.far)} FROM {t.name} WHERE {where}))"
                  for o in self.tables for f in o.refs if f.target is t and f.rules and ("CASCADE" in f.rules or "SET NULL" in f.rules)]
        return "SELECT " + " + ".join(counts) if counts else None

    def update(self, t):
        r = self.r
        columns = r.sample(list(t.columns.values()), r.choice((1, 1, 2, 3)))
        where = self.where(t)
        changes = [f"{c.name} = {c.name} + 1" if c.is_a == NUMBER and r.random() < 0.2 else f"{c.name} = {self.value(c)}" for c in columns]
        probe = self.children(t, where) if any(c.name in f.far for c in columns for o in self.tables for f in o.refs if f.target is t) else None
        return [Statement(f"UPDATE{r.choice((' IGNORE', ''))} {t.name} SET {', '.join(changes)} WHERE {where}{r.choice((f' ORDER BY {t.key[0]} LIMIT 2', ''))}", "update", t, probe)]

    def shift(self, t):
        """Every key, or every value of a number, moves by one: each takes what the next one had."""
        numbers = [c for c in t.columns.values() if c.is_a == NUMBER and c.kind != "decimal"]
        c, by = self.r.choice(numbers), self.r.choice(("+", "-"))
        return [Statement(f"UPDATE {t.name} SET {c.name} = {c.name} {by} 1 ORDER BY {c.name} {'DESC' if by == '+' else 'ASC'}", "update", t, self.children(t, "TRUE"))]

    def swap(self, t):
        """Two rows swap a value, of a unique column by way of a third."""
        r = self.r
        c = t.columns[r.choice([t.key[-1], *(u[0] for u in t.uniques), r.choice(list(t.columns))])]
        a, b = r.choice(c.values), r.choice(c.values)
        if c.name not in t.key and [c.name] not in t.uniques:
            return [Statement(f"UPDATE {t.name} SET {c.name} = IF({c.name} = {a}, {b}, {a}) WHERE {c.name} IN ({a}, {b})", "swap", t)]
        away = {NUMBER: "99", TEXT: "'away'", TIME: "'2030-01-01'", OTHER: "'away'"}[c.is_a]
        return [Statement(f"UPDATE {t.name} SET {c.name} = {to} WHERE {c.name} = {of}", "swap", t, self.children(t, f"{c.name} = {of}")) for of, to in ((a, away), (b, a), (away, b))]

    def delete(self, t):
        where = self.where(t, 0.8)
        return [Statement(f"DELETE FROM {t.name} WHERE {where}", "delete", t, self.children(t, where))]

    def truncate(self, t):
        return [Statement(f"TRUNCATE TABLE {t.name}", "truncate", t)]

    def transaction(self):
        r, statements = self.r, []
        for _ in range(r.choice((1, 1, 2, 3, 5))):
            t = r.choice(self.tables)
            kind = r.choices((self.insert, self.update, self.shift, self.swap, self.delete), (10, 10, 1, 3, 3))[0]
            statements += kind(t)
        if r.random() < 0.1:  # a part of it is undone
            at = r.randint(0, len(statements) - 1)
            t = statements[0].table
            statements[at:at] = [Statement("SAVEPOINT s", "", t), *self.update(t), *self.delete(t), Statement("ROLLBACK TO SAVEPOINT s", "", t)]
        return Transaction(statements, r.choice(("FULL", "FULL", "MINIMAL", "MINIMAL", "NOBLOB")), r.random() < 0.95, "ROLLBACK" if r.random() < 0.1 else "COMMIT")

    def fill(self):
        """Some rows in each table, parents first."""
        return [Transaction([s for _ in range(12) for s in self.insert(t)]) for t in self.tables]

    def transactions(self, count):
        made = [self.transaction() for _ in range(count)]
        if self.r.random() < 0.3:
            made.insert(self.r.randrange(count), Transaction(self.truncate(self.r.choice(self.tables)), checks=self.r.random() < 0.5))
        return made


class Case:
    """All that one seed says."""

    def __init__(self, seed, derived=False, transactions=30):
        """`derived`: for a server that does not log cascades; those are followed by bytes, so none goes by a loose collation."""
        r = random.Random(seed)
        self.seed, self.prefix, self.tables = seed, f"s{seed}_", []
        for i in range(r.randint(2, 5)):
            self.tables.append(make_table(r, self.prefix + "abcde"[i], self.tables))
        for f in (f for t in self.tables for f in t.refs if f.rules and derived):
            if any(f.target.columns[c].kind == "loose" for c in f.far):
                f.rules = ""
        self.contract = Contract(r, self.tables, self.prefix)
        load = Load(r, self.tables)
        self.before = load.fill() + load.transactions(transactions // 3)  # before the snapshot
        self.during = load.transactions(transactions // 3)
        self.after = load.transactions(transactions - 2 * (transactions // 3))
