"""What the engines that need TensorFlow answer, as JSON: run in a process of its own.

`python -W error -m tests.engines.in_tensorflow FOLDER`, a folder for its models.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from slimbench import engines
from slimbench.networks import weights
from slimbench.networks.weights import Network
from tests.engines.edited_models import edited, unknown_operator
from tests.tiny_models import SHAPE, Quantized, first_pixels, linear_model

NETWORK = Network("student", (16, 16, 3), 3)


def refused(use: Callable[[], object]) -> str:
    """Return the words with which something is refused."""
    try:
        use()
    except ValueError as error:
        return str(error)
    return "it was not refused"


def answers(engine: str, model: Path, image: Any, pixels: Any = "raw") -> list[float]:
    session = engines.get(engine).load(model, 1, pixels)
    session.feed(image)
    session.invoke()
    scores = session.scores()
    assert scores.dtype == np.float32
    session.close()
    return scores.tolist()


def of_tflite(folder: Path) -> dict[str, Any]:
    image = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)
    weights = np.random.default_rng(1).normal(size=(5, 48))
    models = {
        "float": linear_model(folder / "float.tflite", weights),
        "int8": linear_model(
            folder / "int8.tflite", first_pixels(6), quantized=Quantized("int8", 2.0, -64)
        ),
    }
    told: dict[str, Any] = {
        f"{name} {pixels}": [
            answers(engine, model, image, pixels) for engine in ("litert", "tflite")
        ]
        for name, model in models.items()
        for pixels in ("raw", "caffe")
    }
    edited(models["float"], unknown_operator)
    (folder / "text.tflite").write_text("not a model")
    tflite = engines.get("tflite")
    told["operator"] = refused(lambda: tflite.load(models["float"], 1))
    told["no model"] = refused(lambda: tflite.load(folder / "text.tflite", 1))
    return told


def of_keras(folder: Path) -> dict[str, Any]:
    keras = engines.get("keras")
    images = np.random.default_rng(0).integers(0, 256, (2, *NETWORK.input_shape), np.uint8)
    untrained = [refused(lambda: keras.load(folder / "nowhere", 1))]
    broken = folder / "broken"
    broken.mkdir()
    (broken / weights.NETWORK_FILE).write_text('{"name": "student"}')
    (broken / weights.WEIGHTS_FILE).write_text("no weights")
    untrained.append(refused(lambda: keras.load(broken, 1)))
    for name, bias in (("one", (0.0, 1.0, 2.0)), ("other", (3.0, 0.0, -1.0))):
        (folder / name).mkdir()
        model = NETWORK.build()
        model.set_weights([*model.get_weights()[:-1], np.array(bias)])
        weights.save(folder / name, NETWORK, model)
    expected = []
    for name in ("one", "other"):
        _, model = weights.load(folder / name)
        expected.append(weights.logits(model, images).tolist())
    sessions = [
        keras.load(folder / "one", 1),
        keras.load(folder / "other" / weights.WEIGHTS_FILE, 1),
    ]
    early = refused(sessions[0].scores)
    scores = []
    for session in sessions:
        scores.append([])
        for image in images:
            session.feed(image)
            session.invoke()
            scores[-1].append(session.scores().tolist())
    sessions[1].close()
    return {
        "untrained": untrained,
        "logits": expected,
        "scores": scores,
        "early": early,
        "input_shape": sessions[0].input_shape,
        "precision": getattr(sessions[0], "precision", None),
        "image": refused(lambda: sessions[0].feed(images)),
        "closed": refused(sessions[1].invoke),
        "again": refused(lambda: keras.load(folder / "one", 1)),
        "threads": refused(lambda: keras.load(folder / "one", 2)),
    }


def main() -> None:
    folder = Path(sys.argv[1])
    # Keras first: it says how many threads TensorFlow takes, which its first operation settles.
    told = {"keras": keras_of_one_thread(folder), "tflite": of_tflite(folder)}
    sys.stdout.write(json.dumps(told) + "\n")


def keras_of_one_thread(folder: Path) -> dict[str, Any]:
    from slimbench.engines.keras import _compute_with
    from slimbench.engines.quiet_tensorflow import tensorflow

    _compute_with(tensorflow(), 1, folder)
    return of_keras(folder)


if __name__ == "__main__":
    main()
