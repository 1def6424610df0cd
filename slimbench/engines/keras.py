"""Keras, as users call it: `model.predict` on one image.

What it loads is a trained network's artifact, from which the `.tflite` files are converted.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from slimbench.engines.quiet_tensorflow import tensorflow
from slimbench.engines.tensors import Encoder, closed
from slimbench.networks import weights
from slimbench.spec import Engine, PixelMode, Pixels, Session


class KerasSession:
    """A Keras model that yields logits."""

    input_shape: tuple[int, ...]
    precision: str | None

    def __init__(self, model: Any, pixels: PixelMode) -> None:
        self.input_shape = (1, *(int(size) for size in model.input_shape[1:]))
        self.precision = str(model.compute_dtype)
        self._encode = Encoder(self.input_shape, None, pixels)
        self._model = model
        self._batch: npt.NDArray[Any] = self._encode(np.zeros(self.input_shape[1:], np.uint8))
        self._logits: npt.NDArray[Any] | None = None

    def feed(self, image: Pixels) -> None:
        """Set one image, uint8, shape (height, width, channels); raises ValueError otherwise."""
        self._opened()
        self._batch = self._encode(image)

    def invoke(self) -> None:
        """Call `predict` on what was fed."""
        self._logits = self._opened().predict(self._batch, verbose=0)

    def scores(self) -> npt.NDArray[np.float32]:
        """Return the softmax of the last logits, shape (classes,)."""
        self._opened()
        if self._logits is None:
            raise ValueError("there are no scores before the first invocation")
        from scipy.special import softmax  # noqa: PLC0415 - slow to import, needed here alone

        shares: npt.NDArray[np.float32] = softmax(self._logits[0].astype(np.float64))
        return shares.astype(np.float32)

    def close(self) -> None:
        """Free the model; using the session afterwards raises ValueError."""
        self._model = None

    def _opened(self) -> Any:
        if self._model is None:
            closed()
        return self._model


class Keras:
    """Keras 2 on TensorFlow's CPU kernels.

    TensorFlow takes its number of threads once a process, before its first operation.
    """

    name: str = "keras"
    takes: Literal["tflite", "keras"] = "keras"
    needs_tensorflow: bool = True
    disturbs_others: bool = True
    scores_in_parallel: bool = False
    options: Mapping[str, str] = MappingProxyType({})
    distribution: str = "tensorflow"

    def prepare(self) -> None:
        """Import TensorFlow."""
        tensorflow()

    def load(self, model: Path, threads: int, pixels: PixelMode = "raw") -> Session:
        """Load a trained network, named by its artifact's folder or by the weights in it.

        Raises:
            ValueError: naming the artifact, where it cannot be built again from its files, or
                where this process has computed with another number of threads already.
        """
        folder = model.parent if model.name == weights.WEIGHTS_FILE else model
        for name in (weights.NETWORK_FILE, weights.WEIGHTS_FILE):
            if not (folder / name).is_file():
                raise ValueError(f"{folder} holds no trained network: there is no {name} in it.")
        for name, value in self.options.items():
            raise ValueError(f"Keras cannot run {model}: there is no option {name}={value}")
        _compute_with(tensorflow(), threads, model)
        try:
            _, network = weights.load(folder)
            return KerasSession(network, pixels)
        except (
            OSError,
            ValueError,
            TypeError,
            LookupError,
            ImportError,
            zipfile.BadZipFile,
        ) as error:
            reason = " ".join(str(error).split())
            raise ValueError(f"Keras cannot run {model}: {reason}") from error


def _compute_with(tf: Any, threads: int, model: Path) -> None:
    """Hold TensorFlow to so many threads: operators share one pool, and run one at a time."""
    if threads < 1:
        raise ValueError(f"Keras cannot run {model} with {threads} threads; 1 is the fewest.")
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError as error:
        now = tf.config.threading.get_intra_op_parallelism_threads()
        raise ValueError(
            f"Keras cannot run {model} with {threads} threads: TensorFlow has computed with "
            f"{now or 'a number of its own'} in this process, and takes another number only "
            f"before its first operation. Measure it in a run of its own, with --engines keras "
            f"--threads {threads}."
        ) from error


ENGINE: Engine = Keras()
