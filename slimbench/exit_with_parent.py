"""How a child process notices that its parent is gone, however the parent ended."""

from __future__ import annotations

import os
import threading


def end_with_parent() -> None:
    """Leave, from now on, at once when the parent's end of standard input closes.

    Reads the descriptor, since a thread that waits inside `sys.stdin` makes Python abort when it
    shuts down. Whatever was to be read from standard input must have been read before.
    """
    threading.Thread(target=_wait_and_leave, daemon=True).start()


def _wait_and_leave() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)
