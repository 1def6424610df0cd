"""The socket that is served at, and how its address is told."""

from __future__ import annotations

import errno
import socket

from slimbench.errors import UsageProblem
from slimbench.webapp.settings import Settings


def listen(settings: Settings) -> socket.socket:
    """Return a socket that listens where the settings say.

    Raises:
        UsageProblem: It cannot be had; says why, and what to choose.
    """
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UsageProblem(
            f"There is no address {settings.host!r}; choose another with --host."
        ) from None
    family, kind, protocol, _, where = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(settings.connections)
    except OSError as error:
        listener.close()
        raise UsageProblem(_cannot(settings, error)) from None
    return listener


def address(listener: socket.socket) -> str:
    """Return where a browser finds a socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _cannot(settings: Settings, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"Port {settings.port} of {settings.host} is taken by another program; choose "
                "another with --port (PORT= of make), or 0 for any that is free."
            )
        case errno.EACCES:
            return (
                f"Port {settings.port} is for the system's own programs; choose one above 1023 "
                "with --port (PORT= of make)."
            )
        case errno.EADDRNOTAVAIL:
            return f"{settings.host} is no address of this machine; choose another with --host."
        case _:
            return f"Cannot serve at port {settings.port} of {settings.host}: {error.strerror}."
