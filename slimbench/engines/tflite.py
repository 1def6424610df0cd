"""TensorFlow Lite's interpreter as TensorFlow brings it, `tf.lite.Interpreter`.

Deprecated in favour of LiteRT, and still what most code of others runs. Unlike LiteRT it has the
operators of TensorFlow itself (Flex), so it takes some files that LiteRT does not.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from slimbench.engines import interpreter
from slimbench.engines.quiet_tensorflow import tensorflow
from slimbench.spec import Engine, PixelMode, Session


class TFLite:
    """`tf.lite.Interpreter`, on the CPU, by default with its delegate.

    Its option `op_resolver` is a name of `tf.lite.experimental.OpResolverType`.
    """

    name: str = "tflite"
    takes: Literal["tflite", "keras"] = "tflite"
    needs_tensorflow: bool = True
    disturbs_others: bool = True
    scores_in_parallel: bool = True
    options: Mapping[str, str] = MappingProxyType({})
    distribution: str = "tensorflow"

    def prepare(self) -> None:
        """Import TensorFlow."""
        tensorflow()

    def load(self, model: Path, threads: int, pixels: PixelMode = "raw") -> Session:
        """Load and allocate; raises ValueError, naming the file, where it cannot be taken."""
        lite = tensorflow().lite
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is deprecated, on every load
            return interpreter.load(
                "tf.lite.Interpreter",
                lite.Interpreter,
                lite.experimental.OpResolverType,
                model,
                threads,
                pixels=pixels,
                options=self.options,
            )


ENGINE: Engine = TFLite()
