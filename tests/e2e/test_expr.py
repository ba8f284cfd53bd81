"""Expressions of the contract language against MySQL: each is an attribute of an item a row, and a column of a SELECT.

Where the language means otherwise on purpose (docs/contract.md, "EXPR": exact integers, binary comparison, one scale of times), the
case gives MySQL's own SQL for it.
"""

import pymysql

from conftest import World
from lib.servers import Mysql

TABLE = """CREATE TABLE v (id INT PRIMARY KEY, i INT, u BIGINT UNSIGNED, d DECIMAL(10,2), w DECIMAL(65,30), f FLOAT, g DOUBLE, s VARCHAR(60)
    COLLATE utf8mb4_bin, l VARCHAR(60) CHARACTER SET latin1 COLLATE latin1_bin, e ENUM('x','y'), st SET('a','b','c'), dt DATETIME(3), ts TIMESTAMP NULL,
    da DATE, ti TIME(2), b BIT(8), y YEAR, `odd name` INT)"""
ROWS = [
    "(1, 7, 18446744073709551615, 12.50, 1.5, 0.5, 0.1, 'Ab ß', 'Größe', 'y', 'a,c', '2024-02-03 04:05:06.789', '2024-02-03 04:05:06', '2024-02-03', '-01:02:03.45', 5, 2024, 1)",
    "(2, -3, 0, -0.05, -123456789012345678901234567890.123456789, -2.25, -1e10, '  pad  ', '', 'x', '', '1999-12-31 23:59:59.999', '1970-01-01 00:00:01', '2000-02-29', '838:59:59', 255, 1901, NULL)",
    "(3, 0, 1, 0.00, 0, 0, 0, '', 'abc', NULL, 'b', '2026-01-01 12:00:00', NULL, '2021-01-03', '00:00:00', 0, 0, 0)",
    "(4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "(5, 2147483647, 9223372036854775808, 99999999.99, 12345678901234567890.999999999999999999999999999999, 16777216, 123456789, '日本語テキスト', 'ÀÿŠ', 'x', 'a,b,c', "
    "'9999-12-31 00:00:00', '2038-01-19 03:14:07', '9999-12-31', '12:34:56.78', 128, 2155, -5)",
    "(6, -2147483648, 42, 0.01, 0.000000000000000000000000000001, 1.5, 0.25, '10', 'x,y', 'y', 'c', '2024-12-30 00:00:00.5', '2024-12-31 23:59:59', '1000-01-01', '-838:59:59', 1, 1970, 12)",
    "(7, 1, 1, 1.005, 1, 1, 1, 'a', 'A', 'x', 'a', '0000-00-00 00:00:00', NULL, '2024-00-10', '00:00:01', 1, 2000, 3)",
    "(8, 100, 100, 2.675, 33.3, 0.75, 2.5, 'Übergröße ÄÖÜ éèê', 'ABC', 'y', 'a', '2020-02-29 13:14:15.016', '2020-02-29 13:14:15', '2020-12-31', '23:59:59.99', 64, 2020, 100)",
]
# What is computed, as MySQL has it; a pair where MySQL's own SQL for it differs.
EXPRESSIONS = [
    "i + 1", "i - d", "i * d", "d * d", "d + 0.005", "-d", "-i", "- - i", "i + i * 2 - 1", "(i + 1) * 2", "2 - -3", "i / 2", "i / 3", "d / 3", "d / i", "1 / 0", "i / 0.0", "i / 4 * 2",
    "1.000 / 3", "g + 1", "g * 3", "g / 4", "f * 2", "g - g", ("i + '1.50'", "i + 1.50"), "1 + NULL", "b + 1", "y - 1", "`odd name` * 2", "w + 1", "w - 0.5",
    ("u + 1", "CAST(u AS DECIMAL(30)) + 1"), ("u * u", "CAST(u AS DECIMAL(40)) * CAST(u AS DECIMAL(30))"), ("i - u", "i - CAST(u AS DECIMAL(30))"), ("-u", "-CAST(u AS DECIMAL(30))"),
    "ABS(i)", "ABS(d)", "ABS(g)", "ABS(-7)", "ROUND(d)", "ROUND(d, 1)", "ROUND(d, 5)", "ROUND(d, -1)", "ROUND(i, -2)", "ROUND(i)", "ROUND(2.5)", "ROUND(-2.5)", "ROUND(g)", "ROUND(2.5e0)",
    "ROUND(g, 1)", "ROUND(w, 3)", "ROUND(155, -1)", "TRUE + TRUE", "(i = 7) + 1",
    "i = 7", "i <> 7", "i != 7", "i < d", "i <= 7", "i > -1", "i >= 2147483647", "i <=> NULL", "i <=> 7", "NULL <=> NULL", "d = 12.5", "d = '12.5'", "u > 9223372036854775807", "u = i", "f = 0.5", "g = 0.1",
    "f = 1.5e0", "g > d", "w > u", "w = 1.5", "e = 'y'", "e < 'y'", "st = 'a,c'", "y = 2024", "b = 5", "s = 'a'", "s < 'b'", "s > ''", ("s = 'A'", "s = BINARY 'A'"), "s IN ('a', '10', 'zz')", "i IN (1, 7, NULL)",
    "i NOT IN (1, NULL)", "i NOT IN (1, 2)", "i BETWEEN 0 AND 100", "i NOT BETWEEN 0 AND 100", "i BETWEEN 1 AND NULL", "i BETWEEN 0 + 1 AND 10 AND i > 5", "s IS NULL", "s IS NOT NULL", "1 < 2 IS NULL",
    "1 = 1 = 1", "2 > 1 > 0", "NOT i", "NOT i = 7", "NOT NOT i", "NOT NULL", "i AND d", "i OR d", "i > 0 AND d > 0 OR s IS NULL", "NULL OR TRUE", "NULL AND TRUE", "FALSE AND NULL", "0.5 AND 1",
    "dt > '2024-01-01'", "dt = '2024-02-03 04:05:06.789'", "dt = '2024-02-03T04:05:06.789'", "da = '2024-02-03'", "da = '2024-02-03 00:00:01'", "da < dt", "dt >= ts", "ts BETWEEN '2024-02-01' AND '2024-03-01'",
    "da IN ('2024-02-03', '2021-01-03')", "ti > '-02:00:00'", "ti = '12:34:56.78'",
    ("dt IS NULL", "dt IS NULL OR dt = 0"), ("da IS NULL", "da IS NULL OR MONTH(da) = 0 OR DAY(da) = 0"),
    "CASE WHEN i > 5 THEN 'big' WHEN i IS NULL THEN 'none' ELSE s END", "CASE i WHEN 7 THEN 'seven' WHEN 0 THEN 'zero' END", "CASE i WHEN NULL THEN 1 ELSE 2 END", "CASE WHEN i > 0 THEN i ELSE d END",
    ("CASE WHEN i > 0 THEN d ELSE g END", "CASE WHEN i > 0 THEN d ELSE g END + 0"), "CASE WHEN i > 0 THEN i ELSE s END", "CASE WHEN i > 0 THEN d END", "IF(i > 0, e, s)", "IF(i, 1, 2)", "IF(NULL, 1, 2)", "COALESCE(i, 0)", "COALESCE(i, d)", "COALESCE(NULL, s, 'none')",
    "COALESCE(d, 1.505)", "IFNULL(i, 1.5)", "IFNULL(s, 'x')", "NULLIF(i, 7)", "NULLIF(d, 12.5)", "NULLIF(s, '')", "COALESCE(g, i)", "COALESCE(e, 'z')", "COALESCE(NULL, NULL)", "COALESCE(y, 0)",
    "CONCAT(s, '|', i)", "CONCAT(d, '|', y, '|', e, '|', st)", "CONCAT(dt, '|', ts)", "CONCAT(da, ' ', ti)", "CONCAT(l, s)", "CONCAT(1.50, TRUE, -3)", "CONCAT(i > 5, '')", "CONCAT(ROUND(d, 1), '')",
    "CONCAT(COALESCE(i, d), '')", "CONCAT('it''s')", "CONCAT_WS(',', s, NULL, i, l)", "CONCAT_WS('-', NULL, NULL)", "CONCAT_WS(NULL, s)", "CONCAT_WS('', e, d)", "CONCAT(u, '')", "CONCAT(w, '')",
    "LOWER(s)", "UPPER(s)", ("LOWER(l)", "LOWER(CONVERT(l USING utf8mb4))"), ("UPPER(l)", "UPPER(CONVERT(l USING utf8mb4))"), "LOWER('ABCÄ')", "UPPER(e)", "TRIM(s)", "TRIM('  a b  ')", "TRIM(LEADING 'x' FROM 'xxaxx')", "TRIM(TRAILING 'x' FROM 'xxaxx')", "TRIM(BOTH 'xy' FROM 'xyxyaxy')",
    "TRIM('a' FROM s)", "TRIM(BOTH FROM s)", "TRIM('' FROM 'a')", "SUBSTRING(s, 2)", "SUBSTRING(s, 2, 2)", "SUBSTRING(s, -2)", "SUBSTRING(s, 0)", "SUBSTRING(s, -100, 5)", "SUBSTRING(s, 2, -1)",
    "SUBSTRING(s FROM 2 FOR 3)", "SUBSTRING(i, 1, 1)", "SUBSTRING(s, i)", "SUBSTRING(s, 1.6)", "SUBSTRING(l, 2, 3)", "LENGTH(s)", "CHAR_LENGTH(s)", "LENGTH(i)", "LENGTH(d)", "LENGTH(dt)", "CHAR_LENGTH(e)", "CHAR_LENGTH(l)",
    ("LENGTH(l)", "LENGTH(CONVERT(l USING utf8mb4))"), "LPAD(i, 12, '0')", "LPAD(s, 10, 'xy')", "LPAD(s, 2, 'xy')", "LPAD(s, -1, 'x')", "LPAD(s, 3, '')", "LPAD('a', 3, 'ß')", "LPAD(d, 10, ' ')",
    "DATE_FORMAT(dt, '%Y-%m-%d')", "DATE_FORMAT(ts, '%H:%i:%s')", "DATE_FORMAT(da, '%d.%m.%y')",
    "DATE_FORMAT(dt, '%a %b %c %D %d %e %f %H %h %I %i %j %k %l %M %m %p %r %S %s %T %U %u %V %v %W %w %X %x %Y %y %% end%')", "DATE_FORMAT(da, '%a %D %j %U %u %V %v %W %w %X %x')",
    "DATE_FORMAT('2024-01-05', '%Y/%m')", "UNIX_TIMESTAMP(dt)", "UNIX_TIMESTAMP(ts)", "UNIX_TIMESTAMP(da)", "UNIX_TIMESTAMP('2024-01-01 00:00:00.5')", "UNIX_TIMESTAMP(ts) / 60", "ROUND(UNIX_TIMESTAMP(dt))",
    "i", "s", "d", "NULL", "'text'", "1.50", ".5", "7", "TRUE", "v.i", "v.`odd name` + v.i",
]
# Results that are times are written as columns are.
TIMES = [("COALESCE(dt, 'none')", "IF(dt IS NULL OR dt = 0, 'none', REPLACE(dt, ' ', 'T'))"),
         ("IF(i > 0, ts, NULL)", "DATE_FORMAT(IF(i > 0, ts, NULL), '%Y-%m-%dT%TZ')"), ("COALESCE(da, NULL)", "IF(MONTH(da) AND DAY(da), da, NULL)"), ("NULLIF(ti, '00:00:00')", "NULLIF(ti, '00:00:00')")]


def pairs():
    return [(e, e) if isinstance(e, str) else e for e in EXPRESSIONS] + TIMES


def contract():
    attributes = [{"name": "id", "type": "N", "source_column": "id"}]
    attributes += [{"name": f"x{n}", "type": "S", "expr": expr} for n, (expr, _) in enumerate(pairs())]
    return {"version": 1, "database": "values", "tables": [{
        "table": "Values", "pk": "id", "source_table": "v", "attributes": attributes}]}


def uses_date(expr):
    return ("dt" in expr or "da" in expr) and "IS NULL" not in expr


def test_expressions(dynamodb):
    """Every expression over every row: snapshot and stream give what MySQL computes."""
    with Mysql() as mysql, mysql.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = 'NO_UNSIGNED_SUBTRACTION', time_zone = '+00:00'")
        cursor.execute("CREATE DATABASE `values` COLLATE utf8mb4_bin")
        cursor.execute("USE `values`")
        cursor.execute("SET NAMES utf8mb4 COLLATE utf8mb4_bin")
        cursor.execute(TABLE)
        cursor.execute("GRANT SELECT, LOCK TABLES ON `values`.* TO leat@'%%'", ())
        for row in ROWS[:4]:
            cursor.execute("INSERT INTO v VALUES " + row)
        world = World(mysql, dynamodb)
        leat = world.leat(contract=contract(), config={"database": {"mysql": {"database": "values"}}})
        try:
            leat.cli("tables", "create")
            leat.start()
            leat.wait_ready()
            for row in ROWS[4:]:
                cursor.execute("INSERT INTO v VALUES " + row)
            leat.wait_caught_up()
            items = {int(i["id"]["N"]): i for i in dynamodb.client().scan(TableName="Values")["Items"]}
        finally:
            leat.kill9()
        assert set(items) == set(range(1, len(ROWS) + 1))
        wrong = []
        for n, (expr, sql) in enumerate(pairs()):
            try:
                cursor.execute(f"SELECT id, CAST(({sql}) AS CHAR) FROM v".replace("%", "%%"), ())
            except pymysql.Error as error:
                wrong.append(f"{expr}: {error}")
                continue
            for number, want in cursor.fetchall():
                want = want.decode() if isinstance(want, bytes) else want
                if number == 7 and uses_date(expr):
                    continue  # zero dates: MySQL computes with them, the language has NULL (some cases above say so)
                have = items[number].get(f"x{n}", {}).get("S")
                if have != want:
                    wrong.append(f"row {number}: {expr} is {have!r}, in MySQL {want!r}")
        assert not wrong, f"{len(wrong)} of {len(pairs())} expressions:\n" + "\n".join(wrong[:60])
