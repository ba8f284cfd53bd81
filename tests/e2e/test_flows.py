"""The shop's write operations, one by one: the item before, the item after, and everything else equal.

Each case is a list of SQL statements run as one transaction, and what it does to named items: (table, PK, SK) -> attributes
that the item must have afterwards (a dictionary: those attributes, ABSENT: not there at all). Before the statements run the
case's `before` must hold, so that a test cannot pass by an old state.
"""

from decimal import Decimal

import pytest

from conftest import World
from lib import oracle
from lib.servers import Mysql

ABSENT = None
USERS, PRODUCTS, CATEGORIES = "Users", "Products", "Categories"

SEED = """
INSERT INTO users (id, username, email, password_hash, first_name, is_seller) VALUES
  (1, 'ann', 'ann@x.org', 'h', 'Ann', 1), (2, 'bob', 'bob@x.org', 'h', NULL, 0), (3, 'cy', 'cy@x.org', 'h', 'Cy', 0),
  (4, 'dee', 'dee@x.org', 'h', 'Dee', 0), (5, 'eve', 'eve@x.org', 'h', 'Eve', 0);
INSERT INTO categories (id, name, parent_id) VALUES (1, 'Home', NULL), (2, 'Lamps', 1), (3, 'Desks', 1), (4, 'Empty', NULL);
INSERT INTO products (id, seller_id, category_id, name, price, inventory_quantity) VALUES
  (1, 1, 2, 'Lamp', 19.90, 5), (2, 1, 3, 'Desk', 250.00, 2), (3, 1, NULL, 'Thing', 1.00, 0);
INSERT INTO orders (id, user_id, status, total_amount, created_at) VALUES
  (1, 2, 'pending', 39.80, '2026-01-02 03:04:05'), (2, 3, 'paid', 250.00, '2026-01-03 00:00:00');
INSERT INTO order_items (id, order_id, product_id, quantity, price_at_time) VALUES (1, 1, 1, 2, 19.90), (2, 2, 2, 1, 250.00);
INSERT INTO cart_items (user_id, product_id, quantity) VALUES (2, 1, 3), (3, 1, 1), (3, 2, 1), (5, 2, 1);
"""
ORDER1 = (USERS, "bob@x.org", "ORDER#2026-01-02T03:04:05Z#1")
ORDER2 = (USERS, "cy@x.org", "ORDER#2026-01-03T00:00:00Z#2")


def user(email):
    return USERS, email, "#META"


def cart(email, product):
    return USERS, email, f"CART#{product}"


def product(number):
    return PRODUCTS, str(number), "#META"


def category(name, parent="ROOT"):
    return CATEGORIES, parent, name


# name: (statements, before, after); they run in this order on one database, each from where the last one ended
CASES = {
    "user create": (["INSERT INTO users (id, username, email, password_hash) VALUES (6, 'flo', 'flo@x.org', 'h')"],
                    {user("flo@x.org"): ABSENT},
                    {user("flo@x.org"): {"id": 6, "username": "flo", "is_seller": False, "GSI1PK": "6", "GSI2PK": "flo"}}),
    "user update": (["UPDATE users SET first_name = 'Robert' WHERE id = 2"],
                    {user("bob@x.org"): {"first_name": ABSENT}}, {user("bob@x.org"): {"first_name": "Robert"}}),
    "user upgrade to seller": (["UPDATE users SET is_seller = 1 WHERE id = 2"],
                               {user("bob@x.org"): {"is_seller": False}}, {user("bob@x.org"): {"is_seller": True}}),
    "user delete": (["DELETE FROM users WHERE id = 6"], {user("flo@x.org"): {"id": 6}}, {user("flo@x.org"): ABSENT}),
    "product create": (["INSERT INTO products (id, seller_id, category_id, name, price) VALUES (4, 1, 2, 'Bulb', 2.50)"],
                       {product(4): ABSENT},
                       {product(4): {"price": Decimal("2.5"), "category_name": "Lamps", "seller_username": "ann", "GSI1PK": "2"}}),
    "product update": (["UPDATE products SET price = 21.00, name = 'Big lamp' WHERE id = 1"],
                       {product(1): {"price": Decimal("19.9")}, cart("bob@x.org", 1): {"product_name": "Lamp"}},
                       {product(1): {"price": 21, "name": "Big lamp"},
                        cart("bob@x.org", 1): {"product_name": "Big lamp", "product_price": 21}}),
    "product inventory": (["UPDATE products SET inventory_quantity = inventory_quantity - 1 WHERE id = 1"],
                          {product(1): {"inventory_quantity": 5}}, {product(1): {"inventory_quantity": 4}}),
    "product delete": (["DELETE FROM products WHERE id = 4"], {product(4): {"id": 4}}, {product(4): ABSENT}),
    "order create": (["INSERT INTO orders (id, user_id, total_amount, created_at) VALUES (3, 4, 42.00, '2026-02-01 00:00:00')",
                      "INSERT INTO order_items (id, order_id, product_id, quantity, price_at_time) VALUES (3, 3, 1, 2, 21.00)",
                      "DELETE FROM cart_items WHERE user_id = 4"],
                     {(USERS, "dee@x.org", "ORDER#2026-02-01T00:00:00Z#3"): ABSENT},
                     {(USERS, "dee@x.org", "ORDER#2026-02-01T00:00:00Z#3"):
                      {"status": "pending", "total_amount": 42, "GSI3PK": "3",
                       "order_items": [{"order_item_id": 3, "product_id": 1, "product_name": "Big lamp", "quantity": 2,
                                        "price_at_time": 21}]}}),
    "order add item": (["INSERT INTO order_items (id, order_id, product_id, quantity, price_at_time) VALUES (4, 1, 3, 1, 1.00)",
                        "UPDATE orders SET total_amount = 40.80 WHERE id = 1"],
                       {ORDER1: {"total_amount": Decimal("39.8")}},
                       {ORDER1: {"total_amount": Decimal("40.8"), "order_items": [
                           {"order_item_id": 1, "product_id": 1, "product_name": "Big lamp", "quantity": 2,
                            "price_at_time": Decimal("19.9")},
                           {"order_item_id": 4, "product_id": 3, "product_name": "Thing", "quantity": 1, "price_at_time": 1}]}}),
    "order status": (["UPDATE orders SET status = 'shipped' WHERE id = 1"], {ORDER1: {"status": "pending"}},
                     {ORDER1: {"status": "shipped"}}),
    "category create": (["INSERT INTO categories (id, name, parent_id) VALUES (5, 'Chairs', 1)"],
                        {category("Chairs", "Home"): ABSENT}, {category("Chairs", "Home"): {"category_id": 5, "parent_name": "Home"}}),
    "category update": (["UPDATE categories SET name = 'Seats' WHERE id = 5"],
                        {category("Chairs", "Home"): {"category_id": 5}},
                        {category("Chairs", "Home"): ABSENT, category("Seats", "Home"): {"category_id": 5}}),
    "category delete": (["DELETE FROM categories WHERE id = 5"], {category("Seats", "Home"): {"category_id": 5}},
                        {category("Seats", "Home"): ABSENT}),
    "cart add": (["INSERT INTO cart_items (user_id, product_id, quantity) VALUES (4, 2, 7)"], {cart("dee@x.org", 2): ABSENT},
                 {cart("dee@x.org", 2): {"quantity": 7, "product_name": "Desk", "product_price": 250}}),
    "cart quantity": (["UPDATE cart_items SET quantity = 8 WHERE user_id = 4 AND product_id = 2"],
                      {cart("dee@x.org", 2): {"quantity": 7}}, {cart("dee@x.org", 2): {"quantity": 8}}),
    "cart remove": (["DELETE FROM cart_items WHERE user_id = 4 AND product_id = 2"], {cart("dee@x.org", 2): {"quantity": 8}},
                    {cart("dee@x.org", 2): ABSENT}),
    "cart clear": (["DELETE FROM cart_items WHERE user_id = 3"],
                   {cart("cy@x.org", 1): {"quantity": 1}, cart("cy@x.org", 2): {"quantity": 1}},
                   {cart("cy@x.org", 1): ABSENT, cart("cy@x.org", 2): ABSENT}),
    # ---- what makes the contract more than a copy
    "changed e-mail moves the user, the orders and the cart": (
        ["UPDATE users SET email = 'robert@x.org' WHERE id = 2"],
        {user("bob@x.org"): {"id": 2}, ORDER1: {"order_id": 1}, cart("bob@x.org", 1): {"quantity": 3}, user("robert@x.org"): ABSENT},
        {user("bob@x.org"): ABSENT, ORDER1: ABSENT, cart("bob@x.org", 1): ABSENT,
         user("robert@x.org"): {"id": 2}, (USERS, "robert@x.org", ORDER1[2]): {"order_id": 1, "user_email": "robert@x.org"},
         cart("robert@x.org", 1): {"quantity": 3}}),
    "renamed category moves its children and updates products": (
        ["UPDATE categories SET name = 'House' WHERE id = 1", "UPDATE categories SET name = 'Lights' WHERE id = 2"],
        {category("Home"): {"category_id": 1}, category("Lamps", "Home"): {"category_id": 2}, product(1): {"category_name": "Lamps"}},
        {category("Home"): ABSENT, category("House"): {"category_id": 1}, category("Lamps", "Home"): ABSENT,
         category("Lights", "House"): {"category_id": 2}, category("Desks", "House"): {"category_id": 3},
         product(1): {"category_name": "Lights"}}),
    "two users swap e-mails in one transaction": (
        ["UPDATE users SET email = 'tmp@x.org' WHERE id = 2", "UPDATE users SET email = 'robert@x.org' WHERE id = 3",
         "UPDATE users SET email = 'cy@x.org' WHERE id = 2"],
        {user("robert@x.org"): {"id": 2}, user("cy@x.org"): {"id": 3}, ORDER2: {"order_id": 2}},
        {user("robert@x.org"): {"id": 3}, user("cy@x.org"): {"id": 2}, user("tmp@x.org"): ABSENT, ORDER2: ABSENT,
         (USERS, "robert@x.org", ORDER2[2]): {"order_id": 2}, (USERS, "cy@x.org", ORDER1[2]): {"order_id": 1}}),
    "a user is deleted and another takes the e-mail": (
        ["DELETE FROM users WHERE id = 5", "UPDATE users SET email = 'eve@x.org' WHERE id = 4"],
        {user("eve@x.org"): {"id": 5}, cart("eve@x.org", 2): {"quantity": 1}, user("dee@x.org"): {"id": 4}},
        {user("eve@x.org"): {"id": 4}, user("dee@x.org"): ABSENT, cart("eve@x.org", 2): ABSENT,
         (USERS, "eve@x.org", "ORDER#2026-02-01T00:00:00Z#3"): {"order_id": 3}}),
    "a product renamed shows in carts and in old orders": (
        ["UPDATE products SET name = 'Small lamp' WHERE id = 1"],
        {cart("cy@x.org", 1): {"product_name": "Big lamp"}},
        {cart("cy@x.org", 1): {"product_name": "Small lamp"},
         (USERS, "eve@x.org", "ORDER#2026-02-01T00:00:00Z#3"): {"order_items": [
             {"order_item_id": 3, "product_id": 1, "product_name": "Small lamp", "quantity": 2, "price_at_time": 21}]}}),
    "last order item deleted leaves an empty list": (
        ["DELETE FROM order_items WHERE order_id = 3"],
        {}, {(USERS, "eve@x.org", "ORDER#2026-02-01T00:00:00Z#3"): {"order_items": []}}),
    "two categories of one name under one parent: the first by key has the item": (
        ["INSERT INTO categories (id, name, parent_id) VALUES (7, 'Empty', NULL)", "UPDATE categories SET created_at = '2026-03-03' WHERE id = 4"],
        {category("Empty"): {"category_id": 4}}, {category("Empty"): {"category_id": 4, "created_at": "2026-03-03T00:00:00Z"}}),
    "when the holder goes the runner-up has it": (["DELETE FROM categories WHERE id = 4"],
                                                  {category("Empty"): {"category_id": 4}}, {category("Empty"): {"category_id": 7}}),
    "deleting a category leaves its children at the root": (
        ["DELETE FROM categories WHERE id = 1"],
        {category("Lights", "House"): {"category_id": 2}},
        {category("House"): ABSENT, category("Lights", "House"): ABSENT, category("Lights"): {"category_id": 2, "parent_id": ABSENT},
         category("Desks"): {"category_id": 3}}),
    "DELETE of a user cascades to products, orders and carts": (
        ["DELETE FROM users WHERE id = 1"],
        {product(1): {"id": 1}, cart("cy@x.org", 1): {"quantity": 3}},
        {user("ann@x.org"): ABSENT, product(1): ABSENT, product(2): ABSENT, cart("cy@x.org", 1): ABSENT,
         (USERS, "cy@x.org", ORDER1[2]): {"order_items": [
             {"order_item_id": 1, "quantity": 2, "price_at_time": Decimal("19.9")},
             {"order_item_id": 4, "quantity": 1, "price_at_time": 1}]}}),
}


@pytest.fixture(scope="module", params=["cascades logged", "cascades derived"])
def shop_world(request, dynamodb_server):
    client = dynamodb_server.client()
    for table in client.list_tables()["TableNames"]:
        client.delete_table(TableName=table)
    options = {} if request.param == "cascades logged" else {"innodb_native_foreign_keys": "ON"}
    with Mysql(**options) as mysql:
        mysql.load_shop()
        mysql.execute(*[s for s in SEED.split(";\n") if s.strip()], database=mysql.database)
        world = World(mysql, dynamodb_server)
        world.running_leat()
        yield world
        for leat in world.leats:
            leat.kill9()


def item(world, key):
    found = world.dynamodb.client().get_item(TableName=key[0], Key={"PK": {"S": key[1]}, "SK": {"S": key[2]}}, ConsistentRead=True)
    return oracle.plain(found["Item"]) if "Item" in found else None


def check(world, expectations, when):
    for key, want in expectations.items():
        have = item(world, key)
        if want is ABSENT:
            assert have is None, f"{when}: {key} should not be there: {have}"
            continue
        assert have is not None, f"{when}: {key} is not there"
        for name, value in want.items():
            assert have.get(name) == value, f"{when}: {key}.{name} is {have.get(name)!r}, not {value!r}"


@pytest.mark.parametrize("name", CASES)
def test_operation(shop_world, name):
    statements, before, after = CASES[name]
    shop_world.leats[-1].wait_caught_up()
    check(shop_world, before, "before")
    with shop_world.mysql.connect(shop_world.mysql.database) as connection:
        connection.begin()
        with connection.cursor() as cursor:
            for statement in statements:
                assert cursor.execute(statement) > 0 or statement.startswith("DELETE FROM cart"), statement
        connection.commit()
    shop_world.prove()
    check(shop_world, after, "after")


def test_a_rolled_back_transaction_leaves_no_trace(shop_world):
    leat = shop_world.leats[-1]
    leat.wait_caught_up()
    requests = leat.status()["target"]["requests"]
    with shop_world.mysql.connect(shop_world.mysql.database) as connection:
        connection.begin()
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO users (username, email, password_hash) VALUES ('ghost', 'ghost@x.org', 'h')")
            cursor.execute("UPDATE users SET first_name = 'Ghost'")
        connection.rollback()
    shop_world.prove()
    assert item(shop_world, user("ghost@x.org")) is None
    assert leat.status()["target"]["requests"] == requests


def test_the_same_value_again_writes_nothing(shop_world):
    leat = shop_world.leats[-1]
    leat.wait_caught_up()
    before = leat.status()["target"]["requests"]
    with shop_world.mysql.connect(shop_world.mysql.database) as connection:
        with connection.cursor() as cursor: # a column that no item has... every column of users is mapped, so: there and back
            cursor.execute("BEGIN")
            cursor.execute("UPDATE categories SET name = 'X' WHERE id = 7")
            cursor.execute("UPDATE categories SET name = 'Empty' WHERE id = 7")
            cursor.execute("COMMIT")
    shop_world.prove()
    assert leat.status()["target"]["requests"] == before
