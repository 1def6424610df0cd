"""Scoring a trained network on the validation split, for choosing among schedules and losses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import softmax

from slimbench.networks import weights
from slimbench.spec import Kind, Step, Toolchain, Workplace
from slimbench.steps import images

RESULT_FILE = "validation.json"


@dataclass(frozen=True, slots=True)
class Validate(Step):
    """Score a trained network on the validation split, as Keras runs it.

    Choices are made on its figures; the test split is never looked at for them.
    """

    source: Step
    images: Step

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "score"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow", "tf-keras", "numpy")

    def label(self) -> str:
        """Name the network."""
        return self.source.label()

    def title(self) -> str:
        """Say what is scored."""
        return f"validating {self.label()}"

    def run(self, place: Workplace) -> None:
        """Write accuracy and mean cross-entropy."""
        pixels, labels = images.validation_images(place.inputs[1])
        _, model = weights.load(place.inputs[0])
        shares = softmax(weights.logits(model, pixels).astype(np.float64), axis=-1)
        right = shares.argmax(axis=1) == labels
        entropy = -np.log(np.maximum(shares[np.arange(len(labels)), labels], 1e-12))
        figures = {"accuracy": float(right.mean()), "cross_entropy": float(entropy.mean())}
        (place.out / RESULT_FILE).write_text(json.dumps(figures), encoding="utf-8")
