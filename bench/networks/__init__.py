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

    def build(self, input_shape: tuple[int, int, int], classes: int, width: float) -> Any:
        """Return an untrained `keras.Model` that yields logits."""
        ...


def module_name(network: str) -> str:
    """Return the module that holds a network; its code is part of what is built from it."""
    return f"{__name__}.{network}"


def build(network: str, input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return an untrained `keras.Model` of that architecture, with layer names of its own.

    The names depend on nothing built earlier in the process, so the exported file does not either.
    """
    keras().backend.clear_session()
    architecture = cast(Architecture, importlib.import_module(module_name(network)))
    return architecture.build(input_shape, classes, width)


def keras() -> Any:
    """Import Keras 2, which the model optimisation toolkit needs."""
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    import tensorflow as tf

    return tf.keras
