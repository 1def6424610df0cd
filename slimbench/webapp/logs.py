"""What the server writes while it runs: one JSON object a line on standard error.

A request is one line with its id, so that what a client quotes is found. No picture, no header and
no address of a client is ever in one.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
import uuid
from datetime import UTC, datetime
from typing import Any, TextIO

FIELDS = "fields"
"""The attribute of a log record that holds what a line has besides its message."""

LONGEST = 500
"""Characters of a message; what a library says of wild input could be any length."""

REQUEST_ID = "X-Request-Id"

_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""Others are not taken over, since they go into answers and logs."""

logger = logging.getLogger("webapp.requests")


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with the trace where an exception was logged."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage()[:LONGEST],
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line["error"] = f"{type(error).__name__}: {error}"[:LONGEST]
            line["trace"] = "".join(traceback.format_tb(error.__traceback__))
        return json.dumps(line)


def configure(stream: TextIO | None = None) -> None:
    """Let all of the process's logging be lines of JSON, on standard error by default."""
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    # What no line shows is not found out, as `logging` documents it: a third of a line's time.
    logging._srcfile = None  # noqa: SLF001 - as its documentation says
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def say(message: str, **fields: Any) -> None:
    """Write a line about the server itself."""
    logging.getLogger("webapp").info(message, extra={FIELDS: fields})


def request(**fields: Any) -> None:
    """Write a request's line."""
    logger.info("request", extra={FIELDS: fields})


def request_id(given: str) -> str:
    """Return the id that a client gave its request, or a new one."""
    return given if _PLAIN.fullmatch(given) else uuid.uuid4().hex
