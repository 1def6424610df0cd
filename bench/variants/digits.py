"""The trained networks that the digits variants start from, with their schedules.

The schedules were chosen on the validation split; they are short enough for a coffee break and
long enough that batch norm's moving averages are right.
"""

from __future__ import annotations

from bench.spec import Step
from bench.steps.images import Images
from bench.steps.train import Train
from bench.steps.trained import Network
from bench.steps.training import Schedule

NAME = "digits"
IMAGES = Images(NAME)
INPUT_SHAPE = (32, 32, 3)
CLASSES = 10


def network(architecture: str, width: float = 1.0) -> Network:
    """Return an architecture sized for the digits."""
    return Network(architecture, INPUT_SHAPE, CLASSES, width)


RESNET50: Step = Train(
    IMAGES,
    network("resnet50"),
    Schedule(epochs=5, batch=16, learning_rate=0.02),
    expected_seconds=80,
)
