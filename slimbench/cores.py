"""How many CPUs this process may use: the smaller of its affinity and its control group's quota.

Not joblib's `cpu_count`, which reads the quota of the outermost group alone, where systemd sets it
on the one of a service, and takes half a second to import.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def cores(root: Path = Path("/")) -> int:
    """Return how many CPUs there are to work with, at least 1.

    `taskset` and a container's CPU set limit the affinity; `docker run --cpus` and systemd's
    `CPUQuota` limit the time in each period. Half a CPU counts as one. `root` is where `proc` and
    `sys` are mounted.
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return max(1, min([count, *(int(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """Yield the quotas, in CPUs, of this process's control groups and of those around them."""
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        mount = root / "sys/fs/cgroup"
        if controllers:  # version 1 has a hierarchy for each set of controllers
            if "cpu" not in controllers.split(","):
                continue
            mount /= "cpu"
        group = mount / path.lstrip("/")
        # In a container the path may be the host's, which is not mounted; the mount is the group.
        for folder in (group, *group.parents):
            if controllers:
                limit = _lines(folder / "cpu.cfs_quota_us") + _lines(folder / "cpu.cfs_period_us")
            else:
                limit = [word for line in _lines(folder / "cpu.max") for word in line.split()]
            if len(limit) == 2 and limit[0] not in ("max", "-1"):
                yield int(limit[0]) / int(limit[1])
            if folder == mount:
                break


def _lines(path: Path) -> list[str]:
    """Return the lines of a file of the kernel's, none where it is not there."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
