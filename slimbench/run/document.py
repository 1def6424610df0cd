"""A run as the JSON document that is saved: pytest-benchmark's layout with slimbench's keys."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from slimbench import engines, metrics
from slimbench.build.store import Artifact
from slimbench.environment import changed_variables
from slimbench.history.document import SCHEMA
from slimbench.history.write import thin
from slimbench.metrics.latency import P99_SAMPLES
from slimbench.run.session import Run
from slimbench.spec import Case, Unmeasured

if TYPE_CHECKING:
    import pytest

Status = Literal["complete", "partial", "interrupted"]

DISTRIBUTIONS = ("slimbench", "ai-edge-litert", "numpy", "pytest-benchmark")
"""Whose versions a history records."""

OPTIONAL = ("litert-quantizer", "tensorflow", "tensorflow-model-optimization", "tf-keras")
"""The same, where they are installed; beside them the runtimes of all engines."""

UNVERSIONED = "unversioned"
"""pytest-benchmark's word for the commit where there is no repository."""

NOT_RUN = "its benchmark was left out of this run, or did not finish"


def document(
    run: Run, base: dict[str, Any], *, status: Status, preflight: Mapping[str, Any]
) -> dict[str, Any]:
    """Complete pytest-benchmark's document with what this run measured.

    Args:
        run: the finished run.
        base: what `pytest_benchmark_generate_json` made, with all samples.
        status: whether all, or only a part of the profile was run.
        preflight: the machine's state before the first measurement.

    Entries that are not cases of the run are left out, and so, in an interrupted run, are cases
    that were not measured in all benchmarks.
    """
    entries = []
    kept: set[Case] = set()
    for benchmark in base["benchmarks"]:
        case = _case_of(benchmark, run.subjects)
        if case is None or (
            status == "interrupted" and not run.is_finished(case, run.plan.profile.benchmarks)
        ):
            continue
        benchmark["extra_info"] = extra_info(run, case)
        benchmark["params"] = {"case": case.id}
        benchmark["stats"]["data"] = thin(benchmark["stats"]["data"])
        entries.append(benchmark)
        kept.add(case)
    return {
        **base,
        "benchmarks": entries,
        "slimbench": {
            "schema": SCHEMA,
            "status": status,
            "profile": run.plan.profile.name,
            "seed": run.plan.seed,
            "versions": versions(),
            "preflight": dict(preflight),
            "seconds": run.stopwatch.seconds(),
            "budgets": [
                judgement.entry() for (case, _), judgement in run.judgements.items() if case in kept
            ],
            "missing": [
                {"variant": name, "reason": reason} for name, reason in run.missing().items()
            ],
            **_unreadable(run, kept),
        },
    }


def _unreadable(run: Run, cases: Iterable[Case]) -> dict[str, list[dict[str, Any]]]:
    """Return the key `unreadable` where files among the images to score on could not be read."""
    rows: list[dict[str, Any]] = []
    for case in cases:
        step = run.plan.evaluations[case.variant]
        if step is None or not (evaluation := run.evaluations[step]).unreadable:
            continue
        row = {
            "dataset": run.plan.variants[case.variant].dataset,
            "images": len(evaluation.labels) + evaluation.unreadable,
            "unreadable": evaluation.unreadable,
            "examples": [*evaluation.unreadable_examples],
        }
        if row not in rows:  # once for all sizes that they were decoded to
            rows.append(row)
    return {"unreadable": rows} if rows else {}


def benchmark_frame(config: pytest.Config, code: Path) -> dict[str, Any]:
    """Let pytest-benchmark, and whoever hooks into it, make the document's frame.

    `code` is the folder whose commit it names.
    """
    session = config._benchmarksession  # type: ignore[attr-defined]  # noqa: SLF001
    hook = config.hook
    # It asks git about the working directory. `GIT_TRACE` and its like would end up in the answer.
    with contextlib.chdir(code), changed_variables("GIT_"):
        commit = hook.pytest_benchmark_generate_commit_info(config=config)
    if commit["id"] != UNVERSIONED and not re.fullmatch("[0-9a-f]{40,64}", commit["id"]):
        commit.update(id=None, reason=_why_no_commit(code, str(commit.get("error", ""))))
    hook.pytest_benchmark_update_commit_info(config=config, commit_info=commit)
    frame: dict[str, Any] = hook.pytest_benchmark_generate_json(
        config=config,
        benchmarks=session.benchmarks,
        include_data=True,
        machine_info=session.get_machine_info(),
        commit_info=commit,
    )
    hook.pytest_benchmark_update_json(
        config=config, benchmarks=session.benchmarks, output_json=frame
    )
    return frame


def _why_no_commit(code: Path, answer: str) -> str:
    """Return why git named no commit, with what helps, from its answer."""
    if "dubious ownership" in answer:
        return (
            f"git does not trust {code}, which belongs to another user. "
            f"`git config --global --add safe.directory {code}` has it do so."
        )
    if "FileNotFoundError" in answer:
        return "git is not installed."
    if "unknown revision" in answer or "Not a valid object name" in answer:
        return f"{code} has no commit yet."
    return f"git cannot read {code}; `git -C {code} status` tells why."


def extra_info(run: Run, case: Case) -> dict[str, Any]:
    """Return what was run and every metric of a case; null values come with their reasons."""
    subject = run.subjects[case]
    artifact = run.result(case)
    if not isinstance(artifact, Artifact):
        raise ValueError(f"{case.variant} was measured but not built.")
    info: dict[str, Any] = {
        "variant": case.variant,
        "reference": run.plan.reference_of(case).variant,
        "profile": run.plan.profile.name,
        "dataset": run.plan.variants[case.variant].dataset,
        "engine": case.engine,
        "threads": case.threads,
        "runtime_options": dict(engines.get(case.engine).options),
        "pixels": subject.pixels,
        "input_shape": list(subject.input_shape),
        "model_sha256": artifact.files[run.file_of(case)],
        "model_file": run.plan.store.relative(subject.model),
    }
    reasons: dict[str, str] = {}
    for key in metrics.keys(run.plan.profile.benchmarks):
        if key in info:  # `model_sha256` is a metric's key too
            continue
        value = subject.readings.get(key, Unmeasured(NOT_RUN))
        if isinstance(value, Unmeasured):
            info[key], reasons[key] = None, value.reason
        else:
            info[key] = value
    latency = info.get("latency_ms")
    if latency and latency["p99"] is None:
        reasons["latency_ms.p99"] = f"fewer than {P99_SAMPLES} invocations were timed"
    return {**info, "reasons": reasons}


def versions() -> dict[str, str]:
    """Return the versions that a history records, without importing what they are of."""
    installed = {name: importlib.metadata.version(name) for name in DISTRIBUTIONS}
    for name in dict.fromkeys((*OPTIONAL, *engines.distributions().values())):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            installed[name] = importlib.metadata.version(name)
    return {"python": platform.python_version(), **installed}


def _case_of(benchmark: Mapping[str, Any], cases: Iterable[Case]) -> Case | None:
    """Find the case a benchmark timed, by its id."""
    by_id = {case.id: case for case in cases}
    return by_id.get(benchmark.get("param") or "")
