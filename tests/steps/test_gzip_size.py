from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.spec import MODEL_FILE, Workplace
from slimbench.steps.gzip_size import RESULT_FILE, GzipSize, gzip_size, read
from tests.build.sample_steps import Sample

MODEL = Sample("model", "")


def compressed(content: bytes) -> int:
    return len(gzip.compress(content, 9, mtime=0))


@given(st.binary(max_size=2000))
def test_it_is_the_size_that_gzip_gives(content):
    assert gzip_size(content) == compressed(content)


def test_it_is_the_size_that_gzip_gives_for_files_of_several_chunks():
    content = np.random.default_rng(0).integers(0, 16, (2 << 20) + 7).astype(np.uint8).tobytes()
    assert gzip_size(content) == compressed(content)


def test_zeros_shrink_a_dense_file():
    content = np.random.default_rng(0).integers(0, 256, 100_000).astype(np.uint8)
    dense = gzip_size(content.tobytes())
    content[::2] = 0
    assert gzip_size(content.tobytes()) < 0.75 * dense


def test_the_step_counts_the_model_and_says_how_far_it_is(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    content = bytes(range(256)) * 10_000
    (tmp_path / "in" / MODEL_FILE).write_bytes(content)
    told: list[tuple[float, ...]] = []
    place = Workplace((tmp_path / "in",), tmp_path / "out", 0, lambda *said: told.append(said))
    GzipSize(MODEL).run(place)
    assert read(tmp_path / "out") == compressed(content)
    shares = [done / total for done, total in told]
    assert len(shares) == 3
    assert shares == sorted(shares)
    assert shares[-1] >= 1


def test_another_zlib_is_another_step():
    assert GzipSize(MODEL) != GzipSize(MODEL, zlib_version="0.1")


@pytest.mark.parametrize("content", ["null", "1.5", '"12"', "[12]"])
def test_what_is_no_number_of_bytes_is_refused(tmp_path, content):
    (tmp_path / RESULT_FILE).write_text(content, encoding="utf-8")
    with pytest.raises(TypeError, match=RESULT_FILE):
        read(tmp_path)


def test_a_number_of_bytes_is_read_back(tmp_path):
    (tmp_path / RESULT_FILE).write_text(json.dumps(12), encoding="utf-8")
    assert read(tmp_path) == 12
