"""Compare this suite's median latency with litert-benchmark's on the same files.

Both time single invocations of the same file with the same number of threads, in back-to-back
turns whose order alternates, each in a process of its own, so that a drifting machine disturbs
both alike. The figure is the geometric mean, over all turns, of our median by its median. Its
medians are rounded to 0.01 ms, so files under half a millisecond are left out.

    .venv/bin/python scripts/compare_with_litert_benchmark.py --out medians.json
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from slimbench import engines
from slimbench.atomic_write import write_text
from slimbench.build import recipe
from slimbench.build.store import Store
from slimbench.metrics.latency import PILOT_INVOCATIONS, pilot, rounds_for
from slimbench.spec import MODEL_FILE
from slimbench.suite import profiles, variants

SHORTEST_MS = 0.5
"""Below this the other tool's rounding alone is more than a percent."""

TOOL = Path(sys.executable).with_name("litert-benchmark")

_OURS = """
import sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from compare_with_litert_benchmark import our_median
print(our_median(Path(sys.argv[1]), int(sys.argv[2])))
"""


def our_median(model: Path, threads: int) -> float:
    """Time a model as bench/test_latency.py does; returns the median in ms."""
    session = engines.get("litert").load(model, threads)
    pixels = np.random.default_rng(0).integers(0, 256, session.input_shape[-3:], dtype=np.uint8)
    session.feed(pixels)
    rounds = rounds_for(pilot(session.invoke))
    for _ in range(PILOT_INVOCATIONS):
        session.invoke()
    samples = []
    for _ in range(rounds):
        started = time.perf_counter()
        session.invoke()
        samples.append(time.perf_counter() - started)
    return statistics.median(samples) * 1e3


def main() -> None:
    """Run the turns and show the ratio of each file and of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--profile", default="digits")
    parser.add_argument("--variants", nargs="*", help="default: the whole profile")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--out", type=Path, help="a JSON file for all the medians")
    chosen = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name, model in _models(chosen.profile, chosen.variants):
        first = _ours(model, chosen.threads)
        if first < SHORTEST_MS:
            print(f"{name}: left out, {first:.3f} ms is too short for the tool's rounding")
            continue
        rounds = rounds_for(first / 1e3)
        for turn in range(chosen.turns):
            both = [("ours_ms", _ours), ("litert_benchmark_ms", _theirs)]
            row: dict[str, Any] = {"variant": name, "threads": chosen.threads, "turn": turn}
            for key, measure in both if turn % 2 else reversed(both):
                row[key] = measure(model, chosen.threads, rounds)
            rows.append(row)
        print(f"{name}: {_summary(_logs(rows, name))}", flush=True)
    print(f"All files: {_summary(_logs(rows))}")
    if chosen.out is not None:
        write_text(chosen.out, json.dumps(rows, indent=1) + "\n")


def _models(profile: str, wanted: Sequence[str] | None) -> list[tuple[str, Path]]:
    chosen = profiles.get_profile(profile)
    store = Store()
    models = []
    for name in wanted or chosen.variants:
        chain = variants.get(name, chosen.dataset).chain
        artifact = store.find(recipe.key(chain, chosen.seed))
        if artifact is None:
            raise SystemExit(f"{name} is not built. Run `make bench PROFILE={profile}` first.")
        models.append((name, artifact.file(MODEL_FILE)))
    return models


def _ours(model: Path, threads: int, rounds: int = 0) -> float:  # noqa: ARG001 - chosen by itself
    code = _OURS.format(folder=str(Path(__file__).parent))
    done = subprocess.run(
        [sys.executable, "-c", code, str(model), str(threads)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


def _theirs(model: Path, threads: int, rounds: int = 0) -> float:
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        subprocess.run(
            [
                *(TOOL, "--model", model, "--num_threads", str(threads)),
                *("--num_runs", str(rounds), "--warmup_runs", str(2 * PILOT_INVOCATIONS)),
                *("--result_json", result),
            ],
            check=True,
            capture_output=True,
        )
        median: float = json.loads(result.read_text(encoding="utf-8"))["latency"]["median_ms"]
    return median


def _logs(rows: list[dict[str, Any]], name: str | None = None) -> list[float]:
    return [
        math.log(row["ours_ms"] / row["litert_benchmark_ms"])
        for row in rows
        if name in (None, row["variant"])
    ]


def _summary(logs: list[float]) -> str:
    mean = statistics.fmean(logs)
    low, high = stats.t.interval(0.95, len(logs) - 1, loc=mean, scale=stats.sem(logs))
    return (
        f"ours / litert-benchmark's = {math.exp(mean):.3f} "
        f"[{math.exp(low):.3f}-{math.exp(high):.3f}] over {len(logs)} turns"
    )


if __name__ == "__main__":
    main()
