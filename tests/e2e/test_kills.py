"""Invariants 1, 3 and 4 under load (O1, O7, S1, S2, T9): leat is killed, ended and started again, MySQL restarts, DynamoDB
freezes, at moments drawn from a seed; in the end DynamoDB is equal, item for item.

LEAT_STRESS_SECONDS (60) for each of LEAT_STRESS_SEEDS (1,2); the soak does the same for LEAT_SOAK_MINUTES (60) with a seed
of its own, which is printed.
"""

import os
import random
import time

import pytest

from lib import shop

SECONDS = float(os.environ.get("LEAT_STRESS_SECONDS", "60"))
SEEDS = [int(seed) for seed in os.environ.get("LEAT_STRESS_SEEDS", "1,2").split(",")]
SOAK_MINUTES = float(os.environ.get("LEAT_SOAK_MINUTES", "60"))
TIMEOUT_S = int(max(SECONDS, SOAK_MINUTES * 60) + 600)


def leat_killed(world, leat, rng):
    leat.kill9()
    leat.start()


def leat_killed_twice(world, leat, rng):
    """The second time while it recovers from the first."""
    leat.kill9()
    leat.start()
    leat.kill9()
    leat.start()


def leat_ended(world, leat, rng):
    assert leat.sigterm() == 0, leat.logs[-2000:]
    leat.start()


def leat_frozen(world, leat, rng):
    leat.pause()
    time.sleep(rng.uniform(0.1, 2))
    leat.go_on()


def dynamodb_frozen(world, leat, rng):
    world.dynamodb.pause()
    time.sleep(rng.uniform(0.1, 3))
    world.dynamodb.go_on()


def killed_while_dynamodb_is_frozen(world, leat, rng):
    """Requests whose outcome nobody knows."""
    world.dynamodb.pause()
    time.sleep(rng.uniform(0.1, 1))
    leat.kill9()
    world.dynamodb.go_on()
    leat.start()


DURING = (leat_killed, leat_killed, leat_killed_twice, leat_ended, leat_frozen, dynamodb_frozen, killed_while_dynamodb_is_frozen)


def torment(world, seed, seconds):
    rng = random.Random(seed)
    with world.mysql.connect() as connection:
        shop.populate(connection, seed, users=300, categories=40, products=400, orders=400, carts=300)
    leat = world.leat(config={"checkpoint_s": rng.choice((1, 2, 5))})
    leat.cli("tables", "create")
    leat.start()  # not waited for: the first fault may meet the snapshot
    deadline, rounds, history = time.monotonic() + seconds, 0, []
    while time.monotonic() < deadline:
        rounds += 1
        load = shop.MixedLoad(world.mysql.connect, f"{seed}/{rounds}", seconds=rng.uniform(1, 6), threads=3, rate=rng.choice((50, 300, None)))
        while load.running:
            load.wait(rng.uniform(0.05, 2))
            event = rng.choice(DURING)
            history.append(event.__name__)
            event(world, leat, rng)
        load.join()
        between = rng.random()
        if between < 0.1:
            history.append("MySQL killed")
            world.mysql.kill9()
            world.mysql.start()
        elif between < 0.2:
            history.append("MySQL restarted")
            world.mysql.restart()
        if rounds % 4 == 0:
            history.append("proved")
            world.prove(leat)
    print(f"seed {seed}: {rounds} rounds: {', '.join(history)}")
    world.prove(leat, 120)
    assert leat.sigterm() == 0


@pytest.mark.stress
@pytest.mark.parametrize("seed", SEEDS)
def test_killed_under_load(world, seed):
    torment(world, seed, SECONDS)


@pytest.mark.soak
def test_soak(world):
    torment(world, int(os.environ.get("LEAT_SOAK_SEED") or random.SystemRandom().randrange(10**6)), SOAK_MINUTES * 60)
