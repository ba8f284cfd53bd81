"""The shortest way through everything: a filled shop is snapshotted, every write operation is followed, DynamoDB is equal."""

import pytest

from lib import shop

pytestmark = pytest.mark.smoke


def test_snapshot_and_every_operation(world):
    with world.mysql.connect() as connection:
        shop.populate(connection, 11, users=100, categories=20, products=150, orders=150, carts=120)
        leat = world.running_leat()
        world.prove()
        shop.every_operation(connection, 11, times=3)
    world.prove()
    assert leat.sigterm() == 0
