"""ImageNet-style photographs of a user: a folder or an archive of `<wnid>/*.JPEG`.

The set may not be passed on, so nothing of it is here but the order of its classes. Networks that
were trained on it elsewhere are scored on what a user has of its validation images.
"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any, cast

from slimbench.build.store import Store
from slimbench.datasets.photos.source import Photos, open_photos
from slimbench.networks.weights import Network
from slimbench.spec import Choices, PhotoSet, Step, Variant
from slimbench.steps.photos import of_photos

CLASSES = 1000


class ImageNet:
    """The photographs, at each network's own size."""

    name: str = "imagenet"

    def evaluation(self, variant: Variant, choices: Choices) -> Step | None:
        """Return the step that prepares what `choices.data` holds; None where it names nothing."""
        if choices.data is None:
            return None
        photos = _opened(choices.data.expanduser(), choices.limit)
        shape = _network(variant.chain).input_shape
        return of_photos(photos, self.name, shape, classes=CLASSES, allow_bad=choices.allow_bad)


@functools.cache
def _opened(path: Path, limit: int) -> Photos:
    """Open it once for all variants."""
    store = Store()
    store.prepare()
    return open_photos(path, store, limit=limit)


def _network(step: Step) -> Network:
    """Return the network that a chain begins with."""
    own = (getattr(step, field.name) for field in dataclasses.fields(cast(Any, step)))
    network = next((value for value in own if isinstance(value, Network)), None)
    return network or _network(step.inputs[0])


PHOTOS: PhotoSet = ImageNet()
