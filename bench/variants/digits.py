"""The trained networks that the digits variants start from, with their schedules.

The schedules were chosen on the validation split; they are short enough for a coffee break and
long enough that batch norm's moving averages are right.
"""

from __future__ import annotations

from slimbench.networks.weights import Network
from slimbench.spec import Step
from slimbench.steps.images import Images
from slimbench.steps.train import Train
from slimbench.steps.training import SCANS, Schedule

NAME = "digits"
IMAGES = Images(NAME)
INPUT_SHAPE = (32, 32, 3)
CLASSES = 10


def schedule(epochs: int, batch: int, learning_rate: float, views: int = 0) -> Schedule:
    """Return a schedule for the digits, which are moved a little and never mirrored."""
    return Schedule(epochs, batch, learning_rate, views, augmentation=SCANS)


def network(architecture: str, width: float = 1.0) -> Network:
    """Return an architecture sized for the digits."""
    return Network(architecture, INPUT_SHAPE, CLASSES, width)


RESNET50: Step = Train(
    IMAGES,
    network("resnet50"),
    schedule(epochs=5, batch=16, learning_rate=0.02),
    expected_seconds=80,
)
