# SPDX-License-Identifier: Apache-2.0
"""For bench_server.py: clients that are slow on purpose, as slowhttptest makes them, and very many quick ones."""
import re
import selectors
import socket
import time

from bench_server_client import Client, Pulse, milliseconds

ADDRESSES = 20  # of the slow ones, so that more come from each than the server takes


class SlowClients:
    """Connections that are opened anew whenever the server ends one, and give or take a little once in a second."""

    def __init__(self, port, token, count, first, later, reads=True):
        self.port, self.count, self.first, self.later, self.reads = port, count, first, later, reads
        self.authorization = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n".encode()
        self.sockets = {}
        self.opened = self.ended = self.failed = 0
        self.answers = {}

    def open(self, i):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024 if not self.reads else 65536)
        try:
            connection.bind((f"127.0.1.{1 + i % ADDRESSES}", 0))
            connection.settimeout(1)
            connection.connect(("127.0.0.1", self.port))
            connection.sendall(self.first.replace(b"HEAD\r\n", self.authorization))
        except OSError:
            self.failed += 1
            return connection.close()
        connection.setblocking(False)
        self.opened += 1
        self.sockets[i] = connection

    def turn(self, i):
        """A little more of connection i."""
        connection = self.sockets[i]
        try:
            if self.later:
                connection.send(self.later)
            if not self.reads:  # a client that wants its answer in drops
                return
            answer = connection.recv(4096)
            if answer[:5] == b"HTTP/":
                status = answer[9:12].decode()
                self.answers[status] = self.answers.get(status, 0) + 1
            elif answer:
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        connection.close()
        self.ended += 1
        del self.sockets[i]

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begin = time.monotonic()
            for i in range(self.count):
                if i in self.sockets:
                    self.turn(i)
                else:
                    self.open(i)
            time.sleep(max(0.0, 1 - (time.monotonic() - begin)))

    def close(self):
        for connection in self.sockets.values():
            connection.close()


# Name -> how many, what is sent first (HEAD stands for host and credentials, LARGEST for the largest of the studio's files), what each
# second, whether answers are read. Those who listen are fewer than the server takes: all of them have a right to stay.
KINDS = {
    "headers without an end": (500, b"GET /health HTTP/1.1\r\nHEAD\r\n", b"X-More: 1\r\n", True),
    "bodies without an end": (
        500, b"POST /api/v1/jobs HTTP/1.1\r\nHEAD\r\nContent-Type: application/json\r\nContent-Length: 4096\r\n\r\n", b"x", True),
    "large pages that nobody reads": (500, b"GET LARGEST HTTP/1.1\r\nHEAD\r\n\r\n" * 8, b"", False),
    "event streams that nobody reads": (200, b"GET /api/v1/events HTTP/1.1\r\nHEAD\r\n\r\n", b"", False),
}


def largest_page(client):
    """Which script of the studio is the largest: those that its first page and its first script name."""
    names = re.findall(r"assets/[\w.-]+\.js", client.call("GET", "/")[1].decode())
    names += re.findall(r"assets/[\w.-]+\.js", client.call("GET", "/" + names[0])[1].decode())
    return max(("/" + name for name in set(names)), key=lambda path: len(client.call("GET", path)[1])).encode()


def measure_slow_clients(setup, results):
    results["slow"] = {}
    for name, (count, first, later, reads) in KINDS.items():
        with setup.server(0, "--workers", 1, fresh=True) as server:
            honest = Client(server.port, server.token)
            slow = SlowClients(server.port, server.token, count, first.replace(b"LARGEST", largest_page(honest)), later, reads)
            submitter = Submitter(server, "event" in name)
            with Pulse(honest, pause=0.05) as pulse, Pulse(submitter, pause=0.02):
                slow.run(setup.seconds)
            open_files = server.open_files()
            slow.close()
            results["slow"][f"{count} clients: {name}"] = {
                "said": f"{slow.opened:,} connections taken, {slow.ended:,} ended by the server ({answers(slow.answers)}), "
                        f"{len(slow.sockets)} open at the end",
                "opened": slow.opened, "ended": slow.ended, "answers": slow.answers, "open_files": open_files,
                "honest": milliseconds(pulse.samples), "honest_not_200": pulse.bad, "memory_most_mib": server.memory_mib()[1]}


class Submitter:
    """In a Pulse: makes things happen, of which listeners are told."""

    def __init__(self, server, active):
        self.client, self.active = Client(server.port, server.token), active

    def call(self, *_):
        if not self.active:
            return 200, b"", 0
        request = {"prompt": "a long text " * 1000, "seed": 1, "steps": 4}
        return self.client.call("POST", "/api/v1/jobs", {"kind": "generate", "request": request})


def answers(counts):
    return ", ".join(f"{count} with {status}" for status, count in sorted(counts.items())) or "none with an answer"


def measure_load(setup, results, clients=64):
    """Very many small requests over connections that are kept: one thread, an event loop, the next request when the answer is there."""
    with setup.server(0, "--workers", 1, fresh=True) as server:
        request = f"GET /internal/ping HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
        run_load(server, request, clients, min(setup.gets, 20000))  # memory that stays is there after that
        time.sleep(0.5)
        before, files = server.memory_mib()[0], server.open_files()
        begin = time.monotonic()
        errors = run_load(server, request, clients, setup.gets)
        wall = time.monotonic() - begin
        time.sleep(0.5)
        results["load"] = {"gets": setup.gets, "clients": clients, "per_second": round(setup.gets / wall, 1), "errors": errors,
                           "memory_mib": [before, server.memory_mib()[0]], "open_files": [files, server.open_files()]}


def run_load(server, request, clients, count):
    """How many answers were not 200."""
    selector = selectors.DefaultSelector()
    errors = started = ended = 0
    for i in range(clients):
        connection = socket.create_connection(("127.0.0.1", server.port), source_address=(f"127.0.0.{2 + i // 30}", 0))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ)
        connection.sendall(request)
        started += 1
    while ended < started:
        for key, _ in selector.select():
            answer = key.fileobj.recv(65536)  # a small answer comes in one packet
            ended += 1
            errors += not answer.startswith(b"HTTP/1.1 200")
            if not answer:
                selector.unregister(key.fileobj)
            elif started < count:
                key.fileobj.send(request)
                started += 1
    for key in list(selector.get_map().values()):
        key.fileobj.close()
    return errors
