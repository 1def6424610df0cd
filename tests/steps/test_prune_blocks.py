"""Pruning in blocks: the masks by property, a small student built once in a child."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.build.store import Store
from bench.spec import MODEL_FILE
from bench.steps import prune_blocks
from bench.steps.export import Convert, Export
from bench.steps.long_training import LongSchedule
from bench.steps.prune import Prune
from bench.steps.prune_blocks import PruneBlocks
from bench.steps.quantize import Quantize
from bench.steps.train_student import TrainStudent
from bench.steps.trained import NOTES_FILE, WEIGHTS_FILE, Network
from bench.steps.training import Schedule
from tests.build.recorder import made
from tests.steps.aware_steps import InterruptedBlocks
from tests.steps.tensorflow_steps import CLASSES, SHAPE, Colours

COLOURS = Colours(120)
ALONE = TrainStudent(
    COLOURS, Network("resnet8", SHAPE, CLASSES, width=0.5), LongSchedule(4, 12, 0.05, views=2)
)
HALF, BLOCK = 0.5, 4
SCHEDULE = LongSchedule(epochs=3, batch=12, learning_rate=0.02, views=2)
BLOCKS = PruneBlocks(ALONE, COLOURS, HALF, BLOCK, SCHEDULE)
KILLED = InterruptedBlocks(ALONE, COLOURS, SCHEDULE)
SCATTERED = Prune(ALONE, COLOURS, HALF, Schedule(epochs=3, batch=12, learning_rate=0.02))


def int8(trained):
    return Quantize(Convert(Export(trained)), "static_wi8_ai8", COLOURS)


FILES = {"dense": int8(ALONE), "scattered": int8(SCATTERED), "blocks": int8(BLOCKS)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return what finds a step's folder; everything is built first."""
    store = Store(tmp_path_factory.mktemp("store"))
    store.prepare()
    outcome, _ = made(store, *FILES.values(), KILLED, BLOCKS)
    return lambda step: outcome.results[step].folder


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
        for name, step in FILES.items()
    }
    assert sizes["blocks"] < sizes["scattered"] < sizes["dense"]


def test_a_killed_training_goes_on_and_ends_with_the_same_weights(folder):
    assert (folder(KILLED) / "kept").read_text() == "True"
    assert (folder(KILLED) / "told").read_text().startswith("epoch 2 of 3")
    whole, resumed = weights(folder(BLOCKS)), weights(folder(KILLED))
    assert all((whole[name] == resumed[name]).all() for name in whole)


KERNELS = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 6), st.integers(1, 5))


@given(KERNELS, st.floats(0, 1), st.integers(0, 99))
def test_the_weakest_blocks_go_and_whole_blocks_only(sizes, share, seed):
    width, groups, block, outputs = sizes
    kernel = np.random.default_rng(seed).normal(size=(width, width, groups * block, outputs))
    mask = prune_blocks.kept(kernel, share, block)
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
    shares = [prune_blocks.rising(sparsity, epoch, epochs) for epoch in range(epochs)]
    assert shares == sorted(shares)
    assert shares[0] > 0
    assert all(share == sparsity for share in shares[epochs // 2 :])
