"""Damaged files: whatever reads or edits a `.tflite` file gives a result or a sentence, soon."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slimbench.paths import CODE
from slimbench.tflite.edit import add_buffer, with_signature, with_values_inside
from slimbench.tflite.metadata import Metadata, read_metadata, write_metadata
from slimbench.tflite.model import Model, class_count, open_model, read_model
from slimbench.tflite.weights import read_weights
from tests.engines.edited_models import values_behind
from tests.examples import examples
from tests.tiny_models import first_pixels, linear_model

TEST_DATA = "SLIMBENCH_TEST_DATA"
SHIPPED = CODE / "slimbench" / "webapp" / "models" / "resnet14_distilled_static_wi8_ai8.tflite"
DIGITS = CODE / "tests" / "webapp" / "digits_model" / "student_distilled_static_wi8_ai8.tflite"

MOST_SECONDS = 1.0
"""Of processor time, for one reading of a damaged file."""

ENDS = (0, 1, 2, 4, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF)
"""Offsets and counts at which arithmetic goes wrong."""

Reading = Callable[[Path], object]


def _edited(edit: Callable[[bytes], bytes]) -> Reading:
    """Edit a file, and read what comes of it."""

    def read(path: Path) -> object:
        return read_model(edit(path.read_bytes())).metadata("x")

    return read


READINGS: tuple[Reading, ...] = (
    read_weights,
    read_metadata,
    class_count,
    lambda path: describe(open_model(path)),
    lambda path: write_metadata(path, path.with_name("out"), Metadata(labels=("a",))),
    _edited(lambda content: add_buffer(content, "x", b"y")),
    _edited(with_signature),
    _edited(with_values_inside),
)


def describe(model: Model) -> list[object]:
    """Read every field of every tensor."""
    fields = ("size", "type", "buffer", "is_sparse", "scales", "zero_points", "channel_axis")
    return [
        (str(tensor), tensor.blocks, *(getattr(tensor, field) for field in fields))
        for graph in model.subgraphs
        for tensor in graph.tensors
    ]


def sentences(path: Path) -> list[str]:
    """Read a file in every way; return why it was refused, for each way that refused it."""
    refused = []
    for read in READINGS:
        start = time.thread_time()
        try:
            read(path)
        except ValueError as error:
            refused.append(str(error))
        seconds = time.thread_time() - start
        assert seconds < MOST_SECONDS, f"{read} took {seconds:.1f} s"
    return refused


def check(path: Path, content: bytes) -> int:
    """Hold every reading of a damaged file to a result or a sentence; count the sentences."""
    path.write_bytes(content)
    refused = sentences(path)
    assert all(len(sentence) > len("damaged") for sentence in refused)
    return len(refused)


def structure(content: bytes) -> np.ndarray:
    """Return the places of all bytes that are no stored values."""
    is_structure = np.ones(len(content), bool)
    view = np.frombuffer(content, np.uint8)
    for buffer in read_model(content).buffers:
        if buffer.values is not None:
            start = buffer.values.ctypes.data - view.ctypes.data
            is_structure[start : start + len(buffer.values)] = False
    return np.flatnonzero(is_structure)


def damaged(content: bytes, places: np.ndarray, random: np.random.Generator) -> bytes:
    """Return a copy with a few of its numbers changed, mostly of its structure, or cut short."""
    changed = bytearray(content)
    for _ in range(random.integers(1, 5)):
        anywhere = random.random() < 0.1
        place = int(random.integers(len(content)) if anywhere else random.choice(places))
        kind = random.integers(5)
        if kind == 0:
            changed[place] = int(random.integers(256))
        elif kind == 1:
            changed[place] ^= 1 << int(random.integers(8))
        elif kind == 2:  # what two tables share, such as a vtable or a vector, or zeros
            length = int(random.integers(4, 256))
            source = int(random.choice(places))
            block = content[source : source + length] if random.random() < 0.7 else bytes(length)
            changed[place : place + len(block)] = block
        else:
            number = int(random.choice(ENDS) if kind == 3 else random.integers(len(content)))
            place -= place % 4
            changed[place : place + 4] = number.to_bytes(4, "little")
    end = int(random.integers(len(changed))) if random.random() < 0.05 else len(changed)
    return bytes(changed[:end])


def whole_files(folder: Path) -> Iterator[Path]:
    """Yield real files: quantised, float, with metadata, with values behind the flatbuffer."""
    yield from (DIGITS, SHIPPED)
    if TEST_DATA in os.environ:
        yield from sorted(Path(os.environ[TEST_DATA]).rglob("mlperf_tiny_resnet8_*.tflite"))
    small = linear_model(folder / "small.tflite", first_pixels(3))
    described = folder / "described.tflite"
    write_metadata(small, described, Metadata("m", labels=("a", "b"), mean=(0.0,), std=(1.0,)))
    yield described
    yield values_behind(small)


def test_whole_files_are_refused_nothing_but_metadata_that_they_have(tmp_path: Path) -> None:
    for path in whole_files(tmp_path):
        copy = tmp_path / "copy.tflite"
        copy.write_bytes(path.read_bytes())
        assert all("has TFLITE_METADATA already" in sentence for sentence in sentences(copy)), path


@settings(
    max_examples=examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_a_damaged_file_gives_a_result_or_a_sentence(tmp_path: Path, data: st.DataObject) -> None:
    path = linear_model(tmp_path / "m.tflite", first_pixels(3))
    content = bytearray((values_behind(path) if data.draw(st.booleans()) else path).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(8, len(content) - 4))
        number = data.draw(st.sampled_from(ENDS) | st.integers(0, len(content)))
        content[place : place + 4] = number.to_bytes(4, "little")
    check(path, bytes(content[: data.draw(st.just(len(content)) | st.integers(0, len(content)))]))


@pytest.mark.slow
def test_ten_thousand_damaged_real_files_give_a_result_or_a_sentence(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    files = [path.read_bytes() for path in whole_files(tmp_path)]
    places = [structure(content) for content in files]
    refused = 0
    for number in range(10_000):
        which = number % len(files)
        damage = damaged(files[which], places[which], random)
        refused += check(tmp_path / "damaged.tflite", damage)
    assert refused > 10_000
