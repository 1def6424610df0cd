"""Quantisation-aware training on photographs, beside the same networks quantised after training.

A network's variant without it is the one to compare with: `resnet8_qat` with `resnet8_scratch`, the
others with the one whose name theirs begins with.
"""

from __future__ import annotations

from slimbench.spec import Choices, Step, Variant
from slimbench.steps.distill import TeacherAnswers
from slimbench.steps.export import Convert, Export
from slimbench.steps.quantize_aware import QuantizeAware
from slimbench.steps.training import Schedule

from . import cifar10
from .cifar10 import CUT, LARGE, NAME, SMALL, SPARSITIES, STUDENT, Shared

STUDENTS = Schedule(epochs=6, batch=128, learning_rate=0.02, views=STUDENT.views)

PHOTOS = Schedule(epochs=2, batch=64, learning_rate=1e-4, views=2, optimizer="adam")

SECONDS = {SMALL: 260.0, LARGE: 330.0}
"""Of a student's epochs."""


def make_variants(dataset: str, choices: Choices) -> tuple[Variant, ...]:
    """Return the students, alone, taught and pruned, and MobileNetV2."""
    if dataset != NAME:
        return ()
    steps = cifar10.shared(choices)
    trained: dict[str, Step] = {}
    for name in (SMALL, LARGE):
        alone = cifar10.student(steps, name)
        taught = cifar10.student(steps, name, steps.answers)
        trained[f"{name}_qat"] = _aware(alone, steps, SECONDS[name])
        trained[f"{name}_distilled_qat"] = _aware(
            taught, steps, SECONDS[name], answers=steps.answers
        )
    for sparsity in SPARSITIES:
        trained[f"{SMALL}_pruned{round(100 * sparsity)}_pqat"] = _aware(
            cifar10.pruned(steps, sparsity), steps, SECONDS[SMALL], keep_zeros=True
        )
    trained["mobilenetv2_transfer_qat"] = QuantizeAware(
        steps.transfer, steps.images, PHOTOS, cut=CUT, expected_seconds=1000
    )
    return tuple(
        Variant(
            f"{stem}_static_wi8_ai8",
            NAME,
            Convert(Export(step), "static_wi8_ai8"),
            evaluation=steps.images,
        )
        for stem, step in trained.items()
    )


def _aware(
    source: Step,
    steps: Shared,
    seconds: float,
    *,
    answers: TeacherAnswers | None = None,
    keep_zeros: bool = False,
) -> QuantizeAware:
    return QuantizeAware(
        source, steps.images, STUDENTS, answers, keep_zeros=keep_zeros, expected_seconds=seconds
    )
