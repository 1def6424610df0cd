"""What tells a request from others, in its answer and in the log."""

from __future__ import annotations

import re
import uuid

HEADER = "X-Request-Id"

_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""Others are not taken over, since they go into answers and logs."""


def request_id(given: str) -> str:
    """Return the id that a client gave its request, or a new one."""
    return given if _PLAIN.fullmatch(given) else uuid.uuid4().hex
