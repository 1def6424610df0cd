"""The servers of several checkouts with one model, measured in turns so that figures compare.

    git worktree add /tmp/before v0.1.0   # and an environment with its lock in /tmp/before/.venv
    .venv/bin/python scripts/compare_servers.py MODEL.tflite --shape 32 32 3 . /tmp/before

Each checkout is served by the Python of its own `.venv`. Prints right answers a second of eight
clients (the median of the turns, and as a share of the last checkout's), then what becomes of ten
times that rate.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from slimbench import engines
from slimbench.pixels import MODES
from slimbench.serving import load
from slimbench.serving.capacity import overload
from slimbench.serving.load import Clients, LoadTest
from slimbench.serving.messages import PredictionRequests, prediction_requests
from slimbench.serving.servers import ServerProcess, serial_responses, started

CLIENTS = 8
TURN_S = 4.0
PICTURES = 64
RECOVERED_MS = 50.0


def requests(given: argparse.Namespace) -> PredictionRequests:
    """Return noise in blocks of four pixels as requests, with the model's scores."""
    height, width, channels = given.shape
    noise = np.random.default_rng(0).integers(
        0, 256, (PICTURES, -(-height // 4), -(-width // 4), channels), dtype=np.uint8
    )
    images = noise.repeat(4, 1).repeat(4, 2)[:, :height, :width]
    session = engines.get("litert").load(given.model, 1, given.pixels)
    with contextlib.closing(session):
        return prediction_requests(session, images)


def server(checkout: Path, given: argparse.Namespace, folder: Path) -> ServerProcess:
    """Return the server of a checkout, not started."""

    def command(port: int) -> Sequence[str]:
        return [
            *(str(checkout / ".venv" / "bin" / "python"), "-P", "-m", "slimbench.webapp.one_model"),
            *(str(given.model.absolute()), f"--pixels={given.pixels}", "--port", str(port)),
            *("--shape", *map(str, given.shape), *(["--batching"] if given.batching else [])),
        ]

    log = folder / f"{checkout.name}.log"
    return ServerProcess(str(checkout), command, "/readyz", log, {"PYTHONPATH": str(checkout)})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("checkouts", type=Path, nargs="+")
    parser.add_argument("--shape", type=int, nargs=3, required=True, metavar=("H", "W", "C"))
    parser.add_argument("--pixels", choices=MODES, default="raw")
    parser.add_argument("--batching", action="store_true")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60.0, help="of overload")
    given = parser.parse_args()
    asked = requests(given)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        tests: dict[Path, LoadTest] = {}
        for checkout in (each.resolve() for each in given.checkouts):
            found = server(checkout, given, Path(folder))
            running.enter_context(started(found))
            expected = serial_responses(found, asked)
            tests[checkout] = LoadTest(found.port, asked.requests, expected, Clients(1, 0.0))
        rates: dict[Path, list[float]] = {checkout: [] for checkout in tests}
        for _ in range(given.turns):
            for checkout in random.sample(list(tests), len(tests)):
                test = replace(tests[checkout], arrivals=Clients(CLIENTS, TURN_S))
                result = load.run(test)
                rates[checkout].append(result.right_count / result.seconds)
        medians = {checkout: statistics.median(found) for checkout, found in rates.items()}
        last = list(medians.values())[-1]
        for checkout, rate in medians.items():
            print(f"{checkout}: {rate:,.0f} right answers/s, {rate / last:.2f} of the last one's")
        for checkout, test in tests.items():
            found = overload(test, last, 10, given.seconds, RECOVERED_MS)
            right = found.statuses.get("200", 0) / given.seconds
            print(
                f"{checkout}: of {found.offered_per_s:,.0f}/s {dict(found.statuses)}, "
                f"{found.unsent:,} unsent, {found.wrong} wrong; {right:,.0f} answers/s; "
                f"/livez p99 {found.livez_p99_ms} ms; as before after {found.recovery_s} s"
            )


if __name__ == "__main__":
    main()
