"""Stable and canary side by side, from the metrics that a server gives Prometheus.

Each version answered other clients at its own share of the traffic, so this says what was seen and
how sure a share is; it is no paired comparison, for which there is `slimbench gate`.
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from prometheus_client.parser import text_string_to_metric_families
from tabulate import tabulate

from slimbench.errors import UsageProblem
from slimbench.metrics.accuracy import wilson_interval
from slimbench.number_format import rounded
from slimbench.suite.toml_file import read_toml
from slimbench.webapp.manifest import ManifestProblem, canary_version, stable_version
from slimbench.webapp.metrics import FAILED, FAULT, LATE, OK

ERRORS = (FAILED, LATE, FAULT)
"""Outcomes that a version has to answer for; a bad picture or a full queue says nothing of it."""

REQUESTS = "slimbench_requests_total"
INFERENCE = "slimbench_inference_seconds"

LEVEL = 0.05
"""Error shares further apart than chance would put them this often are told apart."""

LARGEST_BYTES = 16 * 2**20
TIMEOUT_SECONDS = 10.0

Buckets = tuple[tuple[float, float], ...]
"""Upper bounds in seconds with how many observations are at most that, ascending, last infinite."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the metrics say of one version. A figure that they do not give is None.

    `judged` are the requests that it answered or failed, `errors` those that it failed; times are
    of the model alone, in milliseconds. Percentiles lie between two bounds of the histogram, and
    are interpolated as Prometheus' `histogram_quantile` does; None where beyond the last bound.
    """

    model: str
    version: str
    outcomes: Mapping[str, int]
    judged: int
    errors: int
    error_share: float | None
    error_ci95: tuple[float, float] | None
    inference_n: int
    mean_ms: float | None
    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """Both versions, and what can be said of them in a sentence."""

    stable: Seen
    canary: Seen
    sentence: str


def read_metrics(source: str) -> str:
    """Return metrics from a file, `-` for standard input, or an http address.

    Raises:
        UsageProblem: They cannot be had.
    """
    try:
        if source == "-":
            raw = sys.stdin.buffer.read(LARGEST_BYTES + 1)
        elif source.startswith(("http://", "https://")):
            with urllib.request.urlopen(source, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                raw = answer.read(LARGEST_BYTES + 1)
        else:
            with Path(source).open("rb") as file:
                raw = file.read(LARGEST_BYTES + 1)
    except (OSError, ValueError, urllib.error.URLError) as error:
        raise UsageProblem(
            f"The metrics cannot be read from {source}: {error}. "
            "Name a file, - for standard input, or an address such as "
            "http://127.0.0.1:5000/metrics."
        ) from error
    if len(raw) > LARGEST_BYTES:
        raise UsageProblem(f"{source} is larger than {LARGEST_BYTES // 2**20} MiB: no metrics are.")
    return raw.decode("utf-8", "replace")


def versions_of(manifest: Path) -> tuple[str, str]:
    """Return the stable and the canary version that a manifest names; its files are not read."""
    file = read_toml(manifest, ManifestProblem)
    if "canary" not in file.tables:
        raise ManifestProblem(f"{manifest}: names no canary, so there is nothing to compare.")
    return stable_version(file), canary_version(file)[0]


def compare(text: str, stable: str, canary: str) -> Report:
    """Compare two versions by metrics in Prometheus' text format.

    Raises:
        UsageProblem: It is no such text, or says nothing of one of the versions.
    """
    seen = _seen(text)
    for version in (stable, canary):
        if version not in seen:
            known = ", ".join(sorted(seen)) or "none"
            raise UsageProblem(
                f"The metrics say nothing of version {version!r}. There is: {known}. "
                "Name others with --stable and --canary."
            )
    first, second = seen[stable], seen[canary]
    return Report(first, second, f"{_errors(first, second)} {_times(first, second)}")


def table(report: Report) -> str:
    """Return the report as a grid with its sentence below."""
    rows = [
        [
            kind,
            f"{each.model} {each.version}",
            str(each.judged),
            _share(each),
            _ms(each.mean_ms),
            _ms(each.p50_ms),
            _ms(each.p99_ms),
        ]
        for kind, each in (("stable", report.stable), ("canary", report.canary))
    ]
    headings = ("", "Model", "Requests", "Failed (95 % interval)", "Mean", "Median", "p99")
    align = ("left", "left", "right", "right", "right", "right", "right")
    grid = tabulate(rows, headings, tablefmt="grid", colalign=align, disable_numparse=True)
    return f"{grid}\n{report.sentence}"


def as_json(report: Report) -> str:
    """Return the report as one JSON object; what was not seen is null."""
    return json.dumps(dataclasses.asdict(report), indent=1, allow_nan=False)


def quantile(buckets: Buckets, share: float) -> float | None:
    """Return a quantile of a histogram in seconds, interpolated within its bucket.

    As `histogram_quantile` of Prometheus; None without observations, or beyond the last bound.
    """
    total = buckets[-1][1] if buckets else 0.0
    if not total:
        return None
    rank = share * total
    low, below = 0.0, 0.0
    for bound, count in buckets:
        if count >= rank and count > below:
            if math.isinf(bound):
                return None
            # rounding may not lead past the bucket's end
            return min(bound, low + (bound - low) * (rank - below) / (count - below))
        low, below = bound, count
    return None


def _seen(text: str) -> dict[str, Seen]:
    """Return what a text says of each version; two models may not share a version."""
    outcomes: dict[tuple[str, str], dict[str, int]] = {}
    buckets: dict[tuple[str, str], list[tuple[float, float]]] = {}
    sums: dict[tuple[str, str], float] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name not in (REQUESTS, f"{INFERENCE}_bucket", f"{INFERENCE}_sum"):
                    continue
                labels, value = sample.labels, float(sample.value)
                of = labels["model"], labels["version"]
                if not math.isfinite(value) or value < 0:
                    raise ValueError(f"{sample.name} is {value}")
                if sample.name == REQUESTS:
                    outcomes.setdefault(of, {})[labels["outcome"]] = int(value)
                elif sample.name == f"{INFERENCE}_sum":
                    sums[of] = value
                else:
                    buckets.setdefault(of, []).append((float(labels["le"]), value))
        found: dict[str, Seen] = {}
        for (model, version), counts in outcomes.items():
            if version in found:
                raise ValueError(f"{found[version].model} and {model} are both version {version}")
            of = model, version
            found[version] = _one(
                model, version, counts, _checked(buckets.get(of, [])), sums.get(of)
            )
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise UsageProblem(
            f"This is not the metrics of a slimbench server: {error}. Give what /metrics answers."
        ) from error
    return found


def _checked(buckets: list[tuple[float, float]]) -> Buckets:
    ordered = tuple(sorted(buckets))
    counts = [count for _, count in ordered]
    if counts != sorted(counts) or (ordered and not math.isinf(ordered[-1][0])):
        raise ValueError(f"the buckets of {INFERENCE} do not ascend to +Inf")
    return ordered


def _one(
    model: str, version: str, outcomes: dict[str, int], buckets: Buckets, total: float | None
) -> Seen:
    errors = sum(outcomes.get(each, 0) for each in ERRORS)
    judged = errors + outcomes.get(OK, 0)
    count = buckets[-1][1] if buckets else 0

    def ms(seconds: float | None) -> float | None:
        return None if seconds is None else seconds * 1000

    return Seen(
        model=model,
        version=version,
        outcomes=outcomes,
        judged=judged,
        errors=errors,
        error_share=errors / judged if judged else None,
        error_ci95=wilson_interval(errors, judged) if judged else None,
        inference_n=int(count),
        mean_ms=ms(total / count) if count and total is not None else None,
        p50_ms=ms(quantile(buckets, 0.5)),
        p99_ms=ms(quantile(buckets, 0.99)),
    )


def _errors(stable: Seen, canary: Seen) -> str:
    """Say whether the canary fails more often, by Fisher's exact test (two-sided)."""
    from scipy.stats import fisher_exact  # noqa: PLC0415 - takes over a second to import

    if stable.error_share is None or canary.error_share is None:
        lacking = "the canary" if canary.error_share is None else "stable"
        return f"No request reached {lacking} yet, so nothing can be said of errors."
    counts = np.array([[each.errors, each.judged - each.errors] for each in (stable, canary)])
    seen = (
        f"the canary failed {canary.errors} of {canary.judged} requests, "
        f"stable {stable.errors} of {stable.judged}"
    )
    p = float(fisher_exact(counts).pvalue)
    told = "p < 0.001" if p < 0.001 else f"p = {rounded(p, 2)}"
    if p >= LEVEL:
        return f"No difference in errors can be told: {seen} ({told})."
    how = "more" if canary.error_share > stable.error_share else "less"
    return f"The canary fails {how} often: {seen} ({told})."


def _times(stable: Seen, canary: Seen) -> str:
    if not stable.mean_ms or not canary.mean_ms:
        return "Times of both were not seen yet."
    return (
        f"Its mean time in the model is {rounded(canary.mean_ms / stable.mean_ms, 3)} times "
        "stable's, measured on other requests."
    )


def _share(seen: Seen) -> str:
    if seen.error_share is None or seen.error_ci95 is None:
        return "no request"
    low, high = seen.error_ci95
    return f"{seen.error_share:.2%} ({low:.2%} to {high:.2%})"


def _ms(value: float | None) -> str:
    return "not seen" if value is None else f"{rounded(value, 3)} ms"
