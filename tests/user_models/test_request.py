from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.errors import UsageProblem
from slimbench.steps.own_file import content_of
from slimbench.user_models.request import RECIPES, Chain, find_sources, parse_steps
from tests.tiny_models import first_pixels, linear_model

STARTS = {".tflite": b"\0\0\0\0TFL3", ".keras": b"PK\x03\x04", ".h5": b"\x89HDF\r\n\x1a\n"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return linear_model(tmp_path / "model.tflite", first_pixels(3))


def saved_model(folder: Path, content: bytes = b"graph") -> Path:
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(content)
    (folder / "variables" / "variables.index").write_bytes(b"index")
    return folder


def refused(*typed: str) -> str:
    with pytest.raises(UsageProblem) as caught:
        find_sources(typed)
    return str(caught.value)


@pytest.mark.parametrize(
    ("suffix", "form"), [(".tflite", "tflite"), (".keras", "keras"), (".h5", "h5"), (".H5", "h5")]
)
def test_a_file_is_what_its_name_and_its_start_say(tmp_path: Path, suffix: str, form: str) -> None:
    path = tmp_path / f"some{suffix}"
    path.write_bytes(STARTS[suffix.lower()] + b"and more")
    (source,) = find_sources([f"mine={path}"])
    assert (source.name, source.path, source.form) == ("mine", path, form)


def test_a_saved_model_is_a_folder(tmp_path: Path) -> None:
    (source,) = find_sources([f"mine={saved_model(tmp_path / 'saved')}"])
    assert source.form == "saved_model"


def test_an_equals_sign_may_be_part_of_the_path(tmp_path: Path, model: Path) -> None:
    shutil.copy(model, tmp_path / "a=b.tflite")
    (source,) = find_sources([f"mine={tmp_path / 'a=b.tflite'}"])
    assert source.path.name == "a=b.tflite"


def test_the_same_bytes_are_the_same_content_wherever_they_lie(tmp_path: Path, model: Path) -> None:
    shutil.copy(model, tmp_path / "copy.tflite")
    assert content_of(tmp_path / "copy.tflite") == content_of(model)
    one, other = saved_model(tmp_path / "one"), saved_model(tmp_path / "other")
    assert content_of(one) == content_of(other)
    (other / "saved_model.pb").write_bytes(b"graph!")
    assert content_of(one) != content_of(other)


def test_two_models_of_one_name_are_refused(tmp_path: Path, model: Path) -> None:
    shutil.copy(model, tmp_path / "other.tflite")
    said = refused(f"mine={model}", f"mine={tmp_path / 'other.tflite'}")
    assert said.startswith("Two models are called 'mine': ")
    assert "model.tflite" in said
    assert "other.tflite" in said


@pytest.mark.parametrize("typed", ["model.tflite", "mine=", ""])
def test_a_model_without_its_name_is_shown_how(typed: str) -> None:
    assert refused(typed).startswith("--model takes NAME=PATH, such as --model mine=mine.tflite")


@pytest.mark.parametrize("name", ["", "a-b", "_a", "a b", "a/b", "x" * 81, "é"])
def test_a_name_that_test_ids_and_histories_cannot_hold_is_refused(model: Path, name: str) -> None:
    assert f"{name!r} cannot be a model's name" in refused(f"{name}={model}")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("none.tflite", None, "There is no model"),
        ("empty.tflite", b"", "is empty. Build or copy the model again"),
        ("text.tflite", b"I am no model", "is no .tflite model: it does not begin as one"),
        ("short.h5", b"\x89HDF", "is no .h5 model"),
        ("text.keras", b"I am no model", "is no .keras model"),
        ("model.onnx", b"something", "is of no known kind. Name a .tflite"),
    ],
)
def test_what_is_no_model_is_named(
    tmp_path: Path, file: str, content: bytes | None, said: str
) -> None:
    path = tmp_path / file
    if content is not None:
        path.write_bytes(content)
    message = refused(f"mine={path}")
    assert str(path) in message
    assert said in message


def test_a_folder_that_is_no_saved_model_is_refused(tmp_path: Path) -> None:
    assert f"{tmp_path} is a folder without saved_model.pb" in refused(f"mine={tmp_path}")


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40))
def test_whatever_is_typed_is_a_model_or_a_sentence(typed: str) -> None:
    said = "."
    try:
        find_sources([typed])
    except UsageProblem as problem:
        said = str(problem)
    assert said.endswith(".")


@pytest.mark.parametrize(
    ("typed", "chain"),
    [
        ("prune(0.5)", Chain(0.5)),
        ("prune(.25)", Chain(0.25)),
        ("quantize(f16)", Chain(recipe="f16")),
        (" prune( 0.8 ) , quantize(static_wi8_ai8) ", Chain(0.8, "static_wi8_ai8")),
    ],
)
def test_steps_are_read(typed: str, chain: Chain) -> None:
    assert parse_steps(typed) == chain


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "it has an empty step"),
        ("prune(0.5),", "it has an empty step"),
        ("prune", "'prune' is no step"),
        ("prune(0.5)quantize(f16)", "is no step"),
        ("__import__('os')", "is no step"),
        ("gzip(9)", "there is no step 'gzip'"),
        ("prune(0)", "prune takes a share from 0.01 to 0.99, not '0'"),
        ("prune(0.00)", "prune takes a share"),
        ("prune(50)", "prune takes a share"),
        ("prune(1.0)", "prune takes a share"),
        ("prune(nan)", "prune takes a share"),
        ("quantize(int8)", "quantize takes f16, dynamic_wi8, static_wi8_ai8, not 'int8'"),
        ("quantize(f16),prune(0.5)", "prune comes first, and once"),
        ("prune(0.5),prune(0.8)", "prune comes first, and once"),
        ("quantize(f16),quantize(dynamic_wi8)", "quantize comes last, and once"),
    ],
)
def test_other_steps_are_refused_with_what_there_is(typed: str, said: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        parse_steps(typed)
    assert said in str(caught.value)
    assert "quantize(f16|dynamic_wi8|static_wi8_ai8)" in str(caught.value)


def test_each_step_on_the_way_is_measured() -> None:
    both = Chain(0.5, "static_wi8_ai8")
    assert both.prefixes() == (Chain(0.5), both)
    assert Chain(recipe="f16").prefixes() == (Chain(recipe="f16"),)


@pytest.mark.parametrize(
    ("name", "chain", "called"),
    [
        ("mine", Chain(0.5), "mine_pruned50"),
        ("mine", Chain(0.05, "f16"), "mine_pruned05_f16"),
        ("resnet8_f32", Chain(0.5), "resnet8_pruned50_f32"),
        ("resnet8_f32", Chain(0.5, "static_wi8_ai8"), "resnet8_pruned50_static_wi8_ai8"),
        ("resnet8_f32", Chain(recipe="dynamic_wi8"), "resnet8_dynamic_wi8"),
        ("_f32", Chain(0.5), "_f32_pruned50"),
    ],
)
def test_a_name_says_what_was_done(name: str, chain: Chain, called: str) -> None:
    assert chain.name(name) == called


@given(st.integers(1, 99), st.sampled_from(RECIPES), st.text(" ", max_size=2))
def test_what_is_written_is_what_is_read(percent: int, recipe: str, space: str) -> None:
    typed = f"prune({space}0.{percent:02}){space},{space}quantize({recipe})"
    chain = parse_steps(typed)
    assert chain.name("m") == f"m_pruned{percent:02}_{recipe}"


@given(st.text(max_size=60))
def test_wild_text_is_steps_or_a_sentence(typed: str) -> None:
    try:
        chain: Chain | str = parse_steps(typed)
    except UsageProblem as problem:
        chain = str(problem)
    assert chain.startswith("--steps ") if isinstance(chain, str) else chain != Chain()
