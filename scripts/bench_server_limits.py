# SPDX-License-Identifier: Apache-2.0
"""For bench_server.py: one step beyond each limit of the server, and its answer."""
import json
import socket
import time

from bench_server_client import Client, Listener, raw, status_of

JSON_HEAD = "Content-Type: application/json\r\n"


def head(server, method="GET", path="/health", more="", host=None):
    return (f"{method} {path} HTTP/1.1\r\nHost: {host or f'127.0.0.1:{server.port}'}\r\nConnection: close\r\n"
            f"Authorization: Bearer {server.token}\r\n{more}\r\n").encode()


def said(answer, seconds=None):
    status = str(status_of(answer) or "closed")
    code = ""
    try:
        code = json.loads(answer.partition(b"\r\n\r\n")[2]).get("error", "")
    except (ValueError, AttributeError):
        pass
    return " ".join(filter(None, [status, code if isinstance(code, str) else "", f"after {seconds:.0f} s" if seconds is not None else ""]))


def of_heads(server):
    def ask(*arguments, body=b"", **more):
        return said(raw(server.port, head(server, *arguments, **more) + body)[0])
    yield "request line of 9,000 bytes", ask(path="/" + "a" * 9000), "414 uri_too_long"
    yield "101 headers", ask(more="".join(f"X-{i}: 1\r\n" for i in range(101))), "431 headers_too_large"
    yield "headers of 33 KiB", ask(more=f"X-Long: {'a' * 33 * 1024}\r\n"), "431 headers_too_large"
    both = JSON_HEAD + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"
    yield "Content-Length and Transfer-Encoding", ask("POST", "/api/v1/jobs", both), "400 bad_request"
    yield "Host of another site", ask(path="/api/v1/jobs", host="example.org"), "421 unknown_host"
    elsewhere = JSON_HEAD + "Origin: https://example.org\r\nContent-Length: 2\r\n"
    yield "a write from another site's page", ask("POST", "/api/v1/jobs", elsewhere), "403 cross_site"
    yield "body of 65 MiB, declared", ask("POST", "/api/v1/jobs", JSON_HEAD + f"Content-Length: {65 << 20}\r\n"), "413 body_too_large"
    yield "job as text/plain", ask("POST", "/api/v1/jobs", "Content-Type: text/plain\r\nContent-Length: 2\r\n", body=b"{}"), "415 not_json"
    yield "../ in a path", ask(path="/api/v1/assets/%2e%2e%2fstudio.db"), "404 not_found"


def of_time(server):
    # Both wait at once: two deadlines take no longer than one.
    late = socket.create_connection(("127.0.0.1", server.port), source_address=("127.0.0.3", 0))
    late.sendall(b"GET /health HTTP/1.1\r\n")
    begin = time.monotonic()
    answer, seconds = raw(server.port, head(server, "POST", "/api/v1/jobs", JSON_HEAD + "Content-Length: 100000\r\n") + b"{", timeout=30)
    yield "body that does not come", said(answer, seconds), "408 timeout after 5 s"
    answer = late.recv(65536)
    yield "headers that do not come", said(answer, time.monotonic() - begin), "408 timeout after 10 s"
    late.close()


def of_jobs(server):
    client = Client(server.port, server.token)

    def submit(request):
        status, text, _ = client.call("POST", "/api/v1/jobs", request if isinstance(request, bytes) else {"kind": "generate", "request": request})
        return f"{status} {json.loads(text)['error'] or ''}".strip()

    yield "150 steps", submit({"prompt": "x", "steps": 150}), "202"
    yield "151 steps", submit({"prompt": "x", "steps": 151}), "422 invalid_value"
    yield "width 513", submit({"prompt": "x", "width": 513}), "422 invalid_value"
    yield "width 2,056", submit({"prompt": "x", "width": 2056}), "422 invalid_value"
    yield "batch of 17", submit({"prompt": "x", "batch": 17}), "422 invalid_value"
    yield "prompt of 17 KiB", submit({"prompt": "x" * 17 * 1024}), "422 invalid_value"
    yield "9 layers", submit({"prompt": "x", "controls": [{"kind": "canny", "image": "asset:" + "0" * 64}] * 9}), "422 invalid_value"
    yield "JSON 33 deep", submit(b"[" * 33 + b"]" * 33), "400 bad_json"
    yield "JSON of 100,001 values", submit(b"[" + b"1," * 100000 + b"1]"), "400 bad_json"
    yield "JSON cut short", submit(b'{"kind":'), "400 bad_json"
    yield "a field that nobody knows", submit({"prompt": "x", "stepps": 3}), "422 invalid_value"
    picture = client.call("PUT", "/api/v1/assets", b"<svg/>", {"Content-Type": "image/svg+xml"})
    yield "an SVG for a picture", f"{picture[0]} {json.loads(picture[1]).get('error', '')}", "422 image_unsupported"


def of_connections(server):
    # Requests at work cannot be turned out for others; those that only wait can.
    streams = []
    for i in range(32):
        streams.append(socket.create_connection(("127.0.0.1", server.port), source_address=("127.0.0.9", 0)))
        streams[-1].sendall(head(server, path="/api/v1/events"))
        streams[-1].recv(64)
    yield "33rd connection of an address with 32 event streams", said(raw(server.port, head(server), "127.0.0.9")[0]), "503 too_many_connections"
    yield "the next address meanwhile", said(raw(server.port, head(server), "127.0.0.10")[0]), "200"
    for i in range(32, 256):
        streams.append(socket.create_connection(("127.0.0.1", server.port), source_address=(f"127.0.0.{9 + i // 32}", 0)))
        streams[-1].sendall(head(server, path="/api/v1/events"))
        streams[-1].recv(64)
    yield "257th connection", said(raw(server.port, head(server), "127.0.0.30")[0]), "503 too_many_connections"
    for each in streams:
        each.close()
    time.sleep(0.2)
    idle = [socket.create_connection(("127.0.0.1", server.port), source_address=("127.0.0.9", 0)) for _ in range(32)]
    yield "33rd connection of an address with 32 idle ones", said(raw(server.port, head(server), "127.0.0.9")[0]), "200"
    for each in idle:
        each.close()
    listener = Listener(server.port, server.token, "127.0.0.4")
    listener.send(1, b"a" * 65 * 1024)
    code = None
    while code is None:
        opcode, payload = listener.frame()
        code = int.from_bytes(payload[:2], "big") if opcode == 8 else None
    yield "WebSocket message of 65 KiB", f"closed with {code}", "closed with 1009"
    listener.socket.close()


def of_guesses(server):
    """Last: the address is locked out afterwards."""
    client = Client(server.port, "wrong", "127.0.0.20")
    statuses = [client.call("GET", "/api/v1/jobs")[0] for _ in range(12)]
    yield "12 wrong tokens within a minute", " ".join(map(str, sorted(set(statuses)))), "401 429"


def measure_limits(setup, results):
    with setup.server(0, "--workers", 0, fresh=True) as server:
        results["limits"] = [row for part in (of_heads, of_time, of_jobs, of_connections, of_guesses) for row in part(server)]
