"""A student of some 23,000 parameters, alone and taught by ResNet50.

Both see the same pictures in the same order for the same number of steps; only the teacher's
answers differ, so their difference is what distillation brought.
"""

from __future__ import annotations

from slimbench.steps.distill import Distill, TeacherAnswers
from slimbench.steps.train import Train

from . import digits
from .chains import float_file, variants

SCHEDULE = digits.schedule(epochs=16, batch=32, learning_rate=0.1, views=4)

TEMPERATURE = 2.0
ALPHA = 0.9
"""Chosen on the validation split by `scripts/choose_distillation.py`."""

NETWORK = digits.network("student")
TEACHER = TeacherAnswers(
    float_file(digits.RESNET50),
    digits.IMAGES,
    SCHEDULE.views,
    SCHEDULE.augmentation,
    expected_seconds=20,
)
SCRATCH = Train(digits.IMAGES, NETWORK, SCHEDULE, expected_seconds=12)
DISTILLED = Distill(
    digits.IMAGES,
    TEACHER,
    NETWORK,
    SCHEDULE,
    TEMPERATURE,
    ALPHA,
    expected_seconds=12,
)

VARIANTS = (
    *variants(
        digits.NAME,
        "student_scratch",
        SCRATCH,
        digits.IMAGES,
        ("f32", "f16", "dynamic_wi8", "static_wi8_ai8"),
    ),
    *variants(
        digits.NAME, "student_distilled", DISTILLED, digits.IMAGES, ("f32", "static_wi8_ai8")
    ),
)
