"""Every warning the program gives: what is wrong, and what the reader can do about it.

They live in one place so that they speak with one voice and none is said twice in other words.
"""

from __future__ import annotations


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


def near_chance(model: str, share: float, classes: int, pixels: str) -> str:
    """Warn that a user's model does hardly better than guessing among its classes."""
    return (
        f"{model} is right on {share:.1%} of the images, about as often as guessing among "
        f"{classes:,} classes: it may expect other pixels than {pixels} (--pixels) or have its "
        "classes in another order (--labels)."
    )
