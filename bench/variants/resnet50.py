"""ResNet50, dense and pruned: the network everything else is compared with."""

from __future__ import annotations

from slimbench.steps.prune import Prune

from . import digits
from .chains import variants

PRUNED50 = Prune(
    digits.RESNET50,
    digits.IMAGES,
    sparsity=0.5,
    schedule=digits.schedule(epochs=2, batch=32, learning_rate=0.01),
    expected_seconds=80,
)

VARIANTS = (
    *variants(
        digits.NAME,
        "resnet50",
        digits.RESNET50,
        digits.IMAGES,
        ("f32", "f16", "dynamic_wi8", "static_wi8_ai8", "converter_dynamic_wi8"),
    ),
    *variants(digits.NAME, "resnet50_pruned50", PRUNED50, digits.IMAGES, ("f32", "static_wi8_ai8")),
)
