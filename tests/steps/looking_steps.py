"""Steps that look at networks from inside TensorFlow's process."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from slimbench import networks
from slimbench.networks import quantization_aware, weights
from slimbench.networks.weights import Network
from slimbench.spec import Step, Workplace
from slimbench.steps import fine_tune, images
from tests.steps.tensorflow_steps import OfTensorFlow


@dataclass(frozen=True, slots=True)
class StartingRanges(OfTensorFlow):
    """The ranges of layers before quantisation-aware training, and their outputs' extremes."""

    source: Step
    images: Step
    layers: tuple[str, ...]

    def run(self, place: Workplace) -> None:
        _, model = weights.load(place.inputs[0])
        pixels, _ = images.training_images(place.inputs[1])
        aware = quantization_aware.build(model)
        quantization_aware.set_ranges(aware, model, pixels)
        outputs = [model.get_layer(name).output for name in self.layers]
        made = networks.keras().Model(model.input, outputs)(pixels.astype(np.float32))
        ranges = {
            name: {
                "set": [float(end) for end in quantization_aware.range_variables(layer)],
                "least": float(np.min(output)),
                "most": float(np.max(output)),
            }
            for name, output in zip(self.layers, made, strict=True)
            for layer in [aware.get_layer(name)]
        }
        (place.out / "ranges.json").write_text(json.dumps(ranges), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Anatomy(OfTensorFlow):
    """What transfer takes from a full-size network, and what is learned above its cut."""

    network: Network
    full_size: Network
    cut: str

    def run(self, place: Workplace) -> None:
        full_size = self.full_size.build()
        theirs = {layer.name: layer.get_weights() for layer in full_size.layers if layer.weights}
        model = self.network.build()
        ours = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
        shapes = {
            name: [array.shape for array in arrays]
            == [array.shape for array in theirs.get(name, [])]
            for name, arrays in ours.items()
        }
        below, above = fine_tune.split(model, self.cut)
        about = {
            "fits": shapes,
            "kept": int(np.prod(below.output_shape[1:])),
            "above": sum(int(np.prod(array.shape)) for array in above.trainable_weights),
            "all": sum(int(np.prod(array.shape)) for array in model.trainable_weights),
        }
        (place.out / "about.json").write_text(json.dumps(about), encoding="utf-8")
