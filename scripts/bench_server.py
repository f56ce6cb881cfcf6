#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the server bears a full queue, many open requests, slow and rude clients, and many listeners: jobs are done by an
engine that computes nothing, so that only server, store and network are measured. Prints a Markdown table with what is
wanted beside each figure; --json writes all of them.

The client's addresses are 127.0.0.1, 127.0.0.2, ..., since the server takes 32 connections of one address (Linux; on other
systems these addresses have to be made first). Server and client share the machine.
"""
import argparse
import contextlib
import json
import pathlib
import shutil
import signal
import sys
import tempfile
import threading
import time

from bench_server_client import ROOT, Client, Listener, Pulse, Server, milliseconds, write_models
from bench_server_limits import measure_limits
from bench_server_slow import measure_load, measure_slow_clients

TENANTS = 10  # each may have 1,000 jobs in the queue
PER_ADDRESS = 30  # of the 32 connections that one address may have
JOB = {"prompt": "a red house by the river, evening light, photograph", "negative": "blurred", "steps": 4, "width": 512, "height": 512}


def address(i):
    """Of the i-th of many connections."""
    return f"127.0.0.{2 + i // PER_ADDRESS}"


def in_threads(works):
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def database_mib(folder):
    return sum(file.stat().st_size for file in (folder / "data").glob("*.db*")) / 2**20


def wait_until_empty(client, limit):
    """Seconds until no job waits or runs; None: not within the limit."""
    begin = time.monotonic()
    while time.monotonic() - begin < limit:
        status, text, _ = client.call("GET", "/health")
        if status == 200 and json.loads(text)["queued"] + json.loads(text)["running"] == 0:
            return time.monotonic() - begin
        time.sleep(0.05)
    return None


def tenants(server):
    admin = Client(server.port, server.token)
    return [admin.json("POST", "/api/v1/tokens", {"name": f"tenant {i}", "scopes": ["write"]})["token"] for i in range(TENANTS)]


def submit_all(server, tokens, each, submitters):
    """Seconds of each answer, and how many were not 202."""
    samples, bad = [], []

    def submit(own):
        client = Client(server.port)
        for i in range(each):
            for client.token in own:
                status, _, seconds = client.call("POST", "/api/v1/jobs", {"kind": "generate", "request": {**JOB, "seed": i}})
                samples.append(seconds)
                if status != 202:
                    bad.append(status)

    in_threads([lambda own=tokens[k::submitters]: submit(own) for k in range(submitters)])
    return samples, len(bad)


def measure_queue(setup, results):
    """10,000 jobs while nobody works, questions to the full queue, then a restart with workers that empty it."""
    each = setup.jobs // TENANTS
    with setup.server(0, "--workers", 0) as server:
        tokens = tenants(server)
        before, begin = server.memory_mib()[0], time.monotonic()
        samples, bad = submit_all(server, tokens, each, setup.clients)
        wall = time.monotonic() - begin
        client = Client(server.port, server.token)
        full = server.memory_mib()[0]
        time.sleep(1)  # what is known of the queue may be half a second old
        over = client.call("POST", "/api/v1/jobs", {"kind": "generate", "request": JOB})
        asked = {path: milliseconds([client.call("GET", path)[2] for _ in range(count)])
                 for path, count in (("/health", 200), ("/api/v1/jobs", 100), ("/api/v1/jobs?limit=1000", 10))}
        now, most = server.memory_mib()
        results["queue"] = {"clients": setup.clients, "jobs": each * TENANTS, "refused": bad, "per_second": round(len(samples) / wall, 1),
                            "submit": milliseconds(samples), "next": over[0], "asked": asked,
                            "memory_mib": {"before": before, "full": full, "after": now, "most": most}}
    with setup.server(0, "--workers", 4) as server:
        client = Client(server.port, server.token)
        before = server.memory_mib()[0]
        with Pulse(Client(server.port, server.token)) as pulse:
            drained = wait_until_empty(client, 120)
        now, most = server.memory_mib()
        results["drain"] = {"restart_seconds": round(server.started, 2), "seconds": drained and round(drained, 1),
                            "health": milliseconds(pulse.samples), "memory_mib": {"before": before, "after": now, "most": most},
                            "done": len_of_done(client), "database_mib": round(database_mib(setup.folder), 1)}


def len_of_done(client):
    text = client.call("GET", "/metrics")[1].decode()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("zeroconv_jobs_ended_total{state=\"done\""))


def measure_open_posts(setup, results, count=60):
    """So many requests of the web UI's API wait for their pictures at the same time."""
    statuses, seconds = [], []
    ready = threading.Barrier(count + 1)

    def post(i):
        client = Client(server.port, server.token, address(i), timeout=120)
        ready.wait()
        status, _, took = client.call("POST", "/sdapi/v1/txt2img", {**JOB, "seed": i})
        statuses.append(status)
        seconds.append(took)

    with setup.server(0.5, "--workers", 4) as server:
        threads = [threading.Thread(target=post, args=(i,), daemon=True) for i in range(count)]
        for thread in threads:
            thread.start()
        ready.wait()
        with Pulse(Client(server.port, server.token)) as pulse:
            for thread in threads:
                thread.join()
        results["open_posts"] = {"count": count, "answered": statuses.count(200), "seconds": round(max(seconds), 2),
                                 "least_possible_seconds": count * 0.5 / 4, "health": milliseconds(pulse.samples),
                                 "health_not_200": pulse.bad, "memory_most_mib": server.memory_mib()[1]}


def measure_listeners(setup, results, count=200, jobs=100):
    """So many WebSockets are told of every job; a job in that time takes nothing."""
    arrivals, broken = [], []

    def listen(listener):
        done = 0
        try:
            while done < jobs:
                opcode, payload = listener.frame()
                if opcode == 1 and payload.startswith(b"{") and (event := json.loads(payload))["type"] == "job":
                    done += event["job"]["state"] == "done"
            arrivals.append(time.monotonic())
        except OSError as error:
            broken.append(str(error))

    with setup.server(0, "--workers", 4) as server:
        before = server.memory_mib()[0]
        listeners = [Listener(server.port, server.token, address(i)) for i in range(count)]
        threads = [threading.Thread(target=listen, args=(listener,), daemon=True) for listener in listeners]
        for thread in threads:
            thread.start()
        client = Client(server.port, server.token)
        begin = time.monotonic()
        with Pulse(Client(server.port, server.token)) as pulse:
            for i in range(jobs):
                client.json("POST", "/api/v1/jobs", {"kind": "generate", "request": {**JOB, "seed": i}})
            for thread in threads:
                thread.join(timeout=60)
        results["listeners"] = {"count": count, "opened": sum(each.status == 101 for each in listeners), "jobs": jobs,
                                "told_all": len(arrivals), "broken": broken[:3],
                                "seconds_until_all_told": round(max(arrivals, default=begin) - begin, 2),
                                "health": milliseconds(pulse.samples), "memory_mib": {"before": before, "most": server.memory_mib()[1]}}
        for each in listeners:
            each.socket.close()


class Setup:
    def __init__(self, options):
        self.program, self.folder, self.jobs, self.seconds, self.gets = (
            options.program.resolve(), pathlib.Path(options.folder), options.jobs, options.seconds, options.gets)
        self.clients = options.clients

    @contextlib.contextmanager
    def server(self, null_seconds, *arguments, fresh=None):
        """A running one; its data stay for the next unless `fresh`."""
        if fresh:
            shutil.rmtree(self.folder / "data", ignore_errors=True)
        server = Server(self.program, self.folder, null_seconds, *arguments)
        server.started = server.start()
        try:
            yield server
        except BaseException:
            server.kill()
            raise
        server.stop()


def rows_of(results):
    """What was measured, the figure, what is wanted."""
    if queue := results.get("queue"):
        accepted = queue["jobs"] - queue["refused"]
        yield "jobs accepted", f"{accepted:,} at {queue['per_second']:,.0f}/s, {queue['clients']} at a time", f"{queue['jobs']:,}"
        yield "answer to a submission", times(queue["submit"]), "p99 < 10 ms"
        yield f"job {queue['jobs'] + 1:,}", str(queue["next"]), "429"
        for path, asked in queue["asked"].items():
            yield f"GET {path}, queue full", times(asked), ""
        memory = queue["memory_mib"]
        yield ("memory: empty, with the full queue, after these questions",
               f"{memory['before']:.0f}, {memory['full']:.0f}, {memory['after']:.0f} MiB (most: {memory['most']:.0f})", "full: < 50 MB more")
    if drain := results.get("drain"):
        yield "restart with the full queue until it listens", f"{drain['restart_seconds']} s", "< 2 s"
        yield "queue emptied by 4 workers of one process", f"{drain['seconds']} s, {drain['done']:,} done", "< 60 s"
        yield "GET /health meanwhile", times(drain["health"]), ""
        memory = drain["memory_mib"]
        yield "memory, before and after", f"{memory['before']:.0f} and {memory['after']:.0f} MiB (most: {memory['most']:.0f})", "< 50 MB more"
        yield "size of the database", f"{drain['database_mib']} MiB", ""
    if posts := results.get("open_posts"):
        yield (f"{posts['count']} open POST /sdapi/v1/txt2img", f"{posts['answered']} answered in {posts['seconds']} s",
               f"all; {posts['least_possible_seconds']} s of work")
        yield "GET /health meanwhile", times(posts["health"]), "p99 < 1 s"
    if listeners := results.get("listeners"):
        yield (f"{listeners['count']} WebSockets, {listeners['jobs']} jobs",
               f"{listeners['told_all']} told everything, {listeners['seconds_until_all_told']} s after the first submission", "all")
        yield "GET /health meanwhile", times(listeners["health"]), "p99 < 1 s"
        memory = listeners["memory_mib"]
        yield "memory, before and most", f"{memory['before']:.0f} and {memory['most']:.0f} MiB", ""
    for name, slow in results.get("slow", {}).items():
        yield name, slow["said"], ""
        yield "an honest client meanwhile", f"{times(slow['honest'])}; not 200: {sum(slow['honest_not_200'].values())}", "p99 < 1 s"
        yield "memory", f"{slow['memory_most_mib']:.0f} MiB at most", "< 200 MB"
    if load := results.get("load"):
        yield f"{load['gets']:,} small GETs, {load['clients']} connections", f"{load['per_second']:,.0f}/s, {load['errors']} errors", "0 errors"
        memory, files = load["memory_mib"], load["open_files"]
        yield "memory and open files, before and after", f"{memory[0]:.1f} and {memory[1]:.1f} MiB, {files[0]} and {files[1]}", "flat"


def times(summary):
    return f"p50 {summary['p50_ms']} ms, p95 {summary['p95_ms']} ms, p99 {summary['p99_ms']} ms"


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build/release/bin/zeroconv",
                        help="write_tiny_model beside it (build/release/bin/zeroconv)")
    parser.add_argument("--only", default="queue,posts,listeners,slow,limits,load", help="parts, with commas between them (all)")
    parser.add_argument("--jobs", type=int, default=10000, help="jobs in the queue (10000: as many as it takes)")
    parser.add_argument("--clients", type=int, default=4, help="that submit them, without a pause (4)")
    parser.add_argument("--seconds", type=float, default=20, help="how long each kind of slow client stays (20)")
    parser.add_argument("--gets", type=int, default=200000, help="small GETs (200000)")
    parser.add_argument("--folder", help="for data and models (a temporary one)")
    parser.add_argument("--json", metavar="FILE", help="write all results there too")
    return parser.parse_args()


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers are ended on the way out
    with tempfile.TemporaryDirectory(prefix="zeroconv-bench-") as temporary:
        options.folder = options.folder or temporary
        setup = Setup(options)
        write_models(setup.program.parent / "write_tiny_model", setup.folder)
        parts = {"queue": measure_queue, "posts": measure_open_posts, "listeners": measure_listeners,
                 "slow": measure_slow_clients, "limits": measure_limits, "load": measure_load}
        results = {}
        for part in options.only.split(","):
            parts[part](setup, results)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=2) + "\n")
    print("| what | measured | wanted |\n|---|---|---|")
    for row in rows_of(results):
        print("| " + " | ".join(row) + " |")
    if "limits" in results:
        print("\n| beyond the limit | answer | wanted |\n|---|---|---|")
        for name, got, wanted in results["limits"]:
            print(f"| {name} | {got} | {wanted}{'' if got == wanted else ' **differs**'} |")


if __name__ == "__main__":
    main()
