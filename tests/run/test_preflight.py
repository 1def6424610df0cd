"""Preflight: what is read off the machine, and when it warns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from slimbench.run import preflight

QUIET: dict[str, Any] = {
    "load": 0.1, "others": 2.0, "steal": 0.0, "frequency_governor": "performance", "cores": 2
}  # fmt: skip


def warned(**changed: Any) -> list[str]:
    return preflight.warnings(**{**QUIET, **changed})


def test_a_quiet_machine_is_believed() -> None:
    assert warned() == []
    assert warned(load=None, others=None, steal=None, frequency_governor=None) == []


def test_other_processes_make_a_machine_too_busy() -> None:
    assert warned(others=50.0) == [preflight.others_busy(50.0)]
    assert "50 %" in preflight.others_busy(50.0)


def test_the_load_that_our_own_build_left_accuses_nobody() -> None:
    assert warned(load=2.0, others=3.0) == []


def test_the_load_counts_where_nothing_better_is_known() -> None:
    assert warned(load=1.1, others=None) == [preflight.load_high(1.1, 2)]
    assert warned(load=1.1, others=None, cores=4) == []


def test_steal_and_powersave_are_warned_of() -> None:
    assert warned(steal=5.1) == [preflight.steal_high(5.1)]
    assert warned(steal=5.0) == []
    assert warned(frequency_governor="performance,powersave") == [preflight.governor_powersave()]


@pytest.mark.parametrize(
    "sentence",
    [
        preflight.others_busy(40),
        preflight.load_high(3.2, 1),
        preflight.steal_high(12),
        preflight.governor_powersave(),
    ],
)
def test_every_warning_says_what_to_do(sentence: str) -> None:
    assert any(verb in sentence for verb in ("Stop", "Trust", "Choose", "run on"))
    assert sentence.endswith(".")
    assert len(sentence) < 160


def test_the_real_machine_is_read_quickly() -> None:
    began = time.perf_counter()
    seen = preflight.preflight()
    assert time.perf_counter() - began < 5
    assert set(seen) == {"load_1m", "steal_percent", "governor", "cpu_flags", "warnings"}
    assert json.loads(json.dumps(seen, allow_nan=False)) == seen
    assert seen["steal_percent"] is None or 0 <= seen["steal_percent"] <= 100
    assert 0 < preflight.INTERVAL <= 0.3


@pytest.fixture
def busy_child() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield child
    child.kill()
    child.wait()


def test_the_work_of_our_own_children_is_not_that_of_others(
    busy_child: subprocess.Popen[bytes],
) -> None:
    mine = [psutil.Process(), psutil.Process(busy_child.pid)]
    assert {one.pid for one in mine} <= {one.pid for one in preflight.family()}
    before = preflight.cpu_seconds(mine)
    deadline = time.monotonic() + 60
    while preflight.cpu_seconds(mine) < before + 0.1 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert preflight.cpu_seconds(mine) >= before + 0.1


Shares = namedtuple("Shares", "user system idle iowait steal")


def pretend(
    monkeypatch: pytest.MonkeyPatch, shares: Any, own: tuple[float, float], cpus: int = 2
) -> None:
    """Let one second pass in which we used `own[1] - own[0]` seconds of CPU time."""
    readings, clock = iter(own), iter((10.0, 11.0))
    monkeypatch.setattr(psutil, "cpu_times_percent", lambda **_: shares)
    monkeypatch.setattr(psutil, "cpu_count", lambda: cpus)
    monkeypatch.setattr(preflight, "cpu_seconds", lambda _: next(readings))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))


def test_use_by_others_is_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = Shares(user=60.0, system=10.0, idle=20.0, iowait=4.0, steal=6.0)
    pretend(monkeypatch, shares, (1.0, 2.0))
    assert preflight.cpu_use(1.0) == (20.0, 6.0)


def test_use_by_others_is_never_negative(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, Shares(50.0, 0.0, 50.0, 0.0, 0.0), (0.0, 1.1))
    assert preflight.cpu_use(1.0) == (0.0, 0.0)


def test_a_kernel_without_cpu_times_is_unknown_not_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, Shares(0.0, 0.0, 0.0, 0.0, 0.0), (0.0, 1.0))
    assert preflight.cpu_use(1.0) == (None, None)


def test_cpu_times_that_cannot_be_read_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: float) -> None:
        raise PermissionError

    monkeypatch.setattr(psutil, "cpu_times_percent", refused)
    assert preflight.cpu_use(0.1) == (None, None)


def test_a_system_without_steal_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    no_steal = namedtuple("no_steal", "user system idle")
    pretend(monkeypatch, no_steal(30.0, 0.0, 70.0), (0.0, 0.0))
    assert preflight.cpu_use(1.0) == (30.0, None)


def test_a_child_that_ended_is_passed_over() -> None:
    def gone() -> None:
        raise psutil.NoSuchProcess(1)

    used = SimpleNamespace(cpu_times=lambda: SimpleNamespace(user=1.0, system=0.5))
    ended = SimpleNamespace(cpu_times=gone)
    assert preflight.cpu_seconds([used, ended, used]) == 3.0  # type: ignore[list-item]


def test_no_load_average_is_null(monkeypatch: pytest.MonkeyPatch) -> None:
    def unobtainable() -> None:
        raise OSError

    monkeypatch.setattr(os, "getloadavg", unobtainable)
    assert preflight.load_1m() is None
    monkeypatch.setattr(os, "getloadavg", lambda: (1.234, 2.0, 3.0))
    assert preflight.load_1m() == 1.23


def test_governors_of_all_cpus_are_joined(tmp_path: Path) -> None:
    assert preflight.governor(tmp_path) is None
    for cpu, name in [("cpu0", "powersave\n"), ("cpu1", "performance\n"), ("cpu2", "powersave\n")]:
        folder = tmp_path / cpu / "cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text(name)
    assert preflight.governor(tmp_path) == "performance,powersave"


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        (
            "flags\t\t: fpu sse4_1 avx2 avx512_vnni amx_int8\nbugs\t: avx_vnni\n",
            ["amx_int8", "avx2", "avx512_vnni", "sse4_1"],
        ),
        ("Features\t: fp asimd asimddp\n\nFeatures\t: fp asimd\n", ["asimd"]),
        ("flags : fpu\n", []),
        ("processor : 0\n", None),
    ],
)
def test_flags_are_those_that_every_cpu_has(
    tmp_path: Path, text: str, flags: list[str] | None
) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    assert preflight.cpu_flags(path) == flags


def test_flags_that_cannot_be_read_are_null(tmp_path: Path) -> None:
    assert preflight.cpu_flags(tmp_path / "none") is None
