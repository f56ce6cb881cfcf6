#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Server and worker are killed again and again while jobs come and are done; PostgreSQL's server too, every few rounds.
Afterwards every job that was accepted is there once, with its picture once and whole.

Usage: kill_serve.py ZEROCONV WRITE_TINY_MODEL [ROUNDS [sqlite|postgres [SEED]]]    Status 77: no PostgreSQL is installed.
"""
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
from bench_server_client import Client, Server, write_models

SKIPPED = 77
NULL_SECONDS = 0.005
ROUNDS_OF_A_POSTGRES = 5  # between two of its crashes
PATIENCE = 60
failures = []


def fail(text):
    failures.append(text)
    print("FAILED: " + text, flush=True)


class Postgres:
    """A server of the test's own, in a folder of its own, on a socket in it."""

    def __init__(self):
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres")) or [shutil.which("postgres")]
        if found[-1] is None:
            sys.exit(SKIPPED)
        self.programs = pathlib.Path(found[-1]).parent
        self.folder = tempfile.mkdtemp(prefix="zcpg-")  # short: the socket's path must fit into 107 bytes
        # PostgreSQL refuses to run as root.
        self.user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        if self.user:
            shutil.chown(self.folder, "postgres", "postgres")
        subprocess.run([self.programs / "initdb", "-D", "data", "-U", "zeroconv", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"],
                       cwd=self.folder, check=True, stdout=subprocess.DEVNULL, **self.user)
        self.start()

    def start(self):
        self.log = open(pathlib.Path(self.folder) / "log", "ab")
        self.process = subprocess.Popen(
            [self.programs / "postgres", "-D", "data", "-k", self.folder, "-c", "listen_addresses=", "-c", "fsync=off",
             "-c", "shared_buffers=16MB", "-c", "max_connections=40"], cwd=self.folder, stdout=self.log, stderr=self.log, **self.user)
        end = time.monotonic() + PATIENCE
        while self.psql("SELECT 1") != "1":
            if time.monotonic() > end:
                sys.exit("PostgreSQL did not start; see " + self.folder)
            time.sleep(0.02)

    def crash(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        self.start()

    def psql(self, query):
        answer = subprocess.run([self.programs / "psql", "-h", self.folder, "-U", "zeroconv", "-d", "postgres", "-Atc", query],
                                capture_output=True, text=True)
        return answer.stdout.strip()

    @property
    def url(self):
        return f"postgres:host={self.folder} user=zeroconv dbname=postgres"

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Submitter:
    """Asks for job 0, 1, 2, ... until it is stopped; each until it was accepted, under a key of its own."""

    def __init__(self, server):
        self.server, self.accepted, self.repeats = server, {}, 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)  # a failure elsewhere ends the test
        self.thread.start()

    def submit(self, number):
        body = {"kind": "generate", "request": {"prompt": f"picture {number}", "seed": number, "steps": 2}}
        client = Client(self.server.port, self.server.token, timeout=10)
        status, text, _ = client.call("POST", "/api/v1/jobs", body, {"Idempotency-Key": f"key {number}"})
        return json.loads(text)["id"] if status == 202 else None

    def run(self):
        number = 0
        while not self.stopping.wait(0.005):
            job = self.submit(number)
            if job is None:
                self.repeats += 1
                continue
            self.accepted[number] = job
            number += 1

    def stop(self):
        self.stopping.set()
        self.thread.join()


def kill_rounds(server, submitter, rounds, chance, postgres):
    """How many processes were killed, and the seconds of each restart."""
    worker, killed, restarts = server.start_worker(), 0, []
    for number in range(rounds):
        time.sleep(chance.uniform(0.05, 0.5))
        victims = chance.choice(["server", "worker", "both"])
        if victims != "server":
            worker.kill()
            worker.wait()
            killed += 1
        if victims != "worker":
            server.kill()
            killed += 1
        if postgres and number % ROUNDS_OF_A_POSTGRES == ROUNDS_OF_A_POSTGRES - 1:
            postgres.crash()
        if victims != "worker":
            restarts.append(server.start())
        if victims != "server":
            worker = server.start_worker()
        if postgres and worker.poll() is not None:
            worker = server.start_worker()
    submitter.stop()
    return worker, killed, restarts


def all_of(client, path, name, cursor):
    """Every job or picture, page by page."""
    found, after = [], ""
    while True:
        page = client.json("GET", f"{path}?limit=200" + after)
        found += page[name]
        if len(page[name]) < 200:
            return found
        after = f"&{cursor}=" + (page.get("next") or page[name][-1]["id"])


def wait_until_done(client):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        health = json.loads(client.call("GET", "/health")[1] or b"{}")
        if health.get("queued") == 0 and health.get("running") == 0:
            return
        time.sleep(0.1)
    fail(f"jobs still wait or run after {PATIENCE} s: {health}")


def check_jobs(client, submitter):
    """Each accepted one is there once and has ended well; one that took three workers with it may be dead."""
    jobs = all_of(client, "/api/v1/jobs", "jobs", "before")
    images = all_of(client, "/api/v1/images", "images", "cursor")
    by_job = {}
    for image in images:
        by_job.setdefault(image["job"], []).append(image)
    states = {job["id"]: job for job in jobs}
    dead = 0
    for number, job in submitter.accepted.items():
        known = states.get(job)
        if known is None:
            fail(f"job {number} is lost")
        elif known["state"] == "dead" and known["attempt"] >= 3:
            dead += 1
        elif known["state"] != "done" or len(by_job.get(job, [])) != 1 or by_job[job][0]["seed"] != number:
            fail(f"job {number} is {known['state']} with {len(by_job.get(job, []))} pictures")
    # A job whose answer the client never saw was submitted again under its key.
    if len(jobs) - len(submitter.accepted) not in (0, 1):
        fail(f"there are {len(jobs)} jobs of {len(submitter.accepted)} keys")
    for number in random.sample(sorted(submitter.accepted), min(20, len(submitter.accepted))):
        if submitter.submit(number) != submitter.accepted[number]:
            fail(f"the key of job {number} gives another job")
    for image in images:
        status, content, _ = client.call("GET", "/api/v1/assets/" + image["sha"])
        if status != 200 or hashlib.sha256(content).hexdigest() != image["sha"]:
            fail(f"picture {image['id']} is not whole: {status}")
    again = sum(job["attempt"] > 1 for job in jobs)
    return f"{len(jobs)} jobs ({again} of them begun more than once, {dead} dead), {len(images)} pictures"


def check_database(folder, postgres):
    questions = {"SELECT COALESCE(sum(waiting), 0) FROM tenants": "0", "SELECT count(*) FROM previews": "0",
                 "SELECT count(*) FROM images WHERE sha NOT IN (SELECT sha FROM blobs)": "0"}
    if postgres:
        answer = postgres.psql
    else:
        path = next((folder / "data").glob("*.db"))
        database = sqlite3.connect(path)
        questions["PRAGMA integrity_check"] = "ok"

        def answer(query):
            return str(database.execute(query).fetchone()[0])

        for file in path.with_suffix(".blobs").glob("??/*"):
            if hashlib.sha256(file.read_bytes()).hexdigest() != file.name:
                fail(f"blob {file.name} is not whole")
    for question, wanted in questions.items():
        if (got := answer(question)) != wanted:
            fail(f"{question}: {got}, wanted {wanted}")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # nothing is left behind by a test that takes too long
    program, write_tiny_model = map(pathlib.Path, sys.argv[1:3])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 30
    kind = sys.argv[4] if len(sys.argv) > 4 else "sqlite"
    chance = random.Random(int(sys.argv[5]) if len(sys.argv) > 5 else 1)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="zeroconv-kill-"))
    postgres = Postgres() if kind == "postgres" else None
    write_models(write_tiny_model, folder)
    server = Server(program, folder, NULL_SECONDS, "--lease-seconds", 1, *(["--store", postgres.url] if postgres else []))
    worker = None
    try:
        server.start()
        submitter = Submitter(server)
        worker, killed, restarts = kill_rounds(server, submitter, rounds, chance, postgres)
        client = Client(server.port, server.token)
        wait_until_done(client)
        found = check_jobs(client, submitter)
        worker.terminate()
        worker.wait()
        server.stop()
        check_database(folder, postgres)
        print(f"{kind}: {rounds} rounds, {killed} kills, {found}, {submitter.repeats} submissions repeated, "
              f"slowest restart {max(restarts, default=0):.2f} s, {len(failures)} failures")
    finally:
        for process in (worker, server.process):
            if process and process.poll() is None:
                process.kill()
        if postgres:
            postgres.stop()
        if not failures:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
