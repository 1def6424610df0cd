from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from slimbench.datasets import evaluation
from slimbench.datasets.evaluation import (
    ImagesWriter,
    evaluation_sha256,
    load_evaluation,
    save_labels,
)
from slimbench.spec import EVALUATION_FILE

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
LABELS = np.array([2, 0, 1, 1, 2], np.int64)


def write(folder, pixels, present=None, capacity=None):
    with ImagesWriter(folder, pixels.shape[1:], capacity or len(pixels)) as images:
        for each in pixels:
            images.append(each)
    save_labels(folder, LABELS[: len(pixels)].tolist(), "abc", present, {"origin": "a test"})
    return folder


def test_an_archive_of_arrays_is_read(tmp_path):
    np.savez(tmp_path / EVALUATION_FILE, images=PIXELS, labels=LABELS, classes=np.array(["x", "y"]))
    read = load_evaluation(tmp_path)
    assert np.array_equal(read.images, PIXELS)
    assert np.array_equal(read.labels, LABELS)
    assert (read.classes, read.present) == (("x", "y"), None)


@pytest.mark.parametrize("present", [None, (0, 2)])
def test_photographs_are_read_as_a_memory_map_that_nobody_can_change(tmp_path, present):
    read = load_evaluation(write(tmp_path, PIXELS, present))
    assert isinstance(read.images, np.memmap)
    assert not read.images.flags.writeable
    assert np.array_equal(read.images, PIXELS)
    assert read.labels.dtype == np.int64
    assert np.array_equal(read.labels, LABELS)
    assert (read.classes, read.present) == (("a", "b", "c"), present)


@pytest.mark.parametrize("capacity", [5, 9, 10, 1_000_000])
def test_fewer_images_than_announced_make_the_file_that_numpy_would_write(tmp_path, capacity):
    write(tmp_path, PIXELS, capacity=capacity)
    expected = io.BytesIO()
    np.save(expected, PIXELS)
    assert (tmp_path / "images.npy").read_bytes() == expected.getvalue()


@pytest.mark.parametrize("wrong", [PIXELS[0, 1:], PIXELS[0].astype(np.float32)])
def test_an_image_of_another_kind_is_refused(tmp_path, wrong):
    with ImagesWriter(tmp_path, (4, 6, 3), 2) as images, pytest.raises((ValueError, TypeError)):
        images.append(wrong)


def test_one_image_too_many_is_refused(tmp_path):
    with ImagesWriter(tmp_path, (4, 6, 3), 1) as images:
        images.append(PIXELS[0])
        with pytest.raises(ValueError, match="does not fit"):
            images.append(PIXELS[1])


def test_a_folder_without_images_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_evaluation(tmp_path)


def in_one_piece(images, labels):
    digest = hashlib.sha256(images.astype(np.uint8, casting="safe").tobytes())
    digest.update(labels.astype("<i8").tobytes())
    return digest.hexdigest()


@given(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=4, max_dims=4, min_side=0, max_side=6)),
    st.integers(1, 200),
)
def test_the_hash_in_parts_is_the_hash_of_the_whole(images, chunk):
    labels = np.arange(len(images))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "_CHUNK_BYTES", chunk)
        expected = in_one_piece(images, labels)
        assert evaluation_sha256(images, labels) == expected
        assert evaluation_sha256(np.asfortranarray(images), labels.astype(np.int32)) == expected
        assert evaluation_sha256(images[::-1][::-1], labels) == expected


def test_the_hash_of_a_memory_map_is_the_hash_of_its_pixels(tmp_path):
    read = load_evaluation(write(tmp_path, PIXELS))
    assert evaluation_sha256(read.images, read.labels) == in_one_piece(PIXELS, LABELS)


def test_pixels_that_are_no_bytes_have_no_hash():
    with pytest.raises(TypeError):
        evaluation_sha256(PIXELS.astype(np.float32), LABELS)
