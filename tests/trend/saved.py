"""Saved runs made from a real one: the published digits history, cut to a few cases and changed."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from slimbench.paths import CODE

FOLDER = CODE / "results" / "published" / "digits"
PUBLISHED = sorted(FOLDER.glob("*.json"))
VARIANT = "resnet50_f32"
OTHER = "student_scratch_f32"
MACHINE = "Linux-CPython-3.11-64bit"
BEGIN = datetime(2025, 1, 1, 12, tzinfo=UTC)

Document = dict[str, Any]
Change = Callable[[Document], object]


def document(p50: float = 8.0, taken: datetime = BEGIN, **own: Any) -> Document:
    """Return a run of two variants, the first with a median of `p50` ms; `own` is `slimbench`'s."""
    run: Document = json.loads(_published())
    run["datetime"] = taken.isoformat()
    run["slimbench"] |= own
    for benchmark in run["benchmarks"]:
        info = benchmark["extra_info"]
        info["profile"] = run["slimbench"]["profile"]
    latency = info_of(run)["latency_ms"]
    factor = p50 / latency["p50"]
    info_of(run)["latency_ms"] = {
        key: value if key == "n" else p50 if key == "p50" else value * factor
        for key, value in latency.items()
    }
    return run


def info_of(run: Document, variant: str = VARIANT) -> Document:
    infos = (benchmark["extra_info"] for benchmark in run["benchmarks"])
    return next(info for info in infos if info["variant"] == variant)


def put(results: Path, number: int, run: Document, machine: str = MACHINE) -> Path:
    """Write a run as `slimbench.history.write.save` does, with a number of the test's choice."""
    taken = datetime.fromisoformat(run["datetime"]).astimezone(UTC)
    name = f"{number:04d}_{run['commit_info']['id'][:12]}_{taken:%Y%m%d_%H%M%S}.json"
    path = results / machine / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(run, indent=1) + "\n", encoding="ascii")
    return path


def put_all(
    results: Path, medians: Sequence[float], change: Change | None = None, first: int = 1
) -> list[Path]:
    """Write a run an hour for each median; `change` is made to every one of them."""
    paths = []
    for number, p50 in enumerate(medians, first):
        run = document(p50, BEGIN + timedelta(hours=number))
        if change is not None:
            change(run)
        paths.append(put(results, number, run))
    return paths


@functools.cache
def _published() -> str:
    name = "0001_5d1b2d3a57bc_20261122_233845.json"
    run = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    run["benchmarks"] = [
        each for each in run["benchmarks"] if each["extra_info"]["variant"] in (VARIANT, OTHER)
    ]
    for benchmark in run["benchmarks"]:
        benchmark["stats"]["data"] = benchmark["stats"]["data"][:5]
    return json.dumps(run)
