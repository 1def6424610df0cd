"""Which steps run side by side: one process for each lane, and a spare one for TensorFlow.

Training uses all cores now and then and stays in one process. Most of converting is one thread's
work, so what is trained already is converted beside the next training, and independent networks
side by side, where there are cores and memory for two processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psutil

from slimbench.spec import Step, Toolchain

LANES: tuple[frozenset[Toolchain], ...] = (
    frozenset({"tensorflow"}),
    frozenset({"tensorflow"}),
    frozenset({"plain", "quantizer"}),
)
"""Toolchains that take turns; lanes run side by side. Time is booked on the first busy one."""

MAIN, SPARE = 0, 1
"""The lanes of TensorFlow: trainings first, and what is converted beside them."""

SPARE_BYTES = 6 << 30
"""Memory that must be free for the spare lane: ResNet50 takes a process 2 GiB to convert."""

CGROUP = Path("/sys/fs/cgroup")


def open_lanes(cores: int, free_bytes: float) -> list[int]:
    """Return the numbers of the lanes that a machine with so much to offer has room for."""
    roomy = cores > 1 and free_bytes >= SPARE_BYTES
    return [number for number in range(len(LANES)) if roomy or number != SPARE]


def free_bytes(cgroup: Path = CGROUP) -> float:
    """Return the memory that is to be had, in a container no more than it was given."""
    free = float(psutil.virtual_memory().available)
    try:
        limit = float((cgroup / "memory.max").read_text(encoding="ascii"))
        used = float((cgroup / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):  # no container, or one without a limit, which says "max"
        return free
    return min(free, limit - used)


def shared_out(ready: Sequence[Step]) -> tuple[list[Step], list[Step]]:
    """Split steps in two of about equal cost, for the main lane and the spare one.

    What needs each other stays together and in its order.
    """
    main: set[Step] = set()
    spare: set[Step] = set()
    for family in sorted(_families(ready), key=_cost, reverse=True):
        (main if _cost(main) <= _cost(spare) else spare).update(family)
    return [step for step in ready if step in main], [step for step in ready if step in spare]


def trainings(ready: Sequence[Step]) -> list[Step]:
    """Return the trainings among steps, and what they need of the others, in their order."""
    needed: set[Step] = set()
    for step in reversed(ready):
        if step.kind == "train" or step in needed:
            needed.update((step, *step.inputs))
    return [step for step in ready if step in needed]


def free_of_training(ready: Sequence[Step]) -> list[Step]:
    """Return the steps that neither are part of a training to come nor need one."""
    bound = set(trainings(ready))
    for step in ready:
        if not bound.isdisjoint(step.inputs):
            bound.add(step)
    return [step for step in ready if step not in bound]


def _families(steps: Sequence[Step]) -> list[set[Step]]:
    """Group steps that are connected by their inputs."""
    families: list[set[Step]] = []
    for step in steps:
        near = {step, *step.inputs}
        touched = [family for family in families if not near.isdisjoint(family)]
        families = [family for family in families if family not in touched]
        families.append({step}.union(*touched))
    return families


def _cost(steps: set[Step]) -> float:
    return sum(step.cost() for step in steps)
