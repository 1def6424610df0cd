"""Networks at full size with ImageNet's 1,000 classes, each in the usual precisions.

Which weights they have is the user's choice, so the variants are made when it is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slimbench.errors import UsageProblem
from slimbench.networks.imagenet import PREFIX
from slimbench.networks.weights import Network
from slimbench.spec import Step, Variant
from slimbench.steps import pretrained
from slimbench.steps.calibration_photos import CalibrationPhotos
from slimbench.steps.pretrained import Pretrained
from slimbench.steps.random_weights import RandomWeights

from .chains import variants

if TYPE_CHECKING:
    from slimbench.spec import Choices

NAME = "imagenet"
CLASSES = 1000

USUAL = ("f32", "dynamic_wi8", "static_wi8_ai8")


@dataclass(frozen=True, slots=True)
class Member:
    """One network of the family: the beginning of its variants' names, and its sizes."""

    stem: str
    architecture: str
    side: int = 224
    width: float = 1.0
    precisions: tuple[str, ...] = USUAL

    @property
    def network(self) -> Network:
        """The network from raw pixels to logits."""
        shape = (self.side, self.side, 3)
        return Network(PREFIX + self.architecture, shape, CLASSES, self.width)


MEMBERS = (
    Member("resnet50", "resnet50", precisions=("f32", "f16", "dynamic_wi8", "static_wi8_ai8")),
    Member("mobilenetv2", "mobilenetv2"),
    Member("mobilenetv2w075r160", "mobilenetv2", side=160, width=0.75),
    Member("efficientnetb0", "efficientnetb0"),
    Member("squeezenet", "squeezenet", side=227),
)


def make_variants(dataset: str, choices: Choices) -> tuple[Variant, ...]:
    """Return every network in every precision, with the weights that were chosen.

    Raises UsageProblem where these are neither `imagenet`, `random` nor a folder.
    """
    if dataset != NAME:
        return ()
    return tuple(variant for member in MEMBERS for variant in _of(member, choices.weights))


def _of(member: Member, chosen: str) -> tuple[Variant, ...]:
    """Return one network's variants; int8 ranges as wide as the calibration photographs had."""
    trained = weights(member.network, chosen)
    return variants(
        NAME,
        member.stem,
        trained,
        CalibrationPhotos(member.side, member.side),
        member.precisions,
        ranges="widest",
    )


def weights(network: Network, chosen: str) -> Step:
    """Return the step that gives a network its weights."""
    if chosen == "imagenet":
        return Pretrained(network)
    if chosen == "random":
        return RandomWeights(network)
    folder = Path(chosen).expanduser()
    if not folder.is_dir():
        raise UsageProblem(
            f"There are no weights {chosen!r}. There is: imagenet (Keras's download or its cache), "
            "random (size and time alone), or a folder of weights files."
        )
    return pretrained.from_folder(network, folder.resolve())
