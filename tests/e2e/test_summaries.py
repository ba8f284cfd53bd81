"""The shop's second example, examples/shop/summaries.json: unique names, statistics, summaries and counts, kept while the shop works.

Compared twice: item for item with MySQL's evaluation of `leat contract sql`, and attribute by attribute with SQL written by hand, which knows nothing of leat.
"""

from decimal import Decimal

from lib import shop, sql_form
from lib.servers import ROOT

# table, entity (None: the table's only one), its key's attribute, attribute: a SELECT of key and value
BY_HAND = [
    ("Uniques", "EMAIL", "PK", "user_id", "SELECT CONCAT('EMAIL#', LOWER(email)), id FROM users"),
    ("Uniques", "USERNAME", "PK", "user_id", "SELECT CONCAT('USERNAME#', LOWER(username)), id FROM users"),
    ("Sellers", None, "seller_id", "products", "SELECT u.id, COUNT(p.id) FROM users u LEFT JOIN products p ON p.seller_id = u.id WHERE u.is_seller GROUP BY u.id"),
    ("Sellers", None, "seller_id", "stock_value", "SELECT u.id, IFNULL(SUM(p.price * p.inventory_quantity), 0) FROM users u LEFT JOIN products p ON p.seller_id = u.id WHERE u.is_seller GROUP BY u.id"),
    ("Sellers", None, "seller_id", "average_price", "SELECT u.id, AVG(p.price) FROM users u JOIN products p ON p.seller_id = u.id WHERE u.is_seller GROUP BY u.id"),
    ("Summaries", "ORDER_SUMMARY", "SK", "goods", "SELECT CONCAT('ORDER#', DATE_FORMAT(o.created_at, '%Y-%m-%dT%TZ'), '#', o.id), IFNULL(SUM(i.quantity * i.price_at_time), 0) FROM orders o LEFT JOIN order_items i ON i.order_id = o.id GROUP BY o.id"),
    ("Summaries", "CART_SUMMARY", "PK", "units", "SELECT CONCAT('USER#', u.id), IFNULL(SUM(c.quantity), 0) FROM users u LEFT JOIN cart_items c ON c.user_id = u.id GROUP BY u.id"),
    ("Summaries", "CUSTOMER", "PK", "goods", "SELECT CONCAT('USER#', u.id), IFNULL(SUM(o.total_amount), 0) FROM users u LEFT JOIN orders o ON o.user_id = u.id AND o.status <> 'cancelled' GROUP BY u.id"),
    ("CategoryCounts", None, "category_id", "products", "SELECT c.id, COUNT(p.id) FROM categories c LEFT JOIN products p ON p.category_id = c.id GROUP BY c.id"),
    ("CategoryCounts", None, "category_id", "in_stock", "SELECT c.id, COUNT(p.id) FROM categories c LEFT JOIN products p ON p.category_id = c.id AND p.inventory_quantity > 0 GROUP BY c.id"),
    ("CategoryCounts", None, "category_id", "children", "SELECT c.id, COUNT(d.id) FROM categories c LEFT JOIN categories d ON d.parent_id = c.id GROUP BY c.id"),
]


def number_or_text(value):
    return Decimal(value) if isinstance(value, (int, Decimal)) or value.replace(".", "").replace("-", "").isdigit() else value


def check_by_hand(world, cursor):
    items = {}
    for table in {row[0] for row in BY_HAND}:
        pages = world.dynamodb.client().get_paginator("scan").paginate(TableName=table)
        items[table] = [{n: next(iter(v.values())) for n, v in item.items()} for page in pages for item in page["Items"]]
    for table, entity, key, attribute, sql in BY_HAND:
        cursor.execute(sql)
        want = {str(k): number_or_text(v) for k, v in cursor.fetchall()}
        have = {item[key]: number_or_text(item[attribute]) for item in items[table] if item.get("entity_type") == entity and attribute in item}
        assert want and have == want, (table, entity, attribute)


def test_summaries(world):
    with world.mysql.connect(database=world.mysql.database) as connection, connection.cursor() as cursor:
        shop.populate(connection, 11, users=80, categories=30, products=120, orders=150, carts=150)
        leat = world.running_leat(contract=ROOT / "examples/shop/summaries.json")
        shop.every_operation(connection, seed=5, times=2)
        shop.mixed_load(world.mysql.connect, 5, count=600, threads=3)
        leat.wait_caught_up()
        listing = leat.json("contract", "sql")
        wrong = sql_form.differences(world.dynamodb, cursor, listing, default={"L": []})
        assert not wrong, "\n".join(wrong[:60])
        check_by_hand(world, cursor)
        connection.begin()  # what only this session sees is a difference
        cursor.execute("UPDATE cart_items SET quantity = quantity + 1 LIMIT 1")
        assert sql_form.differences(world.dynamodb, cursor, listing, default={"L": []}), "a change must be seen"
        connection.rollback()
