"""Pruning: the masks by property, small networks built once in a child."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.networks.weights import NOTES_FILE, WEIGHTS_FILE
from slimbench.spec import MODEL_FILE
from slimbench.steps import prune
from tests.steps.built_steps import ARRAYS
from tests.steps.small_chains import ABOVE_CUT, ALONE, BLOCK, BLOCKS, GZIPPED, HALF


def weights(folder):
    with np.load(folder / WEIGHTS_FILE) as arrays:
        return {name: arrays[name] for name in arrays.files}


def test_half_of_every_pruned_kernel_is_zero_in_whole_blocks(folder):
    kernels = [each for each in weights(folder(BLOCKS)).values() if each.ndim > 1]
    pruned = [each for each in kernels if each.shape[-2] % BLOCK == 0]
    assert len(pruned) == len(kernels) - 1  # all but the one that reads the three colours
    for kernel in pruned:
        *places, inputs, outputs = kernel.shape
        zero = kernel.reshape(*places, inputs // BLOCK, BLOCK, outputs) == 0
        together = zero.all(axis=-2)
        assert (zero.any(axis=-2) == together).all()
        assert together.mean() == pytest.approx(HALF, abs=0.01)
    names = json.loads((folder(BLOCKS) / NOTES_FILE).read_text("utf-8"))["pruned_layers"]
    assert len(names) == len(pruned)
    assert "stem" not in names


def test_its_int8_file_compresses_better_than_one_with_as_many_scattered_zeros(folder):
    sizes = {
        name: len(gzip.compress((folder(step) / MODEL_FILE).read_bytes(), mtime=0))
        for name, step in GZIPPED.items()
    }
    assert sizes["blocks"] < sizes["scattered"] < sizes["dense"]


def test_pruning_above_a_cut_leaves_the_rest(folder):
    before, after = weights(folder(ARRAYS[ALONE])), weights(folder(ARRAYS[ABOVE_CUT]))
    changed = {name for name in before if (before[name] != after[name]).any()}
    assert changed
    assert not any(name.startswith(("stem", "block_1_")) for name in changed)
    assert not any("moving" in name for name in changed)
    notes = json.loads((folder(ABOVE_CUT) / NOTES_FILE).read_text("utf-8"))
    for name in notes["pruned_layers"]:
        kernel = after[f"{name}/kernel:0"]
        assert (kernel == 0).mean() == pytest.approx(HALF, abs=0.02)


KERNELS = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 6), st.integers(1, 5))


@given(KERNELS, st.floats(0, 1), st.integers(0, 99))
def test_the_weakest_blocks_go_and_whole_blocks_only(sizes, share, seed):
    width, groups, block, outputs = sizes
    kernel = np.random.default_rng(seed).normal(size=(width, width, groups * block, outputs))
    mask = prune.kept(kernel, share, block)
    assert mask.shape == kernel.shape
    together = mask.reshape(width, width, groups, block, outputs)
    assert (together == together[:, :, :, :1]).all()
    strength = np.square(kernel).reshape(together.shape).sum(axis=3)
    stays = together[:, :, :, 0] == 1
    assert (~stays).sum() == round(share * stays.size)
    if stays.any() and not stays.all():
        assert strength[stays].min() >= strength[~stays].max()


@given(st.floats(0.01, 0.99), st.integers(1, 40))
def test_zeros_only_rise_and_are_all_there_for_the_second_half(sparsity, epochs):
    shares = [prune.rising(sparsity, epoch, epochs) for epoch in range(epochs)]
    assert shares == sorted(shares)
    assert shares[0] > 0
    assert all(share == sparsity for share in shares[epochs // 2 :])
