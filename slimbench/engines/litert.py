"""LiteRT, the TensorFlow Lite runtime that phones and boards use.

On loading its first model the runtime writes one line about its CPU delegate straight to file
descriptor 2. Its Python package has no switch for that line, so it is left alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from slimbench.engines import interpreter
from slimbench.spec import Engine, PixelMode, Session


class LiteRT:
    """The runtime of the `ai-edge-litert` package, on the CPU, by default with its delegate.

    Its option `op_resolver` is a name of `OpResolverType`, which says what runs the operators:
    `BUILTIN_WITHOUT_DEFAULT_DELEGATES` goes without the delegate.
    """

    name: str = "litert"
    takes: Literal["tflite", "keras"] = "tflite"
    needs_tensorflow: bool = False
    disturbs_others: bool = False
    scores_in_parallel: bool = True
    options: Mapping[str, str] = MappingProxyType({})
    distribution: str = "ai-edge-litert"

    def prepare(self) -> None:
        """Import the runtime."""
        _runtime()

    def load(self, model: Path, threads: int, pixels: PixelMode = "raw") -> Session:
        """Load and allocate; raises ValueError, naming the file, where LiteRT cannot take it."""
        runtime = _runtime()
        return interpreter.load(
            "LiteRT",
            runtime.Interpreter,
            runtime.OpResolverType,
            model,
            threads,
            pixels=pixels,
            options=self.options,
        )


def _runtime() -> Any:
    """Import the runtime: late, since the gate and trends ask for the engine's facts alone."""
    return importlib.import_module("ai_edge_litert.interpreter")


ENGINE: Engine = LiteRT()
