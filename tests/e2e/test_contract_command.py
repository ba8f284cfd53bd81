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
