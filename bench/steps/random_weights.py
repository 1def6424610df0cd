"""A full-size network as it starts, where there are no weights: real in size and time alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bench import networks
from bench.networks import imagenet
from bench.spec import Kind, Toolchain, Workplace
from bench.steps import trained, training
from bench.steps.trained import Network


@dataclass(frozen=True, slots=True)
class RandomWeights:
    """Initialise a network from the seed; nobody trained it, so its accuracy means nothing."""

    network: Network

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "other"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow", "tf-keras", "numpy")
    seeded: ClassVar[bool] = True

    @property
    def code(self) -> tuple[str, ...]:
        """The network."""
        return (
            *trained.CODE,
            "bench.networks.imagenet",
            networks.module_name(self.network.name),
        )

    def label(self) -> str:
        """Name the network."""
        return imagenet.label(self.network.name, self.network.input_shape, self.network.width)

    def title(self) -> str:
        """Say that the weights are no trained ones."""
        return f"random weights for {self.label()}"

    def cost(self) -> float:
        """Expected seconds."""
        return 4.0

    def run(self, place: Workplace) -> None:
        """Write the network, with a note that it was not trained."""
        rng = training.set_seed(place.seed)
        model = self.network.build()
        model.set_weights([_uneven(rng, array) for array in model.get_weights()])
        trained.save(place.out, self.network, model, {"weights": "random"})


def _uneven(rng: np.random.Generator, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Move biases and batch norm off the zeros and ones they start as.

    The converter stores equal tensors once and leaves out what changes nothing, so that the file
    would be smaller than a trained one.
    """
    return array + rng.uniform(0, 0.05, array.shape) if array.ndim == 1 else array
