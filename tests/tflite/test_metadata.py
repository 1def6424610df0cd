from __future__ import annotations

import hashlib
import struct
import zipfile
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st

from slimbench.tflite.edit import add_buffer
from slimbench.tflite.metadata import (
    Metadata,
    normalization,
    pack,
    read_metadata,
    write_metadata,
)
from slimbench.tflite.model import read_model
from slimbench.tflite.weights import read_weights
from tests.examples import examples
from tests.tflite import tflite_builder
from tests.tiny_models import SHAPE, Quantized, first_pixels, identity_model, linear_model

FULL = Metadata(
    name="tiny_f32",
    description="Says which value is the largest.",
    version="1",
    author="nobody",
    licence="Apache-2.0",
    labels=("nought", "one", "deux, é"),
    mean=(127.5,),
    std=(127.5,),
    channels=3,
)

LINES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)
TEXTS = st.none() | st.text(st.characters(codec="utf-8"))
SINGLES = st.floats(-1e6, 1e6, width=32)
POSITIVE = st.floats(2**-20, 1e6, width=32)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return linear_model(tmp_path_factory.mktemp("model") / "model.tflite", first_pixels(3))


@pytest.fixture(scope="module")
def described(model) -> Path:
    target = model.with_name("described.tflite")
    write_metadata(model, target, FULL)
    return target


def scores(model: Path, *, from_memory: bool = False) -> np.ndarray:
    """Answers on some images, as the runtime gives them."""
    how = {"model_content": model.read_bytes()} if from_memory else {"model_path": str(model)}
    interpreter = Interpreter(**how, num_threads=1)
    interpreter.allocate_tensors()
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    random = np.random.default_rng(3)
    answers = []
    for _ in range(5):
        pixels = random.integers(0, 127, source["shape"]).astype(source["dtype"])
        interpreter.set_tensor(source["index"], pixels)
        interpreter.invoke()
        answers.append(interpreter.get_tensor(result["index"]).copy())
    return np.stack(answers)


def test_a_file_without_metadata_says_nothing(model):
    assert read_metadata(model) is None


def test_reading_gives_what_was_written(described):
    assert read_metadata(described) == FULL


@given(
    st.builds(
        Metadata,
        name=TEXTS,
        description=TEXTS,
        version=TEXTS,
        author=TEXTS,
        licence=TEXTS,
        labels=st.none() | st.lists(LINES).map(tuple),
        channels=st.sampled_from([None, 1, 3]),
    ),
    st.none() | st.lists(st.tuples(SINGLES, POSITIVE), min_size=1, max_size=4),
)
@settings(max_examples=examples(60))
def test_whatever_is_written_is_read(model, metadata, scale):
    if scale is not None:
        mean, std = zip(*scale, strict=True)
        metadata = Metadata(
            **{
                name: getattr(metadata, name)
                for name in Metadata.__slots__
                if name not in {"mean", "std"}
            },
            mean=mean,
            std=std,
        )
    target = model.with_name("any.tflite")
    write_metadata(model, target, metadata)
    assert read_metadata(target) == metadata


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8"])
@pytest.mark.parametrize("from_memory", [False, True])
def test_the_model_computes_the_same_to_the_bit(tmp_path, dtype, from_memory):
    weights = np.random.default_rng(1).integers(-60, 60, (7, int(np.prod(SHAPE)))) / 64
    quantized = None if dtype == "float32" else Quantized(dtype, 0.5, 3)
    source = linear_model(tmp_path / "source.tflite", weights, quantized=quantized)
    target = tmp_path / "target.tflite"
    write_metadata(source, target, FULL)
    before = scores(source)
    assert len(np.unique(before)) > 5
    np.testing.assert_array_equal(scores(target, from_memory=from_memory), before)


def test_the_model_is_in_the_new_file_byte_for_byte_and_as_aligned_as_it_was(model, described):
    place = described.read_bytes().index(model.read_bytes())
    assert place > 0
    assert place % 64 == 0


def test_the_source_is_untouched_and_nothing_else_is_left(model, tmp_path):
    source = tmp_path / "source.tflite"
    source.write_bytes(model.read_bytes())
    before = hashlib.sha256(source.read_bytes()).hexdigest(), source.stat().st_mtime_ns
    write_metadata(source, tmp_path / "target.tflite", FULL)
    assert (hashlib.sha256(source.read_bytes()).hexdigest(), source.stat().st_mtime_ns) == before
    assert {path.name for path in tmp_path.iterdir()} == {"source.tflite", "target.tflite"}


def test_the_same_metadata_gives_the_same_bytes(model, described):
    again = model.with_name("again.tflite")
    write_metadata(model, again, FULL)
    assert again.read_bytes() == described.read_bytes()


def test_any_zip_reader_finds_the_labels(described):
    with zipfile.ZipFile(described) as archive:
        assert archive.namelist() == ["labels.txt"]
        assert archive.read("labels.txt").decode() == "nought\none\ndeux, é\n"
        assert archive.getinfo("labels.txt").compress_type == zipfile.ZIP_STORED


def test_the_buffer_is_listed_as_the_runtime_lists_metadata(model, described):
    content = schema.ModelT.InitFromPackedBuf(described.read_bytes(), 0)
    original = schema.ModelT.InitFromPackedBuf(model.read_bytes(), 0)
    (entry,) = content.metadata
    assert entry.name == b"TFLITE_METADATA"
    assert bytes(content.buffers[entry.buffer].data[4:8]) == b"M001"
    assert len(content.buffers) == len(original.buffers) + 1
    for old, new in zip(original.buffers, content.buffers, strict=False):
        np.testing.assert_array_equal(old.data, new.data)


def test_metadata_that_was_there_stays(model, tmp_path):
    source = tmp_path / "source.tflite"
    source.write_bytes(add_buffer(model.read_bytes(), "min_runtime_version", b"1.14.0"))
    target = tmp_path / "target.tflite"
    write_metadata(source, target, FULL)
    content = schema.ModelT.InitFromPackedBuf(target.read_bytes(), 0)
    entries = {each.name: bytes(content.buffers[each.buffer].data) for each in content.metadata}
    assert entries[b"min_runtime_version"] == b"1.14.0"
    assert set(entries) == {b"min_runtime_version", b"TFLITE_METADATA"}
    assert read_metadata(target) == FULL


def test_data_behind_the_flatbuffer_is_still_found(tmp_path):
    graph = tflite_builder.Graph()
    kernel = graph.constant("model/dense/MatMul", np.arange(12, dtype=np.float32).reshape(3, 4))
    graph.layer("FULLY_CONNECTED", kernel)
    source = tflite_builder.write(tmp_path / "source.tflite", graph, external=True)
    content = add_buffer(source.read_bytes(), "TFLITE_METADATA", b"anything")
    target = tmp_path / "target.tflite"
    target.write_bytes(content)
    (weight,) = read_weights(target)
    assert (weight,) == read_weights(source)
    assert weight.zeros == 1
    buffer = schema.ModelT.InitFromPackedBuf(content, 0).buffers[1]
    stored = np.frombuffer(content, np.float32, 12, buffer.offset)
    np.testing.assert_array_equal(stored, np.arange(12))


@pytest.mark.parametrize(
    ("mean", "std", "mode"),
    [
        ((0.0,), (1.0,), "raw"),
        ((0.0, 0.0, 0.0), (255.0,), "0..1"),
        ((127.5,), (127.5,), "-1..1"),
        ((128.0, 128.0, 128.0), (127.0, 127.0, 127.0), "-1..1"),
        ((103.939, 116.779, 123.68), (1.0,), None),
        ((0.0,), (1.5,), None),
        ((123.7, 116.3, 103.5), (58.4, 57.1, 57.4), "torch"),
        ((125.3, 123.0, 113.9), (63.0, 62.1, 66.7), None),
        (None, None, None),
    ],
)
def test_a_normalisation_is_known_as_a_pixel_mode(mean, std, mode):
    assert Metadata(mean=mean, std=std).pixels == mode


@pytest.mark.parametrize("mode", ["raw", "0..1", "-1..1"])
def test_a_pixel_mode_is_read_back_from_its_normalisation(mode):
    mean, std = normalization(mode)
    assert Metadata(mean=mean, std=std).pixels == mode


def test_a_mode_that_swaps_channels_has_no_normalisation():
    assert normalization("caffe") is None


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (Metadata(labels=("a", "b\nc")), "label 1, 'b\\nc', is not a line"),
        (Metadata(labels=("",)), "label 0, '', is not a line"),
        (Metadata(labels=("\ud800",)), "surrogates not allowed"),
        (Metadata(mean=(0.0,), std=(0.0,)), "cannot be applied"),
        (Metadata(mean=(float("nan"),), std=(1.0,)), "cannot be applied"),
    ],
)
def test_what_cannot_be_written_is_said_and_no_file_appears(model, tmp_path, metadata, said):
    with pytest.raises(ValueError, match="cannot be given metadata") as caught:
        write_metadata(model, tmp_path / "target.tflite", metadata)
    assert said in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_have_metadata_is_said(described, tmp_path):
    two = identity_model(tmp_path / "two.tflite", (1, 2), (1, 3))
    text = tmp_path / "text.tflite"
    text.write_text("no model at all")
    target = tmp_path / "target.tflite"
    for source, said in (
        (described, "it has TFLITE_METADATA already"),
        (two, "it has 2 inputs, an image classifier has one"),
        (text, "it lacks the mark TFL3"),
    ):
        with pytest.raises(ValueError, match=f"{source} cannot be given metadata: {said}"):
            write_metadata(source, target, FULL)
    assert not target.exists()


def test_labels_behind_a_model_without_metadata_are_not_overwritten(model, tmp_path):
    source, target = tmp_path / "source.tflite", tmp_path / "target.tflite"
    source.write_bytes(model.read_bytes())
    with zipfile.ZipFile(source, "a") as archive:
        archive.writestr("labels.txt", "mine\n")
    with pytest.raises(ValueError, match=r"cannot be given metadata: it has a file labels\.txt"):
        write_metadata(source, target, FULL)
    assert not target.exists()


@pytest.mark.parametrize("content", [b"", b"short", b"\0" * 64, b"\x08\0\0\0TFL3"])
def test_a_file_that_is_no_model_is_said(tmp_path, content):
    path = tmp_path / "file.tflite"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"The metadata of {path} cannot be read"):
        read_metadata(path)


def test_labels_that_are_not_there_are_said(described, tmp_path):
    content = described.read_bytes()
    path = tmp_path / "cut.tflite"
    path.write_bytes(content[: content.index(b"PK\x03\x04")])
    with pytest.raises(ValueError, match=r"its file 'labels.txt' cannot be unpacked"):
        read_metadata(path)


def wild(model: Path, target: Path, text: bytes, packing: int) -> Path:
    """A file as another tool may write it."""
    name = "probability-labels-en.txt"
    target.write_bytes(add_buffer(model.read_bytes(), "TFLITE_METADATA", pack(Metadata(), name)))
    with zipfile.ZipFile(target, "a", packing) as archive:
        archive.writestr(name, text)
    return target


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (b"a\nb\n", ("a", "b")),
        (b"a\r\nb", ("a", "b")),
        (b"\xef\xbb\xbfa\n\nb\n", ("a", "", "b")),
        (b"", ()),
    ],
)
def test_label_files_come_in_many_forms(model, tmp_path, text, labels, packing):
    path = wild(model, tmp_path / "wild.tflite", text, packing)
    assert read_metadata(path) == Metadata(labels=labels)


def test_labels_that_unpack_without_end_are_refused(model, tmp_path, monkeypatch):
    monkeypatch.setattr("slimbench.tflite.metadata._LARGEST_LABELS", 2**20)
    path = wild(model, tmp_path / "bomb.tflite", bytes(2**21), zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 2**16
    with pytest.raises(ValueError, match="is larger than 1 MiB"):
        read_metadata(path)


def test_metadata_of_another_form_is_said(model, tmp_path):
    builder = flatbuffers.Builder(64)
    builder.StartObject(1)
    builder.Finish(builder.EndObject(), file_identifier=b"M002")
    path = tmp_path / "new.tflite"
    path.write_bytes(add_buffer(model.read_bytes(), "TFLITE_METADATA", bytes(builder.Output())))
    with pytest.raises(ValueError, match="it lacks the mark M001"):
        read_metadata(path)


@given(st.data())
@settings(max_examples=examples(250))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(described, data):
    content = bytearray(described.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(8, len(content) - 4))
        value = data.draw(
            st.sampled_from([0, 1, 0xFF, 0x7FFFFFFF, 0xFFFFFFFF]) | st.integers(0, 2**32 - 1)
        )
        struct.pack_into("<I", content, place, value)
    end = data.draw(st.just(len(content)) | st.integers(8, len(content)))
    path = described.with_name("damaged.tflite")
    path.write_bytes(content[:end])
    try:
        found = read_metadata(path)
    except ValueError as error:
        found = str(error) if str(path) in str(error) else error
    assert found is None or isinstance(found, Metadata | str)


@given(st.data())
@settings(max_examples=examples(200))
def test_a_damaged_model_is_given_a_buffer_or_refused(model, data):
    content = bytearray(model.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 4))
        struct.pack_into("<I", content, place, data.draw(st.integers(0, 2**32 - 1)))
    try:
        added = add_buffer(bytes(content), "x", b"y")
    except ValueError:
        return
    assert read_model(added).metadata("x") == b"y"
