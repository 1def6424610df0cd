"""The summary of a history that trends need: its figures by key, without samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from slimbench.history.document import HistoryError, moment, read
from slimbench.history.machine import UNKNOWN, cpu
from slimbench.history.record import record
from slimbench.report.notes import clean
from slimbench.spec import Case

MOST_BYTES = 16 * 2**20
"""A larger file is skipped, since parsing it would take more memory than a trend may; with 200
samples a case it would hold some 1,500 cases."""

NOT_METRICS = frozenset({"threads", "runtime_options", "reasons"})
"""Keys of `extra_info` with numbers in them that were not read off a model."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """The values of one case, by dotted key such as `latency_ms.p50`.

    `options` are what the runtime was told, `images` is the sha256 of what was scored. A key
    without a value has its reason in `reasons`, perhaps under the part before the dot.
    """

    case: Case
    options: Mapping[str, str]
    reference: str
    images: str | None
    values: Mapping[str, float]
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HistorySummary:
    """A saved run without its samples; `taken` is ISO 8601 in UTC."""

    taken: str
    status: str
    profile: str
    commit: str
    dirty: bool
    cpu: str
    versions: Mapping[str, str]
    cases: tuple[Measurement, ...]


def read_summary(path: Path) -> HistorySummary:
    """Read a history file.

    Raises:
        HistoryError: It cannot be read, is too large, or is no valid history.
    """
    if path.is_file() and path.stat().st_size > MOST_BYTES:
        raise HistoryError(f"{path} is larger than {MOST_BYTES // 2**20} MiB: it is no history.")
    document = read(path)
    record(document, path)  # rejects what contradicts itself
    run, commit = document["slimbench"], document["commit_info"]
    return HistorySummary(
        taken=moment(document["datetime"], str(path)).astimezone(UTC).isoformat(),
        status=run["status"],
        profile=run["profile"],
        commit=clean(commit["id"] or UNKNOWN),
        dirty=commit["dirty"],
        cpu=clean(cpu(document["machine_info"])),
        versions=run["versions"],
        cases=tuple(_measurement(benchmark["extra_info"]) for benchmark in document["benchmarks"]),
    )


def _measurement(info: Mapping[str, Any]) -> Measurement:
    return Measurement(
        case=Case(info["variant"], info["engine"], int(info["threads"])),
        options=info.get("runtime_options", {}),
        reference=info["reference"],
        images=info["eval_sha256"],
        values=dict(_numbers(info)),
        reasons=info["reasons"],
    )


def _numbers(info: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield each number with its key; those of an inner object get dotted ones."""
    for key, value in info.items():
        if key in NOT_METRICS:
            continue
        if isinstance(value, dict):
            for inner, number in value.items():
                if _is_number(number):
                    yield f"{key}.{inner}", number
        elif _is_number(value):
            yield key, value


def _is_number(value: Any) -> bool:
    return type(value) is float or type(value) is int
