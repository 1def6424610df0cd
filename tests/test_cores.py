"""How many CPUs there are, in control groups of both versions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from slimbench.cores import cores


@pytest.fixture(autouse=True)
def eight_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def kernel(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_without_control_groups_it_is_the_affinity(tmp_path: Path) -> None:
    assert cores(tmp_path) == 8


@pytest.mark.parametrize(
    ("quota", "count"),
    [("max 100000", 8), ("100000 100000", 1), ("250000 100000", 2), ("50000 100000", 1)],
)
def test_a_quota_of_version_2(tmp_path: Path, quota: str, count: int) -> None:
    files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": f"{quota}\n"}
    assert cores(kernel(tmp_path, files)) == count


def test_the_quota_of_a_group_around_it_counts(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/system.slice/job.service\n",
        "sys/fs/cgroup/system.slice/cpu.max": "300000 100000\n",
        "sys/fs/cgroup/system.slice/job.service/cpu.max": "max 100000\n",
    }
    assert cores(kernel(tmp_path, files)) == 3


@pytest.mark.parametrize(("quota", "count"), [("-1", 8), ("200000", 2)])
def test_a_quota_of_version_1(tmp_path: Path, quota: str, count: int) -> None:
    files = {
        "proc/self/cgroup": "4:memory:/docker/ab\n2:cpu,cpuacct:/docker/ab\n1:name=systemd:/\n",
        # In the container the group is the mount itself.
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": f"{quota}\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    }
    assert cores(kernel(tmp_path, files)) == count


def test_the_affinity_counts_where_it_is_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}
    assert cores(kernel(tmp_path, files)) == 1
