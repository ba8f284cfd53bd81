"""The servers that tests and the demo run against: MySQL, DynamoDB Local, and leat itself.

Each is a context manager over one process of its own on loopback, with its data in a temporary folder. Every child dies with
this process (the kernel sends it SIGKILL), and folders of dead runners are removed by the next one, so nothing is left
behind however a run ends. Nothing here sleeps for a while and hopes: every wait polls a condition and has an end.

Start servers from the main thread: the kernel ties a child's life to the thread that started it.
"""

import atexit
import contextlib
import fcntl
import http.client
import ipaddress
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pymysql

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("LEAT_BUILD") or ROOT / "build")
OPT = Path(os.environ.get("LEAT_OPT") or "/opt")
DYNAMODB_LOCAL = OPT / "dynamodb-local"
CACHE = Path("/var/cache/leat" if os.getuid() == 0 else os.path.expanduser("~/.cache/leat")) / "tests"

LEAT_USER = "leat"
LEAT_PASSWORD = "a leat's \"password\" \\ with % odd # characters"  # who quotes carelessly fails early


# --- what all of them share -------------------------------------------------------------------------------------------


class TimedOut(AssertionError):
    """A condition did not become true in its time."""


def wait_until(condition, what, timeout_s=30.0, every_s=0.02):
    """Polls `condition` until it gives something true and returns that; an exception of the condition itself passes through."""
    deadline = time.monotonic() + timeout_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise TimedOut(f"{what}: not within {timeout_s:g} s")
        time.sleep(every_s)


def free_port():
    """A port that nobody listens on, below the range from which outgoing connections take theirs."""
    while True:
        port = random.randrange(15000, 30000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _remove_left_overs():
    for folder in Path(tempfile.gettempdir()).glob("leat-test-*"):
        match = re.fullmatch(r"leat-test-(\d+)-.*", folder.name)
        if match and not Path(f"/proc/{match[1]}").exists():
            shutil.rmtree(folder, ignore_errors=True)


_base = None


def temporary_folder(name):
    """A new folder that goes with this process. LEAT_KEEP=1 keeps it (and prints where)."""
    global _base
    if _base is None:
        _remove_left_overs()
        _base = Path(tempfile.mkdtemp(prefix=f"leat-test-{os.getpid()}-"))
        owner = os.getpid()

        def leave():
            if os.getpid() != owner:
                return
            if os.environ.get("LEAT_KEEP"):
                kept = _base.with_name(_base.name.replace(f"leat-test-{owner}-", "leat-kept-"))
                _base.rename(kept)
                print(f"kept: {kept}")
            else:
                shutil.rmtree(_base, ignore_errors=True)

        atexit.register(leave)
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=_base))


class Server:
    """One child process: start, stop (SIGTERM, then SIGKILL), kill9, pause and go on."""

    name = "server"

    def __init__(self):
        self.process = None
        self.log_path = None

    def _spawn(self, command, *, env=None, cwd=None, append=True):
        with open(self.log_path, "ab" if append else "wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd=cwd, start_new_session=True,
            )
        atexit.register(_end, self.process)

    @property
    def pid(self):
        return self.process.pid

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def logs(self):
        return self.log_path.read_text(errors="replace") if self.log_path and self.log_path.exists() else ""

    def _must_run(self):
        if not self.running:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.logs[-3000:]}")

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, timeout_s=30.0):
        """SIGTERM, and the exit code."""
        if self.process is None:
            return None
        if self.running:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        return self.wait_ended(timeout_s)

    def wait_ended(self, timeout_s=30.0):
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise TimedOut(f"{self.name} did not end within {timeout_s:g} s:\n{self.logs[-3000:]}") from None

    def kill9(self):
        if self.running:
            self.signal(signal.SIGKILL)
            self.process.wait()

    def pause(self):
        """SIGSTOP: connections stay open and nobody answers."""
        self.signal(signal.SIGSTOP)
        wait_until(lambda: Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T", f"{self.name} stopped")

    def go_on(self):
        self.signal(signal.SIGCONT)

    def restart(self):
        self.stop()
        self.start()

    def __enter__(self):
        if not self.running:
            self.start()
        return self

    def __exit__(self, *_):
        self.kill9()


def _end(process):
    if process.poll() is None:
        process.kill()
        process.wait()


# --- MySQL ------------------------------------------------------------------------------------------------------------


def _certificates(folder):
    """A CA and a server certificate for localhost, under the names that mysqld looks for in its data folder: so that leat can
    be tested with tls.mode verify-identity (the certificates that mysqld makes itself bear no host name)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    def name(text):
        return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, text)])

    now = datetime.now(timezone.utc)
    ca_key, key = rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 2048)  # 8.0.12 has no curves

    def certificate(subject, public_key, authority):
        return (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name("leat test CA"))
                .public_key(public_key).serial_number(x509.random_serial_number())
                .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=3650))
                .add_extension(x509.BasicConstraints(authority, None), critical=True))

    ca = certificate("leat test CA", ca_key.public_key(), True).sign(ca_key, hashes.SHA256())
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    server = (certificate("leat test server", key.public_key(), False)
              .add_extension(x509.SubjectAlternativeName(names), critical=False).sign(ca_key, hashes.SHA256()))
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    (folder / "server-cert.pem").write_bytes(server.public_bytes(pem))
    (folder / "server-key.pem").write_bytes(key.private_bytes(
        pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()))
    (folder / "server-key.pem").chmod(0o600)


_versions = {}


def mysql_version(mysqld="mysqld"):
    if mysqld not in _versions:
        text = subprocess.run([mysqld, "--version"], capture_output=True, text=True, check=True, env=_library_path(mysqld)).stdout
        _versions[mysqld] = re.search(r"Ver (\S+)", text)[1]
    return _versions[mysqld]


def _library_path(mysqld):
    """The older servers bring libraries of their own."""
    return {**os.environ, "LD_LIBRARY_PATH": str(Path(mysqld).parents[1] / "lib")} if "/" in str(mysqld) else None


def mysqld_of(version):
    """The server of a version ("9.7": the place's own, "8.0", "5.7"), or None where there is none."""
    if version == "9.7":
        return "mysqld"
    found = OPT / f"mysql-{version}" / "bin/mysqld"
    return str(found) if found.exists() else None


NO_OLD_SERVER = "no MySQL {} here: deploy/setup could not fetch it (x86-64 only), see its log; remove the place to try again"


class Mysql(Server):
    """A MySQL server. Keywords are server options (`gtid_mode="OFF"`, `binlog_row_image="MINIMAL"`,
    `innodb_native_foreign_keys="ON"` so that cascades are not logged, …); `extra` adds arguments as they are.
    `version` is "9.7", "8.0" (8.0.12) or "5.7" (5.7.22); `major` is (9, 7) and so on, to compare with.

    Users: root by `connect()` (socket, no password); `leat` with LEAT_PASSWORD, the least grants that leat needs, on the
    shop and on databases whose names begin with `test`; caching_sha2_password, TLS offered (`ca` is its authority). 5.7.22 has
    mysql_native_password, and a TLS too old for the client library: none (`tls` says which mode fits).
    """

    name = "mysqld"
    database = "online_shopping_store"

    def __init__(self, *, version="9.7", mysqld=None, port=None, extra=(), durable=False, **options):
        super().__init__()
        self.mysqld = mysqld or mysqld_of(version)
        if self.mysqld is None:
            raise AssertionError(NO_OLD_SERVER.format(version))
        self.version = version
        self.major = tuple(map(int, version.split(".")))
        self.tls = "disabled" if self.major < (8, 0) else "verify-identity"
        self.port = port or free_port()
        self.folder = temporary_folder("mysql")
        self.datadir = self.folder / "data"
        self.socket = self.folder / "s"
        self.log_path = self.folder / "log"
        self.ca = self.datadir / "ca.pem"
        self.extra = list(extra)
        self.options = {
            "server_id": random.randrange(1, 2**31), "log_bin": "binlog", "gtid_mode": "ON", "enforce_gtid_consistency": "ON",
            "secure_file_priv": "NULL", "innodb_buffer_pool_size": "96M", "max_connections": 200, "character_set_server": "utf8mb4",
            "default_time_zone": "+03:30",  # not UTC: who forgets to set the session's zone is found out
            **self._sized("32M")}
        if self.major >= (8, 0):
            self.options |= {"binlog_row_metadata": "FULL"}
        if not durable:  # safe against kill -9, though not against a power cut
            self.options |= {"sync_binlog": 0, "innodb_flush_log_at_trx_commit": 2}
        self.options |= options
        if str(self.options["gtid_mode"]).upper() == "OFF" and "enforce_gtid_consistency" not in options:
            self.options["enforce_gtid_consistency"] = "OFF"

    def _sized(self, redo):
        """The redo log's size, and what only some versions would open beside the socket."""
        if self.version == "9.7":
            return {"innodb_redo_log_capacity": redo, "mysqlx": "OFF"}
        return {"innodb_log_file_size": "4M", **({"mysqlx": "OFF"} if self.major >= (8, 0) else {})}

    def _command(self, datadir, options, *extra):
        if self.version == "9.7":
            share = ["--lc-messages-dir=/usr/share/mysql"]
        else:
            own = Path(self.mysqld).parents[1]
            share = [f"--basedir={own}", f"--lc-messages-dir={own}/share"]
        return [self.mysqld, "--no-defaults", *(["--user=root"] if os.getuid() == 0 else []), f"--datadir={datadir}",
                f"--socket={self.socket}", f"--pid-file={self.folder}/pid", *share,
                *(f"--{name.replace('_', '-')}={value}" for name, value in options.items()), *extra]

    def _template(self):
        """An initialised data folder, made once for each server version (about five seconds) and copied from then on."""
        template = CACHE / f"mysql-{mysql_version(self.mysqld)}-4"
        CACHE.mkdir(parents=True, exist_ok=True)
        with open(CACHE / f"mysql-{self.version}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if template.exists():
                return template
            new = template.with_name(template.name + ".new")
            shutil.rmtree(new, ignore_errors=True)
            small = {"skip_log_bin": 1, "secure_file_priv": "NULL", **self._sized("8M")}
            made = subprocess.run(self._command(new, small, "--initialize-insecure"), capture_output=True, text=True, env=_library_path(self.mysqld))
            if made.returncode:
                raise AssertionError(f"mysqld --initialize-insecure: {made.stdout}{made.stderr}")
            _certificates(new)
            # one start: it makes the RSA keys for caching_sha2_password, and the users are stored
            self._spawn(self._command(new, small, "--skip-networking"), env=_library_path(self.mysqld))
            self._wait_answers()
            modern = self.major >= (8, 0)
            with self.connect() as connection, connection.cursor() as cursor:
                cursor.execute(f"CREATE USER leat@'%%' IDENTIFIED WITH {'caching_sha2_password' if modern else 'mysql_native_password'} BY %s", (LEAT_PASSWORD,))
                cursor.execute(f"GRANT REPLICATION SLAVE, REPLICATION CLIENT{', XA_RECOVER_ADMIN' if modern else ''} ON *.* TO leat@'%'")
                for database in (self.database, "test%"):
                    cursor.execute(f"GRANT SELECT, LOCK TABLES ON `{database}`.* TO leat@'%'")
            self.stop()
            self.process = None
            (new / "auto.cnf").unlink()
            new.rename(template)
            return template

    def _wait_answers(self):
        def answers():
            self._must_run()
            with contextlib.suppress(pymysql.err.OperationalError):
                with self.connect():
                    return True

        wait_until(answers, "mysqld answers", 60)

    def start(self):
        if not self.datadir.exists():
            subprocess.run(["cp", "-r", "--reflink=auto", "--sparse=always", self._template(), self.datadir], check=True)
        self._spawn(self._command(self.datadir, self.options, f"--port={self.port}", "--bind-address=127.0.0.1", *self.extra),
                    env=_library_path(self.mysqld))
        self._wait_answers()

    def connect(self, database=None, *, time_zone="+00:00", **more):
        """A pymysql connection as root, autocommit on, session in UTC unless `time_zone` says otherwise (None: the server's)."""
        return pymysql.connect(unix_socket=str(self.socket), user="root", charset="utf8mb4", autocommit=True, database=database, ssl_disabled=True,
                               init_command=f"SET time_zone='{time_zone}'" if time_zone else None, **more)

    def execute(self, *statements, database=None):
        """Runs statements in a connection of their own and returns the last one's rows."""
        with self.connect(database) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall()

    def run_sql_file(self, path, database=None):
        subprocess.run(["mysql", "--no-defaults", "-uroot", f"--socket={self.socket}", "--default-character-set=utf8mb4",
                        *([database] if database else [])], stdin=open(path, "rb"), check=True)

    def load_shop(self):
        self.run_sql_file(ROOT / "examples/shop/schema.sql")


# --- DynamoDB Local ---------------------------------------------------------------------------------------------------


class DynamoDBLocal(Server):
    """Amazon's DynamoDB Local, in memory; with `dbpath` (a folder, or True for a new one) what it holds outlives a restart."""

    name = "DynamoDB Local"
    region = "us-west-2"
    credentials = {"AWS_ACCESS_KEY_ID": "leattests", "AWS_SECRET_ACCESS_KEY": "notasecret"}

    def __init__(self, *, port=None, dbpath=None, heap_mb=512):
        super().__init__()
        self.port = port or free_port()
        self.folder = temporary_folder("dynamodb")
        self.log_path = self.folder / "log"
        self.heap_mb = heap_mb
        self.dbpath = self.folder / "db" if dbpath is True else Path(dbpath) if dbpath else None
        if self.dbpath:
            self.dbpath.mkdir(parents=True, exist_ok=True)

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        if not any(DYNAMODB_LOCAL.glob("DynamoDBLocal-*.jar")):
            raise AssertionError(f"no DynamoDB Local in {DYNAMODB_LOCAL}: run it through deploy/enter")
        where = ["-dbPath", self.dbpath] if self.dbpath else ["-inMemory"]
        CACHE.mkdir(parents=True, exist_ok=True)
        self._spawn(
            ["java", f"-Xmx{self.heap_mb}m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xshare:auto",
             f"-Djava.library.path={DYNAMODB_LOCAL}", "-cp", f"{DYNAMODB_LOCAL}/*",
             "software.amazon.dynamodb.services.local.main.ServerRunner",
             "-disableTelemetry", "-sharedDb", "-port", self.port, *where],
            env={**os.environ, "DDB_LOCAL_TELEMETRY": "0"}, cwd=self.folder)
        wait_until(self._answers, "DynamoDB Local answers", 60)

    def _answers(self):
        self._must_run()
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("POST", "/", b"{}", {
                "X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0",
                "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-west-2/dynamodb/aws4_request, "
                                 "SignedHeaders=host, Signature=0"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False

    def client(self):
        return dynamodb_client(self.endpoint, self.region)


def dynamodb_client(endpoint, region="us-west-2"):
    """A boto3 client for a local endpoint, with credentials that mean nothing."""
    import boto3
    from botocore.config import Config

    return boto3.session.Session().client(
        "dynamodb", endpoint_url=endpoint, region_name=region,
        aws_access_key_id=DynamoDBLocal.credentials["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=DynamoDBLocal.credentials["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"max_attempts": 4}, proxies={}, connect_timeout=5, read_timeout=60, max_pool_connections=16))


def create_contract_tables(client, contract, prefix=""):
    """The contract's tables, made without leat: for tests of the proof itself, and of a target that someone else prepared."""
    for table in contract["tables"]:
        attributes = {table["pk"]} | ({table["sk"]} if table.get("sk") else set())
        indexes = []
        for index in table.get("gsis", []):
            attributes |= {index["pk"]} | ({index["sk"]} if index.get("sk") else set())
            indexes.append({"IndexName": index["index_name"], "Projection": {"ProjectionType": "ALL"},
                            "KeySchema": _key_schema(index)})
        client.create_table(TableName=prefix + table["table"], BillingMode="PAY_PER_REQUEST", KeySchema=_key_schema(table),
                            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in sorted(attributes)],
                            **({"GlobalSecondaryIndexes": indexes} if indexes else {}))


def _key_schema(keys):
    schema = [{"AttributeName": keys["pk"], "KeyType": "HASH"}]
    return schema + ([{"AttributeName": keys["sk"], "KeyType": "RANGE"}] if keys.get("sk") else [])


# --- leat -------------------------------------------------------------------------------------------------------------


def merge(base, *overlays):
    """Nested dictionaries, later ones first; None takes a key away."""
    result = dict(base)
    for overlay in overlays:
        for key, value in overlay.items():
            if isinstance(value, dict) and isinstance(result.get(key), dict):
                result[key] = merge(result[key], value)
            elif value is None:
                result.pop(key, None)
            else:
                result[key] = value
    return result


class Leat(Server):
    """One leat over a MySQL and a DynamoDB endpoint.

    `config` is laid over the configuration written for it (nested dictionaries, None takes a key away); `endpoint` stands in
    for `dynamodb` when a proxy lies between; `state_dir` lets a second instance take over a first one's store.
    `wrapper` is put before the command of `run` (valgrind, faketime, …).
    """

    name = "leat"

    def __init__(self, mysql, dynamodb=None, *, contract=ROOT / "examples/shop/contract.json", endpoint=None, mysql_port=None,
                 config=None, state_dir=None, env=None, wrapper=(), binary=None):
        super().__init__()
        self.mysql, self.dynamodb = mysql, dynamodb
        self.binary = Path(binary or os.environ.get("LEAT_BINARY") or BUILD / "src/leat")
        self.folder = temporary_folder("leat")
        self.log_path = self.folder / "log"
        self.state_dir = Path(state_dir or self.folder / "state")
        self.port = free_port()
        self.wrapper = list(wrapper)
        if isinstance(contract, (dict, list)):
            path = self.folder / "contract.json"
            path.write_text(json.dumps(contract))
            contract = path
        (self.folder / "mysql-password").write_text(LEAT_PASSWORD)
        (self.folder / "mysql-password").chmod(0o600)
        self.config_path = self.folder / "leat.json"
        self.config = merge({
            "database": {
                "mysql": {"host": "127.0.0.1", "port": mysql_port or mysql.port, "database": mysql.database,
                          "username": LEAT_USER, "password": {"file": str(self.folder / "mysql-password")},
                          "tls": {"mode": mysql.tls, "ca": str(mysql.ca)}},
                "dynamodb": {"region": DynamoDBLocal.region, "endpoint": endpoint or dynamodb.endpoint,
                             "table_prefix": "", "connections": 4}},
            "migration": {"contractPath": str(contract)},
            "state_dir": str(self.state_dir), "durability": "process", "checkpoint_s": 1,
            "http": {"listen": f"127.0.0.1:{self.port}"},
            "log": {"format": "logfmt", "level": "info"}}, config or {})
        self.write_config()
        # LEAT_… variables override the configuration, so none of the harness's own goes along
        inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith(("LEAT_", "AWS_"))}
        self.env = {**inherited, **DynamoDBLocal.credentials, **(env or {})}

    def write_config(self, **overlay):
        """Writes the configuration again, with `overlay` laid over it."""
        self.config = merge(self.config, overlay)
        self.config_path.write_text(json.dumps(self.config, indent=1))

    def command(self, *arguments):
        return [str(self.binary), "-c", str(self.config_path), *map(str, arguments)]

    def cli(self, *arguments, expect=0, timeout_s=120.0):
        """Runs a command to its end and returns it (`.stdout`, `.stderr`); `expect` is its exit code, None for any."""
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=timeout_s, env=self.env)
        if expect is not None and done.returncode != expect:
            raise AssertionError(f"leat {' '.join(map(str, arguments))} ended with {done.returncode}, not {expect}:\n"
                                 f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}\n{self.logs[-2000:]}")
        return done

    def json(self, *arguments, expect=0, timeout_s=120.0):
        return json.loads(self.cli(*arguments, "--json", expect=expect, timeout_s=timeout_s).stdout)

    def start(self, *arguments):
        """`leat run` in the background; returns when its HTTP side answers. `arguments` follow `run`."""
        self._spawn([*self.wrapper, *self.command("run", *arguments)], env=self.env)
        wait_until(self._alive, "leat answers /health", 30)

    def _alive(self):
        self._must_run()
        return self.get("/health")[0] == 200

    def get(self, path, method="GET", timeout_s=10.0):
        """(status, body) of leat's HTTP side; (0, '') when nobody answers."""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""

    def ready(self):
        return self.get("/ready")[0] == 200

    def wait_ready(self, timeout_s=60.0):
        def ready():
            self._must_run()
            return self.ready()

        try:
            wait_until(ready, "leat is ready", timeout_s)
        except TimedOut as error:
            raise TimedOut(f"{error}: {self.get('/ready')[1]}\n{self.logs[-3000:]}") from None

    def wait_caught_up(self, timeout_s=60.0):
        """Returns when DynamoDB has everything that MySQL had when this was called."""
        done = self.cli("wait", "--now", "--timeout", int(timeout_s), expect=None, timeout_s=timeout_s + 30)
        if done.returncode:
            raise AssertionError(f"leat wait ended with {done.returncode}: {done.stderr}\n{self.cli('status', expect=None).stdout}\n{self.logs[-3000:]}")

    def wait_parked(self, timeout_s=60.0):
        """Returns the status once leat is parked (it says why)."""
        def parked():
            self._must_run()
            return any(value for name, value in self.metrics().items() if name.startswith("leat_parked"))

        wait_until(parked, "leat is parked", timeout_s, 0.1)
        return self.status()

    def status(self):
        return self.json("status")

    def metrics(self):
        """Prometheus text as a dictionary from `name{labels}` to float."""
        values = {}
        for line in self.get("/metrics")[1].splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                with contextlib.suppress(ValueError):
                    values[name] = float(value)
        return values

    def metric(self, name):
        """The sum of a metric over its labels, or None when it does not exist."""
        found = [value for key, value in self.metrics().items() if key == name or key.startswith(name + "{")]
        return sum(found) if found else None

    def sigterm(self, timeout_s=25.0):
        """Drains and ends; returns the exit code."""
        return self.stop(timeout_s)
