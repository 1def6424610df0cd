"""MobileNetV2 at two widths: a network that is small by design."""

from __future__ import annotations

from slimbench.steps.train import Train

from . import digits
from .chains import variants

SCHEDULE = digits.schedule(epochs=10, batch=32, learning_rate=0.05)

FULL = Train(digits.IMAGES, digits.network("mobilenetv2"), SCHEDULE, expected_seconds=40)
W035 = Train(digits.IMAGES, digits.network("mobilenetv2", 0.35), SCHEDULE, expected_seconds=26)

VARIANTS = (
    *variants(
        digits.NAME,
        "mobilenetv2",
        FULL,
        digits.IMAGES,
        ("f32", "dynamic_wi8", "static_wi8_ai8"),
    ),
    *variants(digits.NAME, "mobilenetv2w035", W035, digits.IMAGES, ("f32",)),
)
