"""The fault proxy: stands between leat and DynamoDB Local, checks every request's signature with botocore, and does by seed
and rates what networks and DynamoDB do (FAULTS, "Target").

    with FaultProxy(dynamodb.port, seed=7, unprocessed=0.1, drop_after=0.05) as proxy:
        ...                      # proxy.endpoint is what leat is given
        proxy.set(drop_after=0)  # at any time
        proxy.off()              # no more faults
        proxy.counts             # what it did
        proxy.violations         # two writes of one key in flight at once (invariant 2)
        proxy.counts["bad_signature"]  # requests whose signature botocore does not confirm; each was refused

Rates are probabilities from 0 to 1 (see RATES). An asyncio loop in a thread of its own; everything public may be called from
any thread.
"""

import asyncio
import base64
import json
import random
import ssl
import struct
import socket
import threading
import time
import zlib
from collections import Counter
from datetime import datetime, timezone
from email.utils import formatdate

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

RATES = {
    "unprocessed": "each write of a batch: not forwarded, given back in UnprocessedItems",
    "throttle": "ProvisionedThroughputExceededException instead of forwarding",
    "throttling": "ThrottlingException instead of forwarding",
    "error500": "InternalServerError instead of forwarding",
    "error503": "503 without a JSON body instead of forwarding",
    "error_after": "forwarded, then answered with 500",
    "drop_before": "the connection ends instead of forwarding",
    "drop_after": "forwarded, then the connection ends without an answer",
    "late": "what an unknown end left behind (drop_*, error*) is forwarded once more, late_ms later",
    "delay": "waits up to delay_ms before forwarding",
    "truncate": "forwarded, the answer's body ends in the middle",
    "wrong_crc": "forwarded, x-amz-crc32 is wrong",
    "conflict": "TransactionCanceledException with TransactionConflict for one item",
    "throttle_item": "TransactionCanceledException with ThrottlingError for one item",
    "expired": "ExpiredTokenException",
}
WRITES = ("BatchWriteItem", "TransactWriteItems", "PutItem", "DeleteItem")
TYPES = "com.amazonaws.dynamodb.v20120810#"


class _Request:
    def __init__(self, headers, body):
        self.headers, self.body = headers, body
        self.operation = headers.get("x-amz-target", ".").split(".")[-1]
        try:
            self.json = json.loads(body)
        except ValueError:
            self.json = {}


class _Lost(Exception):
    """End the connection; the argument says whether by a reset."""


class FaultProxy:
    def __init__(self, upstream_port, seed=0, *, port=0, credentials=("leattests", "notasecret"), token=None, region="us-west-2",
                 tls=None, delay_ms=50, late_ms=300, clock_offset_s=0, **rates):
        """`tls` is (certificate file, key file). `clock_offset_s` is how far the proxy's clock is off: signatures more than five
        minutes away from it are refused as DynamoDB refuses them."""
        self.upstream_port, self.port, self.region, self.tls = upstream_port, port, region, tls
        self.credentials, self.token = credentials, token
        self.delay_ms, self.late_ms, self.clock_offset_s = delay_ms, late_ms, clock_offset_s
        self.rates = dict.fromkeys(RATES, 0.0)
        self.set(**rates)
        self.counts = Counter()
        self.violations = []
        self.batch_sizes = Counter()
        self.written = Counter() # key -> requests that wrote it
        self._random = random.Random(seed)
        self._keys = {}      # table -> names of its key attributes
        self._in_flight = {} # key -> the connection that carries it
        self._idle = []      # connections to the upstream
        self._clients = set()
        self._late = set()
        self._server = None

    # --- from outside

    @property
    def endpoint(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def set(self, **rates):
        for name, rate in rates.items():
            if name not in RATES:
                raise TypeError(f"no fault of the name {name}: there are {', '.join(RATES)}")
            self.rates[name] = rate

    def off(self):
        self.set(**dict.fromkeys(RATES, 0.0))

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="proxy")
        self._thread.start()
        self.back()
        return self

    def __exit__(self, *_):
        self.away()
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def away(self):
        """Nobody listens any more, and all connections are reset."""
        self._call(self._close())

    def back(self):
        self._call(self._listen())

    def wait_late(self, timeout_s=10.0):
        """Returns when no late repetition is outstanding."""
        deadline = time.monotonic() + timeout_s
        while self._late and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not self._late

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    async def _listen(self):
        context = None
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.tls)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=context, limit=32 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self):
        if self._server:
            self._server.close()
            self._server = None
        for writer in list(self._clients):
            _end(writer, True)

    async def _stop(self):
        for task in list(self._late):
            task.cancel()
        for _, writer in self._idle:
            writer.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- one connection

    async def _serve(self, reader, writer):
        self._clients.add(writer)
        self.counts["connections"] += 1
        try:
            while head := await _read_head(reader):
                headers = _parse_headers(head)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                request = _Request(headers, body)
                self.counts["requests"] += 1
                self.counts[request.operation] += 1
                await self._answer(request, reader, writer)
        except _Lost as lost:
            _end(writer, lost.args[0])
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            _end(writer, True)
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _answer(self, request, reader, writer):
        keys = await self._keys_of(request)
        self.written.update(keys)
        await self._begin(keys, reader, writer)
        try:
            answer = await self._decide(request, writer)
        finally:
            for key in keys:
                if self._in_flight.get(key, (None, None))[1] is writer:
                    del self._in_flight[key]
        if answer:
            writer.write(answer)
            await writer.drain()

    def _chance(self, name):
        rate = self.rates[name]
        if rate and self._random.random() < rate:
            self.counts[name] += 1
            return True
        return False

    async def _decide(self, request, writer):
        """The bytes of the answer; None when it was written already."""
        if refusal := self._check(request):
            return refusal
        if self._chance("delay"):
            await asyncio.sleep(self._random.random() * self.delay_ms / 1000)
        if request.operation not in WRITES:
            return _response(*await self._forward(request))
        if request.operation == "BatchWriteItem":
            self.batch_sizes[sum(map(len, request.json["RequestItems"].values()))] += 1
        for name, kind in (("throttle", "ProvisionedThroughputExceededException"), ("throttling", "ThrottlingException"),
                           ("expired", "ExpiredTokenException")):
            if self._chance(name):
                return _error(400, kind, "by the fault proxy")
        if self._chance("error500"):
            self._repeat_late(request)
            return _error(500, "InternalServerError", "by the fault proxy")
        if self._chance("error503"):
            self._repeat_late(request)
            return _response(503, {}, b"Service Unavailable")
        if self._chance("drop_before"):
            self._repeat_late(request)
            raise _Lost(self._random.random() < 0.5)
        if request.operation == "TransactWriteItems":
            for name, code in (("conflict", "TransactionConflict"), ("throttle_item", "ThrottlingError")):
                if self._chance(name):
                    return self._canceled(request, code)
        left_over = self._take_left_over(request) if request.operation == "BatchWriteItem" else {}
        if left_over is None:
            return _error(400, "ProvisionedThroughputExceededException", "by the fault proxy: all of the batch")
        status, headers, body = await self._forward(request)
        if left_over and status == 200:
            body = _with_left_over(body, left_over)
            headers["x-amz-crc32"] = str(zlib.crc32(body))
        if self._chance("error_after"):
            self._repeat_late(request)
            return _error(500, "InternalServerError", "by the fault proxy, after it was written")
        if self._chance("drop_after"):
            self._repeat_late(request)
            raise _Lost(self._random.random() < 0.5)
        if self._chance("truncate"):
            whole = _response(status, headers, body)
            writer.write(whole[:len(whole) - max(1, len(body) // 2)])
            await writer.drain()
            raise _Lost(False)
        if self._chance("wrong_crc"):
            headers["x-amz-crc32"] = str(zlib.crc32(body) ^ 1)
        return _response(status, headers, body, self.clock_offset_s)

    # --- signatures

    def _check(self, request):
        """None, or the answer that refuses the request."""
        fields = _authorization(request.headers.get("authorization", ""))
        at = request.headers.get("x-amz-date", "")
        if not fields or not at:
            self.counts["bad_signature"] += 1
            return _error(403, "MissingAuthenticationTokenException", "Request is missing Authentication Token", self.clock_offset_s)
        if fields["Credential"].split("/")[0] != self.credentials[0]:
            self.counts["refused"] += 1
            return _error(400, "UnrecognizedClientException", "The security token included in the request is invalid.", self.clock_offset_s)
        if request.headers.get("x-amz-security-token") != self.token:
            self.counts["refused"] += 1
            return _error(400, "UnrecognizedClientException", "The security token included in the request is invalid.", self.clock_offset_s)
        if self._signature(request, fields, at) != fields["Signature"]:
            self.counts["bad_signature"] += 1
            return _error(403, "InvalidSignatureException",
                          "The request signature we calculated does not match the signature you provided.", self.clock_offset_s)
        signed = datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()
        if abs(signed - time.time() - self.clock_offset_s) > 300:
            self.counts["skewed"] += 1
            word = "Signature expired" if signed < time.time() + self.clock_offset_s else "Signature not yet current"
            return _error(400, "InvalidSignatureException", f"{word}: {at} is too far from our clock", self.clock_offset_s)
        self.counts["good_signatures"] += 1
        return None

    def _signature(self, request, fields, at):
        names = fields["SignedHeaders"].split(";")
        required = {"host", "x-amz-date", "x-amz-target"} | ({"x-amz-security-token"} if self.token else set())
        if not required <= set(names) or "content-length" not in request.headers:
            return None
        aws = AWSRequest("POST", f"http://{request.headers['host']}/", data=request.body,
                         headers={name: request.headers.get(name, "") for name in names})
        aws.context["timestamp"] = at
        auth = SigV4Auth(Credentials(*self.credentials), "dynamodb", self.region)
        if fields["Credential"].split("/", 1)[1] != auth.credential_scope(aws):
            return None
        return auth.signature(auth.string_to_sign(aws, auth.canonical_request(aws)), aws)

    # --- faults

    def _repeat_late(self, request):
        if not self._chance("late"):
            return

        async def repeat():
            await asyncio.sleep(self._random.random() * self.late_ms / 1000)
            await self._forward(request)

        task = asyncio.ensure_future(repeat())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def _canceled(self, request, code):
        items = request.json["TransactItems"]
        chosen = self._random.randrange(len(items))
        reasons = [{"Code": code, "Message": "by the fault proxy"} if i == chosen else {"Code": "None"} for i in range(len(items))]
        return _error(400, "TransactionCanceledException", "Transaction cancelled", CancellationReasons=reasons)

    def _take_left_over(self, request):
        """Takes some writes out of a batch and returns them; None when none would be left (DynamoDB then refuses the whole)."""
        if not self.rates["unprocessed"]:
            return {}
        kept, left_over = {}, {}
        for table, writes in request.json["RequestItems"].items():
            for write in writes:
                (left_over if self._chance("unprocessed") else kept).setdefault(table, []).append(write)
        if not kept:
            return None
        request.json["RequestItems"] = kept
        request.body = json.dumps(request.json).encode()
        return left_over

    # --- one key, one write in flight

    async def _keys_of(self, request):
        keys = []
        if request.operation == "BatchWriteItem":
            for table, writes in request.json["RequestItems"].items():
                for write in writes:
                    attributes = write["PutRequest"]["Item"] if "PutRequest" in write else write["DeleteRequest"]["Key"]
                    keys.append(await self._key(table, attributes))
        elif request.operation == "TransactWriteItems":
            for item in request.json["TransactItems"]:
                (write,) = item.values()
                keys.append(await self._key(write["TableName"], write.get("Item") or write["Key"]))
        elif request.operation in WRITES:
            keys.append(await self._key(request.json["TableName"], request.json.get("Item") or request.json["Key"]))
        return [key for key in keys if key]

    async def _key(self, table, attributes):
        if table not in self._keys:
            described = _Request({"x-amz-target": "DynamoDB_20120810.DescribeTable"}, json.dumps({"TableName": table}).encode())
            status, _, body = await self._forward(described)
            if status != 200:
                return None
            self._keys[table] = [key["AttributeName"] for key in json.loads(body)["Table"]["KeySchema"]]
        return table, json.dumps([attributes.get(name) for name in self._keys[table]], sort_keys=True)

    async def _begin(self, keys, reader, writer):
        for key in keys:
            other = self._in_flight.get(key)
            if other:
                await asyncio.sleep(0.02)  # a client that gave up has closed its connection
                if not other[0].at_eof() and not other[1].is_closing() and self._in_flight.get(key) is other:
                    self.violations.append(key)
            self._in_flight[key] = (reader, writer)

    # --- the upstream

    async def _forward(self, request):
        """(status, headers, body) of DynamoDB Local."""
        for attempt in range(3):
            reader, writer = self._idle.pop() if self._idle and attempt == 0 else await asyncio.open_connection(
                "127.0.0.1", self.upstream_port, limit=32 << 20)
            try:
                sent = {"Host": "127.0.0.1", "Content-Type": "application/x-amz-json-1.0", "Content-Length": len(request.body),
                        "X-Amz-Target": request.headers["x-amz-target"], "X-Amz-Date": "20260101T000000Z",
                        "Authorization": f"AWS4-HMAC-SHA256 Credential={self.credentials[0]}/20260101/{self.region}/dynamodb/aws4_request, "
                                         "SignedHeaders=host;x-amz-date, Signature=0"}
                writer.write(("POST / HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in sent.items()) + "\r\n").encode() + request.body)
                head = await _read_head(reader)
                if not head:
                    raise ConnectionError("the upstream closed")
                headers = _parse_headers(head)
                if headers.get("transfer-encoding") == "chunked":
                    body = await _read_chunks(reader)
                else:
                    body = await reader.readexactly(int(headers.get("content-length", 0)))
            except (OSError, asyncio.IncompleteReadError):
                writer.close()
                continue
            self._idle.append((reader, writer))
            keep = {k: v for k, v in headers.items() if k in ("x-amzn-requestid", "content-type")}
            keep["x-amz-crc32"] = str(zlib.crc32(body))
            return int(head.split(b" ", 2)[1]), keep, body
        raise ConnectionError("no answer from the upstream")


def _end(writer, reset):
    """Ends a connection, by a reset if wanted (SO_LINGER 0)."""
    sock = writer.get_extra_info("socket")
    if reset and sock is not None:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        writer.transport.abort()
    writer.close()


async def _read_head(reader):
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


async def _read_chunks(reader):
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body


def _parse_headers(head):
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}


def _authorization(text):
    scheme, _, rest = text.partition(" ")
    fields = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
    return fields if scheme == "AWS4-HMAC-SHA256" and {"Credential", "SignedHeaders", "Signature"} <= fields.keys() else None


def _response(status, headers, body, clock_offset_s=0):
    headers = {"Date": formatdate(time.time() + clock_offset_s, usegmt=True), "Content-Length": len(body), **headers}
    return (f"HTTP/1.1 {status} .\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n").encode() + body


def _error(status, kind, message, clock_offset_s=0, **more):
    body = json.dumps({"__type": TYPES + kind, "message": message, **more}).encode()
    headers = {"Content-Type": "application/x-amz-json-1.0", "x-amz-crc32": zlib.crc32(body),
               "x-amzn-RequestId": base64.b32encode(random.randbytes(10)).decode()}
    return _response(status, headers, body, clock_offset_s)


def _with_left_over(body, left_over):
    answer = json.loads(body)
    for table, writes in left_over.items():
        answer.setdefault("UnprocessedItems", {}).setdefault(table, []).extend(writes)
    return json.dumps(answer).encode()
