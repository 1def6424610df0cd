"""What takes too long for a test: the server under load for minutes, and after a crash.

    .venv/bin/python scripts/soak_serving.py same       # 20,000 concurrent answers are as serial
    .venv/bin/python scripts/soak_serving.py memory     # 50,000 requests leave no more memory taken
    .venv/bin/python scripts/soak_serving.py overload   # ten times too much for 60 s
    .venv/bin/python scripts/soak_serving.py crash      # killed by SIGSEGV, it is back within 2 s
    .venv/bin/python scripts/soak_serving.py all

Each starts `slimbench serve` with the model that comes with the project, `--manifest` with others,
prints its figures and ends with status 1 where one is out of bounds.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil

from slimbench import engines
from slimbench.serving import load
from slimbench.serving.capacity import Trial, highest_rate, overload
from slimbench.serving.http_client import fetch_status
from slimbench.serving.load import Clients, LoadResult, LoadTest, Poisson, running
from slimbench.serving.messages import prediction_requests
from slimbench.serving.servers import ServerProcess, serial_responses, started
from slimbench.webapp.manifest import DEFAULT, read_manifest

PICTURES = 64
GROWTH_MIB = 8.0
"""What the second half of the requests may add: Python's allocator and the kernel round up."""

BACK_S = 2.0
LIVEZ_P99_MS = 60.0
RECOVERY_S = 1.0
P99_LIMIT_MS = 50.0
CHILD_S = 10.0


@dataclass(frozen=True, slots=True)
class Soaked:
    """A running server, and the test of one client that sends it requests."""

    server: ServerProcess
    test: LoadTest

    def put(self, arrivals: Clients | Poisson) -> LoadResult:
        """Put it under load."""
        return load.run(replace(self.test, arrivals=arrivals))

    def worker(self) -> psutil.Process:
        """Return the process that serves, below the supervisor."""
        if self.server.process is None:
            raise SystemExit("The server does not run.")
        children = psutil.Process(self.server.process.pid).children()
        if len(children) != 1:
            raise SystemExit(f"The supervisor has {len(children)} child processes, not one.")
        return children[0]


@contextlib.contextmanager
def soaked(manifest: Path, batching: str) -> Iterator[Soaked]:
    """Start `slimbench serve` and ask it everything one by one."""
    model = read_manifest(manifest).stable
    images = pictures(model.input_shape)
    session = engines.get("litert").load(model.file, 1, model.pixels)
    asked = prediction_requests(session, images)
    session.close()
    options = ["--manifest", str(manifest.absolute()), *([batching] if batching else [])]

    def command(port: int) -> Sequence[str]:
        return [sys.executable, "-m", "slimbench.cli", "serve", "--port", str(port), *options]

    with tempfile.TemporaryDirectory(prefix="slimbench-soak-") as folder:
        log = Path(folder) / "server.log"
        server = ServerProcess("slimbench serve", command, "/readyz", log)
        with started(server) as seconds:
            print(f"ready after {seconds:.2f} s")
            expected = serial_responses(server, asked)
            yield Soaked(server, LoadTest(server.port, asked.requests, expected, Clients(1, 0.0)))


def pictures(shape: tuple[int, int, int]) -> np.ndarray:
    """Return noise in blocks of four pixels, with which scores differ from picture to picture."""
    height, width, channels = shape
    random = np.random.default_rng(0)
    made = []
    for _ in range(PICTURES):
        small = random.integers(0, 256, (-(-height // 4), -(-width // 4), channels), dtype=np.uint8)
        made.append(np.repeat(np.repeat(small, 4, 0), 4, 1)[:height, :width])
    return np.stack(made)


def same(soak: Soaked, given: argparse.Namespace) -> list[str]:
    """Hold concurrent answers against those that were given one by one."""
    count = given.count or 20_000
    result = soak.put(Clients(given.clients, 3600, count=count))
    print(
        f"{count:,} concurrent answers, {given.clients} clients: {result.right_count:,} equal to "
        f"the serial ones, {result.wrong_count:,} not, "
        f"{len(result.statuses) - result.count(200):,} not answered; "
        f"{result.right_count / result.seconds:,.0f} a second"
    )
    for wrong in result.wrong:
        print(f"  wrong: {wrong}")
    return [] if result.right_count == count else ["not every answer is the serial one"]


def memory(soak: Soaked, given: argparse.Namespace) -> list[str]:
    """Weigh the server in ten steps; what the first half takes is warming up."""
    count = given.count or 50_000
    weights = []
    for step in range(11):
        if step:
            result = soak.put(Clients(given.clients, 3600, count=count // 10))
            if result.right_count != len(result.statuses):
                return [f"statuses {result.by_status}, {result.wrong_count} wrong"]
        weights.append(soak.worker().memory_info().rss / 2**20)
    growth = weights[10] - weights[5]
    shown = " ".join(f"{each:.1f}" for each in weights)
    print(f"resident MiB, a tenth of {count:,} requests apart: {shown}")
    print(f"growth over the second half: {growth:.1f} MiB (at most {GROWTH_MIB:g})")
    return [] if growth <= GROWTH_MIB else ["memory grows"]


def flood(soak: Soaked, given: argparse.Namespace) -> list[str]:
    """Send ten times the highest rate."""
    single = soak.put(Clients(1, 2.0))
    top = soak.put(Clients(8, 3.0))
    top_rate = top.right_count / top.seconds

    def attempt(rate: float) -> Trial:
        p99 = soak.put(Poisson(rate, 2.0, grace_s=1.0)).percentile_ms(99)
        return Trial(rate, p99, p99 is not None and p99 <= P99_LIMIT_MS)

    best, _ = highest_rate(attempt, top_rate / 4, top_rate * 1.5, 3)
    if best is None:
        return [f"no rate keeps the 99th percentile under {P99_LIMIT_MS:g} ms"]
    found = overload(soak.test, best.rate_per_s, 10, given.seconds, P99_LIMIT_MS)
    p50 = statistics.median(each for each in single.latencies_ms if each is not None)
    print(f"one client: {p50:.2f} ms; highest rate {best.rate_per_s:,.0f}/s")
    print(f"{found.offered_per_s:,.0f}/s for {found.seconds:g} s: statuses {dict(found.statuses)}")
    print(f"wrong {found.wrong}, never sent for want of a connection {found.unsent:,}")
    print(f"/livez p99 {found.livez_p99_ms} ms, failed {found.livez_failed}")
    print(f"served as before after {found.recovery_s} s")
    wrong = []
    if set(found.statuses) - {"200", "503"} or found.wrong:
        wrong.append("other answers than 200 and 503")
    if found.livez_failed or found.livez_p99_ms is None or found.livez_p99_ms >= LIVEZ_P99_MS:
        wrong.append(f"/livez p99 is not under {LIVEZ_P99_MS:g} ms")
    if found.recovery_s is None or found.recovery_s > RECOVERY_S:
        wrong.append(f"not as before within {RECOVERY_S:g} s")
    return wrong


def crash(soak: Soaked, given: argparse.Namespace) -> list[str]:
    """Kill the serving process as a native fault would, with clients at work."""
    times = []
    for _ in range(given.count or 5):
        time.sleep(1.5)  # a server that has run for a while
        worker = soak.worker()
        arrivals = Clients(given.clients, 3.0)
        with running(replace(soak.test, arrivals=arrivals)) as clients:
            time.sleep(0.5)
            began = time.perf_counter()
            os.kill(worker.pid, signal.SIGSEGV)
            worker.wait(CHILD_S)
            while fetch_status(soak.test.port, "/readyz", 10.0) != 200:
                time.sleep(0.005)
            times.append(time.perf_counter() - began)
            result = clients.result()
        print(
            f"back after {times[-1]:.2f} s; meanwhile statuses {result.by_status}, "
            f"{result.wrong_count} wrong"
        )
        if result.wrong_count:
            return ["wrong answers around a crash"]
    return [] if max(times) <= BACK_S else [f"not back within {BACK_S:g} s"]


CHECKS: dict[str, Callable[[Soaked, argparse.Namespace], list[str]]] = {
    "same": same,
    "memory": memory,
    "overload": flood,
    "crash": crash,
}


def main() -> int:
    """Run one check, or all of them; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("check", choices=[*CHECKS, "all"])
    parser.add_argument("--manifest", type=Path, default=DEFAULT, help="what is served")
    parser.add_argument("--batching", action=argparse.BooleanOptionalAction)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--count", type=int, help="requests, or crashes")
    parser.add_argument("--seconds", type=float, default=60.0, help="of overload")
    given = parser.parse_args()
    batching = {None: "", True: "--batching", False: "--no-batching"}[given.batching]
    broken = []
    for name in CHECKS if given.check == "all" else [given.check]:
        print(f"== {name}", flush=True)
        with soaked(given.manifest, batching) as soak:
            found = CHECKS[name](soak, given)
        for each in found:
            print(f"BROKEN: {each}")
        broken += found
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
