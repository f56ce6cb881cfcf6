# SPDX-License-Identifier: Apache-2.0
"""What schemathesis.sh runs: starts the program and lets schemathesis (PyPI) call it."""
import pathlib
import subprocess
import sys

from server_process import Server, python_with

PACKAGES = ["schemathesis==4.32.5"]
# Streams never end, and trainings and downloads are not what this looks at.
LEFT_OUT = r"^/(api/v1/events|api/v1/train|\{file\}|metrics)"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def main():
    program, write_tiny_model = sys.argv[1], sys.argv[2]
    examples = sys.argv[3] if len(sys.argv) > 3 else "5"
    python = python_with(PACKAGES, "venv-schemathesis")
    st = str(pathlib.Path(python).parent / "st")
    # Jobs that compute nothing: the requests are what is looked at.
    with Server(program, write_tiny_model, "--null-engine", "0") as server:
        command = [st, "run", f"{server.url}/openapi.json", "--url", server.url, "--header",
                   f"Authorization: Bearer {server.token}", "--max-examples", examples, "--phases", "examples,coverage,fuzzing",
                   "--exclude-path-regex", LEFT_OUT, "--checks", CHECKS, "--request-timeout", "20", "--seed", "1",
                   "--workers", "1", "--max-failures", "20", "--no-color"]
        status = subprocess.run(command).returncode
        alive = server.process.poll() is None
        if status != 0 or not alive:
            print("".join(server.lines[-50:]))
    sys.exit(status if alive else 1)


if __name__ == "__main__":
    main()
