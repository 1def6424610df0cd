"""Long trainings: what a kill and a damaged checkpoint do to them, built once; read here."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.networks.weights import NOTES_FILE, WEIGHTS_FILE
from slimbench.steps import training
from slimbench.steps.training import Augmentation, Schedule
from tests.steps.built_steps import DAMAGED, INTERRUPTED, QUICK, QUICK_DAMAGE, WHOLE
from tests.steps.small_chains import ALONE, ALONE_FLOAT, REPEATED, TAUGHT


@pytest.mark.parametrize("name", QUICK)
def test_a_killed_training_goes_on_and_ends_with_the_same_bytes(folder, name):
    check_resumed(folder, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(WHOLE.keys() - {*QUICK}))
def test_every_kind_of_training_goes_on(slow_folder, name):
    check_resumed(slow_folder, name)


def check_resumed(folder, name):
    whole, resumed = folder(WHOLE[name]), folder(INTERRUPTED[name])
    for file in (WEIGHTS_FILE, NOTES_FILE):
        assert (resumed / file).read_bytes() == (whole / file).read_bytes()
    progress = (folder(INTERRUPTED[name]) / "progress").read_text().splitlines()
    epochs = [note.split(",")[0] for note in progress if note.startswith("epoch")]
    count = WHOLE[name].schedule.epochs
    expected = [f"epoch {number} of {count}" for number in range(2, count + 1)]
    assert list(dict.fromkeys(epochs)) == expected


def test_a_damaged_checkpoint_is_dropped_and_said(folder):
    check_begun_anew(folder, QUICK_DAMAGE)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(DAMAGED.keys() - {QUICK_DAMAGE}))
def test_however_a_checkpoint_is_damaged_it_is_dropped(slow_folder, name):
    check_begun_anew(slow_folder, name)


def check_begun_anew(folder, name):
    whole, damaged = folder(ALONE), folder(DAMAGED[name])
    assert (damaged / "anew" / WEIGHTS_FILE).read_bytes() == (whole / WEIGHTS_FILE).read_bytes()
    (message,) = json.loads((damaged / "messages.json").read_text("utf-8"))
    assert message.startswith("The checkpoint of training resnet8 of width 0.25 is damaged (")
    assert message.endswith("it begins anew.")


def test_a_repeat_is_another_training(folder):
    with (
        np.load(folder(ALONE) / WEIGHTS_FILE) as one,
        np.load(folder(REPEATED) / WEIGHTS_FILE) as two,
    ):
        kernels = [name for name in one.files if one[name].ndim == 4]
        assert not any((one[name] == two[name]).all() for name in kernels)


def test_notes_say_how_a_student_did_and_what_taught_it(folder):
    alone = json.loads((folder(ALONE) / NOTES_FILE).read_text())
    taught = json.loads((folder(TAUGHT) / NOTES_FILE).read_text())
    assert 0 <= alone["validation_top1"] <= 1
    assert "distillation" not in alone
    assert taught["distillation"]["entropy_soft"] > taught["distillation"]["entropy_plain"]
    passed_on = json.loads((folder(ALONE_FLOAT) / NOTES_FILE).read_text())
    assert passed_on["validation_top1"] == alone["validation_top1"]


PICTURES = np.random.default_rng(0).integers(0, 256, (5, 7, 6, 3)).astype(np.uint8)


@given(st.integers(0, 3), st.booleans(), st.sampled_from(["black", "reflected"]), st.integers(0, 9))
def test_a_view_moves_each_image_by_no_more_than_it_may(shift, mirrored, edges, number):
    augmentation = Augmentation(shift, mirrored, edges)
    seen = training.view(PICTURES, number, 3, augmentation)
    assert np.array_equal(seen, training.view(PICTURES, number, 3, augmentation))
    mode = "constant" if edges == "black" else "reflect"
    padded = np.pad(PICTURES, ((0, 0), (shift, shift), (shift, shift), (0, 0)), mode)
    for image, around in zip(seen, padded, strict=True):
        crops = [
            around[top : top + 7, left : left + 6]
            for top in range(2 * shift + 1)
            for left in range(2 * shift + 1)
        ]
        flipped = [crop[:, ::-1] for crop in crops] if mirrored else []
        assert any(np.array_equal(image, crop) for crop in (*crops, *flipped))


def test_a_view_depends_on_seed_and_number_alone_and_moves_pixels_about():
    pixels = np.random.default_rng(1).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    photographs = training.PHOTOGRAPHS
    one = training.view(pixels, 3, 5, photographs)
    assert (one == training.view(pixels, 3, 5, photographs)).all()
    assert (one != training.view(pixels, 4, 5, photographs)).any()
    assert (one != training.view(pixels, 3, 6, photographs)).any()
    unmoved = training.view(pixels, 0, 0, Augmentation(shift=0, mirrored=True))
    mirrored = [(a == b[:, ::-1]).all() for a, b in zip(unmoved, pixels, strict=True)]
    same = [(a == b).all() for a, b in zip(unmoved, pixels, strict=True)]
    assert all(m or s for m, s in zip(mirrored, same, strict=True))
    assert 5 < sum(mirrored) < 35


def test_what_is_not_to_be_changed_stays():
    assert np.array_equal(training.view(PICTURES, 4, 1, training.UNCHANGED), PICTURES)


@pytest.mark.parametrize(("views", "numbers"), [(0, [0, 1, 2, 3, 4]), (2, [0, 1, 0, 1, 0])])
def test_epochs_take_the_views_in_turn_or_have_one_each(views, numbers):
    schedule = Schedule(5, 8, 0.1, views)
    assert [schedule.view_of(epoch) for epoch in range(5)] == numbers


def test_a_batch_larger_than_the_images_is_named():
    with pytest.raises(ValueError, match="5 training images do not fill a batch of 8"):
        training.steps_per_epoch(5, 8)


def test_an_array_on_the_disk_is_computed_once_and_again_where_it_is_damaged(tmp_path):
    path = tmp_path / "deep" / "array.npy"
    calls = []

    def compute():
        calls.append(1)
        return np.arange(3)

    for _ in range(2):
        assert training.stored_array(path, compute).tolist() == [0, 1, 2]
    assert len(calls) == 1
    path.write_bytes(path.read_bytes()[:20])
    assert training.stored_array(path, compute).tolist() == [0, 1, 2]
    assert len(calls) == 2
