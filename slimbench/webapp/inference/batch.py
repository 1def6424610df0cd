"""Several pictures in one invocation, where a file lets its input be resized.

Files have a batch of 1; most can be resized, and some (a reshape to a fixed size in them) cannot
or, worse, could give other answers. So a batch is compared with single answers before it is used.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from slimbench.engines.interpreter import OP_RESOLVER, InterpreterSession
from slimbench.spec import PixelMode, Pixels
from slimbench.webapp.measured import THREADS
from slimbench.webapp.spec import Scores, ServedModel

if TYPE_CHECKING:
    from slimbench.webapp.inference.runner import Runner

TOLERANCE = 1e-6
"""By how much a score in a batch may differ from the one that a picture gets alone."""


class NotBatchable(Exception):
    """A model cannot answer several pictures at once; the message says why."""


class Batch(InterpreterSession):
    """An interpreter whose input is resized to as many pictures as there are.

    It is resized only where the number changes, which takes less than a millisecond.
    """

    def __init__(self, interpreter: Any, pixels: PixelMode, most: int) -> None:
        super().__init__(interpreter, pixels)
        self.most = most
        self._size = 1

    def run(self, images: Sequence[Pixels]) -> tuple[list[Scores], float]:
        """Return each one's scores, and the seconds that `invoke` took for all of them."""
        encoded = np.concatenate([self._encode(image) for image in images])
        interpreter = self._opened()
        self._resize(interpreter, len(images))
        interpreter.set_tensor(self._input, encoded)
        begun = time.perf_counter()
        self.invoke()
        seconds = time.perf_counter() - begun
        raw = interpreter.get_tensor(self._output).reshape(len(images), -1)
        quantization = self._output_quantization
        rows = raw if quantization is None else quantization.dequantize(raw)
        return [*rows], seconds

    def _resize(self, interpreter: Any, size: int) -> None:
        if size == self._size:
            return
        self._size = 0  # nothing is allocated while this may fail
        interpreter.resize_tensor_input(self._input, (size, *self.input_shape[1:]))
        interpreter.allocate_tensors()
        self._size = size


def open_batch(model: ServedModel, most: int, single: Runner) -> Batch:
    """Return a runner that takes up to `most` pictures, warmed up and compared with `single`.

    Raises:
        NotBatchable: The file cannot be resized, or a batch does not answer as `single` does.
    """
    options = model.entry.get("runtime_options", {})
    resolver = (
        {"experimental_op_resolver_type": OpResolverType[options[OP_RESOLVER]]} if options else {}
    )
    interpreter = Interpreter(model_path=str(model.file), num_threads=THREADS, **resolver)
    random = np.random.default_rng(0)
    images = [*random.integers(0, 256, (most, *model.input_shape), np.uint8)]
    expected, _ = single.run(images)
    try:
        interpreter.allocate_tensors()
        batch = Batch(interpreter, model.pixels, most)
        for size in _compared(most):
            found, _ = batch.run(images[:size])
            _compare(found, expected[:size])
    except (ValueError, RuntimeError) as error:
        raise NotBatchable(f"its input cannot be resized ({' '.join(str(error).split())})") from (
            error
        )
    return batch


def pictures_compared(most: int) -> int:
    """Return how many pictures the model answers before a batch of `most` is used."""
    return most + sum(_compared(most))


def _compared(most: int) -> list[int]:
    """Return the sizes that are tried, which end with the one that the first picture needs."""
    return sorted({1, 2, most}, reverse=True)


def _compare(found: Sequence[Scores], expected: Sequence[Scores]) -> None:
    for one, alone in zip(found, expected, strict=True):
        same_order = np.array_equal(
            np.argsort(one, kind="stable"), np.argsort(alone, kind="stable")
        )
        if not same_order or not np.allclose(one, alone, rtol=0, atol=TOLERANCE):
            raise NotBatchable("a batch gives other scores than a picture alone")
