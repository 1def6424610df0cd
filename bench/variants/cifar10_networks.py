"""Transfer learning on photographs with further networks, each from its ImageNet weights.

The schedule is MobileNetV2's, so the networks differ alone; where a cut lies, what is kept of a
view is small and a third or more of the multiplications comes after it.
"""

from __future__ import annotations

from dataclasses import dataclass

from slimbench.spec import Choices, Step, Variant
from slimbench.steps.fine_tune import FineTune
from slimbench.steps.prune import Prune
from slimbench.steps.training import Schedule

from . import cifar10, imagenet
from .cifar10 import BOTH, HEAD, NAME, PHOTOS, TRANSFER, Shared

PREFIX = "transfer_"
"""What the networks' names begin with; the rest is the name of the architecture."""

PRUNING = Schedule(epochs=4, batch=64, learning_rate=3e-4, views=2, optimizer="adam")


@dataclass(frozen=True, slots=True)
class Member:
    """One network: the layer above which it is fine-tuned, and the seconds that takes."""

    architecture: str
    cut: str
    seconds: float


RESNET50 = Member("resnet50", "conv5_block1_out", 2900)
EFFICIENTNETB0 = Member("efficientnetb0", "block5a_project_bn", 2000)
SQUEEZENET = Member("squeezenet", "fire6_squeeze1x1", 700)
MEMBERS = (RESNET50, EFFICIENTNETB0, SQUEEZENET)


def make_variants(dataset: str, choices: Choices) -> tuple[Variant, ...]:
    """Return every network in every precision, and EfficientNet-B0 pruned."""
    if dataset != NAME:
        return ()
    steps = cifar10.shared(choices)
    images = steps.images
    found: list[Variant] = []
    for member in MEMBERS:
        tuned = fine_tuned(member, steps, choices)
        found += cifar10.of(f"{member.architecture}_transfer", tuned, images, images, PHOTOS)
        if member is EFFICIENTNETB0:
            pruned = Prune(tuned, images, 0.5, PRUNING, cut=member.cut, expected_seconds=2100)
            name = f"{member.architecture}_transfer_pruned50"
            found += cifar10.of(name, pruned, images, images, BOTH)
    return tuple(found)


def fine_tuned(member: Member, steps: Shared, choices: Choices) -> Step:
    """Return the fine-tuning of a network on all training images."""
    (source,) = (each for each in imagenet.MEMBERS if each.stem == member.architecture)
    return FineTune(
        imagenet.weights(source.network, choices.weights),
        steps.images,
        cifar10.network(PREFIX + member.architecture),
        HEAD,
        TRANSFER,
        member.cut,
        expected_seconds=member.seconds,
    )
