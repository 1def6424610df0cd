"""What each technique buys on photographs: transfer learning, distillation, pruning, quantisation.

Everything starts from one copy of the images, the user's or Keras's. MobileNetV2's ImageNet weights
are the user's choice; random ones make no sense here.
"""

from __future__ import annotations

from dataclasses import dataclass

from slimbench.datasets import cifar10
from slimbench.networks.weights import Network
from slimbench.spec import Choices, Step, Variant
from slimbench.steps.distill import Distill, TeacherAnswers
from slimbench.steps.fine_tune import FineTune
from slimbench.steps.images import FewImages
from slimbench.steps.photos import images_of
from slimbench.steps.prune import Prune
from slimbench.steps.train import Train
from slimbench.steps.training import UNCHANGED, Schedule

from . import imagenet
from .chains import float_file, variants

NAME = "cifar10"
CLASSES = len(cifar10.CLASSES)

LABELLED, HELD_OUT = 80, 20
"""Of each class, where only 1,000 images are labelled: to train on and to validate."""

CUT = "block_6_project_BN"
"""Fine-tuning changes what comes after it, two thirds of MobileNetV2's multiplications."""

TUTORIAL_HEAD = Schedule(
    epochs=3, batch=32, learning_rate=1e-3, views=1, augmentation=UNCHANGED, optimizer="adam"
)
"""As tutorials train a new head: no changed copies, and few epochs."""

HEAD = Schedule(epochs=40, batch=128, learning_rate=1e-3, views=2, optimizer="adam")
HEAD_1K = Schedule(epochs=160, batch=128, learning_rate=1e-3, views=8, optimizer="adam")
"""Of a network that is fine-tuned afterwards: 20 epochs on each view."""

TRANSFER = Schedule(epochs=4, batch=64, learning_rate=3e-4, views=2, optimizer="adam")
TRANSFER_1K = Schedule(epochs=20, batch=32, learning_rate=3e-4, views=8, optimizer="adam")

STUDENT = Schedule(epochs=20, batch=128, learning_rate=0.2, views=8)
LARGER = Schedule(epochs=24, batch=128, learning_rate=0.2, views=8)
DEEPER = Schedule(epochs=60, batch=128, learning_rate=0.2, views=8)

CONVERGED = Schedule(epochs=80, batch=128, learning_rate=0.2, views=8)
"""Four times as long as `STUDENT`: `_e80` in names. Shows what a teacher brings even then."""

PRUNING = Schedule(epochs=5, batch=128, learning_rate=0.02)

PRUNING_BLOCKS = Schedule(epochs=12, batch=128, learning_rate=0.1, views=8)
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
    images = images_of(cifar10.DATASET, cifar10.VALIDATION_IMAGES, choices)
    few = FewImages(images, LABELLED, HELD_OUT)
    pretrained = imagenet.weights(MOBILENETV2, choices.weights)
    tutorial = FineTune(
        pretrained, few, network("tutorial_mobilenetv2"), TUTORIAL_HEAD, expected_seconds=30
    )
    transfer_1k = _tuned(pretrained, few, HEAD_1K, TRANSFER_1K, seconds=180)
    transfer = _tuned(pretrained, images, HEAD, TRANSFER, seconds=1300)
    return Shared(
        images=images,
        few=few,
        tutorial=tutorial,
        transfer_1k=transfer_1k,
        transfer=transfer,
        answers=_answers(transfer, images),
        answers_1k=_answers(transfer_1k, images),
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


def _tuned(source: Step, images: Step, head: Schedule, schedule: Schedule, seconds: float) -> Step:
    tuned = network("transfer_mobilenetv2")
    return FineTune(source, images, tuned, head, schedule, CUT, expected_seconds=seconds)


def _answers(teacher: Step, images: Step) -> TeacherAnswers:
    return TeacherAnswers(float_file(teacher), images, STUDENT.views, expected_seconds=500)


def student(
    steps: Shared, name: str, answers: TeacherAnswers | None = None, repeat: int = 0
) -> Train | Distill:
    """Return the training of a student, alone or with a teacher's answers."""
    schedule, seconds = COURSES[name]
    return _student(steps, network(name), schedule, answers, repeat, seconds)


def converged(
    steps: Shared, answers: TeacherAnswers | None = None, repeat: int = 0
) -> Train | Distill:
    """Return the small student's training, four times as long."""
    return _student(steps, network(SMALL), CONVERGED, answers, repeat, 3000.0)


def _student(  # noqa: PLR0913, PLR0917 - what a student's training is
    steps: Shared,
    architecture: Network,
    schedule: Schedule,
    answers: TeacherAnswers | None,
    repeat: int,
    seconds: float,
) -> Train | Distill:
    if answers is None:
        return Train(
            steps.images,
            architecture,
            schedule,
            repeat=repeat,
            validated=True,
            expected_seconds=seconds,
        )
    return Distill(
        steps.images,
        answers,
        architecture,
        schedule,
        repeat=repeat,
        validated=True,
        expected_seconds=seconds,
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
    trained[f"resnet8_pruned50_blocks{BLOCK}"] = Prune(
        student(steps, SMALL), images, 0.5, PRUNING_BLOCKS, block=BLOCK, expected_seconds=600.0
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
    return variants(
        NAME, stem, trained, calibration, precisions, evaluation=images, ranges="widest"
    )
