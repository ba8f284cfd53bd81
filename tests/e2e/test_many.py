"""Values made of many rows (aggregates, aggregated-list, exists-check) against MySQL's GROUP BY, after a snapshot and after a mixed load;
and what a change of a large group costs."""

import json
import random
from decimal import Decimal
from pathlib import Path

from lib import shop, sql_form

ORDERS = {"target_table": "orders", "join_condition": "orders.user_id = users.id"}
PRODUCTS = {"target_table": "products", "join_condition": "products.category_id = categories.id"}


def aggregate(operation, column, of=ORDERS, **more):
    return {"calculation": {"type": "aggregate", "operation": operation, **({"select_column": column} if column else {}), **of, **more}}


def listed(column, of=ORDERS, **more):
    return {"join": {"type": "aggregated-list", "select_column": column, **of, **more}}


# name: (type, definition, MySQL's aggregate over the joined rows `o`, or a function of those rows)
USERS = {
    "orders": ("N", aggregate("COUNT", "*"), "COUNT(o.id)"), "named": ("N", aggregate("COUNT", None), "COUNT(o.id)"), "spent": ("S", aggregate("SUM", "total_amount"), "SUM(o.total_amount)"),
    "average": ("S", aggregate("AVG", "total_amount"), "AVG(o.total_amount)"), "first": ("S", aggregate("MIN", "created_at"), "DATE_FORMAT(MIN(o.created_at), '%Y-%m-%dT%TZ')"),
    "last": ("S", aggregate("MAX", "created_at"), "DATE_FORMAT(MAX(o.created_at), '%Y-%m-%dT%TZ')"), "least_status": ("S", aggregate("MIN", "status"), "MIN(CAST(o.status AS CHAR))"),
    "paid": ("N", aggregate("SUM", "total_amount", filter="status = 'paid'"), "SUM(IF(o.status = 'paid', o.total_amount, NULL))"),
    "net": ("S", aggregate("SUM", "ROUND(total_amount / 1.19, 2) + 1"), "SUM(ROUND(o.total_amount / 1.19, 2) + 1)"), "odd": ("N", aggregate("COUNT", "IF(id > 100, NULL, id)"), "COUNT(IF(o.id > 100, NULL, o.id))"),
    "highest_id": ("N", aggregate("MAX", "orders.id"), "MAX(o.id)"), "average_id": ("S", aggregate("AVG", "id"), "AVG(o.id)"),
    "has_paid": ("BOOL", {"join": {"type": "exists-check", **ORDERS, "filter": "status = 'paid'"}}, "COALESCE(SUM(o.status = 'paid'), 0) > 0"),
    "any": ("BOOL", {"join": {"type": "exists-check", **ORDERS}}, "COUNT(o.id) > 0"),
    "statuses": ("SS", listed("status"), lambda rows: {r["status"] for r in rows}), "amounts": ("NS", listed("total_amount"), lambda rows: {r["total_amount"] for r in rows}),
    "largest": ("L", listed("total_amount", order_by="total_amount DESC", limit=3), lambda rows: [r["total_amount"] for r in sorted(rows, key=lambda r: (-r["total_amount"], r["id"]))[:3]]),
    "ids": ("L", listed("CONCAT('O', id)", filter="status <> 'paid'"), lambda rows: [f"O{r['id']}" for r in sorted(rows, key=lambda r: r["id"]) if r["status"] != "paid"]),
}
CATEGORIES = {
    "products": ("N", aggregate("COUNT", "*", PRODUCTS), "COUNT(o.id)"), "stock": ("S", aggregate("SUM", "price * inventory_quantity", PRODUCTS), "SUM(o.price * o.inventory_quantity)"),
    "cheapest": ("S", aggregate("MIN", "price", PRODUCTS), "MIN(o.price)"), "last_name": ("S", aggregate("MAX", "name", PRODUCTS), "MAX(CAST(o.name AS BINARY))"),
    "described": ("N", aggregate("COUNT", "description", PRODUCTS), "COUNT(o.description)"),
}
ENTITIES = {"users": ("orders", "user_id", USERS), "categories": ("products", "category_id", CATEGORIES)}


def contract():
    tables = []
    for table, (_, _, attributes) in ENTITIES.items():
        tables.append({"table": f"{table}-statistics", "pk": "id", "source_table": table, "attributes": [
            {"name": "id", "type": "N", "source_column": "id"}, *({"name": n, "type": kind, **definition} for n, (kind, definition, _) in attributes.items())]})
    return {"version": 1, "database": shop.DATABASE, "tables": tables}


def plain(value):
    """An attribute of DynamoDB's as Python has it; numbers as Decimal."""
    ((kind, v),) = value.items()
    if kind in ("N", "NS"):
        return Decimal(v) if kind == "N" else {Decimal(n) for n in v}
    return [plain(e) for e in v] if kind == "L" else set(v) if kind == "SS" else v


def expected(cursor, table, child, column, attributes):
    sql = {n: want for n, (_, _, want) in attributes.items() if isinstance(want, str)}
    columns = ", ".join(f"{want} AS `{n}`" for n, want in sql.items())
    cursor.execute(f"SELECT r.id, {columns} FROM {table} r LEFT JOIN {child} o ON o.{column} = r.id GROUP BY r.id")
    items = {}
    for row in cursor.fetchall():
        item = dict(zip(("id", *sql), row))
        items[item["id"]] = {"id": Decimal(item["id"])}
        for n in sql:
            kind, value = attributes[n][0], item[n]
            value = value.decode() if isinstance(value, bytes) else value
            if value is not None:
                items[item["id"]][n] = Decimal(value) if kind == "N" else bool(value) if kind == "BOOL" else str(value)
    computed = {n: want for n, (_, _, want) in attributes.items() if callable(want)}
    if computed:
        rows = {number: [] for number in items}
        cursor.execute(f"SELECT o.{column}, o.id, o.status, o.total_amount FROM {child} o")
        for parent, number, status, amount in cursor.fetchall():
            rows[parent].append({"id": number, "status": status, "total_amount": amount})
        for number, item in items.items():
            for n, want in computed.items():
                value = want(rows[number])
                if value:
                    item[n] = value
    return items


def test_values_of_many_rows(world):
    """Every aggregate, list and check over the shop equals MySQL's, item for item."""
    with world.mysql.connect(shop.DATABASE) as connection, connection.cursor() as cursor:
        shop.populate(connection, 5, users=60, categories=20, products=120, orders=300, carts=50)
        leat = world.running_leat(contract=contract())
        listing = leat.json("contract", "sql")

        def compare():
            leat.wait_caught_up()
            connection.rollback()
            for table, (child, column, attributes) in ENTITIES.items():
                want = expected(cursor, table, child, column, attributes)
                pages = world.dynamodb.client().get_paginator("scan").paginate(TableName=f"{table}-statistics")
                have = {int(i["id"]["N"]): {n: plain(v) for n, v in i.items()} for page in pages for i in page["Items"]}
                assert set(have) == set(want)
                wrong = [(number, n, have[number].get(n), want[number].get(n)) for number in want for n in {*have[number], *want[number]}
                         if have[number].get(n) != want[number].get(n)]
                assert not wrong, f"{len(wrong)} values (row, attribute, DynamoDB, MySQL):\n" + "\n".join(map(str, wrong[:20]))
            wrong = sql_form.differences(world.dynamodb, cursor, listing)
            assert not wrong, "by leat contract sql:\n" + "\n".join(wrong[:20])

        compare()
        user = shop.Shop(connection, random.Random(7))
        names = [n for n in dir(user) if n.split("_")[0] in ("user", "product", "order", "category")]
        rng = random.Random(11)
        for _ in range(200):
            getattr(user, rng.choice(names))()
        connection.commit()
        compare()


PLAYERS = {"target_table": "players", "join_condition": "players.team_id = teams.id"}
TEAMS = {
    "players": ("N", aggregate("COUNT", "*", PLAYERS), "COUNT(o.id)"), "ranked": ("N", aggregate("COUNT", "ranking", PLAYERS), "COUNT(o.ranking)"),
    "score": ("S", aggregate("SUM", "score", PLAYERS), "SUM(o.score)"), "average": ("S", aggregate("AVG", "score", PLAYERS), "AVG(o.score)"),
    "worst": ("S", aggregate("MIN", "score", PLAYERS), "MIN(o.score)"), "best": ("S", aggregate("MAX", "score", PLAYERS), "MAX(o.score)"),
    "half": ("S", aggregate("SUM", "CASE WHEN active = 1 THEN score / 2 ELSE ranking END", PLAYERS), "SUM(CASE WHEN o.active = 1 THEN o.score / 2 ELSE o.ranking END)"),
    "joined": ("S", aggregate("MIN", "joined", PLAYERS), "DATE_FORMAT(MIN(o.joined), '%Y-%m-%dT%T')"), "last_name": ("S", aggregate("MAX", "name", PLAYERS), "MAX(CAST(o.name AS BINARY))"),
    "playing": ("N", aggregate("COUNT", "*", PLAYERS, filter="active = 1"), "SUM(COALESCE(o.active = 1, 0))"), "top": ("N", aggregate("MIN", "ranking", PLAYERS, filter="active = 1"), "MIN(IF(o.active = 1, o.ranking, NULL))"),
    "any_star": ("BOOL", {"join": {"type": "exists-check", **PLAYERS, "filter": "score > 999.5"}}, "COALESCE(SUM(o.score > 999.5), 0) > 0"),
    "lightest": ("N", aggregate("MIN", "weight", PLAYERS), "MIN(o.weight)"),
}
WEIGHTS = {"weight": ("N", aggregate("SUM", "weight", PLAYERS), "SUM(o.weight)")}  # of doubles, for small teams only: every change reads all rows
LARGE = 100_000


def league(teams=TEAMS):
    def table(name, attributes, **more):
        return {"table": name, "pk": "id", "source_table": "teams", **more, "attributes": [
            {"name": "id", "type": "N", "source_column": "id"}, *({"name": n, "type": kind, **definition} for n, (kind, definition, _) in attributes.items())]}
    return {"version": 1, "database": shop.DATABASE, "tables": [table("teams-statistics", teams), table("weights", WEIGHTS, filter="id <> 1")]}


def make_league(cursor):
    cursor.execute("CREATE TABLE teams (id INT PRIMARY KEY)")
    cursor.execute("CREATE TABLE players (id INT PRIMARY KEY, team_id INT, score DECIMAL(10,2), ranking INT, name VARCHAR(300) NOT NULL, joined DATETIME, weight DOUBLE NOT NULL, active TINYINT NOT NULL, "
                   "FOREIGN KEY (team_id) REFERENCES teams (id) ON DELETE CASCADE ON UPDATE CASCADE)")
    cursor.execute("INSERT INTO teams VALUES (1), (2), (3), (4), (5)")
    cursor.execute("SET SESSION cte_max_recursion_depth = 1000000")
    cursor.execute(f"INSERT INTO players WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {LARGE} + 40) SELECT i, IF(i <= {LARGE}, 1, IF(i <= {LARGE} + 10, 2, 3)), "
                   "IF(i % 9 = 0, NULL, i % 1999 / 2), NULLIF(i % 100, 0), CONCAT('name ', i % 777), TIMESTAMPADD(MINUTE, i, '2020-01-01'), i % 400 / 4, i % 2 FROM n")


def cpu_ns(leat):
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{leat.pid}/task").glob("*/schedstat"))


def test_large_groups(world):
    """A change of a group of 100,000 costs what one of a group of 10 does; whatever happens to the rows, MySQL's own aggregates are met."""
    rng = random.Random(3)
    with world.mysql.connect(shop.DATABASE) as connection, connection.cursor() as cursor:
        connection.autocommit(True)
        make_league(cursor)
        leat = world.running_leat(contract=league())
        explanation = leat.cli("contract", "explain").stdout
        assert "runs along: MAX(" in explanation and "every change reads its whole group: doubles are added in the order of the primary key" in explanation

        tables = [("teams-statistics", TEAMS, "teams"), ("weights", WEIGHTS, "(SELECT id FROM teams WHERE id <> 1)")]

        def compare():
            leat.wait_caught_up()
            for table, attributes, of in tables:
                want = expected(cursor, of, "players", "team_id", attributes)
                have = {int(i["id"]["N"]): {n: plain(v) for n, v in i.items()} for i in world.dynamodb.client().scan(TableName=table)["Items"]}
                wrong = [(number, n, have.get(number, {}).get(n), want.get(number, {}).get(n)) for number in {*have, *want} for n in ("id", *attributes)
                         if have.get(number, {}).get(n) != want.get(number, {}).get(n)]
                assert not wrong, f"{table} (row, attribute, DynamoDB, MySQL): {wrong}"

        compare()

        def cost(first, count):
            before = cpu_ns(leat)
            for n in range(300):
                cursor.execute(f"UPDATE players SET score = score + 1, ranking = {n}, active = 1 - active WHERE id = {first + n % count}")
            leat.wait_caught_up()
            return cpu_ns(leat) - before

        small, large = [], []  # in turns, the least of each: other work on the machine makes either dearer
        while len(small) < 3 or (min(large) > 2 * min(small) and len(small) < 10):
            small.append(cost(LARGE + 1, 10))
            large.append(cost(50_000, 300))
        print(f"300 changes of a group of 10 cost {[n // 1000 for n in small]} us, of {LARGE} {[n // 1000 for n in large]}")
        assert min(large) <= 2 * min(small)
        compare()

        player, team = lambda: rng.randrange(1, LARGE + 60), lambda: rng.choice(("NULL", 1, 2, 3, 4, 5))
        statements = (
            lambda: f"UPDATE players SET team_id = {team()} WHERE id = {player()}",
            lambda: f"UPDATE players SET team_id = {team()} WHERE id BETWEEN {player()} AND {player()} LIMIT 200",
            lambda: f"UPDATE players SET score = {rng.choice(('NULL', -7, 1000, 12.34, 'score + 1', '-score'))}, name = CONCAT('{rng.choice('aZé')}', {rng.choice(('name', 'id', 'REPEAT(id, 40)'))}) WHERE id >= {player()} LIMIT {rng.randrange(1, 50)}",
            lambda: f"UPDATE players SET id = id + 200000 WHERE id = {player()} AND id < 200000",
            lambda: f"DELETE FROM players WHERE team_id = {rng.randrange(1, 6)} ORDER BY {rng.choice(('score', 'joined', 'name'))} {rng.choice(('ASC', 'DESC'))} LIMIT {rng.randrange(1, 4)}",
            lambda: f"DELETE FROM players WHERE id = {player()}",
            lambda: f"INSERT IGNORE INTO players VALUES ({player()}, {team()}, {rng.randrange(-10**9, 10**9) / 100}, {rng.choice(('NULL', rng.randrange(1000)))}, '{rng.choice('xyzß')}', '20{rng.randrange(10, 30)}-03-04 05:06:07', 2.5, 1)",
        )
        for image in ("FULL", "MINIMAL", "NOBLOB"):
            cursor.execute(f"SET SESSION binlog_row_image = '{image}'")
            for _ in range(60):
                cursor.execute("BEGIN")
                for _ in range(rng.randrange(1, 4)):
                    cursor.execute(rng.choice(statements)())
                cursor.execute(rng.choice(("COMMIT", "COMMIT", "COMMIT", "ROLLBACK")))
                if rng.random() < 0.03:
                    leat.kill9()
                    leat.start()
            compare()
        # another contract over the same columns: the groups are made anew
        other = dict(TEAMS, playing=("N", aggregate("COUNT", "*", PLAYERS, filter="active = 0"), "SUM(COALESCE(o.active = 0, 0))"),
                     lowest=("N", aggregate("MAX", "ranking", PLAYERS), "MAX(o.ranking)"))
        tables[0] = "teams-statistics", other, "teams"
        leat.kill9()
        (leat.folder / "contract.json").write_text(json.dumps(league(other)))
        leat.start()
        leat.wait_ready()
        compare()
        leat.kill9()
        cursor.execute("UPDATE teams SET id = 6 WHERE id = 3")
        cursor.execute("DELETE FROM teams WHERE id = 1")  # and its players
        leat.start()
        compare()
        cursor.execute("TRUNCATE TABLE players")
        compare()
