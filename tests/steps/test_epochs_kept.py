"""Prunings that are killed and run again, built once in a child; read here."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bench.build.store import Store
from bench.steps.long_training import LongSchedule
from bench.steps.prune import Prune
from bench.steps.prune_top import PruneTop
from bench.steps.random_weights import RandomWeights
from bench.steps.trained import NOTES_FILE, WEIGHTS_FILE, Network
from bench.steps.training import Schedule
from tests.build.recorder import made
from tests.steps.kept_steps import Found, InterruptedPrune, InterruptedTop
from tests.steps.tensorflow_steps import CLASSES, SHAPE, Colours

COLOURS = Colours(60)
NETWORK = RandomWeights(Network("resnet8", SHAPE, CLASSES, width=0.25))
SHORT = Schedule(epochs=3, batch=12, learning_rate=0.02)
VIEWS = LongSchedule(epochs=3, batch=12, learning_rate=1e-3, views=2, optimizer="adam")
CUT = "block_1_relu"
PRUNINGS = {
    "whole": Prune(NETWORK, COLOURS, 0.5, SHORT),
    "top": PruneTop(NETWORK, COLOURS, 0.5, VIEWS, CUT),
}
KILLED = {
    "whole": InterruptedPrune(NETWORK, COLOURS, SHORT),
    "top": InterruptedTop(NETWORK, COLOURS, VIEWS, CUT),
}
FOUND = Found(COLOURS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return what finds a step's folder; everything is built first."""
    store = Store(tmp_path_factory.mktemp("store"))
    store.prepare()
    outcome, _ = made(store, *PRUNINGS.values(), *KILLED.values(), FOUND)
    return lambda step: outcome.results[step].folder


@pytest.mark.parametrize("name", PRUNINGS)
def test_a_killed_pruning_goes_on_and_ends_with_the_same_weights(folder, name):
    whole, killed = folder(PRUNINGS[name]), folder(KILLED[name])
    assert (killed / "kept").read_text() == "True"
    assert (killed / WEIGHTS_FILE).read_bytes() == (whole / WEIGHTS_FILE).read_bytes()
    assert (killed / NOTES_FILE).read_bytes() == (whole / NOTES_FILE).read_bytes()


@pytest.mark.parametrize("name", PRUNINGS)
def test_its_progress_goes_on_in_the_second_epoch(folder, name):
    told = (folder(KILLED[name]) / "told").read_text().splitlines()
    assert list(dict.fromkeys(told)) == ["epoch 2 of 3", "epoch 3 of 3"]


def test_epoch_by_epoch_is_the_same_training(folder):
    told = json.loads((folder(FOUND) / "told.json").read_text("utf-8"))
    assert told["nowhere"] == told["nothing"] == told["at one go"]
    with np.load(folder(FOUND) / "ends.npz") as ends:
        assert (ends["nowhere"] == ends["at one go"]).all()
        assert (ends["nothing"] == ends["at one go"]).all()


@pytest.mark.parametrize("name", ["empty", "short", "flipped", "another network", "longer"])
def test_what_does_not_fit_is_not_gone_on_from(folder, name):
    told = json.loads((folder(FOUND) / "told.json").read_text("utf-8"))
    assert told[name] == told["nowhere"]
    assert told[name][0] == "epoch 1 of 2"
    with np.load(folder(FOUND) / "ends.npz") as ends:
        assert (ends[name] == ends["nowhere"]).all()


def test_a_training_that_was_killed_after_its_last_epoch_is_finished(folder):
    assert json.loads((folder(FOUND) / "told.json").read_text("utf-8"))["finished"] == []
    with np.load(folder(FOUND) / "ends.npz") as ends:
        assert (ends["finished"] == ends["nowhere"]).all()


def test_an_epoch_whose_loss_is_no_number_is_not_kept(folder):
    assert (folder(FOUND) / "kept_without_a_number").read_text() == "False"
