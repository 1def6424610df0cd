"""Make the virtual environment: the locked packages with their hashes, then slimbench itself.

Uses nothing but the standard library and pip, and pip as the user has configured it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
import venv
from collections import deque
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def main(folder: str, lock: str) -> int:
    """Install into `folder`; returns the exit status."""
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
    for step in steps:
        status = _follow(step, count)
        if status:
            return status
    print(f"\rSet up in {time.monotonic() - begun:.0f} s.{' ' * 50}", flush=True)
    return 0


def _follow(command: list[str], count: int) -> int:
    """Run pip, showing which package it is at; on failure show what it said last."""
    said: deque[str] = deque(maxlen=20)
    seen = 0
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        if process.stdout is None:
            raise RuntimeError("pip was started without its output.")
        for line in process.stdout:
            said.append(line)
            if line.startswith("Collecting "):
                seen += 1
                _show(f"[{seen}/{count}] {line.split()[1].split('=')[0]}")
            elif seen and line.startswith("Installing collected packages"):
                _show("unpacking, about a minute")
    if process.returncode:
        print("\nThe set-up failed. pip said last:\n\n" + "".join(said), file=sys.stderr)
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
