"""`leat contract explain | sql | schema`. The SQL form is run by MySQL and compared with DynamoDB; here for the shop, in test_expr.py for every expression."""

from lib import shop, sql_form


def test_sql_of_the_shop(world):
    """After some work on the shop the SELECTs give what leat wrote: joins, lists in their order, keys made of joins, rows without an item."""
    with world.mysql.connect(database=world.mysql.database) as connection:
        shop.populate(connection, 7, users=60, categories=20, products=80, orders=120, carts=80)
        leat = world.running_leat()
        shop.every_operation(connection, seed=3)
        world.prove()
        listing = leat.json("contract", "sql")
        with connection.cursor() as cursor:
            wrong = sql_form.differences(world.dynamodb, cursor, listing, default={"L": []})
            assert not wrong, "\n".join(wrong[:60])
            connection.begin()  # what only this session sees is a difference
            cursor.execute("UPDATE order_items SET quantity = quantity + 1 ORDER BY id DESC LIMIT 1")
            assert sql_form.differences(world.dynamodb, cursor, listing, default={"L": []}), "a change must be seen"
            connection.rollback()
    text = leat.cli("contract", "sql").stdout
    assert text.startswith("SET NAMES utf8mb4;") and text.count("SELECT ") == len(listing["statements"])


def change(explanation, table):
    return {(c["entity"], c["alias"]): c["items"] for t in explanation["tables"] if t["table"] == table for c in t["changes"]}


def test_explanation(world):
    """The costs that `explain` names are the items that a change touches: counted in DynamoDB by what they then hold."""
    leat = world.leat()
    explanation = leat.json("contract", "explain")
    assert change(explanation, "products") == {("PRODUCT", "products"): "1", ("ORDER", "products"): "1 per order_items row", ("CART", "products"): "1 per cart_items row"}
    assert change(explanation, "categories") == {("CATEGORY", "categories"): "1", ("CATEGORY", "parent"): "1 per categories row", ("PRODUCT", "categories"): "1 per products row"}
    assert change(explanation, "order_items") == {("ORDER", "order_items"): "1"}
    order = next(e for e in explanation["entities"] if e["entity"] == "ORDER")
    assert order["key"] == "PK = {user_email}, SK = ORDER#{created_at}#{order_id}" and not order["can_conflict"]
    assert {r["alias"]: (r["parent"], r["edge"]) for r in order["rows"]} == {
        "orders": (None, None), "users": ("orders", "one"), "order_items": ("orders", "many"), "products": ("order_items", "one")}
    items = next(r for r in order["rows"] if r["alias"] == "order_items")
    assert items["on"] == "order_items.order_id = orders.id" and items["down"] == "the index order_items (order_id)" and items["up"] == "the key of orders (id)"
    assert {t["table"]: t["cascades_to"] for t in explanation["tables"]}["orders"] == ["order_items"]
    text = leat.cli("contract", "explain").stdout
    assert "a change touches 1 ORDER item per order_items row (reads its rows of order_items) + 1 CART item per cart_items row + 1 PRODUCT item\n" in text

    leat.cli("tables", "create")
    leat.start()
    leat.wait_ready()
    with world.mysql.connect(database=world.mysql.database) as connection, connection.cursor() as cursor:
        shop.populate(connection, 7, users=40, categories=10, products=20, orders=60, carts=40)
        cursor.execute("SELECT product_id FROM order_items JOIN cart_items USING (product_id) GROUP BY product_id ORDER BY COUNT(*) DESC LIMIT 1")
        product = cursor.fetchone()[0]
        cursor.execute("UPDATE products SET name = 'a name of its own' WHERE id = %s", (product,))
        connection.commit()
        leat.wait_caught_up()
        for entity, table in (("PRODUCT", "Products"), ("ORDER", "Users"), ("CART", "Users")):
            words = next(items for (e, _), items in change(explanation, "products").items() if e == entity)
            cursor.execute(f"SELECT COUNT(DISTINCT {'order_id' if entity == 'ORDER' else 'user_id'}) FROM {words.split()[2]} WHERE product_id = %s" if " per " in words else "SELECT 1 + 0 * %s", (product,))
            pages = world.dynamodb.client().get_paginator("scan").paginate(TableName=table)
            touched = sum("a name of its own" in str(i) for page in pages for i in page["Items"] if i["entity_type"]["S"] == entity)
            assert touched == cursor.fetchone()[0] > 0, (entity, words)


def test_without_a_source(world):
    """The schema is the source's: without it the command says so."""
    leat = world.leat(mysql_port=1)
    for what in ("explain", "sql"):
        assert "the schema of the source is needed" in leat.cli("contract", what, expect=4).stderr
    assert "there are explain" in leat.cli("contract", "tree", expect=2).stderr
