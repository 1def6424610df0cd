"""A run's history as frozen dataclasses: what the gate, the reports and the web page read.

Beyond the schema, whatever two keys say about the same thing has to agree; a file in which they
do not was edited or damaged, and is refused rather than believed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from slimbench.history.document import ANOTHER, Document, HistoryError, read
from slimbench.history.flags import unpack_flags
from slimbench.history.machine import UNKNOWN
from slimbench.spec import Case, PixelMode

Status = Literal["complete", "partial", "interrupted"]
"""`partial`: a subset was asked for; `interrupted`: unfinished cases were dropped."""

Verdict = Literal["pass", "fail", "not_judged"]


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of `n` single invocations; `p99` is None under 100 of them."""

    min: float
    p50: float
    p90: float
    p99: float | None
    mean: float
    n: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What was measured of one case; the fields are the keys of `extra_info`.

    A field is None exactly where `reasons` says why it could not be measured. `samples` are
    seconds of single invocations, at most 200, in the order they were taken; a promoted baseline
    keeps none.
    """

    case: Case
    reference: str
    profile: str
    dataset: str
    input_shape: tuple[int, ...]
    model_sha256: str
    model_file: str
    size_bytes: int | None
    size_gzip_bytes: int | None
    parameters: int | None
    sparsity: float | None
    sparsity_prunable: float | None
    accuracy_top1: float | None
    accuracy_n: int | None
    accuracy_ci95: tuple[float, float] | None
    correct_bits: str | None
    eval_sha256: str | None
    latency_ms: Latency | None
    init_ms: float | None
    first_invoke_ms: float | None
    peak_rss_mb: float | None
    speedup: float | None
    size_ratio: float | None
    accuracy_drop: float | None
    reasons: Mapping[str, str]
    samples: tuple[float, ...] = field(repr=False)
    runtime_options: Mapping[str, str] = field(default_factory=dict)
    """What the runtime was told beyond file and threads; a run that recorded none told nothing."""
    pixels: PixelMode = "raw"
    """What was made of pixels 0-255 before they were fed."""
    serving: Mapping[str, Any] | None = None
    """All figures of servers with this model, where its profile has that benchmark."""
    others: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What else was read, such as a metric of a suite's own, by its key."""

    @property
    def is_reference(self) -> bool:
        """Whether this is the variant that ratios are against."""
        return self.case.variant == self.reference

    def value(self, key: str) -> float | None:
        """Return a figure by its key, with dots for one in an inner object.

        None is one that was not measured, or that the run does not know.
        """
        whole, _, part = key.partition(".")
        value = self.others[whole] if whole in self.others else getattr(self, whole, None)
        if part and isinstance(value, Mapping):
            value = value.get(part)
        elif part:
            value = getattr(value, part, None)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return value if is_number else None

    def reason(self, key: str) -> str:
        """Say why a figure is missing; its reason may stand under the part before the dot."""
        for name in (key, key.partition(".")[0]):
            if name in self.reasons:
                return self.reasons[name]
        return "the run did not measure it"

    def correct(self) -> npt.NDArray[np.bool_] | None:
        """Right or wrong for each evaluation image, shape (accuracy_n,), or None."""
        if self.correct_bits is None or self.accuracy_n is None:
            return None
        return unpack_flags(self.correct_bits, self.accuracy_n)


@dataclass(frozen=True, slots=True)
class Preflight:
    """What could have disturbed the clock; None where the machine would not say."""

    load_1m: float | None
    steal_percent: float | None
    governor: str | None
    cpu_flags: tuple[str, ...] | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BudgetResult:
    """One budget and whether the case kept it; `value` is None where it was not measured."""

    case: Case
    budget: str
    limit: float
    value: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Missing:
    """A variant of the profile that could not be had here, and why."""

    variant: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnreadableImages:
    """Files among the `images` chosen to score on that could not be read, with some examples."""

    dataset: str
    images: int
    unreadable: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class History:
    """One run."""

    path: Path
    taken: datetime
    status: Status
    profile: str
    seed: int
    versions: Mapping[str, str]
    machine: Mapping[str, Any]
    commit: str
    dirty: bool
    preflight: Preflight
    seconds: Mapping[str, float]
    budgets: tuple[BudgetResult, ...]
    missing: tuple[Missing, ...]
    entries: tuple[Entry, ...]
    unreadable: tuple[UnreadableImages, ...] = ()
    commit_reason: str = ""
    """Why there is no commit, with what helps; empty where there is one."""

    @property
    def name(self) -> str:
        """What a user calls it: its file's name."""
        return self.path.name

    def entry(self, case: Case) -> Entry | None:
        """Return what was measured of `case`, or None where the run has no such case."""
        return next((entry for entry in self.entries if entry.case == case), None)

    def why_missing(self, variant: str) -> str:
        """Return why the run could not have a variant of its profile, or nothing."""
        return next((each.reason for each in self.missing if each.variant == variant), "")


def load(path: Path) -> History:
    """Read, check and type one history file.

    Raises:
        HistoryError: The file cannot be read, does not fit the schema or contradicts itself.
    """
    return record(read(path), path)


def record(document: Document, path: Path) -> History:
    """Type a document that already fits the schema; `path` names it in errors.

    Raises:
        HistoryError: A case is there twice, or two keys contradict each other.
    """
    run = document["slimbench"]
    measured = (
        (benchmark["extra_info"], benchmark["stats"]["data"])
        for benchmark in document["benchmarks"]
    )
    entries = typed(measured, run["profile"], path)
    preflight = run["preflight"]
    flags = preflight["cpu_flags"]
    return History(
        path=path,
        taken=datetime.fromisoformat(document["datetime"]),
        status=run["status"],
        profile=run["profile"],
        seed=int(run["seed"]),
        versions=run["versions"],
        machine=document["machine_info"],
        commit=document["commit_info"]["id"] or UNKNOWN,
        dirty=document["commit_info"]["dirty"],
        preflight=Preflight(
            load_1m=preflight["load_1m"],
            steal_percent=preflight["steal_percent"],
            governor=preflight["governor"],
            cpu_flags=None if flags is None else tuple(flags),
            warnings=tuple(preflight["warnings"]),
        ),
        seconds=run["seconds"],
        budgets=tuple(
            BudgetResult(_case(row), row["budget"], row["limit"], row["value"], row["verdict"])
            for row in run["budgets"]
        ),
        missing=tuple(Missing(row["variant"], row["reason"]) for row in run["missing"]),
        entries=entries,
        unreadable=tuple(
            UnreadableImages(
                row["dataset"], row["images"], row["unreadable"], tuple(row["examples"])
            )
            for row in run.get("unreadable", ())
        ),
        commit_reason=document["commit_info"].get("reason", ""),
    )


_NOT_IN_ROWS = frozenset(
    ("case", "correct_bits", "latency_ms", "others", "reasons", "samples", "serving")
)


def row(history: History, entry: Entry) -> dict[str, Any]:
    """Return an entry as one flat row: of the run, then of the case, then what was measured."""
    measured = {
        field.name: getattr(entry, field.name)
        for field in dataclasses.fields(entry)
        if field.name not in _NOT_IN_ROWS
    }
    latency = entry.latency_ms
    times = {
        f"latency_ms.{field.name}": None if latency is None else getattr(latency, field.name)
        for field in dataclasses.fields(Latency)
    }
    return {
        "file": str(history.path),
        "taken": history.taken,
        "status": history.status,
        "commit": history.commit,
        "dirty": history.dirty,
        "variant": entry.case.variant,
        "engine": entry.case.engine,
        "threads": entry.case.threads,
        **measured,
        **times,
    }


def typed(
    measured: Iterable[tuple[Mapping[str, Any], Sequence[float]]], profile: str, path: Path
) -> tuple[Entry, ...]:
    """Type the cases of one profile: pairs of an `extra_info` that fits the schema and samples.

    Raises:
        HistoryError: A case is there twice, is of another profile, or contradicts itself;
            `path` names the file.
    """
    entries = tuple(_entry(info, samples, path) for info, samples in measured)
    seen: set[Case] = set()
    for entry in entries:
        if entry.case in seen:
            raise HistoryError(f"{path} has the case {entry.case.id} twice. {ANOTHER}")
        seen.add(entry.case)
        if entry.profile != profile:
            raise HistoryError(
                f"{path}: the case {entry.case.id} is of profile {entry.profile}, "
                f"the run of {profile}. {ANOTHER}"
            )
    return entries


_COUNTS = ("size_bytes", "size_gzip_bytes", "parameters", "accuracy_n")
_AS_THEY_ARE = (
    "reference",
    "profile",
    "dataset",
    "model_sha256",
    "model_file",
    "sparsity",
    "sparsity_prunable",
    "accuracy_top1",
    "correct_bits",
    "eval_sha256",
    "init_ms",
    "first_invoke_ms",
    "peak_rss_mb",
    "speedup",
    "size_ratio",
    "accuracy_drop",
    "reasons",
)


_KNOWN = {*("variant", "engine", "threads"), *(each.name for each in dataclasses.fields(Entry))}


def _entry(info: Mapping[str, Any], samples: Sequence[float], path: Path) -> Entry:
    latency = info["latency_ms"]
    interval = info["accuracy_ci95"]
    plain: dict[str, Any] = {key: info[key] for key in _AS_THEY_ARE}
    plain |= {key: None if info[key] is None else int(info[key]) for key in _COUNTS}
    entry = Entry(
        case=_case(info),
        input_shape=tuple(int(extent) for extent in info["input_shape"]),
        accuracy_ci95=None if interval is None else (interval[0], interval[1]),
        latency_ms=None if latency is None else Latency(**{**latency, "n": int(latency["n"])}),
        samples=tuple(samples),
        runtime_options=info.get("runtime_options", {}),
        pixels=info.get("pixels", "raw"),
        serving=info.get("serving"),
        others={key: value for key, value in info.items() if key not in _KNOWN},
        **plain,
    )
    contradiction = _contradiction(entry)
    if contradiction:
        raise HistoryError(
            f"{path}: in {entry.case.id}, {contradiction}; the file is damaged. {ANOTHER}"
        )
    return entry


def _case(row: Mapping[str, Any]) -> Case:
    return Case(row["variant"], row["engine"], int(row["threads"]))


def _contradiction(entry: Entry) -> str:
    """Return what in the entry cannot be true together, or nothing."""
    latency, top1, interval = entry.latency_ms, entry.accuracy_top1, entry.accuracy_ci95
    if latency is not None:
        ladder = [latency.min, latency.p50, latency.p90]
        ladder += [] if latency.p99 is None else [latency.p99]
        if ladder != sorted(ladder):
            return "the percentiles of latency_ms do not ascend"
    # A Wilson interval contains the share; the margin is for the rounding of floats.
    if (
        top1 is not None
        and interval is not None
        and not interval[0] - 1e-9 <= top1 <= interval[1] + 1e-9
    ):
        return "accuracy_ci95 does not contain accuracy_top1"
    if entry.correct_bits is None or entry.accuracy_n is None:
        return ""
    try:
        correct = unpack_flags(entry.correct_bits, entry.accuracy_n)
    except ValueError:
        return f"correct_bits does not hold {entry.accuracy_n} answers"
    if top1 is not None and abs(float(correct.mean()) - top1) > 1e-9:
        return "accuracy_top1 is not the share that correct_bits has"
    return ""
