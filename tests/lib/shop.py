"""The online shopping store as its applications use it: data, every write operation, odd cases, and a mixed load.

All of it is drawn from a seed. `populate` fills the tables; `Shop` does one operation at a time over one connection; `OPERATIONS`
and `SPECIALS` name them; `mixed_load` runs many over several connections.
"""

import random
import threading
import time
from collections import Counter
from datetime import datetime, timedelta, timezone

import pymysql

DATABASE = "online_shopping_store"
STATUSES = ("pending", "paid", "shipped", "delivered", "cancelled")

NAMES = ("Ada", "Grace", "Edsger", "Barbara", "Jürgen", "Zoë", "Łukasz", "Søren", "李雷", "さくら", "Олена", "محمد", "O'Brien",
         'Quo"te', "Back\\slash", "Tab\there", "per%cent", "under_score", "{brace}", "pipe|pipe", "hash#hash", "émile", "e\u0301mile", "😀")
WORDS = ("lamp", "chair", "table", "kettle", "rope", "hammer", "violin", "tea", "bicycle", "Größe", "naïve", "茶", "лампа", "🪑",
         "5\" disk", "O'Reilly", "50%", "a\\b", "<b>", "&amp;", "null", "NULL", "0", "-1")
ODD_TEXTS = ("", " ", "\x00", "a\x00b\x1f\x7f", "line\nbreak\r\n", "\u2028\u2029", "'; DROP TABLE users; --", "\ufeff", "𝄞" * 20,
             '{"json": [1, 2]}', "\\u0000", "x" * 3000)
DUPLICATE_KEY, HAS_CHILDREN, NO_PARENT, DEADLOCK, LOCK_WAIT = 1062, 1451, 1452, 1213, 1205


def _text(rng, low, high, limit):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(low, high)))[:limit].strip() or "thing"


def _price(rng):
    odd = rng.random()
    if odd < 0.02:
        return rng.choice(("0.00", "0.01", "99999999.99", "10.50", "-3.00"))
    return f"{rng.randint(0, 999)}.{rng.randint(0, 99):02}"


def _moment(rng):
    odd = rng.random()
    if odd < 0.002:
        return rng.choice(("1970-01-01 00:00:01", "2038-01-19 03:14:07", "2024-02-29 23:59:59"))
    return str(datetime(2020, 1, 1) + timedelta(seconds=rng.randrange(6 * 365 * 86400)))


def _maybe(rng, value, chance=0.1):
    return None if rng.random() < chance else value


def _insert(cursor, table, columns, rows, chunk=1000):
    marks = "(" + ",".join(["%s"] * len(columns)) + ")"
    for begin in range(0, len(rows), chunk):
        part = rows[begin:begin + chunk]
        cursor.execute(f"INSERT INTO {table} ({','.join(columns)}) VALUES " + ",".join([marks] * len(part)),
                       [value for row in part for value in row])


def populate(connection, seed=1, *, users=2000, categories=150, products=4000, orders=5000, carts=4000):
    """Fills the empty tables; the same seed gives the same rows. These 25,000 rows take half a second."""
    rng = random.Random(seed)
    with connection.cursor() as cursor:
        cursor.execute(f"USE {DATABASE}")
        cursor.execute("SET SESSION time_zone = '+00:00'")
        rows = []
        for n in range(1, users + 1):
            name = rng.choice(NAMES)
            rows.append((n, f"{name}{n}"[-50:], f"{name}.{n}@example.com", f"$2b$12${rng.getrandbits(180):045x}",
                         _maybe(rng, rng.choice(NAMES + ("", " "))), _maybe(rng, rng.choice(NAMES)), int(rng.random() < 0.2),
                         _moment(rng), _moment(rng)))
        _insert(cursor, "users", ("id", "username", "email", "password_hash", "first_name", "last_name", "is_seller",
                                  "created_at", "updated_at"), rows)
        sellers = [row[0] for row in rows if row[6]] or [1]

        rows = []
        for n in range(1, categories + 1):
            parent = None if n <= 10 or rng.random() < 0.05 else rng.randrange(1, n)
            name = rows[-1][1] if rows and rng.random() < 0.03 else f"{_text(rng, 1, 2, 80)} {rng.randrange(categories)}"
            rows.append((n, name, parent, _moment(rng)))
        _insert(cursor, "categories", ("id", "name", "parent_id", "created_at"), rows)

        rows = []
        for n in range(1, products + 1):
            rows.append((n, rng.choice(sellers), _maybe(rng, rng.randint(1, categories)), _text(rng, 1, 4, 200),
                         _maybe(rng, rng.choice(ODD_TEXTS) if rng.random() < 0.1 else _text(rng, 5, 30, 2000)), _price(rng),
                         rng.randint(-2, 500), _maybe(rng, rng.choice(("", f"https://images.example.com/{n}.jpg")), 0.3),
                         _moment(rng), _moment(rng)))
        _insert(cursor, "products", ("id", "seller_id", "category_id", "name", "description", "price", "inventory_quantity",
                                     "image_url", "created_at", "updated_at"), rows)

        rows, items = [], []
        for n in range(1, orders + 1):
            for _ in range(rng.choice((0, 1, 1, 2, 3, 5))):
                items.append((n, _maybe(rng, rng.randint(1, products), 0.05), rng.randint(1, 9), _price(rng)))
            rows.append((n, rng.randint(1, users), rng.choice(STATUSES), _price(rng), _moment(rng), _moment(rng)))
        _insert(cursor, "orders", ("id", "user_id", "status", "total_amount", "created_at", "updated_at"), rows)
        _insert(cursor, "order_items", ("order_id", "product_id", "quantity", "price_at_time"), items)

        rows = {(rng.randint(1, users), rng.randint(1, products)): (rng.randint(1, 9), _moment(rng), _moment(rng)) for _ in range(carts)}
        _insert(cursor, "cart_items", ("user_id", "product_id", "quantity", "created_at", "updated_at"),
                [key + rest for key, rest in rows.items()])


class Shop:
    """One application server: one connection, one source of randomness. Every operation is one transaction and returns what
    it touched, or None when there was nothing to do it to (no cart to order from, …)."""

    _names = 0
    _lock = threading.Lock()

    def __init__(self, connection, rng):
        self.connection, self.rng = connection, rng
        with connection.cursor() as cursor:
            cursor.execute(f"USE {DATABASE}")
        self.run = f"{rng.getrandbits(32):08x}"

    # -- small tools

    def _new_name(self):
        with Shop._lock:
            Shop._names += 1
            return f"{self.rng.choice(NAMES)}-{self.run}-{Shop._names}"[-50:]

    def _all(self, sql, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall()

    def _do(self, sql, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.lastrowid or cursor.rowcount

    def _some(self, table, where="TRUE"):
        """The id of some row, or None: the next one from a random place on."""
        highest = self._all(f"SELECT MAX(id) FROM {table}")[0][0]
        if highest is None:
            return None
        start = self.rng.randint(1, highest)
        row = (self._all(f"SELECT id FROM {table} WHERE id >= %s AND {where} ORDER BY id LIMIT 1", start)
               or self._all(f"SELECT id FROM {table} WHERE {where} ORDER BY id LIMIT 1"))
        return row[0][0] if row else None

    def _some_cart(self):
        user = self.rng.randint(1, self._all("SELECT IFNULL(MAX(user_id), 1) FROM cart_items")[0][0])
        row = self._all("SELECT user_id, product_id FROM cart_items WHERE user_id >= %s LIMIT 1", user)
        return row[0] if row else None

    def transaction(self, *statements, rollback=False):
        """Runs (sql, value…) tuples in one transaction."""
        self.connection.begin()
        try:
            for sql, *values in statements:
                self._do(sql, *values)
        except BaseException:
            self.connection.rollback()
            raise
        if rollback:
            self.connection.rollback()
        else:
            self.connection.commit()

    # -- users

    def user_create(self):
        name = self._new_name()
        return self._do("INSERT INTO users (username, email, password_hash, first_name, last_name) VALUES (%s, %s, %s, %s, %s)",
                        name, f"{name}@example.com", f"$2b$12${self.rng.getrandbits(180):045x}",
                        _maybe(self.rng, self.rng.choice(NAMES + ("",))), _maybe(self.rng, self.rng.choice(NAMES)))

    def user_update(self):
        user = self._some("users")
        if user:
            self._do("UPDATE users SET first_name = %s, last_name = %s, password_hash = %s WHERE id = %s",
                     _maybe(self.rng, self.rng.choice(NAMES)), self.rng.choice(NAMES), f"$2b$12${self.rng.getrandbits(180):045x}", user)
        return user

    def user_delete(self):
        """Takes the user's orders, cart and products along (cascades), and the cart lines that held these products."""
        user = self._some("users")
        if user:
            self._do("DELETE FROM users WHERE id = %s", user)
        return user

    def user_upgrade(self):
        user = self._some("users", "is_seller = 0")
        if user:
            self._do("UPDATE users SET is_seller = 1 WHERE id = %s", user)
        return user

    # -- products

    def product_create(self):
        seller = self._some("users", "is_seller = 1")
        if seller:
            return self._do("INSERT INTO products (seller_id, category_id, name, description, price, inventory_quantity, image_url) "
                            "VALUES (%s, %s, %s, %s, %s, %s, %s)", seller, _maybe(self.rng, self._some("categories")),
                            _text(self.rng, 1, 4, 200), _maybe(self.rng, self.rng.choice(ODD_TEXTS)), _price(self.rng),
                            self.rng.randint(0, 100), _maybe(self.rng, "https://images.example.com/new.jpg"))
        return None

    def product_update(self):
        product = self._some("products")
        if product:
            self._do("UPDATE products SET price = %s, description = %s, category_id = %s WHERE id = %s", _price(self.rng),
                     _maybe(self.rng, _text(self.rng, 3, 20, 2000)), _maybe(self.rng, self._some("categories")), product)
        return product

    def product_delete(self):
        product = self._some("products")
        if product:
            self._do("DELETE FROM products WHERE id = %s", product)
        return product

    def product_inventory(self):
        product = self._some("products")
        if product:
            self._do("UPDATE products SET inventory_quantity = inventory_quantity + %s WHERE id = %s", self.rng.randint(-5, 20), product)
        return product

    # -- orders

    def order_create(self):
        """Checkout: the cart's lines become an order, the stock goes down, the cart is empty."""
        cart = self._some_cart()
        if not cart:
            return None
        user = cart[0]
        self.connection.begin()
        try:
            lines = self._all("SELECT c.product_id, c.quantity, p.price FROM cart_items c JOIN products p ON p.id = c.product_id "
                              "WHERE c.user_id = %s ORDER BY c.product_id FOR UPDATE", user)
            total = min(sum(quantity * price for _, quantity, price in lines), 99999999)
            order = self._do("INSERT INTO orders (user_id, total_amount) VALUES (%s, %s)", user, total)
            for product, quantity, price in lines:
                self._do("INSERT INTO order_items (order_id, product_id, quantity, price_at_time) VALUES (%s, %s, %s, %s)",
                         order, product, quantity, price)
                self._do("UPDATE products SET inventory_quantity = inventory_quantity - %s WHERE id = %s", quantity, product)
            self._do("DELETE FROM cart_items WHERE user_id = %s", user)
            self.connection.commit()
            return order
        except BaseException:
            self.connection.rollback()
            raise

    def order_add_item(self):
        order, product = self._some("orders"), self._some("products")
        if order and product:
            self.transaction(
                ("INSERT INTO order_items (order_id, product_id, quantity, price_at_time) VALUES (%s, %s, %s, %s)",
                 order, product, self.rng.randint(1, 5), _price(self.rng)),
                ("UPDATE orders SET total_amount = total_amount + 1 WHERE id = %s AND total_amount < 99999998", order))
        return order

    def order_status(self):
        order = self._some("orders")
        if order:
            self._do("UPDATE orders SET status = %s WHERE id = %s", self.rng.choice(STATUSES), order)
        return order

    # -- categories

    def category_create(self):
        return self._do("INSERT INTO categories (name, parent_id) VALUES (%s, %s)",
                        f"{_text(self.rng, 1, 2, 60)} {self.rng.randrange(10**6)}", _maybe(self.rng, self._some("categories")))

    def category_update(self):
        """A new name: the keys of its children, and a name shown in its products, follow."""
        category = self._some("categories")
        if category:
            self._do("UPDATE categories SET name = %s WHERE id = %s", f"{_text(self.rng, 1, 2, 60)} {self.rng.randrange(10**6)}", category)
        return category

    def category_delete(self):
        category = self._some("categories")
        if category:
            self._do("DELETE FROM categories WHERE id = %s", category)
        return category

    # -- carts

    def cart_add(self):
        user, product = self._some("users"), self._some("products")
        if user and product:
            self._do("INSERT INTO cart_items (user_id, product_id, quantity) VALUES (%s, %s, %s) "
                     "ON DUPLICATE KEY UPDATE quantity = quantity + 1", user, product, self.rng.randint(1, 5))
        return user

    def cart_quantity(self):
        cart = self._some_cart()
        if cart:
            self._do("UPDATE cart_items SET quantity = %s WHERE user_id = %s AND product_id = %s", self.rng.randint(1, 50), *cart)
        return cart

    def cart_remove(self):
        cart = self._some_cart()
        if cart:
            self._do("DELETE FROM cart_items WHERE user_id = %s AND product_id = %s", *cart)
        return cart

    def cart_clear(self):
        cart = self._some_cart()
        if cart:
            self._do("DELETE FROM cart_items WHERE user_id = %s", cart[0])
        return cart

    # -- what applications do less often, and replicators get wrong

    def email_change(self):
        """A partition key changes, and with it the keys of everything that stands beside the user."""
        user = self._some("users")
        if user:
            self._do("UPDATE users SET email = %s WHERE id = %s", f"{self._new_name()}@moved.example.com", user)
        return user

    def email_swap(self):
        """Two users take each other's email in one transaction, through a value that nobody must ever see."""
        a, b = self._some("users"), self._some("users")
        if not a or a == b:
            return None
        self.connection.begin()
        try:
            emails = dict(self._all("SELECT id, email FROM users WHERE id IN (%s, %s) ORDER BY id FOR UPDATE", a, b))
            if len(emails) == 2:
                self._do("UPDATE users SET email = %s WHERE id = %s", f"{self._new_name()}@in-between.example.com", a)
                self._do("UPDATE users SET email = %s WHERE id = %s", emails[a], b)
                self._do("UPDATE users SET email = %s WHERE id = %s", emails[b], a)
            self.connection.commit()
        except BaseException:
            self.connection.rollback()
            raise
        return a, b

    def email_inherited(self):
        """A user goes, and another takes the email, in one transaction."""
        gone, heir = self._some("users"), self._some("users")
        if not gone or gone == heir:
            return None
        email = self._all("SELECT email FROM users WHERE id = %s", gone)
        if email:
            self.transaction(("DELETE FROM users WHERE id = %s", gone), ("UPDATE users SET email = %s WHERE id = %s", email[0][0], heir))
        return gone, heir

    def product_rename(self):
        """Shows in carts and in orders of long ago."""
        product = self._some("products")
        if product:
            self._do("UPDATE products SET name = %s WHERE id = %s", _text(self.rng, 1, 4, 200), product)
        return product

    def order_emptied(self):
        """The last line goes: an empty list stays."""
        order = self._some("orders", "EXISTS (SELECT * FROM order_items i WHERE i.order_id = orders.id)")
        if order:
            self._do("DELETE FROM order_items WHERE order_id = %s", order)
        return order

    def category_twin(self):
        """A second category of one name under one parent: both claim one key, the lower id has it."""
        category = self._some("categories")
        if category:
            return self._do("INSERT INTO categories (name, parent_id) SELECT name, parent_id FROM categories WHERE id = %s", category)
        return None

    def category_move(self):
        category, parent = self._some("categories"), _maybe(self.rng, self._some("categories"), 0.2)
        if category and (parent is None or parent < category):  # a lower id, so no circle closes
            self._do("UPDATE categories SET parent_id = %s WHERE id = %s", parent, category)
        return category

    def rolled_back(self):
        """None of this happened."""
        user = self._some("users")
        if user:
            self.transaction(("UPDATE users SET first_name = 'NEVER SEEN' WHERE id = %s", user),
                             ("DELETE FROM orders WHERE user_id = %s", user), rollback=True)
        return user

    def savepoint(self):
        """Half of a transaction is taken back."""
        user = self._some("users")
        if user:
            self.transaction(("UPDATE users SET last_name = %s WHERE id = %s", self._new_name(), user), ("SAVEPOINT s",),
                             ("UPDATE users SET last_name = 'NEVER SEEN' WHERE id = %s", user), ("ROLLBACK TO SAVEPOINT s",))
        return user

    def came_and_went(self):
        """A row that lives within one transaction only."""
        name = self._new_name()
        self.transaction(("INSERT INTO users (username, email, password_hash) VALUES (%s, %s, 'x')", name, f"{name}@example.com"),
                         ("DELETE FROM users WHERE username = %s", name))
        return name

    def there_and_back(self):
        """An email changes and changes back."""
        user = self._some("users")
        email = user and self._all("SELECT email FROM users WHERE id = %s", user)
        if email:
            self.transaction(("UPDATE users SET email = %s WHERE id = %s", f"{self._new_name()}@away.example.com", user),
                             ("UPDATE users SET email = %s WHERE id = %s", email[0][0], user))
        return user

    def id_moved(self):
        """A primary key changes (nothing may refer to it: the foreign keys do not follow); to a negative one."""
        product = self._some("products", "NOT EXISTS (SELECT * FROM cart_items c WHERE c.product_id = products.id) AND "
                                         "NOT EXISTS (SELECT * FROM order_items i WHERE i.product_id = products.id)")
        if product:
            self._do("UPDATE products SET id = %s WHERE id = %s", -self.rng.randrange(1, 2**31), product)
        return product


# name: how often among a thousand
OPERATIONS = {
    "user_create": 60, "user_update": 80, "user_delete": 15, "user_upgrade": 20,
    "product_create": 60, "product_update": 90, "product_delete": 20, "product_inventory": 120,
    "order_create": 70, "order_add_item": 60, "order_status": 100,
    "category_create": 15, "category_update": 10, "category_delete": 5,
    "cart_add": 150, "cart_quantity": 70, "cart_remove": 40, "cart_clear": 15,
}
SPECIALS = {
    "email_change": 20, "email_swap": 10, "email_inherited": 5, "product_rename": 20, "order_emptied": 10, "category_twin": 5,
    "category_move": 5, "rolled_back": 10, "savepoint": 10, "came_and_went": 10, "there_and_back": 10, "id_moved": 2,
}
LOST_RACES = {DUPLICATE_KEY, HAS_CHILDREN, NO_PARENT, DEADLOCK, LOCK_WAIT}


def perform(shop, name):
    """One operation by name. Returns False when a concurrent transaction was in its way; MySQL has rolled it back then."""
    try:
        getattr(shop, name)()
        return True
    except pymysql.err.MySQLError as error:
        if error.args and error.args[0] in LOST_RACES:
            shop.connection.rollback()
            return False
        raise


def every_operation(connection, seed=1, times=1, names=None):
    """Each operation and special in turn, over one connection."""
    shop = Shop(connection, random.Random(seed))
    for _ in range(times):
        for name in names or (*OPERATIONS, *SPECIALS):
            perform(shop, name)


class MixedLoad:
    """A mixed load on `threads` connections until `seconds` or `count` operations are over, or `stop()`. `done` counts by
    operation while it runs; `join()` waits for the end and raises what went wrong."""

    def __init__(self, connect, seed=1, *, seconds=None, count=None, threads=4, weights=None, rate=None):
        """`connect()` gives a connection; `rate` limits the operations a second, of all threads together."""
        self.weights = weights or OPERATIONS | SPECIALS
        self.done, self.lost = Counter(), 0
        self._end, self._count, self._rate = seconds and time.monotonic() + seconds, count, rate
        self._began, self._started = time.monotonic(), 0
        self._stop, self._lock, self._errors = threading.Event(), threading.Lock(), []
        self._threads = [threading.Thread(target=self._work, args=(connect, random.Random(f"{seed}/{n}")), daemon=True)
                         for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def _next(self):
        with self._lock:
            if self._stop.is_set() or (self._end and time.monotonic() >= self._end):
                return False
            if self._count is not None and self._started >= self._count:
                return False
            self._started += 1
            due = self._began + self._started / self._rate if self._rate else 0
        if due > time.monotonic():
            self._stop.wait(due - time.monotonic())
        return True

    def _work(self, connect, rng):
        try:
            with connect() as connection:
                shop = Shop(connection, rng)
                names, chances = list(self.weights), list(self.weights.values())
                while self._next():
                    name = rng.choices(names, chances)[0]
                    performed = perform(shop, name)
                    with self._lock:
                        self.done[name] += performed
                        self.lost += not performed
        except BaseException as error:  # noqa: BLE001: handed to join()
            self._errors.append(error)
            self._stop.set()

    @property
    def running(self):
        return any(thread.is_alive() for thread in self._threads)

    @property
    def total(self):
        return sum(self.done.values())

    def wait(self, timeout_s):
        """Until the end, or for a while."""
        self._threads[0].join(timeout_s)

    def stop(self):
        self._stop.set()
        return self.join()

    def join(self):
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]
        return self.done


def mixed_load(connect, seed=1, **limits):
    """`MixedLoad` to its end; returns the counts."""
    return MixedLoad(connect, seed, **limits).join()


def _main():
    """Fills the shop of a running server, or puts load on it."""
    import argparse

    parser = argparse.ArgumentParser(description=_main.__doc__)
    parser.add_argument("action", choices=("populate", "load"))
    parser.add_argument("--socket", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--threads", type=int, default=4)
    arguments = parser.parse_args()

    def connect():
        return pymysql.connect(unix_socket=arguments.socket, user="root", charset="utf8mb4", autocommit=True)

    began = datetime.now(timezone.utc)
    if arguments.action == "populate":
        with connect() as connection:
            populate(connection, arguments.seed)
    else:
        for name, number in sorted(mixed_load(connect, arguments.seed, seconds=arguments.seconds, threads=arguments.threads).items()):
            print(f"{number:8} {name}")
    print(f"{(datetime.now(timezone.utc) - began).total_seconds():.1f} s")


if __name__ == "__main__":
    _main()
