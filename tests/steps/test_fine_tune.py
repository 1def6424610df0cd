"""Transfer learning in small, built once in a child; read here."""

from __future__ import annotations

import numpy as np
import pytest

from slimbench.networks.weights import WEIGHTS_FILE
from slimbench.spec import MODEL_FILE
from tests.steps.built_steps import ARRAYS
from tests.steps.small_chains import PRETRAINED, TUNED, TUTORIAL, TUTORIAL_FLOAT


def weights(folder):
    with np.load(folder / WEIGHTS_FILE) as arrays:
        return {name: arrays[name] for name in arrays.files}


def test_fine_tuning_leaves_what_is_below_the_cut_and_all_statistics(folder):
    before, after = weights(folder(ARRAYS[PRETRAINED])), weights(folder(ARRAYS[TUNED]))
    changed = {
        name
        for name in before.keys() & after.keys()
        if not name.startswith("logits") and (before[name] != after[name]).any()
    }
    assert changed
    assert all(name.startswith(("Conv_1/", "block_15_", "block_16_")) for name in changed)
    assert not any("moving" in name or "_BN/" in name for name in changed)
    assert after["logits/kernel:0"].shape[-1] == 3


def test_a_tutorials_head_is_all_that_it_trains(folder):
    before, after = weights(folder(ARRAYS[PRETRAINED])), weights(folder(ARRAYS[TUTORIAL]))
    shared = {name for name in before.keys() & after.keys() if not name.startswith("logits")}
    assert all((before[name] == after[name]).all() for name in shared)
    assert {name.split("/")[0] for name in after.keys() - shared} == {"hidden", "logits"}


@pytest.mark.slow
def test_a_tutorials_network_is_converted(slow_folder):
    assert (slow_folder(TUTORIAL_FLOAT) / MODEL_FILE).stat().st_size > 0


def test_nothing_that_was_kept_on_the_way_is_left(folder):
    assert not list(folder(TUNED).glob("view_*.npy"))
