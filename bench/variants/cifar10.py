"""What each technique buys on photographs: transfer learning, distillation, pruning, quantisation.

Everything starts from one copy of the images, the user's or Keras's. MobileNetV2's ImageNet weights
are the user's choice; random ones make no sense here.
"""

from __future__ import annotations

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

REPEATS = (1, 2)
"""Further trainings of the students, with the first teacher, for the interval of the difference."""


def make_variants(dataset: str, choices: Choices) -> tuple[Variant, ...]:
    """Return all variants on the user's or Keras's images.

    Raises UsageProblem where the weights or the images that were chosen cannot be used.
    """
    if dataset != NAME:
        return ()
    images = cifar10.images(choices)
    few = FewImages(images, LABELLED, HELD_OUT)
    pretrained = imagenet.weights(MOBILENETV2, choices.weights)
    tutorial = TutorialHead(pretrained, few, _network("tutorial_mobilenetv2"))
    transfer_1k = _tuned(pretrained, few, TRANSFER_1K, seconds=180)
    transfer = _tuned(pretrained, images, TRANSFER, seconds=1300)
    return (
        *_variants("mobilenetv2_tutorial", tutorial, few, images, PHOTOS[:2]),
        *_variants("mobilenetv2_transfer1k", transfer_1k, few, images, PHOTOS),
        *_variants("mobilenetv2_transfer", transfer, images, images, PHOTOS),
        *_students(images, float_file(transfer)),
    )


MOBILENETV2 = Network("imagenet_mobilenetv2", (224, 224, 3), imagenet.CLASSES)


def _network(name: str) -> Network:
    return Network(name, cifar10.DATASET.input_shape, CLASSES)


def _tuned(source: Step, images: Step, schedule: LongSchedule, seconds: float) -> Step:
    network = _network("transfer_mobilenetv2")
    return FineTune(source, images, network, schedule, CUT, expected_seconds=seconds)


def _students(images: Step, teacher: Step) -> tuple[Variant, ...]:
    """Return two sizes of student, alone, taught, pruned and quantised."""
    answers = TeacherAnswers(teacher, images, STUDENT.views)
    small, large = _network("resnet8"), _network("resnet8early")
    both = ("f32", "static_wi8_ai8")
    found: list[Variant] = []
    for repeat in (0, *REPEATS):
        seed = f"_repeat{repeat}" if repeat else ""
        scratch = TrainStudent(images, small, STUDENT, repeat=repeat, expected_seconds=800)
        taught = TrainStudent(images, small, STUDENT, answers, repeat=repeat, expected_seconds=800)
        found += _variants(f"resnet8_scratch{seed}", scratch, images, images, both)
        found += _variants(f"resnet8_distilled{seed}", taught, images, images, both)
        if repeat == 0:
            pruned = Prune(scratch, images, 0.5, PRUNING, expected_seconds=300)
            found += _variants("resnet8_pruned50", pruned, images, images, both)
    larger = TrainStudent(images, large, LARGER, expected_seconds=1200)
    larger_taught = TrainStudent(images, large, LARGER, answers, expected_seconds=1200)
    found += _variants("resnet8early_scratch", larger, images, images, both)
    found += _variants("resnet8early_distilled", larger_taught, images, images, both)
    return tuple(found)


def _variants(
    stem: str, trained: Step, calibration: Step, images: Step, precisions: tuple[str, ...]
) -> tuple[Variant, ...]:
    return variants(NAME, stem, trained, calibration, precisions, evaluation=images)
