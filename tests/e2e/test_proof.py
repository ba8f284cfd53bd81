"""The proof itself is tested: it must see every kind of difference, and none where there is none."""

import json
import random

import pytest
from boto3.dynamodb.types import TypeSerializer

from lib import oracle, shop
from lib.servers import ROOT, create_contract_tables

CONTRACT = json.loads((ROOT / "examples/shop/contract.json").read_text())


@pytest.fixture
def filled(mysql, dynamodb):
    """A shop after much trade, and DynamoDB as it must be."""
    with mysql.connect() as connection:
        shop.populate(connection, 7, users=150, categories=30, products=200, orders=200, carts=150)
        shop.every_operation(connection, 7, times=5)
    shop.mixed_load(mysql.connect, 7, count=400, threads=3)
    client = dynamodb.client()
    create_contract_tables(client, CONTRACT)
    with mysql.connect() as connection:
        oracle.put_expected(client, oracle.expected(connection))
        yield connection, client


def test_equal_is_equal(filled):
    result = oracle.compare(*filled)
    assert result.equal, result.text()
    assert set(result.counts) == {"USER", "ORDER", "CART", "PRODUCT", "CATEGORY"} and result.counts == result.found


def test_each_kind_of_difference_is_seen(filled):
    connection, client = filled
    write = TypeSerializer()
    items = oracle.expected(connection)
    (lost, _), (changed, user), (kept, _) = random.Random(1).sample(
        sorted((k, v) for k, v in items["Users"].items() if v["entity_type"] == "USER"), 3)

    def key(pair):
        return {"PK": {"S": pair[0]}, "SK": {"S": pair[1]}}

    client.delete_item(TableName="Users", Key=key(lost))
    client.put_item(TableName="Users", Item={n: write.serialize(v) for n, v in (user | {"is_seller": int(user["is_seller"]), "x": ""}).items()})
    client.put_item(TableName="Products", Item={**key(("stranger", "#META")), "entity_type": {"S": "PRODUCT"}})
    client.update_item(TableName="Users", Key=key(kept), UpdateExpression="REMOVE username")
    found = {(d.kind, d.table, d.key): set(d.attributes) for d in oracle.compare(connection, client).differences}
    assert found == {
        ("missing", "Users", lost): set(),
        ("different", "Users", changed): {"is_seller", "x"},
        ("different", "Users", kept): {"username"},
        ("unexpected", "Products", ("stranger", "#META")): set(),
    }


def test_rules_by_hand(mysql):
    """The cases that the contract settles in words, written out once more."""
    mysql.execute(
        "SET sql_mode = ''",
        "INSERT INTO users (id, username, email, password_hash, created_at, updated_at) VALUES (1, 'ada', 'ada@example.com', 'x', "
        "'2026-11-21 10:15:00', '2026-11-21 10:15:00'), (2, 'nobody', '', 'x', '0000-00-00', '2026-11-21 10:15:00')",
        "INSERT INTO categories (id, name, parent_id) VALUES (1, 'top', NULL), (2, 'same', 1), (3, 'same', 1), (4, 'Same', 1)",
        "INSERT INTO orders (id, user_id, total_amount, created_at) VALUES (5, 1, 12.50, '2026-11-21 10:15:00'), (6, 2, 1, '2026-11-21 10:15:00')",
        database=oracle.DATABASE)
    with mysql.connect() as connection:
        items = oracle.expected(connection)
    assert set(items["Users"]) == {("ada@example.com", "#META"), ("ada@example.com", "ORDER#2026-11-21T10:15:00Z#5")}
    ada = items["Users"]["ada@example.com", "#META"]
    assert ada["is_seller"] is False and ada["created_at"] == "2026-11-21T10:15:00Z" and "first_name" not in ada
    assert items["Users"]["ada@example.com", "ORDER#2026-11-21T10:15:00Z#5"]["order_items"] == []
    assert {key: item["category_id"] for key, item in items["Categories"].items()} == {
        ("ROOT", "top"): 1, ("top", "same"): 2, ("top", "Same"): 4}
