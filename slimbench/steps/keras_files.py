"""The weights files of Keras's own applications: found in its cache, or downloaded in good time.

Only Keras's applications know each file's address and hash, and tell no one but the `get_file` that
they call. It is replaced, while one is built, by one that adds what it has no option for: a limit
on the wait for an answer, `$KERAS_HOME`, and that a download which was cut off leaves nothing in
the cache. That function's place is private to Keras, hence the exact version in pyproject.toml.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import queue
import shutil
import socket
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from slimbench.errors import Unavailable

CONNECT_SECONDS = 10.0
"""How long to wait for the first answer, whatever number of addresses the name has, and then for
each further part of the file."""

_POLL_SECONDS = 0.05

_unreachable: dict[str, str] = {}
"""Hosts that did not answer this process, each with the reason: nobody waits for them twice."""


def cache_folders() -> list[Path]:
    """Return where Keras keeps weights: `$KERAS_HOME`, where set, before the home folder's.

    Raises:
        Unavailable: One of them needs a home folder, and there is none.
    """
    homes = ["~/.keras"]
    if named := os.environ.get("KERAS_HOME"):
        homes.insert(0, named)
    try:
        return [Path(home).expanduser() / "models" for home in homes]
    except RuntimeError as error:
        raise Unavailable(
            "Keras's weights cannot be looked for, since this user has no home folder: set HOME "
            "to a folder that can be written"
        ) from error


def in_cache(name: str) -> Path | None:
    """Return a file of Keras's cache, or None."""
    return next((path for each in cache_folders() if (path := each / name).is_file()), None)


@contextlib.contextmanager
def found_for_keras(scratch: Path) -> Iterator[list[Path]]:
    """Have Keras's applications, inside the block, find their weights as this module does.

    Gives a list to which the path of each file that they asked for is added. They raise
    `Unavailable` for one that cannot be had. `scratch` is an empty folder for downloads.
    """
    data_utils: Any = importlib.import_module("tf_keras.src.utils.data_utils")
    keras_get_file = data_utils.get_file
    found: list[Path] = []

    def get_file(name: str, origin: str, **options: Any) -> str:
        file_hash = options.get("file_hash")
        path = in_cache(name)
        if path is None or (file_hash and not data_utils.validate_file(path, file_hash)):
            path = keep_in_cache(downloaded(keras_get_file, name, origin, options, scratch))
        found.append(path)
        return str(path)

    data_utils.get_file = get_file
    try:
        yield found
    finally:
        data_utils.get_file = keras_get_file


def downloaded(
    keras_get_file: Callable[..., str],
    name: str,
    origin: str,
    options: dict[str, Any],
    scratch: Path,
) -> Path:
    """Have Keras fetch a file into `scratch`, in a thread, since a name's lookup has no limit."""
    host = urlsplit(origin).hostname or origin
    if host in _unreachable:
        raise Unavailable(f"{name} could not be downloaded: {_unreachable[host]}")
    landing = scratch / str(options.get("cache_subdir", "models")) / name
    ended: queue.SimpleQueue[str | Exception] = queue.SimpleQueue()

    def fetch() -> None:
        try:
            ended.put(keras_get_file(name, origin, **{**options, "cache_dir": str(scratch)}))
        except Exception as error:  # noqa: BLE001 - Keras raises a bare one; told to who waits
            ended.put(error)

    with _socket_timeout(CONNECT_SECONDS):
        threading.Thread(target=fetch, daemon=True).start()
        deadline = time.monotonic() + CONNECT_SECONDS
        while True:
            with contextlib.suppress(queue.Empty):
                result = ended.get(timeout=_POLL_SECONDS)
                break
            # Nothing is written before the server has answered.
            if time.monotonic() > deadline and not landing.exists():
                _unreachable[host] = f"{host} did not answer within {CONNECT_SECONDS:g} s"
                raise Unavailable(f"{name} could not be downloaded: {_unreachable[host]}")
    if isinstance(result, str):
        return Path(result)
    if isinstance(result, OSError) and result.errno in (errno.ENOSPC, errno.EDQUOT):
        raise result
    if _never_reached(result):
        _unreachable[host] = f"{host} could not be reached ({result.__context__})"
        raise Unavailable(f"{name} could not be downloaded: {_unreachable[host]}") from result
    raise Unavailable(f"{name} could not be downloaded: {result}") from result


def _never_reached(error: Exception) -> bool:
    """Tell from Keras's bare exception whether no server answered at all."""
    cause = error.__context__
    return isinstance(cause, urllib.error.URLError) and not isinstance(
        cause, (urllib.error.HTTPError, urllib.error.ContentTooShortError)
    )


def keep_in_cache(fetched: Path) -> Path:
    """Put a whole file into Keras's cache; where that cannot be written, use it where it is."""
    folder = cache_folders()[0]
    part = folder / f".{fetched.name}.{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(fetched, part)
        part.replace(folder / fetched.name)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        return fetched
    return folder / fetched.name


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
