"""What each technique buys on photographs: transfer learning, distillation, pruning, quantisation.

Everything starts from one copy of the images, the user's or Keras's. MobileNetV2's ImageNet weights
are the user's choice; random ones make no sense here.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from bench.datasets import cifar10
from bench.spec import Choices, Step, Variant
from bench.steps.few_images import FewImages
from bench.steps.long_training import LongSchedule
from bench.steps.prune import Prune
from bench.steps.prune_blocks import PruneBlocks
from bench.steps.teacher_answers import TeacherAnswers
from bench.steps.train_student import TrainStudent
from bench.steps.trained import Network
from bench.steps.training import Schedule
from bench.steps.transfer import FineTune, TutorialHead
from bench.variants import imagenet
from bench.variants.chains import float_file, variants

NAME = "cifar10"
CLASSES = len(cifar10.CLASSES)

LABELLED, HELD_OUT = 80, 20
"""Of each class, where only 1,000 images are labelled: to train on and to validate."""

CUT = "block_6_project_BN"
"""Fine-tuning changes what comes after it, two thirds of MobileNetV2's multiplications."""

TRANSFER = LongSchedule(epochs=4, batch=64, learning_rate=3e-4, views=2, optimizer="adam")
TRANSFER_1K = LongSchedule(epochs=20, batch=32, learning_rate=3e-4, views=8, optimizer="adam")

STUDENT = LongSchedule(epochs=20, batch=128, learning_rate=0.2, views=8)
LARGER = LongSchedule(epochs=24, batch=128, learning_rate=0.2, views=8)
DEEPER = LongSchedule(epochs=60, batch=128, learning_rate=0.2, views=8)

CONVERGED = LongSchedule(epochs=80, batch=128, learning_rate=0.2, views=8)
"""Four times as long as `STUDENT`: `_e80` in names. Shows what a teacher brings even then."""

PRUNING = Schedule(epochs=5, batch=128, learning_rate=0.02, shift=4)

PRUNING_BLOCKS = LongSchedule(epochs=12, batch=128, learning_rate=0.1, views=8)
"""Longer than `PRUNING` and at a higher rate, since whole blocks go."""

BLOCK = 4
"""The smallest with which half of the weights zero takes 30 % off the gzip of an int8 file."""

PHOTOS = ("f32", "dynamic_wi8", "static_wi8_ai8")
"""Precisions of the networks that come from ImageNet."""

BOTH = ("f32", "static_wi8_ai8")
"""Precisions of the students."""

SPARSITIES = (0.5, 0.8)

REPEATS = (1, 2)
"""Further trainings of the students, with the first teacher, for the interval of the difference."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Images, teachers and their answers: what the other files of this data set stand on."""

    images: Step
    few: FewImages
    tutorial: Step
    transfer_1k: Step
    transfer: Step
    answers: TeacherAnswers
    answers_1k: TeacherAnswers
    """Those of the teacher that learned from 1,000 images, to all of them."""


def shared(choices: Choices) -> Shared:
    """Return the steps on the user's or Keras's images.

    Raises UsageProblem where the weights or the images that were chosen cannot be used.
    """
    images = cifar10.images(choices)
    few = FewImages(images, LABELLED, HELD_OUT)
    pretrained = imagenet.weights(MOBILENETV2, choices.weights)
    transfer_1k = _tuned(pretrained, few, TRANSFER_1K, seconds=180)
    transfer = _tuned(pretrained, images, TRANSFER, seconds=1300)
    return Shared(
        images=images,
        few=few,
        tutorial=TutorialHead(pretrained, few, network("tutorial_mobilenetv2")),
        transfer_1k=transfer_1k,
        transfer=transfer,
        answers=TeacherAnswers(float_file(transfer), images, STUDENT.views),
        answers_1k=TeacherAnswers(float_file(transfer_1k), images, STUDENT.views),
    )


def make_variants(dataset: str, choices: Choices) -> tuple[Variant, ...]:
    """Return transfer learning with MobileNetV2, and the students."""
    if dataset != NAME:
        return ()
    steps = shared(choices)
    images, few = steps.images, steps.few
    return (
        *of("mobilenetv2_tutorial", steps.tutorial, few, images, PHOTOS[:2]),
        *of("mobilenetv2_transfer1k", steps.transfer_1k, few, images, PHOTOS),
        *of("mobilenetv2_transfer", steps.transfer, images, images, PHOTOS),
        *_students(steps),
    )


MOBILENETV2 = Network("imagenet_mobilenetv2", (224, 224, 3), imagenet.CLASSES)

SMALL, LARGE, DEEP = "resnet8", "resnet8early", "resnet14"
"""The students."""

COURSES = {SMALL: (STUDENT, 800.0), LARGE: (LARGER, 1200.0), DEEP: (DEEPER, 9600.0)}
"""Each student's schedule, and the seconds it takes on two cores."""


def network(name: str) -> Network:
    """Return a network for these images."""
    return Network(name, cifar10.DATASET.input_shape, CLASSES)


def _tuned(source: Step, images: Step, schedule: LongSchedule, seconds: float) -> Step:
    tuned = network("transfer_mobilenetv2")
    return FineTune(source, images, tuned, schedule, CUT, expected_seconds=seconds)


def student(
    steps: Shared, name: str, answers: TeacherAnswers | None = None, repeat: int = 0
) -> TrainStudent:
    """Return the training of a student, alone or with a teacher's answers."""
    schedule, seconds = COURSES[name]
    return TrainStudent(
        steps.images, network(name), schedule, answers, repeat=repeat, expected_seconds=seconds
    )


def converged(
    steps: Shared, answers: TeacherAnswers | None = None, repeat: int = 0
) -> TrainStudent:
    """Return the small student's training, four times as long."""
    return dataclasses.replace(
        student(steps, SMALL, answers, repeat), schedule=CONVERGED, expected_seconds=3000.0
    )


def _students(steps: Shared) -> tuple[Variant, ...]:
    """Return three sizes of student, alone, taught, pruned and quantised."""
    images = steps.images
    trained: dict[str, Step] = {}
    for repeat in (0, *REPEATS):
        seed = f"_repeat{repeat}" if repeat else ""
        trained[f"resnet8_scratch{seed}"] = student(steps, SMALL, None, repeat)
        trained[f"resnet8_distilled{seed}"] = student(steps, SMALL, steps.answers, repeat)
        trained[f"resnet8_scratch_e80{seed}"] = converged(steps, None, repeat)
        trained[f"resnet8_distilled_e80{seed}"] = converged(steps, steps.answers, repeat)
    for sparsity in SPARSITIES:
        trained[f"resnet8_pruned{round(100 * sparsity)}"] = pruned(steps, sparsity)
    trained[f"resnet8_pruned50_blocks{BLOCK}"] = PruneBlocks(
        student(steps, SMALL), images, 0.5, BLOCK, PRUNING_BLOCKS, expected_seconds=600.0
    )
    trained["resnet8early_scratch"] = student(steps, LARGE)
    trained["resnet8early_pruned50"] = pruned(steps, 0.5, LARGE)
    trained["resnet8early_distilled"] = student(steps, LARGE, steps.answers)
    trained["resnet14_distilled"] = student(steps, DEEP, steps.answers)
    return tuple(
        variant
        for name, step in trained.items()
        for variant in of(name, step, images, images, BOTH)
    )


def pruned(steps: Shared, sparsity: float, name: str = SMALL) -> Prune:
    """Return a student that learned alone, pruned."""
    schedule, trained = COURSES[name]
    seconds = 1.5 * trained * PRUNING.epochs / schedule.epochs  # masks take half as long again
    return Prune(student(steps, name), steps.images, sparsity, PRUNING, expected_seconds=seconds)


def of(
    stem: str, trained: Step, calibration: Step, images: Step, precisions: tuple[str, ...]
) -> tuple[Variant, ...]:
    """Return a network's variants, scored on all test images; int8 ranges are the widest seen.

    By moving averages, the quantiser's own way, the small networks lost a point of the validation
    images, by the widest ranges nothing.
    """
    return variants(NAME, stem, trained, calibration, precisions, evaluation=images, widest=True)
