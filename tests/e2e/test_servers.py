"""leat against the older servers: MySQL 8.0.12 and 5.7.22, from the snapshot to a change of the schema, proven item by item.

The suites beside this one run on 9.7. Here is what differs: the account and its authentication, TLS, settings that do not exist,
information_schema, positions with and without GTIDs, row events without names, and cascades that are not in the binlog.
"""

import json

import pytest

from conftest import World
from lib import shop
from lib.servers import NO_OLD_SERVER, Mysql, mysqld_of

VERSIONS = ("8.0", "5.7")


def old_server(version, **options):
    if mysqld_of(version) is None:
        pytest.skip(NO_OLD_SERVER.format(version))
    return Mysql(version=version, **options)


def checked(leat):
    made = leat.cli("check", "--json", expect=None)
    return {line["name"]: line for line in json.loads(made.stdout)["checks"]}


def do_everything(mysql, seed):
    with mysql.connect() as connection:
        return shop.every_operation(connection, seed)


@pytest.mark.parametrize("gtid_mode", ["ON", "OFF"])
@pytest.mark.parametrize("version", VERSIONS)
def test_the_shop(version, gtid_mode, dynamodb):
    """Snapshot under load, every operation, a restart with changes in between, kill -9, and columns that come and go."""
    with old_server(version, gtid_mode=gtid_mode) as mysql:
        mysql.load_shop()
        with mysql.connect() as connection:
            shop.populate(connection, 1, users=100, categories=20, products=200, orders=200, carts=100)
        world = World(mysql, dynamodb)
        try:
            leat = world.running_leat()
            world.prove()
            do_everything(mysql, 1)
            world.prove()
            assert leat.sigterm() == 0
            do_everything(mysql, 2)
            leat.start()
            leat.wait_ready()
            world.prove()
            do_everything(mysql, 3)
            leat.kill9()
            do_everything(mysql, 4)
            leat.start()
            leat.wait_ready()
            world.prove()
            mysql.execute("ALTER TABLE users ADD COLUMN nickname VARCHAR(20) FIRST", database=mysql.database)
            do_everything(mysql, 5)
            world.prove()
            mysql.execute("ALTER TABLE users DROP COLUMN nickname, ENGINE InnoDB", "TRUNCATE cart_items", database=mysql.database)
            do_everything(mysql, 6)
            world.prove()
        finally:
            for one in world.leats:
                one.kill9()


@pytest.mark.parametrize("version", VERSIONS)
def test_what_check_says(version, dynamodb):
    """No error, and a warning with its remedy for what the version lacks; a bad setting's remedy is one that the version has."""
    with old_server(version) as mysql:
        mysql.load_shop()
        world = World(mysql, dynamodb)
        leat = world.leat()
        leat.cli("tables", "create")
        lines = checked(leat)
        assert mysql.mysqld and mysql.execute("SELECT VERSION()")[0][0].split("-")[0] in lines["version"]["message"]
        assert "derived" in lines["version"]["message"]
        notable = {name: line for name, line in lines.items() if line["result"] != "ok"}
        mysql.execute("SET GLOBAL binlog_row_image = 'MINIMAL'")
        remedy = checked(leat)["binlog_row_image"]["remedy"]
        if version == "5.7":
            assert set(notable) == {"binlog_row_metadata"} and "has no such setting" in notable["binlog_row_metadata"]["message"]
            assert "XA_RECOVER_ADMIN" not in str(lines) and "PERSIST" not in remedy and "my.cnf" in remedy
            leat.write_config(database={"mysql": {"tls": {"mode": "verify-identity"}}})
            refused = leat.cli("check", expect=4)
            assert "no TLS 1.2" in refused.stdout + refused.stderr
        else:
            assert not notable and remedy == "SET PERSIST binlog_row_image = 'FULL'"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_column_that_is_needed_goes(version, dynamodb):
    """Parked, and says what: the column, or (without names in the binlog) the table. [S16]"""
    with old_server(version) as mysql:
        mysql.load_shop()
        world = World(mysql, dynamodb)
        try:
            leat = world.running_leat()
            mysql.execute("INSERT INTO users (username, email, password_hash) VALUES ('a', 'a@x.org', 'h')", database=mysql.database)
            world.prove()
            mysql.execute("ALTER TABLE users DROP COLUMN first_name",
                          "INSERT INTO users (username, email, password_hash) VALUES ('b', 'b@x.org', 'h')", database=mysql.database)
            reason = leat.wait_parked()["parked"]["reason"]
            assert ("first_name" if version == "8.0" else "users was changed") in reason, reason
        finally:
            for one in world.leats:
                one.kill9()
