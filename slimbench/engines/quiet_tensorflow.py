"""TensorFlow, imported late, with Keras 2, on the CPU and without its chatter."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from typing import Any


def tensorflow() -> Any:
    """Import TensorFlow, or return it where this process has imported it.

    What it logs on the way (which instructions it uses, that it found no library for GPUs) goes
    straight to descriptor 2 before any setting counts, so that is turned away meanwhile.
    """
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _unheard():
        module = importlib.import_module("tensorflow")
        module.config.set_visible_devices([], "GPU")
    module.get_logger().setLevel("ERROR")
    return module


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Keep what is written to standard error until all went well; say it where it did not."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, terminal)
        said = stack.enter_context(tempfile.TemporaryFile())
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(terminal, 2)
            said.seek(0)
            with os.fdopen(os.dup(2), "wb") as out:
                shutil.copyfileobj(said, out)
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
