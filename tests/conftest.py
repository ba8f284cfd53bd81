"""Fixtures for the end-to-end tests: servers that start once and a clean shop for each test."""

import faulthandler
import os
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from lib import oracle  # noqa: E402
from lib.servers import DynamoDBLocal, Leat, Mysql  # noqa: E402

TIMEOUT_S = int(os.environ.get("LEAT_TEST_TIMEOUT_S", "300"))


@pytest.fixture(autouse=True)
def _timeout(request):
    """No test hangs: after five minutes (stress and soak: as long as they say by `timeout_s`) it fails where it stands."""
    seconds = getattr(request.module, "TIMEOUT_S", TIMEOUT_S)

    def expired(*_):
        faulthandler.dump_traceback()
        raise TimeoutError(f"the test took more than {seconds} s")

    signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)
    yield
    signal.alarm(0)


@pytest.fixture(scope="session")
def dynamodb_server():
    with DynamoDBLocal() as server:
        yield server


@pytest.fixture
def dynamodb(dynamodb_server):
    """DynamoDB Local without tables."""
    if not dynamodb_server.running:
        dynamodb_server.start()
    dynamodb_server.go_on()  # a failed test may have left it frozen
    client = dynamodb_server.client()
    for table in client.list_tables()["TableNames"]:
        client.delete_table(TableName=table)
    return dynamodb_server


@pytest.fixture
def mysql():
    """A MySQL of its own (one second) with the empty shop."""
    with Mysql() as server:
        server.load_shop()
        yield server


class World:
    """A MySQL, a DynamoDB, a leat between them, and the proof."""

    def __init__(self, mysql, dynamodb):
        self.mysql, self.dynamodb, self.leats = mysql, dynamodb, []

    def leat(self, **options):
        """A Leat over this world; not started. It ends with the test."""
        leat = Leat(self.mysql, self.dynamodb, **options)
        self.leats.append(leat)
        return leat

    def running_leat(self, **options):
        """The tables made, leat running and ready."""
        leat = self.leat(**options)
        leat.cli("tables", "create")
        leat.start()
        leat.wait_ready()
        return leat

    def prove(self, leat=None, timeout_s=60):
        """Waits until leat has caught up, then compares item for item."""
        (leat or self.leats[-1]).wait_caught_up(timeout_s)
        return oracle.assert_equal(self.mysql, self.dynamodb)


@pytest.fixture
def world(mysql, dynamodb):
    world = World(mysql, dynamodb)
    yield world
    for leat in world.leats:
        leat.kill9()


def pytest_runtest_makereport(item, call):
    """A failed test shows the end of leat's log."""
    if call.excinfo is not None and call.when == "call" and "world" in getattr(item, "funcargs", {}):
        for number, leat in enumerate(item.funcargs["world"].leats):
            item.add_report_section("call", f"leat {number}", leat.logs[-4000:])
