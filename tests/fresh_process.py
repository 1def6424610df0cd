"""What a program prints in a process of its own, which has imported nothing yet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import slimbench


def printed(program: str, *arguments: str) -> str:
    """Run Python code from the checkout; CalledProcessError where it fails."""
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=Path(slimbench.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout
