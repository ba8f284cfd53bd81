"""The shop at scale, for measurements: a state of many rows, and transactions over it whose keys are uniform or few ones hot.

Of N rows one in ten is a user, one in ten a product, one in five an order, 45 in a hundred are order items and 15 cart items; a
thousand categories. Keys of changes are drawn by rank from a Zipf distribution (0.99, as YCSB has it) and scattered over the ids.
The same seed gives the same statements.
"""

import random

from pymysql.constants import CLIENT

from lib.shop import DATABASE, STATUSES

CATEGORIES, SPREAD, STATEMENTS_AT_ONCE = 1000, 7919, 400


def parts(rows):
    return {"users": rows // 10, "products": rows // 10, "orders": rows // 5, "order_items": rows * 45 // 100, "cart_items": rows * 15 // 100}


def cart_key(number, rows):
    """The user and the product of a cart item, counted from 0; no pair comes twice."""
    users, products = parts(rows)["users"], parts(rows)["products"]
    return number % users + 1, (number * SPREAD + number // users) % products + 1


def populate(connection, rows):
    """Fills the empty tables within MySQL."""
    n = parts(rows)
    numbers = "(SELECT a.n * 1000 + b.n + 1 AS n FROM thousand a, thousand b"
    with connection.cursor() as cursor:
        for statement in (f"USE {DATABASE}", "SET SESSION foreign_key_checks = 0, SESSION unique_checks = 0, SESSION sql_log_bin = 0",
                          "CREATE TABLE thousand (n INT PRIMARY KEY)",
                          "INSERT INTO thousand WITH RECURSIVE t AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 999) SELECT n FROM t"):
            cursor.execute(statement)

        def fill(table, columns, values):
            for begin in range(0, n.get(table, CATEGORIES), 1000000):
                many = min(n.get(table, CATEGORIES) - begin, 1000000)
                cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {values} FROM (SELECT n + {begin} AS n FROM {numbers}) x WHERE n <= {many}) y")

        fill("users", "id, username, email, password_hash, first_name, last_name, is_seller, created_at",
             "n, CONCAT('user', n), CONCAT('user.', n, '@example.com'), CONCAT('$2b$12$', SHA2(n, 224)), CONCAT('Ada ', n % 97), IF(n % 10 = 0, NULL, 'Lovelace'), n % 5 = 0, "
             "'2024-01-01' + INTERVAL n SECOND")
        fill("categories", "id, name, parent_id, created_at", "n, CONCAT('category ', n), IF(n <= 10, NULL, n % 10 + 1), '2024-01-01'")
        fill("products", "id, seller_id, category_id, name, description, price, inventory_quantity, image_url, created_at",
             f"n, n % {n['users']} + 1, n % {CATEGORIES} + 1, CONCAT('product ', n, ' of oak'), CONCAT('Made by hand of ', REPEAT(SHA2(n, 224), 2)), n % 1000 + 0.5, n % 500, "
             "IF(n % 3 = 0, NULL, CONCAT('https://images.example.com/', n, '.jpg')), '2024-01-01' + INTERVAL n SECOND")
        fill("orders", "id, user_id, status, total_amount, created_at",
             f"n, n * {SPREAD} % {n['users']} + 1, n % 5 + 1, n % 1000 + 0.25, '2024-01-01' + INTERVAL n SECOND")
        fill("order_items", "id, order_id, product_id, quantity, price_at_time",
             f"n, n * {n['orders']} DIV {n['order_items'] + 1} + 1, n * {SPREAD} % {n['products']} + 1, n % 9 + 1, n % 1000 + 0.5")
        fill("cart_items", "user_id, product_id, quantity, created_at",
             f"(n - 1) % {n['users']} + 1, ((n - 1) * {SPREAD} + (n - 1) DIV {n['users']}) % {n['products']} + 1, n % 9 + 1, '2024-01-01' + INTERVAL n SECOND")
        cursor.execute("DROP TABLE thousand")


class Keys:
    """Numbers from 1 to `count`: uniform, or by rank with chances of 1 / rank ** 0.99 (the formula is Gray's, as in YCSB)."""

    THETA = 0.99

    def __init__(self, rng, count, zipf):
        self.rng, self.count, self.zipf = rng, count, zipf
        if zipf:
            exact = min(count, 10000)
            self.zeta = sum(k ** -self.THETA for k in range(1, exact + 1))
            self.zeta += ((count + 0.5) ** (1 - self.THETA) - (exact + 0.5) ** (1 - self.THETA)) / (1 - self.THETA)  # the rest as an integral
            self.eta = (1 - (2 / count) ** (1 - self.THETA)) / (1 - (1 + 2 ** -self.THETA) / self.zeta)

    def next(self):
        if not self.zipf:
            return self.rng.randrange(self.count) + 1
        u = self.rng.random()
        scaled = u * self.zeta
        rank = 0 if scaled < 1 else 1 if scaled < 1 + 0.5 ** self.THETA else int(self.count * (self.eta * u - self.eta + 1) ** (1 / (1 - self.THETA)))
        return min(rank, self.count - 1) * 7368787 % self.count + 1  # a prime: scattered, each id once


class Business:
    """Statements of a shop's transactions."""

    # how often among a hundred; a price or a name shows in every cart or order that holds the product, so these fan out
    WEIGHTS = {"order_create": 12, "order_status": 16, "cart_add": 21, "cart_quantity": 13, "cart_remove": 8, "product_inventory": 12,
               "product_describe": 4, "product_price": 1, "product_rename": 0.2, "user_update": 8, "user_create": 4}

    def __init__(self, rows, zipf, seed=1, *, orders=None, users=None):
        """`orders` and `users`: the highest ids so far, when there is more than populate() made."""
        self.rng, self.rows, n = random.Random(seed), rows, parts(rows)
        self.keys = {table: Keys(self.rng, count, zipf) for table, count in n.items()}
        self.order, self.user = orders or n["orders"], users or n["users"]
        self.new_cart = n["cart_items"]

    def some(self, table):
        return self.keys[table].next()

    def order_create(self):
        self.order += 1
        products = sorted({self.some("products") for _ in range(self.rng.randint(1, 3))})
        lines = ",".join(f"({self.order},{p},{self.rng.randint(1, 5)},{self.rng.randrange(1000)}.50)" for p in products)
        yield "BEGIN"
        yield f"INSERT INTO orders (id, user_id, total_amount) VALUES ({self.order},{self.some('users')},{self.rng.randrange(1000)}.25)"
        yield f"INSERT INTO order_items (order_id, product_id, quantity, price_at_time) VALUES {lines}"
        yield f"UPDATE products SET inventory_quantity = inventory_quantity - 1 WHERE id IN ({','.join(map(str, products))})"
        yield "COMMIT"

    def order_status(self):
        yield f"UPDATE orders SET status = '{self.rng.choice(STATUSES)}' WHERE id = {self.some('orders')}"

    def cart_add(self):
        user, product = cart_key(self.new_cart, self.rows) if self.rng.random() < 0.5 else (self.some("users"), self.some("products"))
        self.new_cart += 1
        yield (f"INSERT INTO cart_items (user_id, product_id, quantity) VALUES ({user},{product},{self.rng.randint(1, 5)}) "
               "ON DUPLICATE KEY UPDATE quantity = quantity + 1")

    def cart_quantity(self):
        yield "UPDATE cart_items SET quantity = {} WHERE user_id = {} AND product_id = {}".format(
            self.rng.randint(1, 50), *cart_key(self.some("cart_items") - 1, self.rows))

    def cart_remove(self):
        yield "DELETE FROM cart_items WHERE user_id = {} AND product_id = {}".format(*cart_key(self.some("cart_items") - 1, self.rows))

    def product_inventory(self):
        yield f"UPDATE products SET inventory_quantity = inventory_quantity + 7 WHERE id = {self.some('products')}"

    def product_describe(self):
        yield f"UPDATE products SET description = 'Better than ever: {self.rng.getrandbits(200):x}' WHERE id = {self.some('products')}"

    def product_price(self):
        yield f"UPDATE products SET price = {self.rng.randrange(1000)}.75 WHERE id = {self.some('products')}"

    def product_rename(self):
        yield f"UPDATE products SET name = 'product {self.rng.getrandbits(40):x} of ash' WHERE id = {self.some('products')}"

    def user_update(self):
        yield f"UPDATE users SET password_hash = '$2b$12${self.rng.getrandbits(160):040x}', last_name = 'name {self.rng.randrange(1000)}' WHERE id = {self.some('users')}"

    def user_create(self):
        self.user += 1
        yield f"INSERT INTO users (id, username, email, password_hash) VALUES ({self.user},'user{self.user}','user.{self.user}@example.com','$2b$12$x')"

    def transactions(self, count):
        names, weights = list(self.WEIGHTS), list(self.WEIGHTS.values())
        for name in self.rng.choices(names, weights, k=count):
            yield from getattr(self, name)()


def write(connect, rows, transactions, *, zipf, seed=1):
    """Runs so many transactions, many statements in one packet."""
    with connect(DATABASE, client_flag=CLIENT.MULTI_STATEMENTS) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT MAX(id) FROM orders), (SELECT MAX(id) FROM users)")
        orders, users = cursor.fetchone()
        batch = []
        for statement in Business(rows, zipf, seed, orders=orders, users=users).transactions(transactions):
            batch.append(statement)
            if len(batch) >= STATEMENTS_AT_ONCE and statement != "BEGIN":
                run(cursor, batch)
        run(cursor, batch)


def run(cursor, batch):
    if batch:
        cursor.execute(";".join(batch))
        while cursor.nextset():
            pass
        batch.clear()
