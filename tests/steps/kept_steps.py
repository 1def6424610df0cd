"""Steps whose results are kept beside the tests, where an ordinary chain does not suffice."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from slimbench import networks
from slimbench.build.store import Store
from slimbench.calibrate.design import Size, Workload
from slimbench.datasets.photos.source import open_photos
from slimbench.networks import imagenet, keras
from slimbench.networks.weights import Network
from slimbench.spec import Step, Workplace
from slimbench.steps import pretrained
from slimbench.steps.own_convert import OwnConvert
from slimbench.steps.own_file import OwnFile, content_of
from slimbench.steps.own_prune import OwnPrune
from slimbench.steps.photos import TrainingPhotos, of_photos, of_splits
from tests.steps.small_chains import COLOURS
from tests.steps.tensorflow_steps import CLASSES, SHAPE, OfTensorFlow, Plain


@dataclass(frozen=True, slots=True)
class Architectures(OfTensorFlow):
    """A hash of the configuration of every network."""

    def run(self, place: Workplace) -> None:
        hashes = {}
        for name in sorted(networks.all_architectures()):
            side = 224 if name.startswith(imagenet.PREFIX) else 32
            model = Network(name, (side, side, 3), 10).build()
            config = json.dumps(model.get_config(), sort_keys=True, default=str)
            hashes[name] = hashlib.sha256(config.encode()).hexdigest()
        (place.out / "networks.json").write_text(json.dumps(hashes), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Offered(OfTensorFlow):
    """A network with weights from a file, as `Pretrained` takes them from a folder."""

    def run(self, place: Workplace) -> None:
        network = Network("imagenet_squeezenet", (64, 64, 3), 10)
        original = imagenet.architecture(network.name).original(
            network.input_shape, network.classes, network.width, None
        )
        _set_numbers(original)
        given = place.out / "given"
        given.mkdir()
        name = imagenet.architecture(network.name).weights_file(network.input_shape, 1.0)
        original.save_weights(str(given / name))
        pretrained.from_folder(network, given).run(place)
        (given / name).unlink()
        given.rmdir()


@dataclass(frozen=True, slots=True)
class Users(OfTensorFlow):
    """A user's own Keras model, pruned with fine-tuning and converted."""

    images: Step

    def run(self, place: Workplace) -> None:
        layers = keras().layers
        model = keras().Sequential(
            [
                layers.InputLayer(SHAPE),
                layers.Rescaling(1 / 255),
                layers.Conv2D(4, 3, activation="relu", name="first"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(CLASSES, name="second"),
            ]
        )
        _set_numbers(model)
        path = place.out / "own.h5"
        model.save(path, save_format="h5")
        content = content_of(path)
        pruned = OwnPrune(content, "h5", 0.5, "own", path, images=self.images)
        file = OwnConvert(content, "h5", "own", path, pruned)
        for step, inputs in ((pruned, place.inputs), (file, (place.out / "OwnPrune",))):
            out = place.out / type(step).__name__
            out.mkdir()
            step.run(dataclasses.replace(place, inputs=inputs, out=out))
        path.unlink()


@dataclass(frozen=True, slots=True)
class Photographs(Plain):
    """The steps that decode a user's pictures, and the one that takes in a file."""

    def run(self, place: Workplace) -> None:
        rng = np.random.default_rng(4)
        roots = {split: place.out / split for split in ("train", "test")}
        for split, root in roots.items():
            for name in ("cat", "dog"):
                (root / name).mkdir(parents=True)
                for number in range(4):
                    pixels = rng.integers(0, 256, (18, 24, 3)).astype(np.uint8)
                    Image.fromarray(pixels).save(root / name / f"{split}{number}.png")
        store = Store(place.out / "store")
        store.prepare()
        train, test = (open_photos(root, store, limit=None) for root in roots.values())
        scored = of_photos(test, "pets", (12, 12, 3))
        (place.out / "model.bin").write_bytes(b"a model")
        steps: tuple[tuple[Step, tuple[str, ...]], ...] = (
            (of_splits("pets", (12, 12, 3), 2, train=train, test=test), ()),
            (scored, ()),
            (
                TrainingPhotos(
                    scored, "pets", 12, 12, 3, train.content, 2, (), 8, train.root.absolute()
                ),
                ("EvaluationPhotos",),
            ),
            (
                OwnFile(content_of(place.out / "model.bin"), "model", place.out / "model.bin"),
                (),
            ),
        )
        for step, inputs in steps:
            out = place.out / type(step).__name__
            out.mkdir()
            step.run(
                dataclasses.replace(
                    place, inputs=tuple(place.out / name for name in inputs), out=out
                )
            )
        (place.out / "OwnFile" / "model.tflite").rename(place.out / "OwnFile" / "model.bin")
        shutil.rmtree(place.out / "store")


def _set_numbers(model: Any) -> None:
    rng = np.random.default_rng(5)
    model.set_weights([rng.normal(0, 0.1, array.shape) for array in model.get_weights()])


PHOTOGRAPHS = Photographs()
ARCHITECTURES = Architectures()
OFFERED = Offered()
USERS = Users(COLOURS)
WORKLOAD = Workload(Size("tiny", side=5, channels=2), layers=2, weights=0)


def summary(folder: Path) -> dict[str, Any]:
    """Return what is to be compared of a result: numbers where computing may differ by CPU.

    Images, labels and configurations are exact, hence a hash; of weights and of answers each
    array's mean magnitude, of files their sizes too, which names in them change by some bytes.
    """
    found: dict[str, Any] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name in ("splits.npz", "evaluation.npz", "images.npy", "labels.npy"):
            found[name] = {"arrays_sha256": _arrays_sha256(path)}
        elif path.suffix in (".npz", ".npy"):
            found[name] = {"magnitudes": [float(np.abs(a).mean()) for a in _arrays(path)]}
        elif path.suffix == ".json":
            found[name] = {"keys": _keys(json.loads(path.read_text(encoding="utf-8")))}
        elif path.suffix == ".tflite":
            found[name] = {"bytes": float(path.stat().st_size), "answers": answers(path)}
        elif path.suffix == ".bin":
            found[name] = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    return found


def answers(model: Path) -> list[float]:
    """Return what a file answers to one made-up image."""
    from slimbench.engines.litert import ENGINE

    session = ENGINE.load(model, 1)
    shape = session.input_shape[1:]
    image = np.random.default_rng(2).integers(0, 256, shape).astype(np.uint8)
    session.feed(image)
    session.invoke()
    scores = [float(score) for score in session.scores()[:10]]
    session.close()
    return scores


def _arrays(path: Path) -> list[np.ndarray]:
    if path.suffix == ".npy":
        return [np.load(path)]
    with np.load(path) as arrays:
        return [arrays[name] for name in sorted(arrays.files)]


def _arrays_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    for array in _arrays(path):
        digest.update(f"{array.shape}{array.dtype}".encode() + array.tobytes())
    return digest.hexdigest()


def _keys(content: Any) -> list[str]:
    return sorted(content) if isinstance(content, dict) else [type(content).__name__]
