"""What operators ask of a running replicator: status, wait, replay, run --until, check --offline, HTTP; and what lag means."""

import contextlib
import json
import re
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path
from types import SimpleNamespace

from conftest import World
from lib import oracle, shop
from lib.servers import ROOT, Leat, Mysql, wait_until

USER = "INSERT INTO users (username, email, password_hash) VALUES ('{0}', '{0}@x.org', 'h')"
ANN = {"PK": {"S": "ann@x.org"}, "SK": {"S": "#META"}}


def add_user(world, name):
    world.mysql.execute(USER.format(name), database=world.mysql.database)


def end(mysql):
    """The source's end as FILE:OFFSET and as a GTID set."""
    file, offset, _, _, gtids = mysql.execute("SHOW BINARY LOG STATUS")[0]
    return f"{file}:{offset}", gtids.replace("\n", "")


def item(world, key=None):
    return world.dynamodb.client().get_item(TableName="Users", Key=key or ANN).get("Item")


def ask(leat, request, timeout_s=10):
    """Sends bytes to the control socket; what comes back."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(timeout_s)
        s.connect(str(leat.state_dir / "control.sock"))
        with contextlib.suppress(OSError):
            s.sendall(request)
        answer = b""
        with contextlib.suppress(OSError):
            while part := s.recv(65536):
                answer += part
        return answer


# ---- status


def test_status(world):
    add_user(world, "ann")
    leat = world.running_leat()
    world.prove()
    status = leat.status()
    assert status["state"] == "streaming" and status["ready"] and status["parked"] is None and status["replay"] is None
    assert status["source"]["connected"] and status["source"]["version"].startswith("9.")
    assert status["positions"]["acknowledged"]["gtids"] == end(world.mysql)[1]
    assert {t["table"] for t in status["targets"]} == {"Users", "Products", "Categories"}
    assert status == status | {"outbox_keys": 0, "in_flight": 0}
    text = leat.cli("status").stdout
    assert "streaming" in text and "acknowledged" in text and "users" in text and "\033" not in text
    leat.signal(signal.SIGHUP)  # not its end
    wait_until(lambda: "restart to apply" in leat.logs, "an answer to SIGHUP", 5)
    assert leat.ready()

    watch = subprocess.Popen(leat.command("status", "--watch"), stdout=subprocess.PIPE, text=True, env=leat.env)
    try:
        shown = 0
        deadline = time.monotonic() + 10
        while shown < 2 and time.monotonic() < deadline:
            shown += "streaming" in watch.stdout.readline()
        assert shown == 2
    finally:
        watch.kill()
        watch.wait()


# ---- wait


def test_wait(world):
    leat = world.running_leat()
    add_user(world, "ann")
    gtids = end(world.mysql)[1]
    assert leat.json("wait", "--gtid", gtids) == {"reached": True}
    assert item(world)
    began = time.monotonic()
    server, number = gtids.split(":")[0], int(re.split("[-:]", gtids)[-1])
    done = leat.cli("wait", "--gtid", f"{server}:1-{number + 5}", "--timeout", "0.5", expect=1)
    assert 0.4 < time.monotonic() - began < 5 and "leat status" in done.stderr
    assert leat.json("wait", "--gtid", f"{uuid.uuid4()}:1", "--timeout", "0.1", expect=1) == {"reached": False}
    for bad in ("nan", "inf", "-1", "", "1s"):
        leat.cli("wait", "--timeout", bad, expect=2)
    leat.cli("wait", "--gtid", "nonsense", expect=2)
    leat.cli("wait", "--now", "--gtid", gtids, expect=2)


def test_wait_without_gtids_behind_a_rotation(dynamodb):
    """The end lies behind the last transaction, and nothing more comes."""
    with Mysql(gtid_mode="OFF") as mysql:
        mysql.load_shop()
        world = World(mysql, dynamodb)
        try:
            leat = world.running_leat(config={"database": {"mysql": {"heartbeat_s": 1}}})
            add_user(world, "ann")
            mysql.execute("FLUSH BINARY LOGS")
            leat.wait_caught_up(10)
            wait_until(lambda: leat.status()["lag_seconds"] == 0, "no lag", 10)
            assert item(world)
            place = end(mysql)[0]
            assert leat.json("wait", "--gtid", place, "--timeout", "5") == {"reached": True}
        finally:
            for one in world.leats:
                one.kill9()


def test_wait_while_parked(world):
    """It waits its time and says so; it does not hold up the end."""
    leat = world.running_leat()
    world.mysql.execute("ALTER TABLE users DROP COLUMN first_name", USER.format("ann"), database=world.mysql.database)
    leat.wait_parked()
    leat.cli("wait", "--now", "--timeout", "0.5", expect=1)
    waiting = subprocess.Popen(leat.command("wait", "--now", "--timeout", "60"), env=leat.env, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    began = time.monotonic()
    assert leat.sigterm() == 0
    assert time.monotonic() - began < 5
    assert waiting.wait(10) != 0


# ---- replay


def damage(world, key=None):
    world.dynamodb.client().update_item(TableName="Users", Key=key or ANN, UpdateExpression="SET username = :x, junk = :x",
                                        ExpressionAttributeValues={":x": {"S": "damaged"}})
    assert item(world, key)["username"]["S"] == "damaged"


def test_replay_repairs_and_never_goes_back(world):
    """Somebody damaged an item: its stretch again gives its present value, not the one it had then."""
    leat = world.running_leat()
    before, before_gtids = end(world.mysql)
    add_user(world, "ann")
    after, after_gtids = end(world.mysql)
    world.mysql.execute("UPDATE users SET first_name = 'later' WHERE username = 'ann'", database=world.mysql.database)
    world.prove()
    server = after_gtids.split(":")[0]
    number = int(re.split("[-:]", after_gtids)[-1])
    earlier = f"{server}:1-{number - 1}"
    for stretch in (("--from", before, "--to", after), ("--from", before), ("--from", earlier), ("--from", earlier, "--to", after_gtids),
                    ("--from", earlier, "--to", after)):
        damage(world)
        done = leat.json("replay", *stretch, timeout_s=20)
        assert done["row_changes"] >= 1, (stretch, done)
        world.prove()
        assert item(world)["first_name"]["S"] == "later" and "junk" not in item(world)
    assert leat.status()["replay"] is None
    assert leat.cli("replay", "--from", before, "--to", after_gtids, expect=2).stderr.count("alike") == 1


def test_replay_refuses(world):
    leat = world.running_leat()
    before = end(world.mysql)[0]
    add_user(world, "ann")
    world.mysql.execute("UPDATE users SET email = 'ann@y.org' WHERE username = 'ann'", "DELETE FROM users", USER.format("ann"),
                        "UPDATE users SET email = 'ann@z.org' WHERE username = 'ann'", database=world.mysql.database)
    leat.cli("replay", "--from", before, timeout_s=20)
    world.prove()  # keys that lived only in between stay away
    place, gtids = end(world.mysql)
    file, offset = place.split(":")
    for arguments in (("--from", f"{file}:{int(offset) + 1}"), ("--from", place), ("--from", gtids),
                      ("--from", f"{file}:4", "--to", f"{file}:{int(offset) + 9999}")):
        assert leat.cli("replay", *arguments, expect=2, timeout_s=20).stderr.startswith("leat: ")
    leat.cli("replay", "--from", f"{file}:11", expect=4, timeout_s=20)  # no event begins there
    world.mysql.execute("FLUSH BINARY LOGS", USER.format("bob"), "FLUSH BINARY LOGS", database=world.mysql.database)
    last = end(world.mysql)[0].split(":")[0]
    leat.wait_caught_up()
    world.mysql.execute(f"PURGE BINARY LOGS TO '{last}'")
    assert "purged" in leat.cli("replay", "--from", f"{file}:4", expect=4, timeout_s=20).stderr
    server = gtids.split(":")[0]
    assert "purged" in leat.cli("replay", "--from", f"{server}:1", expect=4, timeout_s=20).stderr
    assert leat.ready() and leat.status()["replay"] is None
    add_user(world, "cy")
    world.prove()


def test_replay_twice_at_once_and_across_a_restart(world):
    """One at a time; one that is under way when the replicator ends says so, and can be run again."""
    with world.mysql.connect() as connection:
        shop.populate(connection, 3, users=200, categories=20, products=200, orders=200, carts=100)
    leat = world.running_leat()
    world.prove()
    before = end(world.mysql)[0]
    shop.MixedLoad(world.mysql.connect, 3, count=400, threads=2).join()
    world.prove()
    replays = [subprocess.Popen(leat.command("replay", "--from", before), env=leat.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for _ in range(3)]
    ends = sorted((replay.wait(60), replay.communicate()[1]) for replay in replays)
    assert ends[0][0] == 0 and all(code == 0 or (code == 2 and "another replay" in text) for code, text in ends), ends
    running = subprocess.Popen(leat.command("replay", "--from", before), env=leat.env, stderr=subprocess.PIPE, text=True, stdout=subprocess.PIPE)
    wait_until(lambda: running.poll() is not None or leat.status()["replay"], "the replay runs", 10)
    assert leat.sigterm() == 0
    code = running.wait(10)
    assert code == 0 or "run it again" in running.communicate()[1] or code == 6
    leat.start()
    leat.wait_ready()
    leat.cli("replay", "--from", before, timeout_s=60)
    world.prove()


def test_replay_while_parked(world):
    leat = world.running_leat()
    before = end(world.mysql)[0]
    world.mysql.execute("ALTER TABLE users DROP COLUMN first_name", USER.format("ann"), database=world.mysql.database)
    leat.wait_parked()
    assert "parked" in leat.cli("replay", "--from", before, expect=2).stderr


# ---- run --until


def test_run_until(world):
    """now: of an empty database, of an idle one, of a busy one; a position in the past."""
    leat = world.leat(config={"database": {"mysql": {"heartbeat_s": 1}}})
    leat.cli("tables", "create")
    leat.cli("run", "--until", "now", timeout_s=30)
    add_user(world, "ann")
    past, past_gtids = end(world.mysql)
    assert item(world) is None
    leat.cli("run", "--until", "now", timeout_s=30)
    assert item(world)
    oracle.assert_equal(world.mysql, world.dynamodb)
    leat.cli("run", "--until", "now", timeout_s=30)
    leat.cli("run", "--until", past, timeout_s=30)
    leat.cli("run", "--until", past_gtids, timeout_s=30)
    with world.mysql.connect() as connection:
        connection.select_db(world.mysql.database)
        connection.cursor().execute("DELETE FROM users")
        shop.populate(connection, 4, users=100, categories=10, products=100, orders=50, carts=50)
    load = shop.MixedLoad(world.mysql.connect, 4, seconds=60, threads=2, rate=200)
    try:
        load.wait(0.3)
        done = leat.cli("run", "--until", "now", timeout_s=40)
        assert load.running
    finally:
        load.stop()
    assert "drained" in done.stderr
    leat.cli("run", "--until", "now", timeout_s=30)
    oracle.assert_equal(world.mysql, world.dynamodb)


# ---- check


def test_check_offline(dynamodb):
    leat = Leat(Mysql(), dynamodb, mysql_port=1, endpoint="http://127.0.0.1:1")
    lines = leat.json("check", "--offline")["checks"]
    assert {line["name"] for line in lines} == {"configuration", "contract"} and all(line["result"] == "ok" for line in lines)
    contract = json.loads((ROOT / "examples/shop/contract.json").read_text())
    contract["tables"][0]["entites"] = []
    bad = Leat(Mysql(), dynamodb, contract=contract)
    assert "entities" in bad.cli("check", "--offline", expect=3).stdout


CONFIGURATIONS = [
    ({"database": {"mysql": {"username": ""}}}, "database.mysql.username is missing"),
    ({"state_dir": ""}, "state_dir is missing"),
    ({"database": {"mysql": {"password": {"file": "/nowhere/secret"}}}}, "database.mysql.password.*/nowhere/secret"),
    ({"database": {"mysql": {"password": {"file": None, "env": "NO_SUCH_VARIABLE"}}}}, "NO_SUCH_VARIABLE"),
    ({"http": {"listen": "localhost"}}, "ADDRESS:PORT"),
    ({"http": {"listen": "not-an-address:80"}}, "no address"),
    ({"x": "y" * 200000}, "unknown key x"),
]


def test_configurations_that_are_refused(dynamodb):
    mysql = Mysql()  # nobody asks it
    for overlay, words in CONFIGURATIONS:
        done = Leat(mysql, dynamodb, config=overlay).cli("run", expect=3)
        assert re.search(words, done.stderr), done.stderr


def test_null_in_the_configuration_means_the_default(dynamodb):
    mysql = Mysql()
    leat = Leat(mysql, dynamodb)
    configuration = json.loads(leat.config_path.read_text())
    configuration["database"]["mysql"]["database"] = None
    configuration["stream"] = configuration["checkpoint_s"] = None
    leat.config_path.write_text(json.dumps(configuration))
    assert "database.mysql.database is missing" in leat.cli("check", "--offline", expect=3).stderr
    configuration["database"]["mysql"]["database"] = mysql.database
    leat.config_path.write_text(json.dumps(configuration))
    leat.cli("check", "--offline")


# ---- HTTP and the control socket


def http(leat, raw, timeout_s=15):
    with socket.create_connection(("127.0.0.1", leat.port), timeout=timeout_s) as s:
        s.sendall(raw)
        answer = b""
        with contextlib.suppress(OSError):
            while part := s.recv(65536):
                answer += part
        return answer


def test_http(world):
    leat = world.running_leat()
    assert leat.get("/health") == (200, "alive\n") and leat.get("/ready")[0] == 200
    assert json.loads(leat.get("/status")[1])["ready"] is True
    assert leat.get("/nowhere")[0] == 404 and leat.get("/status", "POST")[0] == 405 and leat.get("/status", "HEAD")[0] == 200
    for host, code in (("localhost", 200), ("127.0.0.1:1", 200), ("[::1]", 200), ("leat", 200), ("x.svc", 200), ("evil.example", 403),
                       ("127.0.0.1.evil.example", 403), ("e" * 300, 403)):
        answer = http(leat, f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert answer.startswith(f"HTTP/1.1 {code}".encode()), (host, answer[:200])
    for raw in (b"\0\1\2\r\n\r\n", b"GET " + b"/" * 100000 + b" HTTP/1.1\r\n\r\n", b"POST /status HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
                b"GET /health HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n"):
        with contextlib.suppress(OSError):
            http(leat, raw, timeout_s=1)
    silent = [socket.create_connection(("127.0.0.1", leat.port)) for _ in range(40)]
    assert leat.get("/health")[0] == 200
    for one in silent:
        one.close()
    assert leat.get("/health")[0] == 200


def test_metrics_as_documented(world):
    leat = world.running_leat()
    text = leat.get("/metrics")[1]
    names = set(re.findall(r"^# TYPE leat_(\w+) ", text, re.MULTILINE))
    expected = {"lag_seconds", "lag_bytes", "checkpoint_lag_seconds", "checkpoint_lag_bytes", "source_connected", "parked", "row_changes_total",
                "transactions_total", "items_written_total", "items_suppressed_total", "outbox_keys", "unkeyed_items", "key_conflicts",
                "dead_letters", "requests_total", "request_seconds", "retries_total", "throttled_total", "consumed_write_units_total",
                "breaker_state", "snapshot_rows_done", "snapshot_rows_total", "store_bytes", "queue_bytes", "build_info"}
    assert expected <= names, expected - names
    for line in text.splitlines():
        assert line.startswith("#") or re.fullmatch(r'leat_\w+(\{(\w+="[^"]*",?)*\})? [-+.\w]+', line), line
    assert leat.metric("leat_parked") == 0


def test_control_socket_of_strangers(world):
    leat = world.running_leat()
    path = leat.state_dir / "control.sock"
    assert path.stat().st_mode & 0o777 == 0o600 and leat.state_dir.stat().st_mode & 0o777 == 0o700
    for request in (b"\n", b"{}\n", b"[1]\n", b"\0\0\0\n", b'{"command": "frob"}\n', b'{"command": 7}\n', b'{"command": "replay"}\n',
                    b'{"command": "wait", "position": 5}\n', b'{"command": "replay", "from": "x"}\n', b"[" * 100000 + b"\n"):
        answer = json.loads(ask(leat, request))
        assert answer["done"] is True and answer["code"] == -2 or "not JSON" in answer["error"], (request[:50], answer)
    huge = b'{"command": "wait", "position": "' + str(uuid.uuid4()).encode() + b':1", "timeout_ms": %d}\n'
    assert json.loads(ask(leat, huge % -(2**63)))["reached"] is False
    ask(leat, b"x" * 3_000_000)
    with contextlib.ExitStack() as stack:
        waiting = []
        for _ in range(40):
            s = stack.enter_context(socket.socket(socket.AF_UNIX))
            s.connect(str(path))
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # one too many is told so and closed, whatever it asks
                s.sendall(huge % (2**63 - 1))
            waiting.append(s)
        wait_until(lambda: "too many" in leat.cli("status", expect=None).stderr, "the limit", 5)
    wait_until(lambda: leat.cli("status", expect=None).returncode == 0, "served again", 10)
    dripping = socket.socket(socket.AF_UNIX)
    dripping.connect(str(path))
    dripping.sendall(b"{")
    began = time.monotonic()
    assert leat.sigterm() == 0
    assert time.monotonic() - began < 4  # nobody who is slow to ask holds up the end
    dripping.close()
    assert not path.exists()


def test_turned_away_while_asking(tmp_path):
    """A client reads why it is turned away also when the socket is closed before its request is out (this one fits into no socket's buffer)."""
    leat = Leat(SimpleNamespace(port=1, database=shop.DATABASE, tls="disabled", ca=""), endpoint="http://127.0.0.1:1", state_dir=tmp_path)
    gtids = str(uuid.UUID(int=1)) + "".join(f":{n}" for n in range(1, 36000, 2))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "control.sock"))
        server.listen()
        asking = subprocess.Popen(leat.command("replay", "--from", gtids, "--to", gtids), env=leat.env, stderr=subprocess.PIPE, text=True)
        client, _ = server.accept()
        client.sendall(b'{"done": true, "code": -2, "error": "too many clients"}\n')
        client.close()
        assert "too many clients" in asking.communicate(timeout=10)[1] and asking.returncode == 2


def test_a_frozen_replicator_does_not_hang_its_commands(world):
    leat = world.running_leat()
    leat.pause()
    try:
        probe = subprocess.Popen(leat.command("run"), env=leat.env, stderr=subprocess.PIPE, text=True)
        assert probe.wait(10) == 6 and "another" in probe.communicate()[1]
    finally:
        leat.go_on()


# ---- lag, and the end


def test_lag_of_a_frozen_source(world):
    """S1: 0 while the end is confirmed; a source that says nothing is not idle: the lag grows, and /ready says no."""
    leat = world.running_leat(config={"database": {"mysql": {"heartbeat_s": 1, "connect_timeout_s": 2}}, "http": {"ready_lag_s": 4}})
    add_user(world, "ann")
    world.prove()
    wait_until(lambda: leat.status()["lag_seconds"] == 0, "no lag", 10)
    time.sleep(2.5)  # idle is no lag
    assert leat.status()["lag_seconds"] == 0 and leat.ready()
    world.mysql.pause()
    try:
        wait_until(lambda: leat.status()["lag_seconds"] > 2, "the lag is seen", 8)
        wait_until(lambda: not leat.ready(), "/ready says no", 10)
        first = leat.status()["lag_seconds"]
        wait_until(lambda: leat.status()["lag_seconds"] > first + 1, "the lag grows", 5)
    finally:
        world.mysql.go_on()
    leat.wait_ready(20)
    add_user(world, "bob")
    world.prove()


def test_sigterm_with_a_frozen_source(world):
    """O7: whatever waits for a host that does not answer is not waited for."""
    leat = world.running_leat(config={"database": {"mysql": {"connect_timeout_s": 3}}})
    world.mysql.pause()
    try:
        time.sleep(1.5)  # the watcher's question is under way
        began = time.monotonic()
        assert leat.sigterm() == 0
        assert time.monotonic() - began < 6
        leat.start()  # now nobody answers it from the beginning
        time.sleep(0.5)
        began = time.monotonic()
        assert leat.sigterm() == 0
        assert time.monotonic() - began < 10
    finally:
        world.mysql.go_on()


def test_a_second_sigterm_ends_at_once(world):
    with world.mysql.connect() as connection:
        shop.populate(connection, 5, users=50, categories=10, products=50, orders=50, carts=50)
    leat = world.running_leat()
    world.prove()
    world.dynamodb.pause()
    try:
        shop.MixedLoad(world.mysql.connect, 5, count=50, threads=1).join()
        wait_until(lambda: leat.status()["outbox_keys"] > 0, "an outbox")
        leat.signal(signal.SIGTERM)
        time.sleep(0.5)
        assert leat.running  # it drains
        leat.signal(signal.SIGTERM)
        assert leat.wait_ended(3) == 143
    finally:
        world.dynamodb.go_on()
    leat.start()
    world.prove()


def test_a_parked_pipeline_does_not_fill_the_log(world):
    """Said once, however often it is tried again; and once when it goes on."""
    leat = world.running_leat()
    world.mysql.execute("ALTER TABLE users DROP COLUMN first_name", USER.format("ann"), database=world.mysql.database)
    leat.wait_parked()
    lines = len(leat.logs.splitlines())
    for _ in range(40):
        time.sleep(0.1)
        assert leat.status()["state"] == "parked"  # not put up and down
    assert len(leat.logs.splitlines()) <= lines + 1, leat.logs
    assert leat.logs.count("event=\"parked") == 1


def test_no_left_over_threads_or_descriptors(world):
    """A pipeline that is put up again leaves nothing behind."""
    leat = world.running_leat()
    proc = Path(f"/proc/{leat.pid}")

    def held():
        return len(list((proc / "task").iterdir())), len(list((proc / "fd").iterdir()))

    add_user(world, "ann")
    world.prove()
    before = held()
    for _ in range(30):
        leat.status()
        leat.get("/status")
    for number, command in world.mysql.execute("SELECT id, command FROM performance_schema.processlist"):
        if command.startswith("Binlog Dump"):
            world.mysql.execute(f"KILL {number}")
    add_user(world, "bob")
    world.prove()
    wait_until(lambda: held() <= (before[0] + 1, before[1] + 2), f"{held()} is {before}", 10)
