"""Transfer learning as `FineTune` does it, of networks other than MobileNetV2."""

from __future__ import annotations

from dataclasses import dataclass

from bench import networks
from bench.networks import imagenet
from bench.steps import transfer
from bench.steps.transfer import FineTune

PREFIX = "transfer_"
"""What the modules' names begin with; the rest is the name of the architecture."""


@dataclass(frozen=True, slots=True)
class FineTuneOther(FineTune):
    """Train a new head on frozen features, then it and all layers above a cut together."""

    @property
    def code(self) -> tuple[str, ...]:
        """The networks, this one's as it was on ImageNet among them."""
        architecture = self.network.name.removeprefix(PREFIX)
        return (
            *transfer.CODE,
            "bench.steps.transfer",
            networks.module_name(imagenet.PREFIX + architecture),
            networks.module_name(self.network.name),
        )
