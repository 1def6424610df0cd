"""Time the scoring of one file with one worker and with several, in turns.

    python scripts/time_scoring.py MODEL.tflite [--images N] [--workers N] [--rounds N]

The images are noise: what they show changes nothing about the time. Beside the seconds stand the
cores that each way had (CPU time / time): on a busy machine two workers may get no more than one.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from slimbench import engines
from slimbench.measurement import scoring


def main() -> None:
    """Print the seconds of each way and the median of their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--engine", default="litert", choices=engines.names())
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--workers", type=int, default=scoring.cores())
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    engine = engines.get(asked.engine)
    own = engine.load(asked.model, 1)
    shape = (asked.images, *own.input_shape[1:])
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    labels = np.zeros(asked.images, np.int64)

    def timed(workers: int) -> tuple[float, float]:
        started, computed = time.perf_counter(), time.process_time()
        scoring.score(lambda: engine.load(asked.model, 1), images, labels, workers=workers, own=own)
        took = time.perf_counter() - started
        return took, (time.process_time() - computed) / took

    ratios = []
    for turn in range(asked.rounds):
        order = (1, asked.workers) if turn % 2 else (asked.workers, 1)
        took = {workers: timed(workers) for workers in order}
        ratios.append(took[1][0] / took[asked.workers][0])
        each = (
            f"{workers}: {seconds:.2f} s on {cores:.2f} cores"
            for workers, (seconds, cores) in sorted(took.items())
        )
        print(f"{', '.join(each)}; ratio {ratios[-1]:.2f}", flush=True)
    print(f"{asked.workers} workers: {statistics.median(ratios):.2f} times one, the median")


if __name__ == "__main__":
    main()
