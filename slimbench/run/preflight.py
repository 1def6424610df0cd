"""The state of the machine before anything is timed, and warnings of what could disturb the clock.

A run on a machine that is busy is kept, but says so: its times are evidence of nothing. The load
average alone would accuse our own build, which has just ended, so the CPU time that *other*
processes use meanwhile is what counts, wherever it can be read.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

import psutil

INTERVAL = 0.25
"""Seconds over which CPU use is watched: 25 of Linux's clock ticks for each CPU."""

SECOND_INTERVAL = 1.5
"""Seconds of the second look, taken only where the first saw others at work."""

OTHERS_PERCENT = 25.0
"""Use by others, of all CPUs, from which on the machine is too busy: one half CPU of two."""

STEAL_PERCENT = 5.0
LOAD_PER_CPU = 0.5

_X86_64 = {
    "sse4_1",
    "avx",
    "f16c",
    "fma",
    "avx2",
    "avx_vnni",
    "avx_vnni_int8",
    "avx512f",
    "avx512bw",
    "avx512vl",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_int8",
    "amx_bf16",
    "amx_fp16",
}

_ARM = {
    "neon",
    "asimd",
    "asimdhp",
    "fphp",
    "asimddp",
    "asimdfhm",
    "i8mm",
    "bf16",
    "sve",
    "sve2",
    "svei8mm",
    "svebf16",
    "sme",
    "sme2",
}

INFERENCE_FLAGS = frozenset(_X86_64 | _ARM)
"""Instruction sets that inference kernels are chosen by, as Linux spells them."""


def preflight() -> dict[str, Any]:
    """Look at the machine for a quarter of a second, and once more if others seem to be at work.

    A build that has just ended is still being cleared away by the kernel, which is no neighbour.

    Returns:
        `load_1m`, `steal_percent`, `governor`, `cpu_flags` (each None where it cannot be read)
        and `warnings`: the sentences that the function `warnings` returns.
    """
    load = load_1m()
    others, steal = cpu_use(INTERVAL)
    if others is not None and others > OTHERS_PERCENT:
        others, steal = cpu_use(SECOND_INTERVAL)
    frequency_governor = governor()
    return {
        "load_1m": load,
        "steal_percent": steal,
        "governor": frequency_governor,
        "cpu_flags": cpu_flags(),
        "warnings": warnings(load, others, steal, frequency_governor, os.cpu_count() or 1),
    }


def warnings(
    load: float | None,
    others: float | None,
    steal: float | None,
    frequency_governor: str | None,
    cores: int,
) -> list[str]:
    """Return what to tell the user about these readings; `others` and `steal` in percent."""
    sentences = []
    if others is not None:
        if others > OTHERS_PERCENT:
            sentences.append(others_busy(others))
    elif load is not None and load > LOAD_PER_CPU * cores:
        sentences.append(load_high(load, cores))
    if steal is not None and steal > STEAL_PERCENT:
        sentences.append(steal_high(steal))
    if frequency_governor is not None and "powersave" in frequency_governor.split(","):
        sentences.append(governor_powersave())
    return sentences


def others_busy(percent: float) -> str:
    """Warn that other processes take this share of all CPUs, in percent."""
    return (
        f"Other processes use {percent:.0f} % of this machine's CPUs, so its times cannot be "
        "believed. Stop them and run again."
    )


def load_high(load: float, cores: int) -> str:
    """Warn of a high load where the use by other processes cannot be read."""
    return (
        f"The load is {load:.1f} on {cores} CPU{'s' if cores != 1 else ''}, so times cannot be "
        "believed. Stop what else is running and run again."
    )


def steal_high(percent: float) -> str:
    """Warn that the host gives this machine's time to others, in percent."""
    return (
        f"The host took away {percent:.0f} % of this virtual machine's CPU time. "
        "Trust ratios, not times, or run on a machine of your own."
    )


def governor_powersave() -> str:
    """Warn that the CPU may be clocked down."""
    return (
        "The CPU frequency governor is powersave, so times may be too long. "
        "Choose performance: sudo cpupower frequency-set -g performance."
    )


def load_1m() -> float | None:
    """Return the load average of the last minute; None where the system keeps none."""
    try:
        return round(os.getloadavg()[0], 2)
    except (OSError, AttributeError):
        return None


def cpu_use(interval: float) -> tuple[float | None, float | None]:
    """Return the CPU use of other processes and the steal over `interval` seconds.

    Both are in percent of all CPUs together. Ours are this process and its children.
    """
    ours = family()
    began, before = time.perf_counter(), cpu_seconds(ours)
    try:
        shares = psutil.cpu_times_percent(interval=interval)
    except OSError:
        return None, None
    our_use = (cpu_seconds(ours) - before) / (time.perf_counter() - began)
    if not sum(shares):  # the kernel keeps no such times, as in some containers
        return None, None
    steal: float | None = getattr(shares, "steal", None)
    unused = shares.idle + getattr(shares, "iowait", 0.0) + (steal or 0.0)
    our_percent = 100 * our_use / (psutil.cpu_count() or 1)
    return round(max(0.0, 100 - unused - our_percent), 1), steal


def family() -> list[psutil.Process]:
    """Return this process and the processes below it."""
    this = psutil.Process()
    try:
        return [this, *this.children(recursive=True)]
    except psutil.Error:
        return [this]


def cpu_seconds(processes: list[psutil.Process]) -> float:
    """Return the CPU time these have used; those that ended keep nothing."""
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


def governor(root: Path = Path("/sys/devices/system/cpu")) -> str | None:
    """Return the CPUs' frequency governor (several joined by commas); None if there is none."""
    governors = set()
    for path in root.glob("cpu[0-9]*/cpufreq/scaling_governor"):
        try:
            governors.add(path.read_text().strip())
        except OSError:
            continue
    return ",".join(sorted(governors)) or None


def cpu_flags(path: Path = Path("/proc/cpuinfo")) -> list[str] | None:
    """Return the instruction sets for inference that every CPU has; None if unreadable.

    What pytest-benchmark records, by py-cpuinfo, is that of the first CPU, and takes a second.
    """
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return None
    listed = re.findall(r"^(?:flags|Features)\s*:(.*)$", text, flags=re.MULTILINE)
    if not listed:
        return None
    common = set.intersection(*(set(flags.split()) for flags in listed))
    return sorted(common & INFERENCE_FLAGS)
