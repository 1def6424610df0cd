"""What each technique buys on photographs: transfer learning, distillation, pruning, quantisation.

Everything starts from one copy of the images, the user's or Keras's. MobileNetV2's ImageNet weights
are the user's choice; random ones make no sense here.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.datasets import cifar10
from bench.spec import Choices, Step, Variant
from bench.steps.few_images import FewImages
from bench.steps.long_training import LongSchedule
from bench.steps.prune import Prune
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

PRUNING = Schedule(epochs=5, batch=128, learning_rate=0.02, shift=4)

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

SMALL, LARGE = "resnet8", "resnet8early"
"""The students."""


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
    small = name == SMALL
    return TrainStudent(
        steps.images,
        network(name),
        STUDENT if small else LARGER,
        answers,
        repeat=repeat,
        expected_seconds=800 if small else 1200,
    )


def _students(steps: Shared) -> tuple[Variant, ...]:
    """Return two sizes of student, alone, taught, pruned and quantised."""
    images = steps.images
    found: list[Variant] = []
    for repeat in (0, *REPEATS):
        seed = f"_repeat{repeat}" if repeat else ""
        scratch = student(steps, SMALL, repeat=repeat)
        taught = student(steps, SMALL, steps.answers, repeat)
        found += of(f"resnet8_scratch{seed}", scratch, images, images, BOTH)
        found += of(f"resnet8_distilled{seed}", taught, images, images, BOTH)
    for sparsity in SPARSITIES:
        name = f"resnet8_pruned{round(100 * sparsity)}"
        found += of(name, pruned(steps, sparsity), images, images, BOTH)
    found += of("resnet8early_scratch", student(steps, LARGE), images, images, BOTH)
    taught = student(steps, LARGE, steps.answers)
    found += of("resnet8early_distilled", taught, images, images, BOTH)
    return tuple(found)


def pruned(steps: Shared, sparsity: float) -> Prune:
    """Return the small student that learned alone, pruned."""
    scratch = student(steps, SMALL)
    return Prune(scratch, steps.images, sparsity, PRUNING, expected_seconds=300)


def of(
    stem: str, trained: Step, calibration: Step, images: Step, precisions: tuple[str, ...]
) -> tuple[Variant, ...]:
    """Return a network's variants, scored on all test images."""
    return variants(NAME, stem, trained, calibration, precisions, evaluation=images)
