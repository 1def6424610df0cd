from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from slimbench.tflite.weights import Weight, layer_names, read_weights
from tests.examples import examples
from tests.tflite.tflite_builder import TYPES, Graph, blocks, quantization, write

TEST_DATA = "SLIMBENCH_TEST_DATA"

KERNEL = np.array([[[[0, 1.5]], [[0, -2]]], [[[3, 0]], [[4, 5]]]], np.float32)
"""Of a convolution: 2 output channels, 2 x 1 window, 2 input channels; 3 zeros of 8."""

# The examples of one test share its folder and overwrite their file there.
wild = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=examples(50),
)


def only(path: Path) -> Weight:
    (weight,) = read_weights(path)
    return weight


def one_layer(path: Path, weight: np.ndarray, quantized: Any = None, **how: Any) -> Path:
    graph = Graph()
    graph.layer("FULLY_CONNECTED", graph.constant("model/dense/MatMul", weight, quantized, **how))
    return write(path, graph)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tmp_path / "model.tflite"


@pytest.mark.parametrize("operator", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
@pytest.mark.parametrize("form", [{}, {"external": True}, {"old_codes": True}])
def test_counts_values_zeros_and_biases(model, operator, form):
    graph = Graph()
    bias = graph.constant("model/conv/Bias", np.zeros(2, np.float32))
    graph.layer(operator, graph.constant("model/conv/Kernel", KERNEL), bias)
    weight = only(write(model, graph, **form))
    assert (weight.operator, weight.size, weight.zeros, weight.biases) == (operator, 8, 3, 2)


def test_float16_weights_and_biases_are_found_behind_dequantize(model):
    graph = Graph()
    stored = graph.constant("model/conv/Conv2D", KERNEL.astype(np.float16))
    bias = graph.constant("model/conv/Bias", np.ones(2, np.float16))
    graph.layer(
        "CONV_2D", graph.operator("DEQUANTIZE", [stored]), graph.operator("DEQUANTIZE", [bias])
    )
    weight = only(write(model, graph))
    assert (weight.name, weight.size, weight.zeros, weight.biases) == ("model/conv/Conv2D", 8, 3, 2)


@wild
@given(data=st.data())
@pytest.mark.parametrize(
    ("dtype", "span", "packed"),
    [
        (np.int8, (-128, 127), None),
        (np.uint8, (0, 255), None),
        (np.int16, (-32768, 32767), None),
        (np.int8, (-8, 7), (TYPES.INT4, 4)),
        (np.int8, (0, 15), (TYPES.UINT4, 4)),
        (np.int8, (-2, 1), (TYPES.INT2, 2)),
    ],
    ids=["int8", "uint8", "int16", "int4", "uint4", "int2"],
)
def test_an_integer_is_zero_where_its_dequantised_value_is(tmp_path, data, dtype, span, packed):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=4))
    axis = data.draw(st.integers(0, len(shape) - 1))
    channels = data.draw(st.sampled_from([1, shape[axis]]))
    near = st.integers(max(span[0], -2), min(span[1], 3)) | st.integers(*span)
    stored = data.draw(hnp.arrays(dtype, shape, elements=near))
    scale = data.draw(hnp.arrays(np.float32, channels, elements=st.sampled_from([0, 1e-3, 0.5])))
    zero_point = data.draw(hnp.arrays(np.int64, channels, elements=near))

    along = [-1 if dimension == axis else 1 for dimension in range(len(shape))]
    dequantised = (stored.astype(np.float64) - zero_point.reshape(along)) * scale.reshape(along)

    path = one_layer(
        tmp_path / "model.tflite", stored, quantization(scale, zero_point, axis), packed=packed
    )
    assert only(path).size == stored.size
    assert only(path).zeros == np.count_nonzero(dequantised == 0)


def test_without_zero_points_the_integer_0_is_zero(model):
    stored = np.array([[0, 1, -1, 0]], np.int8)
    assert only(one_layer(model, stored, quantization([0.1]))).zeros == 2


def test_values_quantised_in_blocks(model):
    graph = Graph()
    stored = np.array([[0, 1, 2, 3], [4, 0, 0, 5]], np.int8)
    scales = graph.constant("scales", np.array([[0.5, 0.0], [0.25, 1.0]], np.float16))
    weight = graph.constant("model/d/W", stored, blocks(scales, 2), packed=(TYPES.INT4, 4))
    graph.layer("FULLY_CONNECTED", weight)
    # Of the first row 0 and, for their block's scale is 0, 2 and 3; of the second row 0 and 0.
    assert only(write(model, graph)).zeros == 5


def test_sparse_weights_count_the_zeros_they_leave_out(model):
    graph = Graph()
    kept = np.array([1, 0, 3], np.float32)
    stored = graph.constant("model/conv/Conv2D", kept, sparse_shape=(4, 5))
    graph.layer("CONV_2D", graph.operator("DENSIFY", [stored]))
    weight = only(write(model, graph))
    assert (weight.size, weight.zeros) == (20, 18)


def test_only_constant_weights_of_the_three_operators_count(model):
    graph = Graph()
    constant = graph.constant("model/mul/Const", KERNEL)
    graph.layer("MUL", constant)
    graph.layer("TRANSPOSE_CONV", constant)
    fed = graph.tensor("model/fed/Kernel", KERNEL.shape)
    graph.layer("CONV_2D", fed, graph.constant("model/fed/Bias", np.ones(2, np.float32)))
    computed = graph.operator("RELU", [graph.constant("model/other/Kernel", KERNEL)])
    graph.layer("CONV_2D", computed)
    assert read_weights(write(model, graph)) == ()


def test_a_tensor_used_twice_counts_once(model):
    graph = Graph()
    kernel = graph.constant("model/a/Conv2D", KERNEL)
    other = graph.constant("model/b/Conv2D", KERNEL)
    shared, own = (graph.constant("b", np.ones(2, np.float32)) for _ in range(2))
    graph.layer("CONV_2D", kernel, shared)
    graph.layer("CONV_2D", kernel, own)
    graph.layer("CONV_2D", other, shared)
    found = read_weights(write(model, graph))
    assert [(weight.name, weight.size, weight.biases) for weight in found] == [
        ("model/a/Conv2D", 8, 4),
        ("model/b/Conv2D", 8, 0),
    ]


def test_every_subgraph_is_read(model):
    graphs = [Graph(), Graph()]
    for number, graph in enumerate(graphs):
        graph.layer("CONV_2D", graph.constant(f"model/conv{number}/Conv2D", KERNEL))
    found = read_weights(write(model, *graphs))
    assert [weight.name for weight in found] == ["model/conv0/Conv2D", "model/conv1/Conv2D"]


@pytest.mark.parametrize(
    ("operator", "name", "layers"),
    [
        ("CONV_2D", "model_1/conv1_conv/Conv2D", {"model_1", "conv1_conv", "Conv2D"}),
        ("CONV_2D", "model_1/c5/Conv2D1", {"model_1", "c5", "Conv2D1"}),
        ("CONV_2D", "m/relu/Relu;m/conv/Conv2D", {"m", "conv", "Conv2D"}),
        ("DEPTHWISE_CONV_2D", "m/bn/FusedBatchNormV3;m/dw/depthwise", {"m", "dw", "depthwise"}),
        ("CONV_2D", "m/s/separable_conv2d;;m/t/x1", {"m", "s", "separable_conv2d", "t", "x1"}),
        ("FULLY_CONNECTED", "dense", {"dense"}),
    ],
)
def test_layer_names(operator, name, layers):
    assert layer_names(name, operator) == layers


def test_a_weight_without_scopes_is_named_after_what_it_computes(model):
    graph = Graph()
    kernel = graph.constant("arith.constant5", KERNEL)
    graph.layer("CONV_2D", kernel, output="model/next_relu/Relu;model/conv/Conv2D")
    weight = only(write(model, graph))
    assert weight.name == "arith.constant5"
    assert weight.layers == {"model", "conv", "Conv2D"}


def test_the_weights_own_name_goes_before_that_of_what_it_computes(model):
    graph = Graph()
    kernel = graph.constant("model/a/Conv2D", KERNEL)
    graph.layer("CONV_2D", kernel, output="model/b/Conv2D;model/a/Conv2D1")
    assert only(write(model, graph)).layers == {"model", "a", "Conv2D"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"TFL", "no TFL3 mark"),
        (b"PK\x03\x04 a zip archive, say", "no TFL3 mark"),
        (b"\x10\0\0\0TFL3", "cut short or damaged"),
    ],
)
def test_what_is_no_tflite_file_is_refused_by_name(model, content, says):
    model.write_bytes(content)
    with pytest.raises(ValueError, match=says) as refusal:
        read_weights(model)
    assert str(model) in str(refusal.value)
    assert "copy it again" in str(refusal.value)


def small_file(path: Path, *, external: bool) -> bytearray:
    graph = Graph()
    stored = graph.constant("model/c/Conv2D", KERNEL.astype(np.int8), quantization([0.1, 0.2]))
    bias = graph.constant("model/c/Bias", np.ones(2, np.float32))
    graph.layer("CONV_2D", graph.operator("DEQUANTIZE", [stored]), bias)
    return bytearray(write(path, graph, external=external).read_bytes())


def refusal(path: Path, content: bytes) -> str:
    """Return why a file is refused; '' where it is read."""
    path.write_bytes(content)
    try:
        assert all(0 <= weight.zeros <= weight.size for weight in read_weights(path))
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("external", [False, True])
def test_a_file_cut_short_anywhere_is_refused(model, external):
    whole = small_file(model, external=external)
    assert refusal(model, whole) == ""
    for length in range(len(whole)):
        assert str(model) in refusal(model, whole[:length]), f"cut to {length} bytes"


@wild
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255), external=st.booleans())
def test_a_damaged_byte_raises_nothing_but_value_error(tmp_path, place, byte, external):
    path = tmp_path / "model.tflite"
    content = small_file(path, external=external)
    content[int(place * len(content))] = byte
    assert refusal(path, content) == "" or str(path) in refusal(path, content)


def test_data_that_does_not_fit_the_shape_is_refused(model):
    graph = Graph()
    weight = graph.constant("model/dense/MatMul", np.ones((2, 3), np.float32))
    graph.tensors[weight].shape = [2, 4]
    graph.layer("FULLY_CONNECTED", weight)
    with pytest.raises(ValueError, match="'model/dense/MatMul' has 24 bytes for 8 values"):
        read_weights(write(model, graph))


@pytest.mark.parametrize(
    ("quantized", "says"),
    [
        (None, "without a scale"),
        (quantization([0.1, 0.2, 0.3]), "3 channels"),
        (quantization([0.1, 0.2], axis=7), "2 channels"),
        (blocks(scales=0, block_size=2, zero_points=0), "not supported"),
    ],
)
def test_integers_that_cannot_be_dequantised_are_refused(model, quantized, says):
    with pytest.raises(ValueError, match=says) as refusal:
        read_weights(one_layer(model, np.ones((2, 4), np.int8), quantized))
    assert "'model/dense/MatMul'" in str(refusal.value)


def test_a_type_without_a_known_meaning_is_refused(model):
    with pytest.raises(ValueError, match="stored as BFLOAT16: not supported"):
        read_weights(one_layer(model, np.ones((2, 4), np.int16), packed=(TYPES.BFLOAT16, 16)))


def test_a_weight_computed_from_itself_is_refused(model):
    graph = Graph()
    looped = graph.tensor("model/loop/W", (1,))
    graph.operators.append(("DEQUANTIZE", [looped], [looped]))
    graph.layer("CONV_2D", looped)
    with pytest.raises(ValueError, match="computed from itself"):
        read_weights(write(model, graph))


@pytest.mark.skipif(TEST_DATA not in os.environ, reason=f"{TEST_DATA} names no folder")
@pytest.mark.parametrize("precision", ["f32", "int8"])
def test_a_real_file_agrees_with_the_interpreter(precision):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    path = next(Path(os.environ[TEST_DATA]).rglob(f"mlperf_tiny_resnet8_{precision}.tflite"))
    interpreter = Interpreter(
        model_path=str(path),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    details = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    expected = []
    for operator in interpreter._get_ops_details():  # noqa: SLF001
        if operator["op_name"] not in {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}:
            continue
        index, bias = (int(number) for number in operator["inputs"][1:3])
        parameters, values = (
            details[index]["quantization_parameters"],
            interpreter.get_tensor(index),
        )
        if len(parameters["scales"]):
            channels = [-1] + [1] * (values.ndim - 1)
            values = values.astype(np.float64) - parameters["zero_points"].reshape(channels)
            values = values * parameters["scales"].reshape(channels)
        zeros = int(np.count_nonzero(values == 0))
        expected.append((details[index]["name"], values.size, zeros, details[bias]["shape"].prod()))
    assert len(expected) == 10
    found = [
        (weight.name, weight.size, weight.zeros, weight.biases) for weight in read_weights(path)
    ]
    assert found == expected
    assert sum(size for _, size, *_ in found) == 77_360
