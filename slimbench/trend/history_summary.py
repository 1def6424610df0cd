"""The summary of a history that trends need, read quickly where the file is sound.

To parse a history of fourteen cases and hold it to the whole schema takes 50 ms, so ten thousand
of them take eight minutes; nearly all of that goes into samples and texts that no trend shows.
Here the samples are left out unread and what is kept is checked. Whatever is in doubt is read
once more in full, so that the schema decides about it and the refusal is the usual one.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any, NoReturn

from slimbench.history.document import (
    SCHEMA,
    Document,
    HistoryError,
    check,
    moment,
    parse,
    text_of,
)
from slimbench.history.machine import UNKNOWN, cpu
from slimbench.history.record import record, typed
from slimbench.history.schemas import HISTORY, schema
from slimbench.report.notes import clean
from slimbench.spec import Case

MOST_BYTES = 16 * 2**20
"""A larger file is skipped, since parsing it would take more memory than a trend may; with 200
samples a case it would hold some 1,500 cases."""

NOT_METRICS = frozenset({"threads", "runtime_options", "reasons"})
"""Keys of `extra_info` with numbers in them that were not read off a model."""

_SAMPLES = b'"data": ['
_OF_NUMBERS = b"0123456789.eE+, \n\r\t"
_UNBOUNDED = (-math.inf, math.inf)
_STATUSES = ("complete", "partial", "interrupted")


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
    text = text_of(path)
    document = _quickly(text, path)
    if document is None:
        document = parse(text, str(path))
        check(document, str(path))
        record(document, path)
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


def _quickly(text: str, path: Path) -> Document | None:
    """Return the document without its samples if it is plainly a sound history, else None."""
    try:
        document = json.loads(_without_samples(text), parse_constant=_refuse)
        if not _is_plain(document):
            return None
        bare = ((benchmark["extra_info"], ()) for benchmark in document["benchmarks"])
        typed(bare, document["slimbench"]["profile"], path)
        moment(document["datetime"], str(path))
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    return dict(document)


def _without_samples(text: str) -> bytes:
    """Empty the lists of samples; they are most of the text.

    Raises:
        ValueError: One holds something else than numbers, a negative one, or nothing.
    """
    raw = text.encode()
    kept = []
    at = 0
    while (start := raw.find(_SAMPLES, at)) >= 0:
        start += len(_SAMPLES)
        end = raw.find(b"]", start)
        samples = raw[start:end]
        strange = samples.replace(b"e-", b"e").translate(None, _OF_NUMBERS)
        if end < 0 or strange or not samples.strip():
            raise ValueError("samples in doubt")
        kept.append(raw[at:start])
        at = end
    return b"".join([*kept, raw[at:]])


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _is_plain(document: Any) -> bool:
    """Tell whether all that is kept is what the schema wants; a lacking key raises."""
    run, commit = document["slimbench"], document["commit_info"]
    rules = _rules()
    return (
        type(run["schema"]) is int
        and run["schema"] == SCHEMA
        and run["status"] in _STATUSES
        and rules.is_name(run["profile"])
        and all(isinstance(version, str) for version in run["versions"].values())
        and isinstance(commit["id"], str)
        and commit["id"] != ""
        and isinstance(commit["dirty"], bool)
        and isinstance(document["machine_info"], dict)
        and bool(document["benchmarks"])
        and all(rules.allow(benchmark["extra_info"]) for benchmark in document["benchmarks"])
    )


@dataclass(frozen=True, slots=True)
class _Rules:
    """The schema's constraints on those parts of `extra_info` that a trend shows."""

    name: re.Pattern[str]
    longest: int
    required: frozenset[str]
    bounds: Mapping[str, tuple[float, float]]
    whole: frozenset[str]
    """Keys of the numbers that have no fraction."""
    for_p99: int

    def is_name(self, value: Any) -> bool:
        return (
            isinstance(value, str)
            and len(value) <= self.longest
            and self.name.match(value) is not None
        )

    def allow(self, info: Mapping[str, Any]) -> bool:
        names = (info[key] for key in ("variant", "reference", "profile", "engine"))
        return (
            self.required <= info.keys()
            and all(self.is_name(name) for name in names)
            and type(info["threads"]) is int
            and (info["eval_sha256"] is None or isinstance(info["eval_sha256"], str))
            and all(isinstance(reason, str) for reason in info["reasons"].values())
            and all(isinstance(option, str) for option in info.get("runtime_options", {}).values())
            and all(self._allows(key, value, info["reasons"]) for key, value in info.items())
        )

    def _allows(self, key: str, value: Any, reasons: Mapping[str, str]) -> bool:
        """Tell whether a number is in its bounds, and a value that is missing has its reason."""
        if type(value) is float or type(value) is int:
            low, high = self.bounds.get(key, _UNBOUNDED)
            fits = key not in self.whole or float(value).is_integer()
            return math.isfinite(value) and low <= value <= high and fits
        if value is None:
            return key in reasons
        if type(value) is dict and key not in NOT_METRICS:
            return (
                key not in self.bounds
                and (key != "latency_ms" or (value["p99"] is None) == (value["n"] < self.for_p99))
                and all(
                    number is None or self._allows(f"{key}.{inner}", number, reasons)
                    for inner, number in value.items()
                )
            )
        return key not in self.bounds


@functools.cache
def _rules() -> _Rules:
    definitions = schema(HISTORY)["$defs"]
    info = definitions["extra_info"]
    numbers = list(_numbers_of("", info["properties"], definitions))
    return _Rules(
        name=re.compile(definitions["name"]["pattern"]),
        longest=definitions["name"]["maxLength"],
        required=frozenset(info["required"]),
        bounds={
            key: (kind.get("minimum", -math.inf), kind.get("maximum", math.inf))
            for key, kind in numbers
        },
        whole=frozenset(key for key, kind in numbers if kind["type"] == "integer"),
        for_p99=definitions["latency"]["if"]["properties"]["n"]["minimum"],
    )


def _numbers_of(
    before: str, properties: Mapping[str, Any], definitions: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the key and the schema of each number that `properties` describe."""
    for key, described in properties.items():
        kinds = [_followed(kind, definitions) for kind in described.get("anyOf", [described])]
        for kind in kinds:
            if kind.get("type") in ("number", "integer"):
                yield before + key, kind
            elif kind.get("type") == "object":
                yield from _numbers_of(f"{before}{key}.", kind.get("properties", {}), definitions)


def _followed(described: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = described.get("$ref")
    if reference is None:
        return described
    definition: Mapping[str, Any] = definitions[reference.rpartition("/")[2]]
    return definition
