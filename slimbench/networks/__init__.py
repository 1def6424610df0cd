"""The architectures: Keras models from raw 0-255 RGB pixels to logits, rescaling inside.

One file each with a `build(input_shape, classes, width)`. TensorFlow is imported inside it, so
naming a network costs nothing.
"""

from __future__ import annotations

import importlib
import os
from typing import Any, Protocol, cast


class Architecture(Protocol):
    """A module of this package."""

    VERSION: int
    """Of the network that it builds: whoever changes that, also by a shared module, raises it."""

    def build(self, input_shape: tuple[int, int, int], classes: int, width: float) -> Any:
        """Return an untrained `keras.Model` that yields logits."""
        ...


def architecture(network: str) -> Architecture:
    """Return the module that holds a network."""
    return cast(Architecture, importlib.import_module(f"{__name__}.{network}"))


def version(network: str) -> int:
    """Return the version of an architecture, which is part of the keys of what is built from it."""
    return architecture(network).VERSION


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
