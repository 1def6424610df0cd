"""A full-size network as it starts, where there are no weights: real in size and time alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from slimbench.networks import imagenet, weights
from slimbench.networks.weights import Network
from slimbench.spec import Step, Toolchain, Workplace
from slimbench.steps import training


@dataclass(frozen=True, slots=True)
class RandomWeights(Step):
    """Initialise a network from the seed; nobody trained it, so its accuracy means nothing."""

    network: Network

    toolchain: ClassVar[Toolchain] = "tensorflow"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow", "tf-keras", "numpy")
    seeded: ClassVar[bool] = True
    usual_seconds: ClassVar[float] = 4.0

    def versions(self) -> dict[str, str]:
        """Return also the network's."""
        return {**Step.versions(self), **self.network.versions()}

    def label(self) -> str:
        """Name the network."""
        return imagenet.label(self.network.name, self.network.input_shape, self.network.width)

    def title(self) -> str:
        """Say that the weights are no trained ones."""
        return f"random weights for {self.label()}"

    def run(self, place: Workplace) -> None:
        """Write the network, with a note that it was not trained."""
        training.set_seed(place.seed)
        rng = np.random.default_rng(place.seed)
        model = self.network.build()
        model.set_weights([_uneven(rng, array) for array in model.get_weights()])
        weights.save(place.out, self.network, model, {"weights": "random"})


def _uneven(rng: np.random.Generator, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Move biases and batch norm off the zeros and ones they start as.

    The converter stores equal tensors once and leaves out what changes nothing, so that the file
    would be smaller than a trained one.
    """
    return array + rng.uniform(0, 0.05, array.shape) if array.ndim == 1 else array
