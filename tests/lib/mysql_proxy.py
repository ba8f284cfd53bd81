"""A TCP proxy before a MySQL server that knows the packets of its protocol: for what a network, or a badly timed administrator, does.

    with MysqlProxy(mysql.port) as proxy:
        proxy.before_dump = lambda: ...   # called once, when a client asks for the binlog, before the server hears of it
        proxy.alter = lambda n, packet: packet  # packet number n (from 0) of the binlog stream, without its head; None ends the connection in its middle
        proxy.fault = (3, "cut")          # at the fourth command: the connection ends before it; "half": in the middle of its answer; "refuse": the
                                          # server is asked something else instead, and says no
        ...                               # proxy.port is what the client is given

Connections must be without TLS (the proxy reads them). Threads; everything public may be set from any thread before it is needed.
"""

import contextlib
import socket
import threading

COM_QUERY, COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID, COM_STMT_PREPARE, COM_STMT_EXECUTE = 0x03, 0x12, 0x1E, 0x16, 0x17
COUNTED = (COM_QUERY, COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID, COM_STMT_PREPARE, COM_STMT_EXECUTE)
REFUSED = bytes([COM_QUERY]) + b"DO leat_no_such_function()"


class MysqlProxy:
    def __init__(self, upstream_port):
        self.upstream_port = upstream_port
        self.before_dump = None
        self.alter = None
        self.fault = None
        self.commands = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open = []
        self._half = False

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.close()
        for one in self._open:
            _end(one)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.upstream_port))
                self._open += [client, server]
                for one in (client, server):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                dumping = threading.Event()
                threading.Thread(target=self._pump, args=(client, server, dumping, True), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, dumping, False), daemon=True).start()

    def _pump(self, source, target, dumping, is_client):
        number = 0
        with contextlib.suppress(OSError, EOFError):
            while True:
                head = _read(source, 4)
                body = _read(source, int.from_bytes(head[:3], "little"))
                if is_client and head[3] == 0 and body and body[0] in COUNTED:
                    body = self._command(body, dumping)
                elif not is_client and dumping.is_set() and self.alter:
                    body, whole = self.alter(number, body), body
                    number += 1
                    if body is None:
                        target.sendall(head + whole[:len(whole) // 2])
                if body is None:
                    break
                half = not is_client and self._half
                target.sendall(len(body).to_bytes(3, "little") + head[3:] + (body[:len(body) // 2] if half else body))
                if half:
                    break
        _end(source)
        _end(target)

    def _command(self, body, dumping):
        """What the server gets in the place of a client's command; None ends the connection."""
        number, self.commands = self.commands, self.commands + 1
        kind = self.fault[1] if self.fault and self.fault[0] == number else None
        if body[0] in (COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID):
            hook, self.before_dump = self.before_dump, None
            if hook:
                hook()
            dumping.set()
        if kind == "half":
            self._half = True
        return None if kind == "cut" else REFUSED if kind == "refuse" else body


def _end(one):
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def _read(source, count):
    data = b""
    while len(data) < count:
        more = source.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data
