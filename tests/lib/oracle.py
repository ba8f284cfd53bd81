"""The independent proof: what the shop's DynamoDB tables must hold, worked out from MySQL by hand, and the comparison.

Nothing of leat is used here, nor is the contract read: the SQL below says once more, in other words, what
examples/shop/contract.json means. An error in leat's reading of a contract therefore shows as a difference.

    python3 tests/lib/oracle.py --socket /path/to/mysql/socket --endpoint http://127.0.0.1:8000 [--prefix P]

ends with 0 when DynamoDB equals MySQL, with 1 and the differences otherwise.
"""

import argparse
import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pymysql
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

DATABASE = "online_shopping_store"
TABLES = ("Users", "Products", "Categories")
INDEX_KEYS = {"Users": ("GSI1", "GSI2", "GSI3"), "Products": ("GSI1", "GSI2"), "Categories": ("GSI1",)}


def _time(column):
    """A TIMESTAMP as type S writes it; zero dates are as NULL."""
    return f"IF({column} = 0, NULL, DATE_FORMAT({column}, '%Y-%m-%dT%H:%i:%sZ'))"


USERS = f"""
SELECT id, username, email, password_hash, first_name, last_name, is_seller <> 0,
       {_time('created_at')}, {_time('updated_at')}
  FROM users ORDER BY id"""

ORDERS = f"""
SELECT o.id, o.user_id, u.email, o.status, o.total_amount, {_time('o.created_at')}, {_time('o.updated_at')}
  FROM orders o LEFT JOIN users u ON u.id = o.user_id ORDER BY o.id"""

ORDER_ITEMS = """
SELECT i.order_id, i.id, i.product_id, p.name, i.quantity, i.price_at_time
  FROM order_items i LEFT JOIN products p ON p.id = i.product_id ORDER BY i.order_id, i.id"""

CARTS = f"""
SELECT c.user_id, c.product_id, u.email, p.name, p.price, c.quantity, {_time('c.created_at')}, {_time('c.updated_at')}
  FROM cart_items c LEFT JOIN users u ON u.id = c.user_id LEFT JOIN products p ON p.id = c.product_id
 ORDER BY c.user_id, c.product_id"""

PRODUCTS = f"""
SELECT p.id, p.seller_id, p.category_id, p.name, p.description, p.price, p.inventory_quantity, p.image_url,
       {_time('p.created_at')}, {_time('p.updated_at')}, c.name, u.username
  FROM products p LEFT JOIN categories c ON c.id = p.category_id LEFT JOIN users u ON u.id = p.seller_id ORDER BY p.id"""

CATEGORIES = f"""
SELECT c.id, c.name, c.parent_id, parent.name, {_time('c.created_at')}
  FROM categories c LEFT JOIN categories parent ON parent.id = c.parent_id ORDER BY c.id"""


def _item(**attributes):
    """NULL is an attribute that is not there; numbers are exact."""
    return {name: Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value
            for name, value in attributes.items() if value is not None}


def _text(*parts):
    return None if any(part is None for part in parts) else "".join(str(part) for part in parts)


def _users(cursor):
    cursor.execute(USERS)
    for id_, username, email, password_hash, first, last, seller, created, updated in cursor.fetchall():
        yield "USER", _item(
            PK=email, SK="#META", id=id_, username=username, email=email, password_hash=password_hash, first_name=first,
            last_name=last, is_seller=bool(seller), created_at=created, updated_at=updated,
            GSI1PK=_text(id_), GSI1SK=_text(id_), GSI2PK=username, GSI2SK=username)

    cursor.execute(ORDER_ITEMS)
    contents = {}
    for order, id_, product, name, quantity, price in cursor.fetchall():
        contents.setdefault(order, []).append(_item(
            order_item_id=id_, product_id=product, product_name=name, quantity=quantity, price_at_time=price))
    cursor.execute(ORDERS)
    for id_, user, email, status, total, created, updated in cursor.fetchall():
        yield "ORDER", _item(
            PK=email, SK=_text("ORDER#", created, "#", id_), order_id=id_, user_id=user, user_email=email, status=status,
            total_amount=total, created_at=created, updated_at=updated, order_items=contents.get(id_, []),
            GSI3PK=_text(id_), GSI3SK=_text(id_))

    cursor.execute(CARTS)
    for user, product, email, name, price, quantity, created, updated in cursor.fetchall():
        yield "CART", _item(
            PK=email, SK=_text("CART#", product), user_id=user, product_id=product, user_email=email, product_name=name,
            product_price=price, quantity=quantity, created_at=created, updated_at=updated)


def _products(cursor):
    cursor.execute(PRODUCTS)
    for (id_, seller, category, name, description, price, inventory, image, created, updated, category_name,
         seller_name) in cursor.fetchall():
        yield "PRODUCT", _item(
            PK=_text(id_), SK="#META", id=id_, seller_id=seller, category_id=category, name=name, description=description,
            price=price, inventory_quantity=inventory, image_url=image, created_at=created, updated_at=updated,
            category_name=category_name, seller_username=seller_name,
            GSI1PK=_text(category), GSI1SK=name, GSI2PK=_text(seller), GSI2SK=name)


def _categories(cursor):
    cursor.execute(CATEGORIES)
    for id_, name, parent, parent_name, created in cursor.fetchall():
        yield "CATEGORY", _item(
            PK="ROOT" if parent_name is None else parent_name, SK=name, category_id=id_, category_name=name, parent_id=parent,
            parent_name=parent_name, created_at=created, GSI1PK=_text(id_), GSI1SK=_text(id_))


def _fits(table, item):
    """DynamoDB refuses an empty or too long part of a key, the table's or an index's: such a row has no item."""
    limits = [("PK", 2048), ("SK", 1024)]
    for index in INDEX_KEYS[table]:
        limits += [(f"{index}PK", 2048), (f"{index}SK", 1024)]
    return all(name not in item or 0 < len(item[name].encode()) <= limit for name, limit in limits)


def expected(connection):
    """{table: {(PK, SK): item}} as MySQL has it now, in one consistent view. Items are plain Python: Decimal, str, bool, list, dict.

    Rows come in the contract's order of entities and then of primary keys, so the first to claim a key is the one that has it.
    """
    result = {table: {} for table in TABLES}
    with connection.cursor() as cursor:
        cursor.execute(f"USE {DATABASE}")
        cursor.execute("SET SESSION time_zone = '+00:00', sql_mode = ''")
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        for table, rows in (("Users", _users), ("Products", _products), ("Categories", _categories)):
            for entity, item in rows(cursor):
                if "PK" in item and "SK" in item and _fits(table, item):
                    result[table].setdefault((item["PK"], item["SK"]), item | {"entity_type": entity})
        cursor.execute("COMMIT")
    return result


def scan(client, table, segments=4):
    """Every item of a DynamoDB table as raw attribute values."""
    def segment(number):
        items = []
        for page in client.get_paginator("scan").paginate(
                TableName=table, ConsistentRead=True, Segment=number, TotalSegments=segments):
            items += page["Items"]
        return items

    with ThreadPoolExecutor(segments) as pool:
        return [item for items in pool.map(segment, range(segments)) for item in items]


class _Null:
    """DynamoDB's NULL: not the same as an attribute that is not there."""

    def __repr__(self):
        return "NULL"


NULL = _Null()


class _Reader(TypeDeserializer):
    def _deserialize_null(self, value):
        return NULL


def plain(item):
    """Raw attribute values as plain Python; an N as Decimal with its value, so 1.5 equals 1.50."""
    read = _Reader()
    return {name: read.deserialize(value) for name, value in item.items()}


def actual(client, prefix=""):
    """{table: {(PK, SK): item}} as DynamoDB has it now."""
    result = {}
    for table in TABLES:
        items = map(plain, scan(client, prefix + table))
        result[table] = {(item["PK"], item["SK"]): item for item in items}
    return result


def put_expected(client, items, prefix=""):
    """Writes expected items without leat: for tests of this proof."""
    write = TypeSerializer()
    for table, rows in items.items():
        requests = [{"PutRequest": {"Item": {name: write.serialize(value) for name, value in item.items()}}}
                    for item in rows.values()]
        for begin in range(0, len(requests), 25):
            left = {prefix + table: requests[begin:begin + 25]}
            while left:
                left = client.batch_write_item(RequestItems=left)["UnprocessedItems"]


@dataclass
class Difference:
    kind: str  # missing, unexpected, different
    table: str
    entity: str
    key: tuple
    attributes: dict = field(default_factory=dict)  # name: (MySQL says, DynamoDB has); absent is None

    def __str__(self):
        head = f"{self.kind:10} {self.table} {self.entity} {self.key[0]!r} / {self.key[1]!r}"
        return "\n".join([head] + [f"    {name}: MySQL says {a!r}, DynamoDB has {b!r}" for name, (a, b) in self.attributes.items()])


@dataclass
class Comparison:
    counts: dict  # entity: number of items that MySQL says there must be
    found: dict  # entity: number of items that DynamoDB has
    differences: list

    @property
    def equal(self):
        return not self.differences

    def of(self, entity):
        return [d for d in self.differences if d.entity == entity]

    def text(self, limit=20):
        lines = [str(difference) for difference in self.differences[:limit]]
        if len(self.differences) > limit:
            kinds = Counter(f"{d.kind} {d.entity}" for d in self.differences)
            lines.append(f"… {len(self.differences)} in all: " + ", ".join(f"{n} {kind}" for kind, n in kinds.most_common()))
        return "\n".join(lines) or f"equal: {sum(self.counts.values())} items"

    def table(self):
        """Counts per entity as lines of text."""
        lines = [f"  {'entity':10}{'MySQL':>9}{'DynamoDB':>10}{'differ':>8}"]
        for entity in sorted(self.counts | self.found):
            lines.append(f"  {entity:10}{self.counts.get(entity, 0):9}{self.found.get(entity, 0):10}{len(self.of(entity)):8}")
        return "\n".join(lines)


def same(a, b):
    """Equality that does not take True for 1; sets and maps as such, numbers by value."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def compare_items(want, have):
    differences, counts, found = [], Counter(), Counter()
    for table in want:
        counts.update(item["entity_type"] for item in want[table].values())
        found.update(str(item.get("entity_type")) for item in have[table].values())
        for key in want[table].keys() | have[table].keys():
            a, b = want[table].get(key), have[table].get(key)
            entity = (a or b).get("entity_type")
            if b is None:
                differences.append(Difference("missing", table, entity, key))
            elif a is None:
                differences.append(Difference("unexpected", table, entity, key))
            elif not same(a, b):
                differences.append(Difference("different", table, entity, key, {
                    name: (a.get(name), b.get(name)) for name in sorted(a.keys() | b.keys()) if not same(a.get(name), b.get(name))}))
    differences.sort(key=lambda d: (d.table, d.kind, str(d.key)))
    return Comparison(dict(counts), dict(found), differences)


def compare(connection, client, prefix=""):
    """The proof. MySQL must rest and leat must have caught up, or the moments differ."""
    return compare_items(expected(connection), actual(client, prefix))


def assert_equal(mysql, dynamodb, prefix=""):
    """For tests: `mysql` and `dynamodb` of servers.py."""
    with mysql.connect() as connection:
        result = compare(connection, dynamodb.client(), prefix)
    assert result.equal, f"DynamoDB is not what MySQL says:\n{result.table()}\n{result.text()}"
    return result


def main():
    parser = argparse.ArgumentParser(description="Compares the shop's DynamoDB tables with what MySQL says they must hold.")
    parser.add_argument("--socket", help="MySQL's socket")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=3306)
    parser.add_argument("--user", default="root")
    parser.add_argument("--password-file")
    parser.add_argument("--endpoint", required=True, help="DynamoDB's endpoint, http://127.0.0.1:8000")
    parser.add_argument("--region", default="us-west-2")
    parser.add_argument("--prefix", default="", help="table_prefix of the configuration")
    parser.add_argument("--limit", type=int, default=20, help="differences shown")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    from lib.servers import dynamodb_client

    password = Path(arguments.password_file).read_text().strip() if arguments.password_file else ""
    where = {"unix_socket": arguments.socket} if arguments.socket else {"host": arguments.host, "port": arguments.port}
    with pymysql.connect(user=arguments.user, password=password, charset="utf8mb4", **where) as connection:
        result = compare(connection, dynamodb_client(arguments.endpoint, arguments.region), arguments.prefix)
    if arguments.json:
        print(json.dumps({"equal": result.equal, "mysql": result.counts, "dynamodb": result.found,
                          "differences": [vars(d) for d in result.differences]}, default=str, indent=1))
    else:
        print(result.table())
        print(result.text(arguments.limit))
    return 0 if result.equal else 1


if __name__ == "__main__":
    sys.exit(main())
