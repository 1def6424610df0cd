"""Softened answers of a teacher, and the check that they are soft and only softened once.

The classic mistake of distillation is to soften probabilities: a softmax of a softmax is almost
uniform, teaches nothing, and raises no error.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]


def softmax(logits: Array, temperature: float = 1.0) -> Array:
    """Turn logits, divided by the temperature, into probabilities along the last axis."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    shares: Array = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def entropy(shares: Array) -> float:
    """Return the mean entropy of rows of probabilities, in nats."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(shares > 0, shares * np.log(shares), 0.0)
    return float(-terms.sum(axis=-1).mean())


def check_logits(logits: Array) -> None:
    """Raise ValueError where an array holds probabilities, or no numbers, instead of logits."""
    if not np.isfinite(logits).all():
        raise ValueError("The teacher's logits hold values that are not numbers.")
    in_unit_range = bool((logits >= 0).all() and (logits <= 1).all())
    if in_unit_range and np.allclose(logits.sum(axis=-1), 1.0, atol=1e-3):
        raise ValueError(
            "The teacher's answers are probabilities. Softening needs its logits: "
            "a softmax of a softmax is nearly uniform and teaches nothing."
        )


def check_soft(logits: Array, temperature: float) -> dict[str, float]:
    """Check softened targets against a uniform and a one-hot answer; return what was seen.

    Returns:
        Mean entropy in nats at temperature 1 and at the given one, and log(classes).

    Raises:
        ValueError: probabilities instead of logits, targets no softer than the plain answers, or
            so flat that a student could not tell the classes apart.
    """
    check_logits(logits)
    plain, soft = entropy(softmax(logits)), entropy(softmax(logits, temperature))
    uniform = float(np.log(logits.shape[-1]))
    if temperature > 1 and soft <= plain:
        raise ValueError(
            f"Softening with temperature {temperature:g} left the answers as hard as they were."
        )
    if soft > 0.95 * uniform:
        raise ValueError(
            f"The softened answers are flat (entropy {soft:.2f} of at most {uniform:.2f} nats): "
            f"temperature {temperature:g} is too high for this teacher."
        )
    return {"entropy_plain": plain, "entropy_soft": soft, "entropy_uniform": uniform}
