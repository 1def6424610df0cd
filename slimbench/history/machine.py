"""What a history recorded of the machine it was made on, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNKNOWN = "unknown"
"""Stands for what could not be had: the processor, the machine, the commit."""


def cpu(machine: Mapping[str, Any]) -> str:
    """Name the processor and how many of it there are, as far as `machine_info` has them."""
    value = machine.get("cpu")
    recorded: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    name, count = recorded.get("brand_raw"), recorded.get("count")
    named = name if isinstance(name, str) and name.strip() else UNKNOWN
    return f"{named} ({count} CPUs)" if type(count) is int else named


def machine_name(machine: Mapping[str, Any]) -> str:
    """Name the machine, its system and its architecture, as far as `machine_info` has them."""
    parts = (machine.get(key) for key in ("node", "system", "machine"))
    return " ".join(part for part in parts if isinstance(part, str) and part.strip()) or UNKNOWN
