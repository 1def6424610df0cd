"""The architectures: Keras models from raw 0-255 RGB pixels to logits, rescaling inside.

One file for each family, with a constant `NETWORKS` that lists its members. TensorFlow is imported
when a network is built, so naming one costs nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from slimbench.suite import registry


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network that can be built: `build(input_shape, classes, width)` returns a `keras.Model`.

    That is untrained and yields logits. `version` is part of the keys of what is built from it:
    whoever changes the network, also through a shared function, raises it.
    """

    name: str
    build: Callable[[tuple[int, int, int], int, float], Any]
    version: int


def all_architectures() -> dict[str, Architecture]:
    """Return every architecture by name; raises ValueError where two share one."""
    architectures: dict[str, Architecture] = {}
    families = registry.constants(sys.modules[__name__], "NETWORKS")
    for member in chain.from_iterable(families):
        if member.name in architectures:
            raise ValueError(f"Two networks of {__name__} are called {member.name!r}.")
        architectures[member.name] = member
    return architectures


def architecture(network: str) -> Architecture:
    """Return an architecture; raises UsageProblem that lists what exists."""
    known = all_architectures()
    if network not in known:
        raise registry.unknown("network", network, known)
    return known[network]


def version(network: str) -> int:
    """Return the version of an architecture, which is part of the keys of what is built from it."""
    return architecture(network).version


def build(network: str, input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return an untrained `keras.Model` of that architecture, with layer names of its own.

    The names depend on nothing built earlier in the process, so the exported file does not either.
    """
    keras().backend.clear_session()
    return architecture(network).build(input_shape, classes, width)


def keras() -> Any:
    """Import Keras 2, which the model optimisation toolkit needs."""
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    import tensorflow as tf

    return tf.keras
