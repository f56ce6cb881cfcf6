# SPDX-License-Identifier: Apache-2.0
"""Starts `zeroconv serve` on a free port with the tiny model, for tests from outside, and ends it."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

SKIPPED = 77  # CTest's SKIP_RETURN_CODE of these tests
ROOT = pathlib.Path(__file__).resolve().parents[2]


class Server:
    """with Server(program, write_tiny_model) as server: server.url, server.port, server.token"""

    def __init__(self, program, write_tiny_model, *arguments):
        self.program, self.write_tiny_model, self.arguments = program, write_tiny_model, arguments

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="zeroconv-api-")
        models = pathlib.Path(self.folder.name) / "models"
        models.mkdir()
        subprocess.run([self.write_tiny_model, str(models)], check=True)
        environment = {**os.environ, "ZEROCONV_MODELS": str(models), "OMP_WAIT_POLICY": "passive"}
        command = [self.program, "serve", "--port", "0", "--data", self.folder.name, "--models", str(models), *self.arguments]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line)
            match = re.search(r"http://[^:/ ]+:(\d+)/#token=(\S+)", line)
            if match:
                self.port, self.token = int(match.group(1)), match.group(2)
                self.url = f"http://127.0.0.1:{self.port}"
                # What it says later must not fill the pipe.
                threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True).start()
                return self
        sys.exit("the server did not start:\n" + "".join(self.lines))

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            sys.exit("the server did not end within 40 seconds")
        finally:
            self.folder.cleanup()


def python_with(packages, name):
    """The interpreter of .deps/NAME, which is made with these packages if it is missing; ends with 77 without a network."""
    folder = ROOT / ".deps" / name
    stamp = folder / "complete"
    python = folder / "bin" / "python"
    wanted = " ".join(packages)
    if stamp.exists() and stamp.read_text() == wanted:
        return str(python)
    print(f"making {folder} with {wanted}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet", *packages]
    if subprocess.run(install).returncode != 0:
        print(f"skipped: {wanted} cannot be downloaded; is there a network?")
        sys.exit(SKIPPED)
    stamp.write_text(wanted)
    return str(python)
