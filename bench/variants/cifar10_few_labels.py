"""Students where 1,000 images are labelled: alone on these, and with a teacher on all of them.

Of the 1,000, 800 are learned from and 200 set aside, as for the teacher, which learned from the
same. The taught student sees the others too, without their labels; both are trained for as many
steps.
"""

from __future__ import annotations

from slimbench.spec import Choices, Step, Variant
from slimbench.steps.distill import Distill
from slimbench.steps.train import Train
from slimbench.steps.training import Schedule

from . import cifar10
from .cifar10 import BOTH, LABELLED, NAME, REPEATS, SMALL, STUDENT, Shared

ALONE = Schedule(epochs=300, batch=32, learning_rate=0.05, views=STUDENT.views)
"""7,500 steps, at a rate that fits the smaller batch."""


def make_variants(dataset: str, choices: Choices) -> tuple[Variant, ...]:
    """Return the student alone and taught, several times."""
    if dataset != NAME:
        return ()
    steps = cifar10.shared(choices)
    return tuple(
        variant
        for repeat in (0, *REPEATS)
        for name, trained in _students(steps, repeat).items()
        for variant in cifar10.of(name, trained, steps.few, steps.images, BOTH)
    )


def _students(steps: Shared, repeat: int) -> dict[str, Step]:
    """Return one training alone and one taught, with the same beginning."""
    network = cifar10.network(SMALL)
    seed = f"_repeat{repeat}" if repeat else ""
    alone = Train(steps.few, network, ALONE, repeat=repeat, validated=True, expected_seconds=500)
    taught = Distill(
        steps.images,
        steps.answers_1k,
        network,
        STUDENT,
        labelled=LABELLED,
        repeat=repeat,
        validated=True,
        expected_seconds=800,
    )
    return {f"resnet8_scratch1k{seed}": alone, f"resnet8_distilled1k{seed}": taught}
