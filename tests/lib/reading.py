"""How much reading a binlog costs: a shop's business of LEAT_BENCH_SCALE times two million row changes (1.35 GB), read from the server by
leat and by whatever else there is, in one run. The figure that tells something is CPU time of the reading process per million row changes:
wall time moves with the machine."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from .servers import BUILD, LEAT_PASSWORD, LEAT_USER, Leat, Mysql, temporary_folder

SCALE = float(os.environ.get("LEAT_BENCH_SCALE", "1"))
ROWS = int(2_000_000 * SCALE)


def measured(command, env=None):
    """Runs a command; its CPU seconds, wall seconds, peak memory (0 where it ended too soon to be asked) and last line of output."""
    folder = temporary_folder("reading")
    with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
        before, began = os.times(), time.monotonic()
        process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=err, env=env)
        peak = 0
        while True:
            try:
                process.wait(0.1)
                break
            except subprocess.TimeoutExpired:
                for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                    if line.startswith("VmHWM:"):
                        peak = int(line.split()[1])
        wall, after = time.monotonic() - began, os.times()
    if process.returncode:
        raise AssertionError(f"{command} ended with {process.returncode}: {(folder / 'err').read_text()[-2000:]}")
    output = (folder / "out").read_text()
    shutil.rmtree(folder)
    user, system = after.children_user - before.children_user, after.children_system - before.children_system
    return {"user_s": user, "system_s": system, "wall_s": wall, "peak_mb": peak / 1024, "output": output}


def to_nothing(*command):
    """What it prints is not kept, though it is written."""
    return ["sh", "-c", 'exec "$@" > /dev/null', "sh", *command]


def end_of(mysql):
    with mysql.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW BINARY LOG STATUS")
        return cursor.fetchone()[:2]


def readers(mysql, first, end):
    """Name, command, and the share of the binlog that it reads."""
    host, port = "127.0.0.1", str(mysql.port)
    until = f"{end[0]}:{end[1]}"
    yield "mysql_binlog_fetch, nothing decoded", [BUILD / "tests/lib/binlog_fetch", host, port, LEAT_USER, LEAT_PASSWORD, first], None
    yield "leat, all columns to typed values", [
        BUILD / "tests/unit/binlog_dump", "stream", "quiet=2", f"port={port}", f"user={LEAT_USER}", f"password={LEAT_PASSWORD}", "database=test_shop",
        f"from={first}:4", f"until={until}"], None
    leat = Leat(mysql, endpoint="http://127.0.0.1:1", config={"database": {"mysql": {"database": "test_shop", "tls": {"mode": "disabled"}}}})
    yield "leat decode, JSON lines", to_nothing(*leat.command("decode", "--from", f"{first}:4", "--until", until)), leat.env
    if shutil.which("mysqlbinlog"):
        yield "mysqlbinlog -v, text", to_nothing(
            "mysqlbinlog", "-v", "--base64-output=decode-rows", "--read-from-remote-server", f"--host={host}", f"--port={port}", f"--user={LEAT_USER}",
            f"--password={LEAT_PASSWORD}", "--get-server-public-key", "--to-last-log", first), None


def reading(rounds=1):
    """A list of {reader, cpu_s_per_million, user_…, system_…, rows_s, peak_mb}, best of `rounds`."""
    options = {"innodb_flush_log_at_trx_commit": 0, "innodb_redo_log_capacity": "512M", "innodb_buffer_pool_size": "512M", "innodb_doublewrite": "OFF", "max_binlog_size": 1 << 30}
    with Mysql(**options) as mysql:
        began = time.monotonic()
        made = subprocess.run([BUILD / "tests/lib/shop_load", mysql.socket, "test_shop", str(ROWS), "2", "7"], check=True, capture_output=True, text=True)
        rows, loaded = json.loads(made.stdout)["rows"], time.monotonic() - began
        end, results = end_of(mysql), []
        size = sum(path.stat().st_size for path in mysql.datadir.glob("binlog.0*"))
        print(f"{rows} row changes, {size / 1e6:.0f} MB, written in {loaded:.0f} s", flush=True)
        for name, command, env in readers(mysql, "binlog.000002", end):
            runs = [measured(command, env) for _ in range(rounds)]
            best = min(runs, key=lambda run: run["user_s"] + run["system_s"])
            million = rows / 1e6
            results.append({"reader": name, "cpu_s_per_million": round((best["user_s"] + best["system_s"]) / million, 2),
                            "user_s_per_million": round(best["user_s"] / million, 2), "system_s_per_million": round(best["system_s"] / million, 2),
                            "rows_s": round(rows / best["wall_s"]), "peak_mb": round(max(run["peak_mb"] for run in runs))})
            print("   ", "  ".join(f"{key} {value}" for key, value in results[-1].items()), flush=True)
    return {"rows": rows, "binlog_mb": round(size / 1e6), "loaded_s": round(loaded), "readers": results}
