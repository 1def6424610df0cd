"""Reading a history file as JSON, strictly, and holding it to its schema.

A history may come from another machine, another year or a run that was killed, so nothing in it
is believed before it was checked, and every refusal names the file, the place and the way out.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import orjson

from slimbench.history.schemas import HISTORY, first_fault

SCHEMA = 1
"""The `slimbench.schema` number that this version writes and reads."""

LARGEST_BYTES = 200 * 2**20
"""A history of this size is not one: 200 samples a case make some 10 kB."""

ANOTHER = "Restore the file as it was written, or take another run."
"""The way out where a file is damaged, was edited, or is something else."""

Document = dict[str, Any]
"""A history as parsed JSON."""


class HistoryError(ValueError):
    """A history that cannot be read, written or found; the message says which, where and why."""


class ForeignFile(HistoryError):
    """A file that another tool wrote beside histories, such as pytest-benchmark itself."""


def read(path: Path) -> Document:
    """Read and check one history file.

    Raises:
        HistoryError: It is missing, not a regular file, too large, not JSON (truncated, binary,
            NaN or Infinity in it), or not what the schema describes.
    """
    document = parse(text_of(path), str(path))
    check(document, str(path))
    return document


def parse(text: str, where: str) -> Document:
    """Parse JSON as its standard has it: no NaN, no Infinity, no number beyond a float.

    Raises:
        HistoryError: naming `where`, with line and column of the fault.
    """
    if not text.strip():
        raise HistoryError(f"{where} is empty. Take another run, or run the benchmarks again.")
    try:
        document = _parsed(text)
    except json.JSONDecodeError as error:
        raise HistoryError(
            f"{where} is not complete JSON: {error.msg} at line {error.lineno}, column "
            f"{error.colno}. It may have been cut off; take another run."
        ) from error
    except RecursionError as error:
        raise HistoryError(f"{where} is nested too deeply to be a history. {ANOTHER}") from error
    except ValueError as error:
        raise HistoryError(f"{where} is no valid history: {error}. {ANOTHER}") from error
    if not isinstance(document, dict):
        raise HistoryError(f"{where} is no history: its JSON is not an object. {ANOTHER}")
    return document


def check(document: Document, where: str) -> None:
    """Hold a document to the schema.

    Raises:
        HistoryError: naming `where`, the key and what is wrong with it.
    """
    run = document.get("slimbench")
    if not isinstance(run, dict):
        raise ForeignFile(
            f"{where} has no 'slimbench' object: it is not a history that slimbench wrote. "
            f"{ANOTHER}"
        )
    number = run.get("schema")
    if type(number) is not int or number != SCHEMA:
        raise HistoryError(
            f"{where} has history schema {number!r:.40}, this slimbench reads {SCHEMA}. "
            "Use the version of slimbench that wrote it."
        )
    fault = first_fault(HISTORY, document)
    if fault is not None:
        raise HistoryError(f"{where} does not fit the history schema: {fault} {ANOTHER}")
    moment(document["datetime"], f"{where} does not fit the history schema: at $.datetime")


def text_of(path: Path) -> str:
    """Return the text of a file that should be a history.

    Raises:
        HistoryError: It is missing, not a regular file, too large or not UTF-8.
    """
    try:
        if path.is_dir():
            raise HistoryError(f"{path} is a folder. Name one of the .json files in it.")
        if path.exists() and not path.is_file():
            raise HistoryError(f"{path} is not a regular file. {ANOTHER}")
        if path.stat().st_size > LARGEST_BYTES:
            raise HistoryError(
                f"{path} is larger than {LARGEST_BYTES // 2**20} MiB: it is no history. {ANOTHER}"
            )
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise HistoryError(f"There is no file {path}. {ANOTHER}") from error
    except UnicodeDecodeError as error:
        raise HistoryError(
            f"{path} is not a history: byte {error.start} is no UTF-8 text. {ANOTHER}"
        ) from error
    except (OSError, ValueError) as error:
        if isinstance(error, HistoryError):
            raise
        raise HistoryError(
            f"{path} cannot be read: {error}. Make it readable, or take another run."
        ) from error


def _parsed(text: str) -> Any:
    """Parse JSON by orjson in a fifth of the time; json judges, and describes, what it rejects."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"it contains {constant}, which is not a JSON number")


def _finite(literal: str) -> float:
    number = float(literal)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"it contains {literal[:40]}, which no float can hold")
    return number


def moment(text: str, where: str) -> datetime:
    """Return a date and time with its offset from UTC, as ISO 8601 writes it.

    Raises:
        HistoryError: It is none; `where` names file and key.
    """
    try:
        parsed = datetime.fromisoformat(text)
        parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise HistoryError(
            f"{where}: {text[:40]!r} is not a date and time with its offset from UTC. {ANOTHER}"
        )
    return parsed
