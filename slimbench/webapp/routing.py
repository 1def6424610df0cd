"""Who gets the canary: a share of the clients, always the same ones."""

from __future__ import annotations

import hashlib

_BITS = 53
"""So many a float holds exactly, so that a position is less than 1 for every client."""


def position(client: str) -> float:
    """Return where a client stands in [0, 1), evenly spread and always the same."""
    digest = hashlib.sha256(client.encode("utf-8", "surrogatepass")).digest()
    return float((int.from_bytes(digest[:8]) >> (64 - _BITS)) / 2**_BITS)


def in_canary(client: str, weight: float) -> bool:
    """Tell whether a client gets the canary of this weight, a share in [0, 1].

    The clients of a weight are among those of every higher one: raising it moves nobody out.
    """
    return position(client) < weight
