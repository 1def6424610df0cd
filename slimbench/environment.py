"""What is set for other programs in the environment, kept from what it must not change."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def changed_variables(*without: str, **values: str) -> Iterator[None]:
    """Change the environment in the block.

    Args:
        *without: variables that begin with one of these prefixes are taken away.
        **values: variables to set, by name.
    """
    names = {name for name in os.environ if name.startswith(without)} | values.keys()
    before = {name: os.environ.pop(name, None) for name in names}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def default_keras() -> Iterator[None]:
    """Have a Keras imported in the block take its defaults, whatever the user's `keras.json` says.

    Keras looks for it in `$KERAS_HOME`, which is put back at the end: weights are kept there too.
    """
    with tempfile.TemporaryDirectory() as empty, changed_variables(KERAS_HOME=empty):
        yield


def replace_unknown_characters() -> None:
    """Have the standard streams write `?` for what their encoding lacks, as ASCII lacks `é`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
