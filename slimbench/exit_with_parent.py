"""How a child process notices that its parent is gone, however the parent ended."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable


def end_with_parent(receive: Callable[[bytes], object] = lambda _: None) -> None:
    """Leave, from now on, at once when the parent's end of standard input closes.

    Lines that come until then go to `receive`, in a thread. Reads the descriptor, since a thread
    that waits inside `sys.stdin` makes Python abort when it shuts down. What `sys.stdin` has read
    before is not among the lines.
    """
    threading.Thread(target=_read_and_leave, args=(receive,), daemon=True).start()


def _read_and_leave(receive: Callable[[bytes], object]) -> None:
    rest = b""
    while part := os.read(0, 4096):
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            receive(line)
    os._exit(1)
