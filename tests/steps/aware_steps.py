"""Steps that look at quantisation-aware training from inside TensorFlow's process."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from bench import networks
from bench.spec import Step, Workplace
from bench.steps import fake_quantised, images, trained, transfer
from bench.steps.long_training import LongSchedule
from bench.steps.prune_blocks import PruneBlocks
from bench.steps.prune_top import PruneTop
from bench.steps.quantize_aware import QuantizeAware
from bench.steps.softening import softmax
from bench.steps.trained import WEIGHTS_FILE, Network
from tests.steps.long_steps import killed_then_run
from tests.steps.tensorflow_steps import OfTensorFlow


@dataclass(frozen=True, slots=True)
class InterruptedAware(OfTensorFlow):
    """A quantisation-aware training that is killed in its second epoch, and the same run again."""

    source: Step
    images: Step
    schedule: LongSchedule

    def run(self, place: Workplace) -> None:
        step = QuantizeAware(self.source, self.images, self.schedule, keep_zeros=True)
        killed_then_run(step, place)


@dataclass(frozen=True, slots=True)
class InterruptedBlocks(OfTensorFlow):
    """A pruning of half the weights, four together, that is killed and run again."""

    source: Step
    images: Step
    schedule: LongSchedule

    def run(self, place: Workplace) -> None:
        killed_then_run(PruneBlocks(self.source, self.images, 0.5, 4, self.schedule), place)


@dataclass(frozen=True, slots=True)
class AwareAnswers(OfTensorFlow):
    """What a network that rounds answers to the test images, and its arrays by layer."""

    source: Step
    images: Step

    def run(self, place: Workplace) -> None:
        _, aware = fake_quantised.load(place.inputs[0])
        pixels, _, _ = images.evaluation_images(place.inputs[1])
        np.save(place.out / "answers.npy", softmax(trained.logits(aware, pixels)))
        arrays = {
            f"{layer.name}/{weight.name.split('/')[-1]}": weight.numpy()
            for layer in aware.layers
            for weight in layer.weights
        }
        np.savez(place.out / WEIGHTS_FILE, **arrays)


@dataclass(frozen=True, slots=True)
class StartingRanges(OfTensorFlow):
    """The ranges of layers before quantisation-aware training, and their outputs' extremes."""

    source: Step
    images: Step
    layers: tuple[str, ...]

    def run(self, place: Workplace) -> None:
        _, model = trained.load(place.inputs[0])
        pixels, _ = images.training_images(place.inputs[1])
        aware = fake_quantised.build(model)
        fake_quantised.set_ranges(aware, model, pixels)
        outputs = [model.get_layer(name).output for name in self.layers]
        made = networks.keras().Model(model.input, outputs)(pixels.astype(np.float32))
        ranges = {
            name: {
                "set": [float(each) for each in fake_quantised._range_variables(layer)],
                "least": float(np.min(output)),
                "most": float(np.max(output)),
            }
            for name, output in zip(self.layers, made, strict=True)
            for layer in [aware.get_layer(name)]
        }
        (place.out / "ranges.json").write_text(json.dumps(ranges), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Anatomy(OfTensorFlow):
    """What transfer takes from a full-size network, what it cuts, and what pruning wraps of it."""

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
        below, above = transfer._split(model, self.cut)
        schedule = LongSchedule(epochs=4, batch=4, learning_rate=1e-3)
        top = PruneTop(place, place, 0.5, schedule, self.cut)  # type: ignore[arg-type]
        _, wrapped = top._wrapped(above, 40)
        about = {
            "fits": shapes,
            "kept": int(np.prod(below.output_shape[1:])),
            "above": sum(int(np.prod(each.shape)) for each in above.trainable_weights),
            "all": sum(int(np.prod(each.shape)) for each in model.trainable_weights),
            "wrapped": wrapped,
        }
        (place.out / "about.json").write_text(json.dumps(about), encoding="utf-8")
