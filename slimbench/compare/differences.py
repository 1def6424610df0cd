"""What else than the models is different between runs, and so may be behind their figures."""

from __future__ import annotations

from collections.abc import Sequence

from slimbench.history.machine import UNKNOWN, cpu, machine_name
from slimbench.history.record import History
from slimbench.report.remarks import clean


def differences(histories: Sequence[History]) -> dict[str, tuple[str, ...]]:
    """Return what differs, with each run's value in order.

    That is the machine, its CPU, the profile, the seed, and every version that was recorded:
    the runtime's changes times, the others' what was built.
    """

    def recorded(history: History) -> dict[str, str]:
        own = {
            "machine": machine_name(history.machine),
            "CPU": cpu(history.machine),
            "profile": history.profile,
            "seed": str(history.seed),
        }
        return {clean(name): clean(value) for name, value in {**history.versions, **own}.items()}

    every = [recorded(history) for history in histories]
    names = dict.fromkeys(
        ["machine", "CPU", "profile", "seed", *(n for each in every for n in each)]
    )
    found = {name: tuple(each.get(name, UNKNOWN) for each in every) for name in names}
    return {name: values for name, values in found.items() if len(set(values)) > 1}


def warning(histories: Sequence[History]) -> str:
    """Warn in one sentence of all that differs, or return nothing where nothing does."""
    found = differences(histories)
    if not found:
        return ""
    said = "; ".join(f"{name} ({' | '.join(values)})" for name, values in found.items())
    return f"Warning: not only the models differ between these runs, so may their figures: {said}."
