# SPDX-License-Identifier: Apache-2.0
"""What bench_server.py and tests/cli/kill_serve.py share: server and worker processes with an engine that computes nothing,
clients on raw sockets, and figures out of samples. Python's standard library alone."""
import base64
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Server:
    """A `zeroconv serve` of our own: its port, its token, and what it costs. `data` may be of a server before."""

    def __init__(self, program, folder, null_seconds, *arguments):
        self.environment = {**os.environ, "ZEROCONV_MODELS": str(folder / "models"), "OMP_WAIT_POLICY": "passive"}
        self.folder = folder
        common = ["--data", str(folder / "data"), "--models", str(folder / "models"), "--null-engine", str(null_seconds)]
        self.command = [str(program), "serve", "--port", "0", "--threads", "1", *common, *map(str, arguments)]
        self.worker_command = [str(program), "worker", "--threads", "1", *common, *map(str, self.of_worker(arguments))]
        self.process = None

    @staticmethod
    def of_worker(arguments):
        """Those options of serve that a worker has too."""
        pairs = list(zip(arguments[::2], arguments[1::2]))
        return [word for pair in pairs if pair[0] in ("--store", "--lease-seconds") for word in pair]

    def start(self):
        """Seconds until it listens."""
        begin = time.monotonic()
        self.log = open(self.folder / "server.txt", "ab")
        self.process = subprocess.Popen(self.command, env=self.environment, stdout=subprocess.PIPE, stderr=self.log)
        for line in self.process.stdout:
            if match := re.search(rb"http://([^:/ ]+):(\d+)/#token=(\S+)", line):
                self.port, self.token = int(match[2]), match[3].decode()
                return time.monotonic() - begin
        raise SystemExit(f"the server did not start; see {self.folder / 'server.txt'}")

    def start_worker(self):
        return subprocess.Popen(self.worker_command, env=self.environment, stdout=subprocess.DEVNULL, stderr=self.log)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        if self.process.wait(timeout=40) != 0:
            raise SystemExit(f"the server ended with status {self.process.returncode}")

    def memory_mib(self):
        """In use now, and the most so far."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return tuple(int(re.search(name + r":\s+(\d+)", text)[1]) / 1024 for name in ("VmRSS", "VmHWM"))

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def write_models(write_tiny_model, folder):
    """The tiny model, by the program that the tests have for it."""
    (folder / "models").mkdir(parents=True, exist_ok=True)
    subprocess.run([str(write_tiny_model), str(folder / "models")], check=True)


class Client:
    """One connection that is kept; opened anew after the server has closed it."""

    def __init__(self, port, token="", source="127.0.0.1", timeout=60):
        self.token = token
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout, source_address=(source, 0))

    def call(self, method, path, value=None, headers=None):
        """Status, body, seconds. Status 0: the connection broke without an answer."""
        body = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
        fields = {"Content-Type": "application/json"} if body is not None else {}
        if self.token:
            fields["Authorization"] = "Bearer " + self.token
        fields.update(headers or {})
        begin = time.perf_counter()
        try:
            self.connection.request(method, path, body=body, headers=fields)
            answer = self.connection.getresponse()
            text = answer.read()
            return answer.status, text, time.perf_counter() - begin
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return 0, b"", time.perf_counter() - begin

    def json(self, method, path, value=None):
        status, text, _ = self.call(method, path, value)
        if not 200 <= status < 300:
            raise SystemExit(f"{method} {path}: {status} {text[:300]!r}")
        return json.loads(text) if text else None


class Pulse:
    """Asks for something again and again while something else goes on: `with Pulse(...) as pulse`, then pulse.samples."""

    def __init__(self, client, path="/health", pause=0.02):
        self.client, self.path, self.pause = client, path, pause
        self.samples, self.bad = [], {}

    def __enter__(self):
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.beat, daemon=True)
        self.thread.start()
        return self

    def beat(self):
        while not self.ended.wait(self.pause):
            status, _, seconds = self.client.call("GET", self.path)
            self.samples.append(seconds)
            if status != 200:
                self.bad[status] = self.bad.get(status, 0) + 1

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def raw(port, text, source="127.0.0.1", timeout=30):
    """The whole answer to these bytes and seconds until it ended; b"" when the connection was closed without one."""
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=timeout, source_address=(source, 0)) as connection:
        answer = b""
        try:
            connection.sendall(text)
            while part := connection.recv(65536):
                answer += part
                if answer.startswith(b"HTTP/1.1 101"):
                    break
        except OSError:
            pass
    return answer, time.monotonic() - begin


def status_of(answer):
    return int(answer[9:12]) if answer[:5] == b"HTTP/" else 0


class Listener:
    """A WebSocket on the stream of events; no extension, client frames are masked with zeros."""

    def __init__(self, port, token, source):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(source, 0))
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n\r\n").encode())
        self.rest = b""
        while b"\r\n\r\n" not in self.rest:
            part = self.socket.recv(4096)
            if not part:
                break
            self.rest += part
        self.status = status_of(self.rest)
        self.rest = self.rest.partition(b"\r\n\r\n")[2]

    def take(self, count):
        while len(self.rest) < count:
            part = self.socket.recv(262144)
            if not part:
                raise ConnectionError("the server has closed the WebSocket")
            self.rest += part
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def frame(self):
        """Opcode and payload of the next one."""
        first, length = self.take(2)
        if length == 126:
            length, = struct.unpack(">H", self.take(2))
        elif length == 127:
            length, = struct.unpack(">Q", self.take(8))
        return first & 15, self.take(length)

    def send(self, opcode, payload):
        size = struct.pack(">BH", 0x80 | 126, len(payload)) if len(payload) < 65536 else struct.pack(">BQ", 0x80 | 127, len(payload))
        self.socket.sendall(bytes([0x80 | opcode]) + size + b"\0\0\0\0" + payload)


def percentile(samples, part):
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


def milliseconds(samples):
    """{"count", "p50_ms", "p95_ms", "p99_ms", "max_ms"}"""
    return {"count": len(samples), **{f"p{int(100 * part)}_ms": round(1000 * percentile(samples, part), 2) for part in (0.5, 0.95, 0.99)},
            "max_ms": round(1000 * max(samples, default=float("nan")), 2)}
