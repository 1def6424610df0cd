"""The inputs and outputs of an untrusted `.tflite` file, read in a process that may crash.

`python -m slimbench.user_models.inspect_child MODEL` loads the file, runs it once on zeros, and
prints one JSON line: `inputs`, and `outputs` or `problem`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def inspect(model: Path) -> dict[str, Any]:
    """Return the inputs and outputs of a model, or the problem of one that does not run."""
    report: dict[str, Any] = {"inputs": []}
    try:
        interpreter = Interpreter(model_path=str(model), num_threads=1)
        report["inputs"] = [_tensor(details) for details in interpreter.get_input_details()]
        interpreter.allocate_tensors()
        for details in interpreter.get_input_details():
            interpreter.set_tensor(details["index"], np.zeros(details["shape"], details["dtype"]))
        interpreter.invoke()
        report["outputs"] = [_tensor(details) for details in interpreter.get_output_details()]
    except (ValueError, RuntimeError, TypeError) as error:
        report["problem"] = " ".join(str(error).split())
    return report


def _tensor(details: dict[str, Any]) -> dict[str, Any]:
    quantization = details["quantization_parameters"]
    return {
        "name": details["name"],
        "shape": [int(size) for size in details["shape"]],
        "signature": [int(size) for size in details["shape_signature"]],
        "dtype": np.dtype(details["dtype"]).name,
        "scales": [float(scale) for scale in quantization["scales"]],
        "zero_points": [int(point) for point in quantization["zero_points"]],
    }


if __name__ == "__main__":
    print(json.dumps(inspect(Path(sys.argv[1]))))  # noqa: T201
