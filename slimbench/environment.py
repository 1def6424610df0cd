"""What is set for other programs in the environment, kept from what it must not change."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unset_variables(*prefixes: str) -> Iterator[None]:
    """Take the variables that begin with one of the prefixes away, and put them back at the end."""
    variables = {name: value for name, value in os.environ.items() if name.startswith(prefixes)}
    for name in variables:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(variables)


def replace_unknown_characters() -> None:
    """Have the standard streams write `?` for what their encoding lacks, as ASCII lacks `é`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
