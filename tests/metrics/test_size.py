from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from slimbench.metrics import size
from slimbench.spec import Unmeasured
from slimbench.steps.gzip_size import gzip_size
from tests.metrics.subjects import HandmadeSubject, read

GZIP_FRAME, ZLIB_FRAME = 18, 6
"""Bytes that each format (RFC 1952, RFC 1950) puts around the same compressed data."""

REFERENCE = HandmadeSubject(values={"size_bytes": 400})
BROKEN = HandmadeSubject(values={"size_bytes": Unmeasured("the disk is gone")})


def subject(path: Path, content: bytes) -> HandmadeSubject:
    path.write_bytes(content)
    return HandmadeSubject(model=path)


@pytest.fixture
def content() -> bytes:
    values = np.random.default_rng(0).normal(size=50_000).astype(np.float32)
    return np.where(np.abs(values) < 0.6, 0, values).tobytes()


def test_reads_the_bytes_of_the_file(tmp_path, content):
    reading = read(size.Size(), subject(tmp_path / "model.tflite", content))
    assert reading["size_bytes"] == 200_000
    assert reading["model_sha256"] == hashlib.sha256(content).hexdigest()


def test_gzip_size_is_that_of_the_most_thorough_level(tmp_path, content):
    reading = read(size.Size(), subject(tmp_path / "model.tflite", content))
    by_level = {
        level: len(zlib.compress(content, level)) - ZLIB_FRAME + GZIP_FRAME for level in (6, 9)
    }
    assert by_level[6] != by_level[9]
    assert reading["size_gzip_bytes"] == by_level[9]


def test_neither_name_nor_time_changes_the_gzip_size(tmp_path, content):
    sizes = []
    for name, seconds in (("model.tflite", 0), ("a_much_longer_name.tflite", 2**31)):
        one = subject(tmp_path / name, content)
        os.utime(one.model, (seconds, seconds))
        sizes.append(read(size.Size(), one)["size_gzip_bytes"])
    assert sizes[0] == sizes[1]


def test_zeros_make_the_download_smaller_but_not_the_file(tmp_path, content):
    dense = np.random.default_rng(0).normal(size=50_000).astype(np.float32).tobytes()
    pruned = read(size.Size(), subject(tmp_path / "pruned.tflite", content))
    full = read(size.Size(), subject(tmp_path / "dense.tflite", dense))
    assert pruned["size_bytes"] == full["size_bytes"]
    assert pruned["size_gzip_bytes"] < 0.8 * full["size_gzip_bytes"]


def test_a_size_counted_at_the_build_is_not_counted_again(tmp_path, content, monkeypatch):
    monkeypatch.delattr(size, "gzip_size")
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    known = HandmadeSubject(model=path, gzip_size=123)
    assert read(size.Size(), known)["size_gzip_bytes"] == 123


def test_gzip_size_is_that_of_pythons_gzip_whatever_the_length(content):
    longer = content * 17  # beyond one chunk, and no multiple of it
    assert gzip_size(longer[:-5]) == len(gzip.compress(longer[:-5], 9, mtime=0))
    assert gzip_size(b"") == len(gzip.compress(b"", 9, mtime=0))


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.tflite"):
        read(size.Size(), HandmadeSubject(model=tmp_path / "model.tflite"))


@pytest.mark.parametrize(("own", "ratio"), [(100, 0.25), (400, 1.0), (500, 1.25)])
def test_the_ratio_is_own_size_by_the_references(own, ratio):
    subject = HandmadeSubject(values={"size_bytes": own}, reference=REFERENCE)
    assert read(size.SIZE_RATIO, subject)["size_ratio"] == ratio


def test_the_ratio_without_a_reference_says_why():
    subject = replace(REFERENCE, reference_reason="resnet50_f32 could not be built")
    ratio = read(size.SIZE_RATIO, subject)["size_ratio"]
    assert ratio == Unmeasured("resnet50_f32 could not be built")


@pytest.mark.parametrize(
    "subject", [replace(BROKEN, reference=REFERENCE), replace(REFERENCE, reference=BROKEN)]
)
def test_the_ratio_is_unmeasured_where_either_size_is(subject):
    assert read(size.SIZE_RATIO, subject)["size_ratio"] == Unmeasured("the disk is gone")
