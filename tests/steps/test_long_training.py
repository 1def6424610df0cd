"""Students and transfer learning on photographs, built once in a child; read here."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bench.build.store import Store
from bench.spec import MODEL_FILE
from bench.steps.export import Convert, Export
from bench.steps.long_training import LongSchedule
from bench.steps.random_weights import RandomWeights
from bench.steps.teacher_answers import LOGITS_FILE, TeacherAnswers
from bench.steps.train_student import TrainStudent
from bench.steps.trained import NOTES_FILE, WEIGHTS_FILE, Network
from bench.steps.transfer import FineTune, TutorialHead
from tests.build.recorder import made
from tests.steps.long_steps import ByLayer, Interrupted, Unlabelled
from tests.steps.tensorflow_steps import CLASSES, SHAPE, Colours

COLOURS = Colours(60)
SCHEDULE = LongSchedule(epochs=3, batch=12, learning_rate=0.1, views=2)
STUDENT = Network("resnet8", SHAPE, CLASSES, width=0.25)
CUT = "block_14_add"

ALONE = TrainStudent(COLOURS, STUDENT, SCHEDULE)
REPEATED = TrainStudent(COLOURS, STUDENT, SCHEDULE, repeat=1)
KILLED = Interrupted(COLOURS, STUDENT, SCHEDULE)
FILE = Convert(Export(ALONE))
ANSWERS = TeacherAnswers(FILE, COLOURS, SCHEDULE.views)
TAUGHT = TrainStudent(COLOURS, STUDENT, SCHEDULE, ANSWERS, labelled=2)
HALF_LABELLED = Unlabelled()

PRETRAINED = RandomWeights(Network("imagenet_mobilenetv2", (96, 96, 3), 1000, 0.35))
SLOWLY = LongSchedule(epochs=1, batch=12, learning_rate=1e-3, views=1, optimizer="adam")
TUNED = FineTune(
    PRETRAINED, COLOURS, Network("transfer_mobilenetv2", SHAPE, CLASSES, 0.35), SLOWLY, CUT
)
TUTORIAL = TutorialHead(PRETRAINED, COLOURS, Network("tutorial_mobilenetv2", SHAPE, CLASSES, 0.35))
TUTORIAL_FILE = Convert(Export(TUTORIAL))
LAYERS = {step: ByLayer(step) for step in (PRETRAINED, TUNED, TUTORIAL)}
TARGETS = (REPEATED, KILLED, TAUGHT, HALF_LABELLED, TUTORIAL_FILE, *LAYERS.values())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return what finds a step's folder; everything is built first."""
    store = Store(tmp_path_factory.mktemp("store"))
    store.prepare()
    outcome, _ = made(store, *TARGETS, ALONE, FILE, ANSWERS, TUNED)
    return lambda step: outcome.results[step].folder


def weights(folder):
    with np.load(folder / WEIGHTS_FILE) as arrays:
        return {name: arrays[name] for name in arrays.files}


def same(one, other):
    return one.keys() == other.keys() and all((one[key] == other[key]).all() for key in one)


def test_a_killed_training_goes_on_and_ends_with_the_same_weights(folder):
    assert (folder(KILLED) / "kept").read_text() == "True"
    told = (folder(KILLED) / "told").read_text().splitlines()
    assert told[0].startswith("epoch 2 of 3")
    assert same(weights(folder(KILLED)), weights(folder(ALONE)))


def test_a_repeat_is_another_training(folder):
    assert not same(weights(folder(REPEATED)), weights(folder(ALONE)))


def test_a_teacher_answers_every_view_and_its_softmax_is_undone(folder):
    logits = np.load(folder(ANSWERS) / LOGITS_FILE)
    assert logits.shape == (SCHEDULE.views, 60, CLASSES)
    assert np.exp(logits).sum(axis=-1) == pytest.approx(1, abs=1e-4)
    assert (logits[0] != logits[1]).any()


def test_notes_say_how_a_student_did_and_what_taught_it(folder):
    alone = json.loads((folder(ALONE) / NOTES_FILE).read_text())
    taught = json.loads((folder(TAUGHT) / NOTES_FILE).read_text())
    assert 0 <= alone["validation_top1"] <= 1
    assert "distillation" not in alone
    assert taught["distillation"]["entropy_soft"] > taught["distillation"]["entropy_plain"]
    passed_on = json.loads((folder(FILE) / NOTES_FILE).read_text())
    assert passed_on["validation_top1"] == alone["validation_top1"]


def test_an_image_without_a_label_is_learned_from_the_teacher_alone(folder):
    with np.load(folder(HALF_LABELLED) / "losses.npz") as losses:
        answers_alone, both = losses["alpha_0"], losses["alpha_0.5"]
    assert both[3:] == pytest.approx(answers_alone[3:])
    assert (both[:3] != answers_alone[:3]).all()


def test_fine_tuning_leaves_what_is_below_the_cut_and_all_statistics(folder):
    before, after = weights(folder(LAYERS[PRETRAINED])), weights(folder(LAYERS[TUNED]))
    shared = before.keys() & after.keys()
    changed = {name for name in shared if (before[name] != after[name]).any()}
    assert changed
    assert all(name.startswith(("Conv_1", "block_15_", "block_16_")) for name in changed)
    assert after.keys() - before.keys() == {"logits/0", "logits/1"}


def test_a_tutorials_head_is_all_that_it_trains(folder):
    before, after = weights(folder(LAYERS[PRETRAINED])), weights(folder(LAYERS[TUTORIAL]))
    shared = before.keys() & after.keys()
    assert all((before[name] == after[name]).all() for name in shared - {"logits/0", "logits/1"})
    assert {name.split("/")[0] for name in after.keys() - before.keys()} == {"hidden", "logits"}
    assert (folder(TUTORIAL_FILE) / MODEL_FILE).stat().st_size > 0


def test_a_student_must_be_shown_what_its_teacher_answered():
    other = TeacherAnswers(FILE, COLOURS, views=5)
    with pytest.raises(ValueError, match="as many views"):
        TrainStudent(COLOURS, STUDENT, SCHEDULE, other)
    with pytest.raises(ValueError, match="from a teacher alone"):
        TrainStudent(COLOURS, STUDENT, SCHEDULE, labelled=3)
