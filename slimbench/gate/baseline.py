"""The promoted baseline of a profile: a small file that is reviewed and committed like code.

It holds what a run measured, not its samples, and who promoted it why. It says which files the
next run is held against; the files themselves are kept by their sha256.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slimbench.atomic_write import write_text
from slimbench.history.document import Document, HistoryError, moment, parse, text_of
from slimbench.history.machine import cpu
from slimbench.history.record import BudgetResult, History, Preflight, typed
from slimbench.history.schemas import BASELINE, first_fault
from slimbench.spec import Case

SCHEMA = 1
"""The `schema` number that this version writes and reads."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """Who made a run the baseline, when and why; `by` is None where git knows no name."""

    at: datetime
    by: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """A promoted run, `run_file`, as a history; that one's path is the baseline's own.

    Its entries have no samples: times are measured again, never compared. Of its budgets it has
    those that were broken.
    """

    promotion: Promotion
    run_file: str
    history: History


def baseline_path(results: Path, profile: str) -> Path:
    """Return where a profile's baseline is, in the folder of the results."""
    return results / "baselines" / f"{profile}.json"


def baseline_document(
    document: Document, history: History, promotion: Promotion, *, despite_budgets: bool = False
) -> Document:
    """Return the baseline that a run makes, as JSON; `history` is the typed `document`.

    Raises:
        HistoryError: The run is not complete, broke a budget without `despite_budgets`, or the
            reason is empty.
    """
    if history.status != "complete":
        raise HistoryError(
            f"{history.path.name} is {history.status}: a baseline takes a complete run. "
            "Run the benchmarks again, without -k and to the end."
        )
    broken = [result for result in history.budgets if result.verdict == "fail"]
    if broken and not despite_budgets:
        names = ", ".join(f"{result.case.id} {result.budget}" for result in broken)
        raise HistoryError(
            f"{history.path.name} broke {len(broken)} of its budgets ({names}). "
            "Mend that, or promote it with --despite-budgets, which the baseline then says."
        )
    reason = " ".join(promotion.reason.split())
    if not reason:
        raise HistoryError("A promotion needs a reason: say why this run is the one to keep to.")
    cases = sorted(
        (benchmark["extra_info"] for benchmark in document["benchmarks"]),
        key=lambda info: (info["variant"], info["engine"], info["threads"]),
    )
    return {
        "schema": SCHEMA,
        "profile": history.profile,
        "promoted": {
            "at": promotion.at.astimezone(UTC).isoformat(timespec="seconds"),
            "by": promotion.by,
            "reason": reason,
        },
        "run": {
            "file": history.path.name,
            "taken": history.taken.astimezone(UTC).isoformat(),
            "commit": history.commit,
            "dirty": history.dirty,
            "cpu": cpu(history.machine),
            "seed": history.seed,
            "versions": dict(history.versions),
        },
        "broken_budgets": [
            {
                "variant": result.case.variant,
                "engine": result.case.engine,
                "threads": result.case.threads,
                "budget": result.budget,
                "limit": result.limit,
                "value": result.value,
            }
            for result in broken
        ],
        "cases": cases,
    }


def save_baseline(document: Document, path: Path) -> Baseline:
    """Check a baseline and write it, whole or not at all; sorted, for reviews to show changes.

    Raises:
        HistoryError: It does not fit its schema.
        OSError: It cannot be written; an earlier one is untouched.
    """
    baseline = _typed(document, path)
    text = json.dumps(document, allow_nan=False, ensure_ascii=False, indent=1, sort_keys=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, f"{text}\n")
    return baseline


def load_baseline(path: Path) -> Baseline:
    """Read, check and type a baseline.

    Raises:
        HistoryError: It is missing, cannot be read, is not what the schema describes, or
            contradicts itself.
    """
    if not path.exists():
        raise HistoryError(
            f"There is no baseline {path}. Promote a run: slimbench promote RUN --reason '...'."
        )
    return _typed(parse(text_of(path), str(path)), path)


def _typed(document: Document, path: Path) -> Baseline:
    number = document.get("schema")
    if type(number) is not int or number != SCHEMA:
        raise HistoryError(
            f"{path} has baseline schema {number!r:.40}, this slimbench reads {SCHEMA}. "
            "Use the version of slimbench that wrote it, or promote a run again."
        )
    fault = first_fault(BASELINE, document)
    if fault is not None:
        raise HistoryError(f"{path} does not fit the baseline schema: {fault}")
    run, promoted = document["run"], document["promoted"]
    misfit = f"{path} does not fit the baseline schema: at"
    at = moment(promoted["at"], f"{misfit} $.promoted.at")
    promotion = Promotion(at, promoted["by"], promoted["reason"])
    history = History(
        path=path,
        taken=moment(run["taken"], f"{misfit} $.run.taken"),
        status="complete",
        profile=document["profile"],
        seed=int(run["seed"]),
        versions=run["versions"],
        machine={"cpu": {"brand_raw": run["cpu"]}},
        commit=run["commit"],
        dirty=run["dirty"],
        preflight=Preflight(None, None, None, None, ()),
        seconds={},
        budgets=tuple(_broken(row) for row in document["broken_budgets"]),
        missing=(),
        entries=typed(((info, ()) for info in document["cases"]), document["profile"], path),
    )
    return Baseline(promotion, run["file"], history)


def _broken(row: Mapping[str, Any]) -> BudgetResult:
    case = Case(row["variant"], row["engine"], int(row["threads"]))
    return BudgetResult(case, row["budget"], row["limit"], row["value"], "fail")
