"""Every technique in small: what the tests of steps build, all of it once, in one store.

Sixteen pixels a side, three classes, a few updates. Shared by several test files, so that
TensorFlow is started once and each training runs once.
"""

from __future__ import annotations

from slimbench.networks.weights import Network
from slimbench.steps.distill import Distill, TeacherAnswers
from slimbench.steps.export import Convert, Export
from slimbench.steps.fine_tune import FineTune
from slimbench.steps.prune import Prune
from slimbench.steps.quantize import Quantize
from slimbench.steps.quantize_aware import QuantizeAware
from slimbench.steps.random_weights import RandomWeights
from slimbench.steps.train import Train
from slimbench.steps.training import SCANS, UNCHANGED, Schedule
from tests.steps.tensorflow_steps import CLASSES, SHAPE, Colours

COLOURS = Colours(96)
FEW = Colours(24)

STUDENT = Network("student", SHAPE, CLASSES, width=0.34)
RESNET = Network("resnet8", SHAPE, CLASSES, width=0.25)

TRAINED = Train(
    COLOURS, STUDENT, Schedule(epochs=4, batch=8, learning_rate=0.1, augmentation=SCANS)
)
FLOAT = Convert(Export(TRAINED))
STATIC = Quantize(FLOAT, "static_wi8_ai8", COLOURS)
FILES = {
    "f32": FLOAT,
    "f16": Quantize(FLOAT, "f16"),
    "dynamic_wi8": Quantize(FLOAT, "dynamic_wi8"),
    "static_wi8_ai8": STATIC,
    "static_wi8_ai8 widest": Quantize(FLOAT, "static_wi8_ai8", COLOURS, ranges="widest"),
    "converter_dynamic_wi8": Convert(Export(TRAINED), "dynamic_wi8"),
}

SPARSITY = 0.6
PRUNED = Prune(TRAINED, COLOURS, SPARSITY, Schedule(epochs=1, batch=8, learning_rate=0.01))
PRUNED_FLOAT = Convert(Export(PRUNED))
PRUNED_STATIC = Quantize(PRUNED_FLOAT, "static_wi8_ai8", COLOURS)
TOO_SHORT = Prune(TRAINED, FEW, SPARSITY, Schedule(epochs=1, batch=24, learning_rate=0.01))

VIEWS = Schedule(epochs=3, batch=12, learning_rate=0.1, views=2)
ALONE = Train(COLOURS, RESNET, VIEWS, validated=True)
REPEATED = Train(COLOURS, RESNET, VIEWS, validated=True, repeat=1)
ALONE_FLOAT = Convert(Export(ALONE))
ANSWERS = TeacherAnswers(ALONE_FLOAT, COLOURS, VIEWS.views)
GENTLE = Schedule(epochs=2, batch=12, learning_rate=0.005, views=2)
"""So slow that processors, which add in different orders, end near each other."""
TAUGHT = Distill(COLOURS, ANSWERS, RESNET, GENTLE, labelled=2, validated=True)
LIVE = Distill(COLOURS, ALONE, RESNET, VIEWS, 2.0, 0.5)

HALF, BLOCK, CUT = 0.5, 4, "block_1_relu"
SCATTERED = Prune(ALONE, COLOURS, HALF, Schedule(epochs=3, batch=12, learning_rate=0.02))
BLOCKS = Prune(
    ALONE, COLOURS, HALF, Schedule(epochs=3, batch=12, learning_rate=0.02, views=2), block=BLOCK
)
ABOVE_CUT = Prune(ALONE, COLOURS, HALF, Schedule(3, 12, 1e-3, views=2, optimizer="adam"), cut=CUT)
GZIPPED = {
    "dense": Quantize(ALONE_FLOAT, "static_wi8_ai8", COLOURS),
    "scattered": Quantize(Convert(Export(SCATTERED)), "static_wi8_ai8", COLOURS),
    "blocks": Quantize(Convert(Export(BLOCKS)), "static_wi8_ai8", COLOURS),
}

AWARE = Schedule(epochs=2, batch=12, learning_rate=0.005, views=2)
QAT = QuantizeAware(ALONE, COLOURS, AWARE)
TAUGHT_QAT = QuantizeAware(ALONE, COLOURS, AWARE, ANSWERS)
PQAT = QuantizeAware(SCATTERED, COLOURS, AWARE, keep_zeros=True)
CARELESS_QAT = QuantizeAware(SCATTERED, COLOURS, Schedule(2, 12, 0.05, views=2))
AWARE_FILES = {
    name: Convert(Export(step), "static_wi8_ai8")
    for name, step in (("qat", QAT), ("taught", TAUGHT_QAT), ("pqat", PQAT))
}
CARELESS_FILE = Convert(Export(CARELESS_QAT), "static_wi8_ai8")

PRETRAINED = RandomWeights(Network("imagenet_mobilenetv2", (96, 96, 3), 1000, 0.35))
TRANSFER = Network("transfer_mobilenetv2", SHAPE, CLASSES, 0.35)
HEAD = Schedule(epochs=3, batch=8, learning_rate=1e-3, views=1, optimizer="adam")
TUNED_CUT = "block_14_add"
TUNED = FineTune(
    PRETRAINED,
    FEW,
    TRANSFER,
    HEAD,
    Schedule(epochs=3, batch=8, learning_rate=1e-3, views=1, optimizer="adam"),
    TUNED_CUT,
)
TUTORIAL = FineTune(
    PRETRAINED,
    FEW,
    Network("tutorial_mobilenetv2", SHAPE, CLASSES, 0.35),
    Schedule(3, 8, 1e-3, views=1, augmentation=UNCHANGED, optimizer="adam"),
)
TUTORIAL_FLOAT = Convert(Export(TUTORIAL))
