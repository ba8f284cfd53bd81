"""Everything that can be wrong before and while leat runs: what it says (with a remedy), its exit code, and that `run` parks, or ends,
as its manual says. A fault of the configuration, the contract or the store ends `run`; one of MySQL or DynamoDB parks it."""

import json
import re

import pytest

from lib.servers import LEAT_USER, ROOT, Mysql, free_port

CONTRACT = json.loads((ROOT / "examples/shop/contract.json").read_text())


def said(done):
    return done.stdout + done.stderr


def refused(leat, code, *words, command=("check",)):
    text = said(leat.cli(*command, expect=code))
    for word in words:
        assert re.search(word, text, re.IGNORECASE), f"{word!r} is not in: {text}"
    return text


def parks(leat, *words):
    leat.start()
    reason = leat.wait_parked()["parked"]["reason"]
    for word in words:
        assert re.search(word, reason, re.IGNORECASE), f"{word!r} is not in: {reason}"
    code, body = leat.get("/ready")
    assert code == 503 and "not ready" in body
    assert leat.get("/health")[0] == 200


def tables(world):
    world.leat().cli("tables", "create")


def test_wrong_password(world):
    tables(world)
    leat = world.leat(config={"database": {"mysql": {"password": "wrong"}}})
    refused(leat, 4, "access denied", "username|password")
    parks(leat, "access denied")
    assert "wrong" not in leat.logs


def test_unknown_host(world):
    tables(world)
    leat = world.leat(config={"database": {"mysql": {"host": "no-such-host.invalid"}}})
    refused(leat, 4, "no-such-host.invalid")


def test_nobody_listens(world):
    leat = world.leat(mysql_port=free_port())
    refused(leat, 4, "127.0.0.1")


def test_no_grants(world):
    tables(world)
    world.mysql.execute("CREATE USER nobody@'%' IDENTIFIED BY 'pw'", f"GRANT SELECT ON `{world.mysql.database}`.users TO nobody@'%'")
    leat = world.leat(config={"database": {"mysql": {"username": "nobody", "password": "pw"}}})
    refused(leat, 4, "REPLICATION SLAVE", "GRANT ")
    parks(leat, "GRANT|grant")
    world.mysql.execute("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO nobody@'%'",
                        f"GRANT SELECT ON `{world.mysql.database}`.* TO nobody@'%'")
    leat.wait_ready()  # it goes on when the remedy is there


def test_statement_format(dynamodb):
    from conftest import World

    with Mysql(binlog_format="STATEMENT") as mysql:
        mysql.load_shop()
        world = World(mysql, dynamodb)
        tables(world)
        leat = world.leat()
        try:
            refused(leat, 4, "binlog_format", "ROW")
            parks(leat, "binlog_format", "ROW")
        finally:
            for one in world.leats:
                one.kill9()


def test_missing_database(world):
    contract = dict(CONTRACT, database="nowhere")
    leat = world.leat(contract=contract, config={"database": {"mysql": {"database": "nowhere"}}})
    refused(leat, 4, "nowhere")


def test_database_names_disagree(world):
    leat = world.leat(config={"database": {"mysql": {"database": "mysql"}}})
    refused(leat, 3, "online_shopping_store", "mysql")
    assert leat.cli("run", expect=3)


def test_missing_column(world):
    contract = json.loads(json.dumps(CONTRACT))
    contract["tables"][0]["entities"][0]["attributes"][1]["source_column"] = "user_name"
    leat = world.leat(contract=contract)
    text = refused(leat, 3, "user_name", "username")
    assert re.search(r":\d+:\d+: ", text)
    assert leat.cli("run", expect=3)


def test_missing_source_table(world):
    contract = json.loads(json.dumps(CONTRACT).replace('"cart_items"', '"basket_items"'))
    leat = world.leat(contract=contract)
    refused(leat, 4, "basket_items")


@pytest.mark.parametrize("name", ["leat.json", "contract"])
def test_broken_json(world, name):
    leat = world.leat()
    path = leat.config_path if name == "leat.json" else leat.folder / "contract.json"
    if name == "contract":
        leat.write_config(migration={"contractPath": str(path)})
        path.write_text('{\n  "version": 1,\n  "tables": [,]\n}')
        place = r"contract\.json:3:14"
    else:
        path.write_text('{\n  "stream": "x",\n  "log": {"format" "json"}\n}')
        place = r"leat\.json:3:\d+"
    refused(leat, 3, place)
    refused(leat, 3, place, command=("run",))


def test_unknown_key(world):
    leat = world.leat(config={"chekpoint_s": 3})
    refused(leat, 3, "chekpoint_s", "did you mean checkpoint_s", command=("run",))


def test_unreachable_endpoint(world):
    leat = world.leat(endpoint=f"http://127.0.0.1:{free_port()}")
    refused(leat, 5, "127.0.0.1", "endpoint|refused|reach")
    parks(leat, "127.0.0.1")


def test_insecure_endpoint(world):
    leat = world.leat(endpoint="http://dynamodb.example:8000")
    refused(leat, 3, "https", "allow_insecure_endpoint")


def test_no_credentials(world):
    leat = world.leat()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        leat.env.pop(name, None)
    refused(leat, 5, "AWS_ACCESS_KEY_ID")


def test_missing_dynamodb_table(world):
    leat = world.leat()
    refused(leat, 5, "Users", "leat tables create")
    parks(leat, "leat tables create")
    world.leat().cli("tables", "create")
    leat.wait_ready()


def test_target_not_empty(world):
    tables(world)
    world.dynamodb.client().put_item(TableName="Users", Item={"PK": {"S": "old"}, "SK": {"S": "life"}})
    leat = world.leat()
    refused(leat, 5, "Users", "not empty")
    parks(leat, "Users", "not empty")
    world.dynamodb.client().delete_item(TableName="Users", Key={"PK": {"S": "old"}, "SK": {"S": "life"}})
    leat.wait_ready()


def test_tls_is_verified(world):
    leat = world.leat(config={"database": {"mysql": {"tls": {"ca": None}}}})  # the system's authorities did not sign this one
    refused(leat, 4, "certificate|tls|ssl", "tls")


def test_second_instance(world):
    leat = world.running_leat()
    second = world.leat(state_dir=leat.state_dir)
    text = said(second.cli("run", expect=6))
    assert "another" in text
    assert leat.ready()


def test_store_of_another_database(world):
    """Another contract is adopted (test_contract_change.py), another database is not."""
    leat = world.running_leat()
    assert leat.sigterm() == 0
    world.mysql.execute("CREATE DATABASE test_other", *(f"CREATE TABLE test_other.{table} LIKE {world.mysql.database}.{table}"
                        for table in ("users", "categories", "products", "orders", "order_items", "cart_items")))
    other = world.leat(contract={**CONTRACT, "database": "test_other"}, state_dir=leat.state_dir, config={"database": {"mysql": {"database": "test_other"}}})
    text = said(other.cli("run", expect=3))
    assert "made for database" in text and "use another state_dir" in text, text


def test_column_dropped_while_running(world):
    """Parks with the reason, serves its status, goes on when the column is back."""
    leat = world.running_leat()
    world.mysql.execute("ALTER TABLE users DROP COLUMN first_name", "INSERT INTO users (username, email, password_hash) VALUES ('a', 'a@x', 'h')",
                        database=world.mysql.database)
    reason = leat.wait_parked()["parked"]["reason"]
    assert "first_name" in reason and "users" in reason, reason


@pytest.mark.parametrize("arguments", [("--frobnicate",), ("frob",), ("wait", "--gtid"), ("tables",), ("tables", "drop"), ("wait", "--timeout", "x"),
                                       ("replay",), ("run", "--until", "sometime")])
def test_usage(world, arguments):
    leat = world.leat()
    done = leat.cli(*arguments, expect=2)
    assert done.stderr.startswith("leat: "), done.stderr


def test_help_teaches(world):
    leat = world.leat()
    text = leat.cli("--help").stdout
    for command in ("run", "check", "tables", "status", "wait", "replay"):
        assert command in text
        assert "Usage: leat" in leat.cli(command, "--help").stdout
    assert "database.mysql.host" in leat.cli("help", "config").stdout
    assert json.loads(leat.cli("help", "sample").stdout)["checkpoint_s"] == 5


def test_nobody_runs(world):
    leat = world.leat()
    for command in ("status", "wait"):
        assert "leat run" in said(leat.cli(command, expect=6))


def test_grants_are_printed(world):
    text = world.leat().cli("check", "--grants").stdout
    assert "GRANT REPLICATION SLAVE" in text and "dynamodb:BatchWriteItem" in text and LEAT_USER in text
