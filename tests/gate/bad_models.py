"""Real `.tflite` files that a runtime loads and that then hang it, or take its process down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.tflite.tflite_builder import packed

FLAT = 48
OPERATORS = (
    schema.BuiltinOperator.RESHAPE,
    schema.BuiltinOperator.WHILE,
    schema.BuiltinOperator.ABS,
)


def hanging_model(path: Path) -> Path:
    """Write a model whose first invocation never ends: a loop whose condition is always true."""
    return _looping(path, _operator(2, [0], [1]))


def crashing_model(path: Path) -> Path:
    """Write a model on which the runtime overflows its stack: a loop whose body is itself."""
    return _looping(path, _loop([0], [1]))


def _looping(path: Path, in_body: Any) -> Path:
    real, truth, integer = (
        schema.TensorType.FLOAT32,
        schema.TensorType.BOOL,
        schema.TensorType.INT32,
    )
    row = (1, FLAT)
    main = _graph(
        [
            _tensor("image", (1, 4, 4, 3), real),
            _tensor("flat", row, real),
            _tensor("scores", row, real),
            _tensor("shape", (2,), integer, 1),
        ],
        ([0], [2]),
        [_operator(0, [0, 3], [1]), _loop([1], [2])],
    )
    condition = _graph([_tensor("x", row, real), _tensor("true", (1,), truth, 2)], ([0], [1]), [])
    body = _graph([_tensor("x", row, real), _tensor("y", row, real)], ([0], [1]), [in_body])
    model = schema.ModelT()
    model.version, model.subgraphs = 3, [main, condition, body]
    model.operatorCodes = [_code(operator) for operator in OPERATORS]
    model.buffers = [
        schema.BufferT(),
        _buffer(np.array([1, FLAT], np.int32)),
        _buffer(np.array([True])),
    ]
    path.write_bytes(packed(model))
    return path


def _tensor(name: str, shape: tuple[int, ...], dtype: int, buffer: int = 0) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), dtype, buffer
    return tensor


def _buffer(data: np.ndarray) -> Any:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(data.tobytes(), np.uint8)
    return buffer


def _code(operator: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = operator, min(operator, 127), 1
    return code


def _operator(index: int, inputs: list[int], outputs: list[int]) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = index, inputs, outputs
    return operator


def _loop(inputs: list[int], outputs: list[int]) -> Any:
    operator = _operator(1, inputs, outputs)
    operator.builtinOptionsType = schema.BuiltinOptions.WhileOptions
    operator.builtinOptions = schema.WhileOptionsT()
    operator.builtinOptions.condSubgraphIndex = 1
    operator.builtinOptions.bodySubgraphIndex = 2
    return operator


def _graph(tensors: list[Any], ends: tuple[list[int], list[int]], operators: list[Any]) -> Any:
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = tensors, operators
    graph.inputs, graph.outputs = ends
    return graph
