"""Writing a file so that only a whole one is ever read under its name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

PARTIAL = ".partial"
"""Ending of the temporary names; a killed process leaves files of such names."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`, which it becomes when the block ends well.

    Raises:
        OSError: It cannot be written; what was there before is untouched and nothing is left.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, as it is, whole or not at all; raises OSError like `replacing`."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="")
