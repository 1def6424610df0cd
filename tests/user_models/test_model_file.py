from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slimbench.errors import UsageProblem
from slimbench.tflite.weights import Weight
from slimbench.user_models.model_file import ModelFile, describe, inspect, of_weights, precision
from tests.engines.edited_models import edited
from tests.examples import examples
from tests.gate.bad_models import crashing_model, hanging_model
from tests.tiny_models import Quantized, first_pixels, identity_model, linear_model


def tensor(shape: tuple[int, ...], **more: Any) -> dict[str, Any]:
    return {
        "name": "t",
        "shape": list(shape),
        "signature": list(shape),
        "dtype": "float32",
        "scales": [],
        "zero_points": [],
        **more,
    }


def told(source: dict[str, Any], result: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"inputs": [source], "outputs": [result or tensor((1, 10))]}


def with_operator(path: Path, target: Path, operator: int, custom: str | None = None) -> Path:
    """Write a copy of a model whose last operator is another one."""

    def change(model: Any) -> None:
        code = model.operatorCodes[-1]
        code.builtinCode, code.deprecatedBuiltinCode = operator, min(operator, 127)
        code.customCode, code.version = custom, 1

    target.write_bytes(path.read_bytes())
    return edited(target, change)


def refused(path: Path, **more: Any) -> str:
    with pytest.raises(UsageProblem) as caught:
        inspect(path, **more)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_float_model_says_its_size_and_classes(tmp_path: Path) -> None:
    path = linear_model(tmp_path / "m.tflite", first_pixels(7, (6, 4, 1)), shape=(6, 4, 1))
    assert inspect(path) == ModelFile(6, 4, 1, 7, None)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_an_integer_model_says_how_its_integers_stand_for_pixels(
    tmp_path: Path, dtype: str
) -> None:
    path = linear_model(tmp_path / "m.tflite", first_pixels(3), quantized=Quantized(dtype, 0.5, 3))
    found = inspect(path)
    assert (found.height, found.width, found.channels, found.classes) == (4, 4, 3, 3)
    assert found.quantization is not None
    assert (found.quantization.scale, found.quantization.zero_point) == (0.5, 3)
    assert not found.is_float


def test_a_batch_size_that_is_open_is_one() -> None:
    source = tensor((1, 8, 8, 3), signature=[-1, 8, 8, 3])
    assert describe(told(source)) == ModelFile(8, 8, 3, 10, None)


@pytest.mark.parametrize(
    ("source", "result", "said"),
    [
        (tensor((1, 1, 1, 3), signature=[1, -1, -1, 3]), None, r"not fixed \(1, \?, \?, 3\)"),
        (tensor((8, 8, 8, 3)), None, "8 images at once; convert it again with a batch size of 1"),
        (tensor((1, 3, 8, 8)), None, "channels first; convert it again with channels last"),
        (tensor((1, 8, 8, 4)), None, "4 channels, where images have 3"),
        (tensor((1, 10)), None, r"its input has shape \(1, 10\), where images have"),
        (tensor((1, 8, 8, 3)), tensor((1, 1)), "a single score"),
        (tensor((1, 8, 8, 3)), tensor(()), "a single score"),
        (tensor((1, 8, 8, 3)), tensor((1, 100, 4)), "only classifiers can be measured"),
        (tensor((1, 8, 8, 3), dtype="int32"), None, "tensor 't' is int32"),
        (tensor((1, 8, 8, 3)), tensor((1, 10), dtype="int64"), "tensor 't' is int64"),
    ],
)
def test_what_is_no_image_classifier_is_refused(
    source: dict[str, Any], result: dict[str, Any] | None, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        describe(told(source, result))


def test_several_inputs_are_refused(tmp_path: Path) -> None:
    path = identity_model(tmp_path / "m.tflite", (1, 4, 4, 3), (1, 4, 4, 3))
    assert "it has 2 inputs (in0, in1)" in refused(path)


def test_a_file_is_called_as_its_user_knows_it(tmp_path: Path) -> None:
    path = identity_model(tmp_path / "m.tflite", (1, 4, 4, 3), (1, 4, 4, 3))
    with pytest.raises(UsageProblem, match=r"^/their/file.tflite cannot be measured"):
        inspect(path, called=Path("/their/file.tflite"))


def test_an_operator_that_the_runtime_lacks_is_named(tmp_path: Path) -> None:
    path = linear_model(tmp_path / "m.tflite", first_pixels(3))
    custom = with_operator(
        path, tmp_path / "custom.tflite", schema.BuiltinOperator.CUSTOM, "MyOwnOperator"
    )
    said = refused(custom)
    assert "it needs the operator MyOwnOperator, which this runtime does not have" in said


def test_a_file_that_crashes_or_hangs_the_runtime_is_a_sentence(tmp_path: Path) -> None:
    assert "crashed LiteRT (SIG" in refused(crashing_model(tmp_path / "crash.tflite"))
    assert "did not answer within 3 s" in refused(hanging_model(tmp_path / "h.tflite"), limit=3)


@settings(
    max_examples=examples(5),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_a_damaged_file_is_a_model_or_a_sentence(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(linear_model(tmp_path / "m.tflite", first_pixels(3)).read_bytes())
    for _ in range(20):
        content[data.draw(st.integers(8, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.tflite"
    path.write_bytes(content[: data.draw(st.integers(9, len(content)))])
    try:
        found: ModelFile | str = inspect(path, limit=10)
    except UsageProblem as problem:
        found = str(problem)
    assert str(path) in found if isinstance(found, str) else found.classes > 1


def weight(dtype: str, computed: str, *, unpacked: bool = False) -> Weight:
    return Weight("w", "CONV_2D", frozenset(), 4, 0, 0, dtype, computed, unpacked)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (weight("float32", "float32"), "f32"),
        (weight("float16", "float32", unpacked=True), "f16"),
        (weight("int8", "float32", unpacked=True), "weights_wi8"),
        (weight("int8", "float32"), "dynamic_wi8"),
        (weight("int8", "int8"), "static_wi8_ai8"),
    ],
)
def test_a_precision_is_how_weights_are_kept_and_results_computed(
    found: Weight, expected: str
) -> None:
    assert of_weights([found]) == expected
    assert of_weights([weight("float32", "float32"), found]) == expected


def test_a_file_without_weights_has_none() -> None:
    assert of_weights([]) is None


def test_it_is_read_from_a_file(tmp_path: Path) -> None:
    plain = linear_model(tmp_path / "f.tflite", first_pixels(3))
    integers = linear_model(
        tmp_path / "i.tflite", first_pixels(3), quantized=Quantized("int8", 1.0, 0)
    )
    assert (precision(plain), precision(integers)) == ("f32", "static_wi8_ai8")
    (tmp_path / "no.tflite").write_bytes(b"\0\0\0\0TFL3 and no more")
    assert precision(tmp_path / "no.tflite") is None
