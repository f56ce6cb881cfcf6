# SPDX-License-Identifier: Apache-2.0
"""What schemathesis.sh runs: starts the program and lets schemathesis (PyPI) call it."""
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # no __pycache__ among the sources
from server_process import Server, python_with

PACKAGES = ["schemathesis==4.32.5"]
NATIVE_CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# Streams never end, trainings start processes, and the session and the tokens are what this run lives by.
NATIVE_LEFT_OUT = r"^/(api/v1/(events|train|session|tokens)|sdapi|controlnet|internal|v1|\{file\}|metrics)"
# The APIs of other programs: the document says little of their bodies, and two answers of theirs are 501 by design.
OTHER = r"^/(sdapi|controlnet|internal|v1)/"
OTHER_LEFT_OUT = r"^/sdapi/v1/(create|train)/"
CONFIG = str(pathlib.Path(__file__).with_name("schemathesis.toml"))


def call(st, server, examples, *arguments):
    command = [st, "--config-file", CONFIG, "run", f"{server.url}/openapi.json", "--url", server.url, "--header",
               f"Authorization: Bearer {server.token}", "--max-examples", examples, "--phases", "examples,coverage,fuzzing",
               "--request-timeout", "20", "--seed", "1", "--workers", "1", "--max-failures", "20", "--no-color", *arguments]
    with tempfile.TemporaryDirectory() as folder:  # it keeps a folder of its own where it runs
        return subprocess.run(command, cwd=folder).returncode


def main():
    program, write_tiny_model = sys.argv[1], sys.argv[2]
    examples = sys.argv[3] if len(sys.argv) > 3 else "5"
    python = python_with(PACKAGES, "venv-schemathesis")
    st = str(pathlib.Path(python).parent / "st")
    # Jobs that compute nothing: the requests are what is looked at.
    with Server(program, write_tiny_model, "--null-engine", "0") as server:
        status = call(st, server, examples, "--exclude-path-regex", NATIVE_LEFT_OUT, "--checks", NATIVE_CHECKS)
        status |= call(st, server, examples, "--include-path-regex", OTHER, "--exclude-path-regex", OTHER_LEFT_OUT,
                       "--checks", "not_a_server_error")
        alive = server.process.poll() is None
        if status != 0 or not alive:
            print("".join(server.lines[-50:]))
    sys.exit(status if alive else 1)


if __name__ == "__main__":
    main()
