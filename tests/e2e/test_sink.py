"""sink/ alone: what it encodes and signs, and what becomes of writes through a network and a DynamoDB that fail (FAULTS T1-T15)."""

import base64
import http.server
import json
import os
import queue
import random
import shutil
import signal
import string
import subprocess
import threading
import time
from pathlib import Path

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lib.proxy import FaultProxy
from lib.servers import BUILD, DynamoDBLocal, _certificates, free_port, temporary_folder, wait_until

DRIVE = Path(os.environ.get("LEAT_SINK_DRIVE") or BUILD / "tests/unit/sink_drive")
SANITIZED = {"ASAN_OPTIONS": "abort_on_error=0", "TSAN_OPTIONS": "halt_on_error=0 exitcode=66"}


@pytest.fixture
def dynamodb(dynamodb_server):
    """Tables stay: each test has its own."""
    if not dynamodb_server.running:
        dynamodb_server.start()
    return dynamodb_server


def filter_lines(mode, lines):
    done = subprocess.run([DRIVE, mode], input="".join(json.dumps(line) + "\n" for line in lines), capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.split("\n")[:-1]]


class Drive:
    """A sink_drive: `write` hands over writes, `outcomes` is ticket -> list of outcomes."""

    def __init__(self, endpoint, *tables, credentials=True, env=None, **options):
        environment = {**os.environ, **SANITIZED, **(DynamoDBLocal.credentials if credentials else {}), **(env or {})}
        arguments = [f"{name}={value}" for name, value in {"endpoint": endpoint, "timeout_ms": 2000, **options}.items()]
        self.process = subprocess.Popen([DRIVE, "run", *arguments, *tables], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=environment, text=True)
        self.outcomes, self.answers, self.errors = {}, queue.Queue(), []
        self.changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=lambda: self.errors.extend(self.process.stderr), daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            if "ticket" in answer:
                with self.changed:
                    self.outcomes.setdefault(answer["ticket"], []).append(answer)
                    self.changed.notify_all()
            else:
                self.answers.put(answer)

    def say(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def ask(self, **command):
        self.say(**command)
        return self.answers.get(timeout=60)

    def numbers(self):
        return self.ask(do="numbers")["numbers"]

    def write(self, *writes, transact=False):
        self.say(do="write", transact=transact, writes=writes)

    def wait(self, tickets, timeout_s=60):
        tickets = set(tickets)
        with self.changed:
            assert self.changed.wait_for(lambda: tickets <= self.outcomes.keys(), timeout_s), \
                f"{len(tickets - self.outcomes.keys())} writes without an outcome; {''.join(self.errors)[-2000:]}"
        return {ticket: self.outcomes[ticket][-1] for ticket in tickets}

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.stdin.close()
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        if kind is None:
            assert code == 0, f"sink_drive ended with {code}: {''.join(self.errors)[-3000:]}"


def put(ticket, item, table=0):
    return {"ticket": ticket, "table": table, "item": item}


def delete(ticket, key, table=0):
    return {"ticket": ticket, "table": table, "key": key}


def item(pk, sk="s", **attributes):
    return {"PK": {"S": pk}, "SK": {"S": sk}, **attributes}


_numbers = iter(range(100, 10**6))


@pytest.fixture
def table(dynamodb):
    """The argument of a new table with PK and SK."""
    name = f"T{next(_numbers)}"
    with Drive(dynamodb.endpoint, f"{name}:PK:S:SK:S") as drive:
        answer = drive.ask(do="create")
        assert answer["result"] == 0, answer
    return f"{name}:PK:S:SK:S"


def scan(dynamodb, table):
    pages = dynamodb.client().get_paginator("scan").paginate(TableName=table.split(":")[0], ConsistentRead=True)
    return {(i["PK"]["S"], i["SK"]["S"]): i for page in pages for i in page["Items"]}


# --- encoding ---------------------------------------------------------------------------------------------------------

ODD = ["", " ", '"', "\\", "a\"b\\c", "\x00", "\x01\x1f\x7f", "\n\r\t\b\f", "ünïcödé", "茶", "😀" * 20, "\u2028\u2029", "\ufeff", "\ud7ff\ue000",
       "\U0010ffff", "x" * 7 + '"', "x" * 8 + '"', "x" * 15 + "\\" + "y" * 9, "</script>", "é" * 4 + '"', "\x80\x9f", "1234567\x19"]


def random_text(rng):
    if rng.random() < 0.3:
        return rng.choice(ODD)
    alphabet = rng.choice((string.ascii_letters, string.printable, "\x00\x1f\"\\aé茶😀", '"\\'))
    return "".join(rng.choice(alphabet) for _ in range(rng.randrange(40)))


def random_attribute(rng, depth=0):
    kind = rng.choice(("S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS") + (("L", "M") if depth < 5 else ()))
    bytes_text = lambda: base64.b64encode(rng.randbytes(rng.randrange(20))).decode()
    number = lambda: rng.choice(("0", "-1", "1.50", "1E+10", "9.99E-120", str(rng.randrange(10**37)), "-0.001"))
    some = lambda make: sorted({make() for _ in range(rng.randrange(1, 5))})
    if kind == "L":
        return {kind: [random_attribute(rng, depth + 1) for _ in range(rng.randrange(4))]}
    if kind == "M":
        return {kind: {random_text(rng): random_attribute(rng, depth + 1) for _ in range(rng.randrange(4))}}
    return {kind: {"S": lambda: random_text(rng), "N": number, "B": bytes_text, "BOOL": lambda: rng.random() < 0.5, "NULL": lambda: True,
                   "SS": lambda: some(lambda: random_text(rng)), "NS": lambda: some(number), "BS": lambda: some(bytes_text)}[kind]()}


def test_encoding_is_what_boto3_reads():
    rng = random.Random(1)
    items = [{random_text(rng) or "x": random_attribute(rng) for _ in range(rng.randrange(1, 8))} for _ in range(1500)]
    items += [{"a": {"S": text}, text or "b": {"S": text}} for text in ODD] + [{}]
    encoded = filter_lines("encode", items)
    assert encoded == items
    for one in encoded:
        for attribute in one.values():
            value = TypeDeserializer().deserialize(base64_to_bytes(attribute))
            assert TypeDeserializer().deserialize(TypeSerializer().serialize(value)) == value


def base64_to_bytes(attribute):
    """As botocore hands binary over to boto3."""
    (kind, value), = attribute.items()
    if kind in ("B", "BS"):
        value = base64.b64decode(value) if kind == "B" else [base64.b64decode(v) for v in value]
    elif kind == "L":
        value = [base64_to_bytes(v) for v in value]
    elif kind == "M":
        value = {k: base64_to_bytes(v) for k, v in value.items()}
    return {kind: value}


def test_control_characters_are_escaped_and_utf8_is_not():
    raw = subprocess.run([DRIVE, "encode"], input=json.dumps({"a": {"S": "\x00\n\"\\é😀"}}) + "\n", capture_output=True, text=True, check=True).stdout
    assert raw == '{"a":{"S":"\\u0000\\u000a\\"\\\\é😀"}}\n'


# --- signatures -------------------------------------------------------------------------------------------------------


def test_sigv4_public_vectors():
    folder = os.environ.get("LEAT_SIGV4_VECTORS")
    if not folder:
        pytest.skip("LEAT_SIGV4_VECTORS names no folder with AWS's test vectors (aws-c-auth, tests/aws-signing-test-suite/v4)")
    asked, expected = [], []
    for case in sorted(Path(folder).iterdir()):
        if not case.is_dir():
            continue
        canonical = (case / "header-canonical-request.txt").read_text()
        context = json.loads((case / "context.json").read_text())
        method, path, query = canonical.split("\n")[:3]
        if path != "/" or query:
            continue  # DynamoDB has one path and no query, and so has sigv4.c
        head, _, body = (case / "header-signed-request.txt").read_text().partition("\n\n")
        headers = []
        for line in head.split("\n")[1:]:
            if line[0].isspace():
                headers[-1][1] += "\n" + line
            else:
                name, _, value = line.partition(":")
                headers.append([name.strip().lower(), value])
        signed = canonical.split("\n")[-2].split(";")
        headers = sorted((h for h in headers if h[0] in signed), key=lambda h: h[0])
        asked.append({"method": method, "headers": headers, "body": body, "time": context["timestamp"].replace("-", "").replace(":", ""),
                      "region": context["region"], "service": context["service"], "secret": context["credentials"]["secret_access_key"]})
        expected.append({"canonical": canonical, "to_sign": (case / "header-string-to-sign.txt").read_text(),
                         "signature": (case / "header-signature.txt").read_text()})
    assert len(asked) > 12
    assert filter_lines("sign", asked) == expected


def test_sigv4_against_botocore():
    rng = random.Random(2)
    asked, expected = [], []
    for _ in range(300):
        body = random_text(rng) * rng.randrange(5)
        secret = "".join(rng.choice(string.ascii_letters + "+/") for _ in range(40))
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(rng.randrange(4 * 10**9)))
        region = rng.choice(("us-west-2", "eu-central-1"))
        names = sorted({"host", "x-amz-date", *("x-" + "".join(rng.choice(string.ascii_lowercase) for _ in range(6)) for _ in range(4))})
        headers = [[n, {"host": "example.com", "x-amz-date": at}.get(n) or "".join(rng.choice("ab \tc;:,=") for _ in range(12))] for n in names]
        request = AWSRequest("POST", "http://example.com/", headers=dict(map(tuple, headers)), data=body.encode())
        request.context["timestamp"] = at
        auth = SigV4Auth(Credentials("id", secret), "dynamodb", region)
        canonical = auth.canonical_request(request)
        to_sign = auth.string_to_sign(request, canonical)
        asked.append({"method": "POST", "headers": headers, "body": body, "time": at, "region": region, "service": "dynamodb", "secret": secret})
        expected.append({"canonical": canonical, "to_sign": to_sign, "signature": auth.signature(to_sign, request)})
    for mine, theirs in zip(filter_lines("sign", asked), expected):
        assert mine == theirs


def test_sigv4_against_curl():
    """libcurl has a signer of its own."""
    if not shutil.which("curl"):
        pytest.skip("no curl program")
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append((dict((k.lower(), v) for k, v in self.headers.items()), self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    rng = random.Random(3)
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for _ in range(10):
            body = json.dumps({"x": random_text(rng).replace("\x00", "")})
            subprocess.run(["curl", "-sS", "--noproxy", "*", "--aws-sigv4", "aws:amz:us-west-2:dynamodb", "-u", "id:a/secret+", "-H",
                            "Content-Type: application/x-amz-json-1.0", "-H", "X-Amz-Target: DynamoDB_20120810.BatchWriteItem",
                            "--data-binary", "@-", f"http://127.0.0.1:{server.server_port}/"], input=body.encode(), check=True)
        server.shutdown()
    asked = []
    for headers, body in seen:
        names = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
        asked.append({"method": "POST", "headers": [[n, headers[n]] for n in names], "body": body, "time": headers["x-amz-date"],
                      "region": "us-west-2", "service": "dynamodb", "secret": "a/secret+"})
    theirs = [headers["authorization"].split("Signature=")[1] for headers, _ in seen]
    assert [a["signature"] for a in filter_lines("sign", asked)] == theirs


# --- tables -----------------------------------------------------------------------------------------------------------


def test_tables_create_and_look(dynamodb):
    name = f"T{next(_numbers)}"
    with Drive(dynamodb.endpoint, f"{name}:PK:S:SK:N", f"{name}b:id:B") as drive:
        assert [t["state"] for t in drive.ask(do="look")["tables"]] == ["missing", "missing"]
        made = drive.ask(do="create")
        assert made["result"] == 0 and all(t["created"] and t["state"] == "active" for t in made["tables"])
        again = drive.ask(do="create")
        assert again["result"] == 0 and not any(t["created"] for t in again["tables"])
        drive.write(put(1, {"PK": {"S": "a"}, "SK": {"N": "1.50"}}))
        drive.write(put(2, {"id": {"B": "AAEC"}}, table=1))
        drive.wait({1, 2})
        drive.write(delete(3, {"id": {"B": "AAEC"}}, table=1))
        drive.wait({3})
        assert [t["empty"] for t in drive.ask(do="look")["tables"]] == [False, True]
    with Drive(dynamodb.endpoint, f"{name}:PK:N", f"{name}b:other:B") as drive:
        first, second = drive.ask(do="look")["tables"]
        assert first["state"] == second["state"] == "different"
        assert "PK has type S, in the contract N" in first["message"] and "sort key SK" in first["message"]
        assert "partition key id, the contract other" in second["message"]
        refused = drive.ask(do="create")
        assert refused["result"] < 0 and name in refused["text"]
        # T2's other side: keys that do not fit the table are no poison, they park
        drive.write(put(1, {"PK": {"N": "1"}}))
        reason = wait_until(lambda: drive.numbers()["parked_reason"], "parked", 10)
        assert name in reason and "tables diff" in reason
        assert not drive.outcomes


def test_an_attribute_of_two_indexes_that_ends_the_name_of_the_key(dynamodb):
    """It is defined once: its name is looked for among whole names."""
    with Drive(dynamodb.endpoint, f"T{next(_numbers)}:a#b:S:c:S:b:b:c") as drive:
        made = drive.ask(do="create")
        assert made["result"] == 0, made
        assert [t["state"] for t in drive.ask(do="look")["tables"]] == ["active"]


def test_tables_nobody_there():
    with Drive(f"http://127.0.0.1:{free_port()}", "T:PK:S", timeout_ms=300) as drive:
        answer = drive.ask(do="look")
        assert answer["result"] == -105 and "endpoint" in answer["text"]


# --- writes -----------------------------------------------------------------------------------------------------------


def test_idle_writes_go_out_alone_and_busy_ones_in_batches(dynamodb, table):
    with FaultProxy(dynamodb.port) as proxy, Drive(proxy.endpoint, table, connections=2) as drive:
        for ticket in range(3):
            drive.write(put(ticket, item(f"k{ticket}")))
            drive.wait({ticket})
        assert proxy.batch_sizes == {1: 3}
        drive.write(*(put(10 + n, item(f"m{n}")) for n in range(200)))
        drive.wait(range(10, 210))
        assert proxy.batch_sizes[25] == 8
        assert proxy.counts["connections"] <= 2 and proxy.counts["bad_signature"] == 0
        numbers = drive.numbers()
        assert numbers["writes"] == 203 and numbers["requests"] == 11 and numbers["queued_writes"] == 0
        assert numbers["units_milli"] == 203000 and not numbers["parked"]


ALL_FAULTS = dict(unprocessed=0.1, throttle=0.03, throttling=0.02, error500=0.03, error503=0.02, error_after=0.03, drop_before=0.03,
                  drop_after=0.04, late=0.5, delay=0.1, truncate=0.02, wrong_crc=0.02, conflict=0.3, throttle_item=0.2)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_faults(dynamodb, table, seed):
    """Invariants 1 and 2: 10,000 writes; each is answered once, no key is in flight twice, and the table ends as the writes say. Writes whose
    end was unknown once are asserted again after the last late duplicate, as the engine does (T7)."""
    rng = random.Random(seed)
    other = f"{table.split(':')[0]}b:PK:S:SK:S"
    with Drive(dynamodb.endpoint, other) as drive:
        assert drive.ask(do="create")["result"] == 0
    expected, ambiguous = {}, set()
    with FaultProxy(dynamodb.port, seed, **ALL_FAULTS) as proxy, Drive(proxy.endpoint, table, other, connections=8) as drive:
        keys = [(t, f"k{n}") for t in (0, 1) for n in range(1500)]
        waiting, free, ticket = {}, list(keys), 0

        def answered(timeout_s=60):
            for t, outcome in drive.wait(list(waiting)[:1] if timeout_s else [], timeout_s).items():
                pass
            for t in [t for t in waiting if t in drive.outcomes]:
                key, _ = waiting.pop(t)
                assert drive.outcomes[t][0]["kind"] == "written"
                if drive.outcomes[t][0]["ambiguous_us"]:
                    assert abs(drive.outcomes[t][0]["ambiguous_us"] / 1e6 - time.time()) < 120
                    ambiguous.add(key)
                free.append(key)

        while ticket < 10000:
            while len(free) < 200:
                answered()
            count = rng.randrange(1, 60)
            transact = rng.random() < 0.1
            count = min(count, 10) if transact else count
            rng.shuffle(free)
            writes = []
            for _ in range(count):
                key = t, name = free.pop()
                if rng.random() < 0.2:
                    writes.append(delete(ticket, item(name), t))
                    expected.pop(key, None)
                else:
                    value = item(name, v={"N": str(ticket)}, text={"S": random_text(rng) * 5})
                    writes.append(put(ticket, value, t))
                    expected[key] = value
                waiting[ticket] = (key, transact)
                ticket += 1
            drive.write(*writes, transact=transact)
        while waiting:
            answered()
        proxy.off()
        proxy.wait_late()
        again = [put(20000 + n, expected[k], k[0]) if k in expected else delete(20000 + n, item(k[1]), k[0]) for n, k in enumerate(sorted(ambiguous))]
        drive.write(*again)
        drive.wait(range(20000, 20000 + len(again)))
        assert all(len(outcomes) == 1 for outcomes in drive.outcomes.values())
        numbers = drive.numbers()
        assert numbers["queued_writes"] == numbers["queued_bytes"] == numbers["in_flight"] == 0
        assert ambiguous and numbers["ambiguous"] and numbers["throttled"] and numbers["transient"]
        assert not proxy.violations and proxy.counts["bad_signature"] == 0
        assert all(proxy.counts[name] for name in ALL_FAULTS), proxy.counts
        print(dict(proxy.counts), numbers)
    for number, name in enumerate((table, other)):
        assert scan(dynamodb, name) == {(k, "s"): v for (t, k), v in expected.items() if t == number}


def test_poison_is_isolated(dynamodb, table):
    """T2."""
    with FaultProxy(dynamodb.port) as proxy, Drive(proxy.endpoint, table, connections=2) as drive:
        writes = [put(n, item(f"k{n}", v={"N": "1"})) for n in range(100)]
        writes[37]["item"]["v"] = {"N": "1E+200"}
        writes[38]["item"]["v"] = {"SS": ["a", "a"]}
        writes[90] = put(90, item("k90", x={"S": "x" * 420_000}))
        drive.write(*writes)
        outcomes = drive.wait(range(100))
        poison = {t: o["reason"] for t, o in outcomes.items() if o["kind"] == "poison"}
        assert set(poison) == {37, 38, 90}, poison
        assert "umber" in poison[37] and "duplicates" in poison[38] and "size" in poison[90]
        assert all(o["kind"] == "written" for t, o in outcomes.items() if t not in poison)
        assert not drive.numbers()["parked"]
    assert len(scan(dynamodb, table)) == 97


def test_far_too_large(dynamodb, table):
    with Drive(dynamodb.endpoint, table) as drive:
        drive.write(put(1, item("a", x={"S": "\x00" * 3_000_000})), put(2, item("b")))
        outcomes = drive.wait({1, 2})
        assert outcomes[1]["kind"] == "poison" and "400 KB" in outcomes[1]["reason"] and outcomes[2]["kind"] == "written"


def test_left_overs_by_number_and_binary_keys(dynamodb):
    """T5: UnprocessedItems is read by key, whatever the keys' types; only the left-over goes again."""
    name = f"T{next(_numbers)}:PK:B:SK:N"
    with FaultProxy(dynamodb.port, 5, unprocessed=0.3) as proxy, Drive(proxy.endpoint, name, connections=2) as drive:
        assert drive.ask(do="create")["result"] == 0
        drive.write(*(put(n, {"PK": {"B": base64.b64encode(bytes([n, 0, 255])).decode()}, "SK": {"N": f"{n}.50"}}) for n in range(200)))
        drive.write(*(delete(1000 + n, {"PK": {"B": "AAAA"}, "SK": {"N": f"-{n}E+2"}}) for n in range(1, 100)))
        drive.wait([*range(200), *range(1001, 1100)])
        assert drive.numbers()["ambiguous"] == 0
        assert sum(size * n for size, n in proxy.batch_sizes.items()) == 299 + proxy.counts["unprocessed"]


def test_transactions(dynamodb, table):
    """T6: conflicts and throttling go again; an item that cannot be is poison, the others are decided anew."""
    with FaultProxy(dynamodb.port, 6, conflict=0.4, throttle_item=0.2) as proxy, Drive(proxy.endpoint, table) as drive:
        drive.write(put(1, item("old")))
        drive.wait({1})
        drive.write(put(2, item("new")), delete(3, item("old")), transact=True)
        drive.wait({2, 3})
        for n in range(20):
            drive.write(put(100 + 2 * n, item(f"a{n}")), put(101 + 2 * n, item(f"b{n}")), transact=True)
        drive.wait(range(100, 140))
        assert proxy.counts["conflict"] and proxy.counts["throttle_item"]
        proxy.off()
        drive.write(put(200, item("t1")), put(201, item("t2", v={"S": "x" * 420_000})), delete(202, item("new")), transact=True)
        outcomes = drive.wait({200, 201, 202})
        assert outcomes[201]["kind"] == "poison" and outcomes[201]["reason"]
        assert {outcomes[t]["kind"] for t in (200, 202)} <= {"again", "written"}
    there = scan(dynamodb, table)
    assert ("a0", "s") in there and ("b19", "s") in there and ("old", "s") not in there
    assert (("new", "s") in there) == (outcomes[202]["kind"] == "again")


def test_away_and_back(dynamodb, table):
    """T7, T13: nothing is given up; the breaker opens, and closes soon after the endpoint is back."""
    with FaultProxy(dynamodb.port) as proxy, Drive(proxy.endpoint, table, connections=4) as drive:
        drive.write(put(0, item("first")))
        drive.wait({0})
        proxy.away()
        drive.write(*(put(n, item(f"k{n}")) for n in range(1, 500)))
        wait_until(lambda: drive.numbers()["breaker_open"], "the breaker opens", 15)
        before = drive.numbers()["requests"]
        time.sleep(2)
        assert drive.numbers()["requests"] - before < 12  # it probes and does not hammer
        assert len(drive.outcomes) == 1
        proxy.back()
        outcomes = drive.wait(range(1, 500), 10)
        assert not drive.numbers()["breaker_open"]
        # a refused connection is no unknown end
        assert sum(bool(o["ambiguous_us"]) for o in outcomes.values()) <= 100
    assert len(scan(dynamodb, table)) == 500


def test_curl_sends_again_by_itself(dynamodb, table):
    """T7: curl repeats a POST when a reused connection dies before an answer; the writes count as ambiguous."""
    with FaultProxy(dynamodb.port, 8) as proxy, Drive(proxy.endpoint, table, connections=1) as drive:
        drive.write(put(1, item("a")))
        assert drive.wait({1})[1]["ambiguous_us"] == 0
        proxy.set(drop_after=1)
        for ticket in range(2, 8):
            sent = proxy.counts["drop_after"]
            proxy.set(drop_after=1)
            drive.write(put(ticket, item("a", v={"N": str(ticket)})))
            wait_until(lambda: proxy.counts["drop_after"] > sent, "dropped")
            proxy.off()
            assert drive.wait({ticket})[ticket]["ambiguous_us"] > 0
        assert drive.numbers()["transient"] < proxy.counts["drop_after"]  # curl did it, not the sender


@pytest.mark.parametrize("fault", ["truncate", "wrong_crc", "error_after", "drop_after", "error500", "error503"])
def test_unknown_ends_are_told(dynamodb, table, fault):
    """T7, T8."""
    with FaultProxy(dynamodb.port, 9, **{fault: 1}) as proxy, Drive(proxy.endpoint, table, connections=1) as drive:
        drive.write(put(1, item("a")))
        wait_until(lambda: proxy.counts[fault] >= 2, fault)
        assert not drive.outcomes
        proxy.off()
        signed = drive.wait({1})[1]["ambiguous_us"] / 1e6
        assert time.time() - 10 < signed < time.time()


def test_slow_answers_end(dynamodb, table):
    """T9: a deadline; the write is tried again and counts as ambiguous."""
    with FaultProxy(dynamodb.port, 10, delay=1, delay_ms=60_000) as proxy, Drive(proxy.endpoint, table, connections=1, timeout_ms=300) as drive:
        drive.write(put(1, item("a")))
        wait_until(lambda: drive.numbers()["transient"] >= 2, "timeouts")
        proxy.off()
        assert drive.wait({1})[1]["ambiguous_us"] > 0


def test_wrong_credentials_park_and_recover(dynamodb, table):
    with FaultProxy(dynamodb.port) as proxy:
        with Drive(proxy.endpoint, table, env={"AWS_SECRET_ACCESS_KEY": "averywrongsecret"}) as drive:
            drive.write(*(put(n, item(f"k{n}")) for n in range(60)))
            numbers = wait_until(lambda: (n := drive.numbers())["parked"] and n, "parked", 10)
            assert "AWS_SECRET_ACCESS_KEY" in numbers["parked_reason"] and "InvalidSignature" in numbers["parked_reason"]
            assert "averywrongsecret" not in numbers["parked_reason"]
            assert not drive.outcomes and proxy.counts["bad_signature"]
            proxy.credentials = (proxy.credentials[0], "averywrongsecret")
            drive.wait(range(60), 10)
            assert not drive.numbers()["parked"]
    assert len(scan(dynamodb, table)) == 60


def test_session_token(dynamodb, table):
    with FaultProxy(dynamodb.port, token="a/session+token==") as proxy:
        with Drive(proxy.endpoint, table, env={"AWS_SESSION_TOKEN": "a/session+token=="}) as drive:
            drive.write(put(1, item("a")))
            drive.wait({1})
            proxy.set(expired=1)
            drive.write(put(2, item("b")))
            assert "expired" in wait_until(lambda: drive.numbers()["parked_reason"], "parked", 10)
            proxy.off()
            drive.wait({2}, 10)
            assert not drive.numbers()["parked"]


def test_missing_table_parks_alone_and_recovers(dynamodb, table):
    name = f"T{next(_numbers)}:PK:S:SK:S"
    with FaultProxy(dynamodb.port) as proxy, Drive(proxy.endpoint, table, name) as drive:
        drive.write(*(put(n, item(f"k{n}"), n % 2) for n in range(100)))
        drive.wait(range(0, 100, 2), 15)  # the other table goes on
        numbers = wait_until(lambda: (n := drive.numbers())["parked"] and n, "parked", 10)
        assert name.split(":")[0] in numbers["parked_reason"] and "tables create" in numbers["parked_reason"]
        assert len(drive.outcomes) == 50
        drive.ask(do="create")
        drive.wait(range(100), 10)
        assert not drive.numbers()["parked"]
    assert len(scan(dynamodb, name)) == 50


@pytest.mark.parametrize("offset_s", [3600, -86400])
def test_clock_is_corrected(dynamodb, table, offset_s):
    """T10."""
    with FaultProxy(dynamodb.port) as proxy, Drive(proxy.endpoint, table, connections=8) as drive:
        for begin, offset in ((0, offset_s), (1000, 0)):  # it jumps, and jumps back
            proxy.clock_offset_s = offset
            drive.write(*(put(begin + n, item(f"k{n}")) for n in range(500)))
            drive.wait(range(begin, begin + 500), 5)
            assert not drive.numbers()["parked"]
        assert 2 <= proxy.counts["skewed"] <= 18
        proxy.clock_offset_s = offset_s
        assert drive.ask(do="look")["result"] == 0


def test_tls(dynamodb, table):
    """T12: verified, and closed when it cannot be."""
    folder = temporary_folder("tls")
    _certificates(folder)
    with FaultProxy(dynamodb.port, tls=(folder / "server-cert.pem", folder / "server-key.pem")) as proxy:
        with Drive(proxy.endpoint, table, ca=folder / "ca.pem") as drive:
            drive.write(*(put(n, item(f"k{n}")) for n in range(100)))
            drive.wait(range(100))
        seen = proxy.counts["requests"]
        assert seen
        with Drive(proxy.endpoint, table) as drive:
            drive.write(put(1, item("x")))
            wait_until(lambda: "certificate" in drive.numbers()["parked_reason"], "refused")
            assert not drive.outcomes and drive.numbers()["ambiguous"] == 0
        assert proxy.counts["requests"] == seen
    assert ("x", "s") not in scan(dynamodb, table)


def test_redirects_and_proxies_are_not_followed(dynamodb, table):
    """T12."""
    hits = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            hits.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(307)
            self.send_header("Location", dynamodb.endpoint)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    nowhere = f"http://127.0.0.1:{free_port()}"
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Drive(f"http://127.0.0.1:{server.server_port}", table, env={"http_proxy": nowhere, "ALL_PROXY": nowhere}) as drive:
            drive.write(put(1, item("redirected")))
            assert "endpoint" in wait_until(lambda: drive.numbers()["parked_reason"], "parked", 10)
            assert not drive.outcomes and set(hits) == {"/"}
        server.shutdown()
    assert not scan(dynamodb, table)


@pytest.mark.parametrize("endpoint, says", [
    ("http://dynamodb.example.com", "clear text"), ("ftp://localhost", "https"), ("https://localhost/path", "host and port"),
    ("https://user:pw@localhost", "host and port"), ("http://", "URL")])
def test_endpoints_that_are_refused(endpoint, says):
    drive = Drive(endpoint, "T:PK:S")
    assert says in drive.answers.get(timeout=10)["error"]
    assert drive.process.wait(10) == 1


def test_no_credentials():
    env = {name: "" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}
    drive = Drive("http://127.0.0.1:1", "T:PK:S", credentials=False, env=env)
    assert "AWS_ACCESS_KEY_ID is not set" in drive.answers.get(timeout=10)["error"]
    drive.process.wait(10)


def test_memory_is_bounded(dynamodb, table):
    """Invariant 6: while DynamoDB is away, room ends and nothing more is taken in."""
    with FaultProxy(dynamodb.port) as proxy, Drive(proxy.endpoint, table, queue_bytes=2_000_000) as drive:
        proxy.away()
        written = []

        def write_all():
            for n in range(0, 400, 10):
                drive.write(*(put(n + i, item(f"k{n + i}", x={"S": "x" * 20_000})) for i in range(10)))
                written.append(n)

        writer = threading.Thread(target=write_all)
        writer.start()
        time.sleep(1)
        assert len(written) < 20  # 2 MB, and what the pipe holds
        proxy.back()
        writer.join()
        drive.wait(range(400))
        numbers = drive.numbers()
        assert numbers["queued_bytes"] == 0 and numbers["room"] > 0
    assert len(scan(dynamodb, table)) == 400


def test_load_against_a_server_that_only_answers():
    """The CPU that an item costs, printed; asserted only against gross regressions."""
    answer = subprocess.Popen([BUILD / "tests/lib/leat-answer", "0"], stdout=subprocess.PIPE, text=True)
    try:
        port = int(answer.stdout.readline().split()[-1])
        with Drive(f"http://127.0.0.1:{port}", "T:PK:S:SK:S", connections=16) as drive:
            latency = drive.ask(do="latency", count=2000)
            result = drive.ask(do="load", count=200_000, bytes=200)
        print(latency, result)
        assert result["items"] == 200_000
    finally:
        answer.send_signal(signal.SIGTERM)
        counted = json.loads(answer.communicate(timeout=10)[0])
    assert counted["items"] == 202_000 and counted["requests"] < 42_000
