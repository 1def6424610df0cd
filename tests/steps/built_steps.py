"""All steps that the tests of this folder build, in one run of TensorFlow's processes."""

from __future__ import annotations

from slimbench.steps.validate import Validate
from tests.steps import small_chains as small
from tests.steps.interrupted_steps import DAMAGES, Damaged, interrupted
from tests.steps.kept_steps import OFFERED, USERS
from tests.steps.looking_steps import StartingRanges
from tests.steps.tensorflow_steps import ArraysByLayer, KerasAnswers, Losses, Shown, TrainedAgain

KERAS_ANSWERS = KerasAnswers(small.TRAINED, small.COLOURS)
AGAIN = TrainedAgain(small.COLOURS, small.STUDENT, small.TRAINED.schedule)
LOSSES = {
    (temperature, alpha): Losses(temperature, alpha)
    for temperature, alpha in ((1.0, 0.0), (4.0, 0.0), (4.0, 0.3), (2.0, 1.0))
}
SHOWN = Shown(small.FEW, small.TRAINED, small.STUDENT, small.VIEWS)
VALIDATED = Validate(small.TRAINED, small.COLOURS)

WHOLE = {
    "alone": small.ALONE,
    "taught": small.TAUGHT,
    "live": small.LIVE,
    "tuned": small.TUNED,
    "scattered": small.SCATTERED,
    "blocks": small.BLOCKS,
    "above a cut": small.ABOVE_CUT,
    "rounding": small.PQAT,
}
"""One training of every kind."""
QUICK = ("blocks",)
"""Interrupted in every run of the tests: its masks go on with it. Slow tests have the others."""
INTERRUPTED = {
    name: interrupted(step, stage=2 if name == "tuned" else 1) for name, step in WHOLE.items()
}
QUICK_DAMAGE = "flipped bit"
DAMAGED = {name: Damaged(small.ALONE, name, *small.ALONE.inputs) for name in DAMAGES}

ROUNDED = {
    name: KerasAnswers(file.inputs[0].inputs[0], small.COLOURS)
    for name, file in small.AWARE_FILES.items()
}
ROUNDED_ARRAYS = ArraysByLayer(small.QAT)
LAYERS = ("stem_relu", "block_2_second_bn", "block_3_relu", "average", "logits")
RANGES = StartingRanges(small.ALONE, small.COLOURS, LAYERS)
ARRAYS = {
    step: ArraysByLayer(step)
    for step in (small.PRETRAINED, small.TUNED, small.TUTORIAL, small.ALONE, small.ABOVE_CUT)
}

BUILT = (
    *small.FILES.values(),
    small.PRUNED,
    small.PRUNED_FLOAT,
    small.PRUNED_STATIC,
    small.TOO_SHORT,
    small.COLOURS,
    small.FEW,
    small.TRAINED,
    small.REPEATED,
    small.ALONE_FLOAT,
    small.ANSWERS,
    *small.GZIPPED.values(),
    KERAS_ANSWERS,
    AGAIN,
    *LOSSES.values(),
    SHOWN,
    VALIDATED,
    small.TAUGHT,
    small.LIVE,
    small.ABOVE_CUT,
    small.TUNED,
    small.SCATTERED,
    small.BLOCKS,
    *(INTERRUPTED[name] for name in QUICK),
    DAMAGED[QUICK_DAMAGE],
    *ARRAYS.values(),
    OFFERED,
    USERS,
)

SLOW = (
    small.TUTORIAL_FLOAT,
    *small.AWARE_FILES.values(),
    small.CARELESS_FILE,
    small.QAT,
    *WHOLE.values(),
    *INTERRUPTED.values(),
    *DAMAGED.values(),
    *ROUNDED.values(),
    ROUNDED_ARRAYS,
    RANGES,
)
"""What slow tests need besides."""
