"""What is set for other programs in the environment, kept from what it must not change."""

from __future__ import annotations

import io
import os
import sys
import tempfile
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


@contextmanager
def default_keras() -> Iterator[None]:
    """Have a Keras imported in the block take its defaults, whatever the user's `keras.json` says.

    Keras looks for it in `$KERAS_HOME`, which is put back at the end: weights are kept there too.
    """
    with unset_variables("KERAS_HOME"), tempfile.TemporaryDirectory() as empty:
        os.environ["KERAS_HOME"] = empty
        try:
            yield
        finally:
            del os.environ["KERAS_HOME"]


def replace_unknown_characters() -> None:
    """Have the standard streams write `?` for what their encoding lacks, as ASCII lacks `é`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
