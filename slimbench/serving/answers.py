"""Whether an answer is the right one."""

from __future__ import annotations

import json
from typing import Any

TOLERANCE = 1e-6
"""How far a score may be off: a batch of floats is added up in another order."""


def is_right(body: bytes, expected: Any) -> bool:
    """Tell whether a JSON body says what is expected; one that is no JSON does not."""
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return agrees(answer, expected)


def agrees(answer: Any, expected: Any, tolerance: float = TOLERANCE) -> bool:
    """Tell whether an answer holds what is expected, numbers to within `tolerance`.

    Of an object only the keys that are expected count, so that times may differ; of an array,
    all elements in their order.
    """
    if isinstance(expected, dict):
        return isinstance(answer, dict) and all(
            key in answer and agrees(answer[key], value, tolerance)
            for key, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(answer, list)
            and len(answer) == len(expected)
            and all(map(lambda one, other: agrees(one, other, tolerance), answer, expected))
        )
    if _is_number(expected):
        return _is_number(answer) and abs(answer - expected) <= tolerance
    return type(answer) is type(expected) and bool(answer == expected)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
