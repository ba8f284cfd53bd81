"""Random tables and changes, from a seed: types, nullability, keys, character sets, defaults; rows that come, change, move and go."""

TEXTS = ("", "a", "ü", "€", "x" * 50, "trailing ", "quote ' \" \\\\", "line\\nbreak", "tab\\t", "0", "NULL", "ß")
ASIAN = TEXTS + ("漢字", "さくら")
WIDE = ASIAN + ("😀", "Łódź", "на")


def _integer(bits, unsigned):
    low, high = (0, 2**bits - 1) if unsigned else (-2 ** (bits - 1), 2 ** (bits - 1) - 1)
    return lambda r: str(r.choice((low, high, 0, 1, r.randint(low, high), r.randint(max(low, -128), 127))))


def _decimal(precision, scale):
    def value(r):
        digits = "".join(r.choice("0123456789") for _ in range(r.randint(1, precision)))
        digits = digits.zfill(scale + 1)[-precision:] if precision > scale else digits.zfill(scale)[-scale:]
        whole, fraction = (digits[:-scale] or "0", digits[-scale:]) if scale else (digits, "0")
        return f"{r.choice(('', '-'))}{whole}.{fraction}"

    return value


def _text(choices, most):
    return lambda r: "'" + "".join(r.choice(choices) for _ in range(r.randint(0, most))).replace("'", "''").replace('\\\\"', '"') + "'"


def _bytes(most):
    return lambda r: "x'" + r.randbytes(r.randint(0, most)).hex() + "'"


def _moment(digits, date=True, time=True, first=1000, last=9999):
    def value(r):
        day = f"{r.randint(first, last):04}-{r.randint(1, 12):02}-{r.randint(1, 28):02}"
        fraction = f".{r.randrange(10**digits):0{digits}}" if digits else ""
        clock = f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}{fraction}"
        return f"'{day} {clock}'" if date and time else f"'{day}'" if date else f"'{r.choice(('', '-'))}{r.randrange(838)}:{clock[3:]}'"

    return value


def _document(r, depth=0):
    kind = r.randrange(8 if depth < 3 else 6)
    if kind == 6:
        return "[" + ", ".join(_document(r, depth + 1) for _ in range(r.randrange(5))) + "]"
    if kind == 7:
        return "{" + ", ".join(f'"{r.choice("abcdefgh")}{i}": {_document(r, depth + 1)}' for i in range(r.randrange(5))) + "}"
    return (lambda: "null", lambda: r.choice(("true", "false")), lambda: str(r.randint(-2**63, 2**64 - 1)), lambda: str(r.randint(-40000, 70000)),
            lambda: repr(r.uniform(-1e6, 1e6)), lambda: '"' + "".join(r.choice(("a", "ü", "漢", "😀", " ", "/")) for _ in range(r.randrange(40))) + '"')[kind]()


# definition, how it is compared (lib/select.py), a value's SQL, whether it may be in a key
TYPES = [
    *((f"{name}{' UNSIGNED' if u else ''}", "same", _integer(bits, u), True) for name, bits in (("TINYINT", 8), ("SMALLINT", 16), ("MEDIUMINT", 24), ("INT", 32), ("BIGINT", 64)) for u in (0, 1)),
    *((f"DECIMAL({p},{s})", "same", _decimal(p, s), True) for p, s in ((1, 0), (9, 9), (10, 2), (18, 5), (30, 30), (38, 10), (65, 30), (65, 0))),
    ("FLOAT", "single", lambda r: repr(r.choice((0.0, 1.5, r.uniform(-1, 1), r.uniform(-1e30, 1e30)))), False),
    ("DOUBLE", "double", lambda r: repr(r.choice((0.0, -1.5, r.uniform(-1, 1), r.uniform(-1e300, 1e300)))), False),
    *((f"BIT({n})", "same+0", (lambda n: lambda r: str(r.choice((0, 2**n - 1, r.randrange(2**n)))))(n), False) for n in (1, 7, 8, 33, 64)),
    ("YEAR", "same+0", lambda r: str(r.choice((0, 1901, 2155, r.randint(1901, 2155)))), True),
    ("DATE", "same", _moment(0, time=False), True),
    *((f"TIME({n})", "same", _moment(n, date=False), True) for n in (0, 2, 3, 6)),
    *((f"DATETIME({n})", "same", _moment(n), True) for n in (0, 1, 4, 6)),
    *((f"TIMESTAMP({n})", "same", _moment(n, first=1971, last=2037), True) for n in (0, 5, 6)),
    *((f"VARCHAR({n}) CHARACTER SET {c}", "same", _text(t, 1 if n < 200 else 4), False) for n, c, t in (
        (60, "utf8mb4", WIDE), (300, "utf8mb4", WIDE), (60, "utf8mb3", ASIAN), (60, "latin1", TEXTS), (300, "gbk", ("漢字", "a", "中文")), (60, "utf16", WIDE),
        (60, "sjis", ("さくら", "a", "漢字")), (60, "cp1251", ("на", "a", "Привет")), (60, "utf32", WIDE), (60, "ascii", ("a", "b~", "")))),
    ("CHAR(60) CHARACTER SET utf8mb4", "same", _text(WIDE, 1), False),
    ("CHAR(60) CHARACTER SET latin1", "same", _text(TEXTS, 1), False),
    ("TEXT CHARACTER SET utf8mb4", "same", _text(WIDE, 30), False),
    ("LONGTEXT CHARACTER SET latin2", "same", _text(("Łódź", "a", "ž"), 30), False),
    ("BINARY(16)", "base64", _bytes(16), True),
    ("VARBINARY(40)", "base64", _bytes(40), True),
    ("VARBINARY(400)", "base64", _bytes(400), False),
    ("TINYBLOB", "base64", _bytes(255), False),
    ("MEDIUMBLOB", "base64", _bytes(2000), False),
    ("ENUM('a','b','ü','it''s')", "same", lambda r: str(r.randint(1, 4)), True),
    ("SET('p','q','r','s','t','u','v','w','ü')", "same", lambda r: str(r.randrange(512)), False),
    ("JSON", "json", lambda r: "'" + _document(r).replace("\\", "\\\\") + "'", False),
    ("POINT", "geometry", lambda r: f"ST_GeomFromText('POINT({r.uniform(-180, 180)!r} {r.uniform(-90, 90)!r})')", False),
    ("VECTOR(4)", "vector", lambda r: "TO_VECTOR('[" + ",".join(repr(r.uniform(-9, 9)) for _ in range(4)) + "]')", False),
]


class Table:
    """A random table; `changes` gives random statements on its rows."""

    def __init__(self, rng, name, version):
        self.rng, self.name = rng, name
        types = [t for t in TYPES if version >= (9, 0) or t[1] != "vector"]
        keys = [t for t in types if t[3]]
        self.columns = [rng.choice(keys) for _ in range(rng.choice((0, 0, 0, 1, 2)))]
        self.key_count = len(self.columns)
        self.columns += [rng.choice(types) for _ in range(rng.randint(1, 12))]
        self.next_id = 1

    def create(self):
        r, lines = self.rng, []
        for i, (definition, how, value, _) in enumerate(self.columns):
            required = i < self.key_count or r.random() < 0.3
            default = f" DEFAULT {value(r)}" if how == "same" and "TEXT" not in definition and not definition.startswith(("ENUM", "SET")) and r.random() < 0.3 else ""
            lines.append(f"c{i} {definition} {'NOT NULL' if required else 'NULL'}{default}")
            self.columns[i] = (definition, how, value, required)
        key = [f"c{i}" for i in range(self.key_count)] + ["id"]
        r.shuffle(key)
        kind = r.choice(("PRIMARY KEY", "UNIQUE KEY"))
        return f"CREATE TABLE {self.name} (id BIGINT NOT NULL, {', '.join(lines)}, {kind} ({', '.join(key)})) CHARACTER SET utf8mb4"

    def value(self, i):
        _, _, value, required = self.columns[i]
        return "NULL" if not required and self.rng.random() < 0.15 else value(self.rng)

    def insert(self, count, all_columns):
        r = self.rng
        chosen = [i for i in range(len(self.columns)) if all_columns or i < self.key_count or self.columns[i][3] or r.random() < 0.8]
        rows = []
        for _ in range(count):
            rows.append(f"({self.next_id}, {', '.join(self.value(i) for i in chosen)})" if chosen else f"({self.next_id})")
            self.next_id += 1
        return f"INSERT INTO {self.name} (id{''.join(f', c{i}' for i in chosen)}) VALUES {', '.join(rows)}"

    def change(self):
        """An update or a delete of some of the rows."""
        r = self.rng
        some = f"id % {r.randint(2, 40)} = {r.randint(0, 1)} AND id < {self.next_id}"
        kind = r.random()
        if kind < 0.15:
            return f"DELETE FROM {self.name} WHERE {some} AND id % 3 = 0"
        if kind < 0.25:
            self.next_id += 1000000
            return f"UPDATE {self.name} SET id = id + 1000000 WHERE {some} AND id < 1000000"
        changed = r.sample(range(len(self.columns)), r.randint(1, len(self.columns)))
        return f"UPDATE {self.name} SET {', '.join(f'c{i} = {self.value(i)}' for i in changed)} WHERE {some}"
