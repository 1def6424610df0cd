"""Models that each Keras saved in each of its ways, with what they answer; run in a child.

`python -m tests.user_models.make_keras_models FOLDER`. Importing both Kerases beside each
other here is what keeps them out of the process of the tests.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

SHAPE = (16, 16, 3)
CLASSES = 3

WHOLE = ("keras2.h5", "keras2.keras", "keras2_saved", "keras3.keras", "keras3.h5", "keras3_saved")


def layers(keras: Any) -> list[Any]:
    """Layers named by default: in Keras 3 such names clash when they are numbered."""
    return [
        keras.layers.Input(SHAPE),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(CLASSES),
    ]


def main(folder: Path) -> None:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import keras
    import tf_keras

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, *SHAPE), dtype=np.uint8)
    answers = {"images": images}
    for name, package in (("keras2", tf_keras), ("keras3", keras)):
        package.utils.set_random_seed(1)
        model = package.Sequential(layers(package))
        answers[name] = model.predict(images.astype(np.float32), verbose=0)
        model.save(folder / f"{name}.h5")
        model.save(folder / f"{name}.keras")
        saved = folder / f"{name}_saved"
        model.export(str(saved)) if package is keras else model.save(saved)
    np.savez(folder / "answers.npz", **answers)
    model.save_weights(folder / "only.weights.h5")
    size = keras.layers.Input((None, None, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(size)
    keras.Model(size, keras.layers.Dense(2)(pooled)).save(folder / "open.keras")
    two = [keras.layers.Input(SHAPE), keras.layers.Input(SHAPE)]
    both = keras.layers.Flatten()(keras.layers.Add()(two))
    keras.Model(two, keras.layers.Dense(2)(both)).save(folder / "two.keras")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
