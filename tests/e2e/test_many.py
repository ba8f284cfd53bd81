"""Values made of many rows (aggregates, aggregated-list, exists-check) against MySQL's GROUP BY, after a snapshot and after a mixed load."""

import random
from decimal import Decimal

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
