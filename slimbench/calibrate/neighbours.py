"""What else ran while times were taken: others' use of the CPUs, and a neighbour of our own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

BURN = "from slimbench.exit_with_parent import end_with_parent\nend_with_parent()\nwhile True: pass"
"""Burns one core until it is ended, or its parent is gone."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """CPU time that was not ours: `others` in cores on average, `steal` as a share of all time."""

    others: float
    steal: float


@contextlib.contextmanager
def burner(wanted: bool) -> Iterator[int | None]:
    """Keep one core busy meanwhile, if wanted; gives the process's number."""
    if not wanted:
        yield None
        return
    with subprocess.Popen([sys.executable, "-c", BURN], stdin=subprocess.PIPE) as process:
        try:
            yield process.pid
        finally:
            process.kill()


class Watch:
    """Counts, from its making on, what others used of the CPUs."""

    def __init__(self) -> None:
        self._start = self._now()

    def seen(self) -> Neighbours:
        """Return what was used since; children still running count as others."""
        then, now = self._start, self._now()
        busy, steal, whole, own = (after - before for before, after in zip(then, now, strict=True))
        cpus = psutil.cpu_count() or 1
        wall = whole / cpus
        if wall <= 0:
            return Neighbours(0.0, 0.0)
        return Neighbours(max(0.0, busy - own) / wall, steal / whole)

    @staticmethod
    def _now() -> tuple[float, float, float, float]:
        cpu = psutil.cpu_times()
        steal = getattr(cpu, "steal", 0.0)
        idle = cpu.idle + getattr(cpu, "iowait", 0.0)
        whole = idle + cpu.user + cpu.system + getattr(cpu, "nice", 0.0) + steal
        whole += getattr(cpu, "irq", 0.0) + getattr(cpu, "softirq", 0.0)
        mine = psutil.Process().cpu_times()
        own = mine.user + mine.system + mine.children_user + mine.children_system
        return whole - idle - steal, steal, whole, own


def load_1m() -> float:
    """Return the load average of the last minute."""
    return psutil.getloadavg()[0]
