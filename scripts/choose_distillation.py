"""Choose the distillation's temperature and alpha on the validation split.

Trains the digits student once for each pair on the grid, with the teacher and the schedule of the
benchmark, and scores the validation images; the test images are never read. The mean accuracy over
two seeds decides, cross-entropy between equals. A temperature of 1 softens nothing and is left out.
Every training is kept in the artifact store, so the script can be stopped and started again; about
ten minutes on two cores.

    .venv/bin/python scripts/choose_distillation.py --out results/published/distillation.json
"""

from __future__ import annotations

import argparse
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from slimbench._suite.variants import digits, student
from tabulate import tabulate

from slimbench.atomic_write import write_text
from slimbench.build.scheduler import Failure, build
from slimbench.build.store import Store
from slimbench.progress import BuildProgress
from slimbench.spec import Step
from slimbench.steps.validate import RESULT_FILE, Validate

TEMPERATURES = (2.0, 4.0, 8.0)
ALPHAS = (0.1, 0.3, 0.5, 0.9)
SEEDS = (0, 1)


def main() -> None:
    """Fill the grid and show it, best first."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="the JSON file with all results")
    out: Path = parser.parse_args().out
    store = Store()
    store.prepare()
    rows = []
    for seed in SEEDS:
        grid: dict[tuple[str, str], Step] = {("none", "1"): student.SCRATCH}
        for temperature, alpha in itertools.product(TEMPERATURES, ALPHAS):
            chosen = replace(student.DISTILLED, temperature=temperature, alpha=alpha)
            grid[f"{temperature:g}", f"{alpha:g}"] = chosen
        steps: dict[tuple[str, str], Step] = {
            pair: Validate(step, digits.IMAGES) for pair, step in grid.items()
        }
        with BuildProgress(Console(stderr=True)) as progress:
            results = build(steps.values(), seed, store, progress).results
        for pair, step in steps.items():
            result = results[step]
            if isinstance(result, Failure):
                raise SystemExit(f"temperature {pair[0]}, alpha {pair[1]}: {result.reason}")
            rows.append(_row(pair, seed, result.folder))
    _save(out, rows)
    print(tabulate(_means(rows), headers="keys", floatfmt=".4f"))


def _row(pair: tuple[str, str], seed: int, folder: Path) -> dict[str, Any]:
    figures = json.loads((folder / RESULT_FILE).read_text(encoding="utf-8"))
    return {"temperature": pair[0], "alpha": pair[1], "seed": seed, **figures}


def _means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    pairs = {(row["temperature"], row["alpha"]) for row in rows}
    means = []
    for temperature, alpha in pairs:
        own = [row for row in rows if (row["temperature"], row["alpha"]) == (temperature, alpha)]
        means.append(
            {
                "temperature": temperature,
                "alpha": alpha,
                "validation accuracy": np.mean([row["accuracy"] for row in own]),
                "cross-entropy": np.mean([row["cross_entropy"] for row in own]),
            }
        )
    return sorted(
        means, key=lambda mean: (-float(mean["validation accuracy"]), float(mean["cross-entropy"]))
    )


def _save(out: Path, rows: list[dict[str, Any]]) -> None:
    write_text(out, json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
