"""Make the virtual environment: the locked packages with their hashes, then slimbench itself.

Uses nothing but the standard library and pip. Of what the user has configured for pip, only where
packages come from and how to get there counts. Runs at the same time wait for each other.
"""

from __future__ import annotations

import ast
import fcntl
import os
import re
import subprocess
import sys
import time
import venv
from collections import deque
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent

READY = ".ready"
"""Written last: names the checkout that the environment was made for."""

NETWORK = (
    *("index-url", "extra-index-url", "no-index", "find-links", "trusted-host", "proxy", "cert"),
    *("client-cert", "default-timeout", "timeout", "retries", "cache-dir", "no-cache-dir"),
)
"""The settings of pip's that are the user's to choose."""


def main(folder: str, lock: str) -> int:
    """Install into `folder`; returns the exit status."""
    if not (3, 11) <= sys.version_info < (3, 14):
        version = ".".join(map(str, sys.version_info[:3]))
        print(
            f"slimbench needs Python 3.11, 3.12 or 3.13; {sys.executable} is {version}. "
            "Name another with PYTHON=.",
            file=sys.stderr,
        )
        return 1
    checkout = os.open(CHECKOUT, os.O_RDONLY)
    try:
        fcntl.flock(checkout, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"Another make is setting up {folder}; waiting for it.", flush=True)
        fcntl.flock(checkout, fcntl.LOCK_EX)
        if _is_ready(Path(folder), Path(lock)):
            return 0
    return install(folder, lock)


def _is_ready(folder: Path, lock: Path) -> bool:
    """Return whether the environment is this checkout's and made since its inputs changed."""
    ready = folder / READY
    inputs = (lock, CHECKOUT / "pyproject.toml", Path(__file__))
    return (
        ready.exists()
        and ready.read_text(encoding="utf-8") == f"{CHECKOUT}\n"
        and all(path.stat().st_mtime <= ready.stat().st_mtime for path in inputs)
    )


def install(folder: str, lock: str) -> int:
    """Make the environment anew and fill it; returns the exit status."""
    begun = time.monotonic()
    print(f"Setting up {folder} with Python {sys.version.split()[0]}.", flush=True)
    venv.create(folder, with_pip=True, clear=True)
    python = Path(folder) / "bin" / "python"
    count = len(re.findall(r"^[A-Za-z0-9]", Path(lock).read_text(encoding="utf-8"), re.MULTILINE))
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    steps = (
        [*pip, "--progress-bar", "off", "--require-hashes", "-r", lock],
        [*pip, "--no-deps", "--no-build-isolation", "-e", str(CHECKOUT)],
    )
    environment = pip_environment(python)
    for step in steps:
        status = _follow(step, count, environment)
        if status:
            return status
    (Path(folder) / READY).write_text(f"{CHECKOUT}\n", encoding="utf-8")
    print(f"\rSet up in {time.monotonic() - begun:.0f} s.{' ' * 50}", flush=True)
    return 0


def pip_environment(python: Path) -> dict[str, str]:
    """Return the environment for pip: the user's, but of Python's and pip's settings `NETWORK`.

    `PIP_USER`, `PIP_TARGET`, `PIP_REQUIRE_HASHES` or their like in a configuration file would have
    pip install elsewhere or nothing.
    """
    variables = {f"PIP_{name.replace('-', '_').upper()}": name for name in NETWORK}
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in {*variables, "PIP_CONFIG_FILE"} or not name.startswith(("PIP_", "PYTHON"))
    }
    listing = [str(python), "-m", "pip", "config", "list", "--disable-pip-version-check"]
    configured = subprocess.run(
        listing, env=environment, capture_output=True, text=True, check=True
    )
    settings: dict[str, str] = {}
    # A line is `global.proxy='…'` or, later and stronger, `install.proxy='…'`.
    for line in configured.stdout.splitlines():
        name, _, value = line.partition("=")
        settings[name.rpartition(".")[2]] = value
    for variable, name in variables.items():
        if name in settings:
            environment.setdefault(variable, ast.literal_eval(settings[name]))
    environment["PIP_CONFIG_FILE"] = os.devnull
    return environment


def _follow(command: list[str], count: int, environment: dict[str, str]) -> int:
    """Run pip, showing which package it is at; on failure show its last lines."""
    last_lines: deque[str] = deque(maxlen=20)
    collected = 0
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        if process.stdout is None:
            raise RuntimeError("pip was started without its output.")
        for line in process.stdout:
            last_lines.append(line)
            if line.startswith("Collecting "):
                collected += 1
                _show(f"[{collected}/{count}] {line.split()[1].split('=')[0]}")
            elif collected and line.startswith("Installing collected packages"):
                _show("unpacking, about a minute")
    if process.returncode:
        print("\nThe set-up failed. pip said last:\n\n" + "".join(last_lines), file=sys.stderr)
    return process.returncode


def _show(text: str) -> None:
    """Overwrite the line on a terminal; in a log every tenth package has a line of its own."""
    if sys.stdout.isatty():
        print(f"\r{text:<60}", end="", flush=True)
    elif not text.startswith("[") or "0/" in text:
        print(text, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:3]))
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; run it again.")
