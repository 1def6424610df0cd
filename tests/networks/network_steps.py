"""Steps that write down what TensorFlow makes of the full-size networks, at small sizes."""

from __future__ import annotations

import contextlib
import functools
import http.server
import importlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from slimbench.networks import imagenet, keras, weights
from slimbench.networks.weights import Network
from slimbench.spec import Workplace
from slimbench.steps import keras_files, pretrained
from slimbench.steps.pretrained import Pretrained
from tests.steps.tensorflow_steps import OfTensorFlow

IMAGES = 4

FIRST = {
    "imagenet_resnet50": "conv1_conv",
    "imagenet_mobilenetv2": "Conv1",
    "imagenet_efficientnetb0": "stem_conv",
    "imagenet_squeezenet": "conv1",
}

EFFICIENTNET = "imagenet_efficientnetb0"
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
"""What Keras's file of EfficientNet-B0 holds as mean and, wrongly named, variance."""


def random_original(network: Network, seed: int) -> Any:
    """Return a network as Keras has it, with weights of which none is what it starts as."""
    keras().backend.clear_session()
    architecture = imagenet.architecture(network.name)
    original = architecture.original(network.input_shape, network.classes, network.width, None)
    rng = np.random.default_rng(seed)
    for layer in original.layers:
        if layer.name == "normalization":
            layer.set_weights([np.array(IMAGENET_MEAN), np.array(IMAGENET_DEVIATION), 0])
        elif layer.weights:
            layer.set_weights([_drawn(rng, layer, array) for array in layer.get_weights()])
    return original


def _drawn(rng: np.random.Generator, layer: Any, array: np.ndarray) -> np.ndarray:
    """Draw kernels so that signals neither die nor grow (He et al. 2015), and shift the rest."""
    if array.ndim == 1:
        return array + rng.uniform(0, 0.2, array.shape)
    depthwise = isinstance(layer, keras().layers.DepthwiseConv2D)
    reach = np.prod(array.shape[:2] if depthwise else array.shape[:-1])
    return rng.normal(0, np.sqrt(2 / reach), array.shape)


def coarse_pictures(seed: int, shape: tuple[int, int, int]) -> np.ndarray:
    """Return pictures of four by four plain fields, which differ more than noise does."""
    fields = np.random.default_rng(seed).integers(0, 256, (IMAGES, 4, 4, 3), np.uint8)
    return fields.repeat(shape[0] // 4, axis=1).repeat(shape[1] // 4, axis=2)


def as_keras_has_it(original: Any, network: Network, file: Path, pixels: np.ndarray) -> np.ndarray:
    """Return the logits after the preprocessing that Keras documents for each network."""
    applications = keras().applications
    real = pixels.astype(np.float32)
    if network.name == EFFICIENTNET:  # Keras's own is another network where it loads the file
        data_utils = importlib.import_module("tf_keras.src.utils.data_utils")
        with mock.patch.object(data_utils, "get_file", return_value=str(file)):
            original = applications.EfficientNetB0(
                weights="imagenet", input_shape=network.input_shape, classifier_activation=None
            )
    elif network.name == "imagenet_resnet50":
        real = applications.resnet50.preprocess_input(real)
    elif network.name == "imagenet_mobilenetv2":
        real = applications.mobilenet_v2.preprocess_input(real)
    else:
        real = real[..., ::-1] - np.array((104, 117, 123), np.float32)
    return np.asarray(original.predict(real, verbose=0))


def first_operators(model: Any, layer: str) -> list[str]:
    """Return the operators of the `.tflite` file up to a layer."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    head = keras().Model(model.input, model.get_layer(layer).output)
    converted = tf.lite.TFLiteConverter.from_keras_model(head).convert()
    names = [each["op_name"] for each in Interpreter(model_content=converted)._get_ops_details()]  # noqa: SLF001
    return [name for name in names if name != "DELEGATE"]


@dataclass(frozen=True, slots=True)
class Compared(OfTensorFlow):
    """Logits of a network from a weights file, and of Keras's own with Keras's preprocessing."""

    network: Network

    def run(self, place: Workplace) -> None:
        architecture = imagenet.architecture(self.network.name)
        original = random_original(self.network, place.seed)
        file = place.out / architecture.weights_file(self.network.input_shape, self.network.width)
        original.save_weights(str(file))
        pixels = coarse_pictures(place.seed, self.network.input_shape)
        expected = as_keras_has_it(original, self.network, file, pixels)

        out = place.out / "artifact"
        out.mkdir()
        step = pretrained.from_folder(self.network, place.out)
        step.run(Workplace((), out, place.seed, place.advance))
        network, model = weights.load(out)
        np.savez(
            place.out / "logits.npz",
            ours=weights.logits(model, pixels),
            swapped=weights.logits(model, np.ascontiguousarray(pixels[..., ::-1])),
            expected=expected,
        )
        about = {
            "network": network == self.network,
            "input": model.input_shape,
            "names": [layer.name for layer in model.layers],
            "names_again": [layer.name for layer in self.network.build().layers],
            "operators": first_operators(model, FIRST[self.network.name]),
            "files": sorted(path.name for path in out.iterdir()),
            "notes": weights.read_notes(out),
            "sha256": step.sha256,
        }
        (place.out / "about.json").write_text(json.dumps(about), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class BadFiles(OfTensorFlow):
    """What is said of weights files that cannot be used, and of one that is not there."""

    network: Network
    other: Network

    def run(self, place: Workplace) -> None:
        name = Pretrained(self.network).file_name
        good = place.out / "good.h5"
        random_original(self.network, 0).save_weights(str(good))
        other = place.out / "other.h5"
        random_original(self.other, 0).save_weights(str(other))
        broken = random_original(self.network, 0)
        conv10 = broken.get_layer("conv10")
        conv10.set_weights([w * np.nan for w in conv10.get_weights()])
        not_numbers = place.out / "nan.h5"
        broken.save_weights(str(not_numbers))
        contents = {
            "truncated": good.read_bytes()[: good.stat().st_size // 2],
            "text": b"<html>404</html>",
            "empty": b"",
            "other": other.read_bytes(),
            "nan": not_numbers.read_bytes(),
        }
        said: dict[str, list[str]] = {}
        for kind, content in contents.items():
            folder = place.out / kind
            folder.mkdir()
            (folder / name).write_bytes(content)
            said[kind] = self._said(pretrained.from_folder(self.network, folder), place, kind)
        (place.out / "absent").mkdir()
        absent = pretrained.from_folder(self.network, place.out / "absent")
        said["absent"] = self._said(absent, place, "absent")
        changed = pretrained.from_folder(self.network, place.out / "text")
        (place.out / "text" / name).write_bytes(good.read_bytes())
        said["changed"] = self._said(changed, place, "changed")
        (place.out / "said.json").write_text(json.dumps(said), encoding="utf-8")

    @staticmethod
    def _said(step: Pretrained, place: Workplace, kind: str) -> list[str]:
        out = place.out / f"of_{kind}"
        out.mkdir()
        try:
            step.run(Workplace((), out, place.seed, place.advance))
        except Exception as error:  # noqa: BLE001 - which one it is, is the question
            return [type(error).__name__, str(error), *(path.name for path in out.iterdir())]
        return ["nothing"]


@dataclass(frozen=True, slots=True)
class Fetched(OfTensorFlow):
    """What Keras's own download leaves in its cache, from a server on this machine."""

    def run(self, place: Workplace) -> None:
        served, home = place.out / "served", place.out / "home"
        served.mkdir()
        (served / "w.h5").write_bytes(b"weights")
        said: dict[str, Any] = {}
        with _serving(served) as address, mock.patch.dict(os.environ, KERAS_HOME=str(home)):
            said["wrong_hash"] = self._fetch(place, f"{address}/w.h5", file_hash="0" * 32)
            said["after_wrong_hash"] = _names(home)
            said["absent"] = self._fetch(place, f"{address}/x.h5")
            said["found"] = self._fetch(place, f"{address}/w.h5")
            said["after"] = _names(home)
        with mock.patch.dict(os.environ, KERAS_HOME=str(home)):
            said["from_cache"] = self._fetch(place, f"{address}/w.h5")
            said["unreachable"] = self._fetch(place, f"{address}/y.h5")
        (place.out / "said.json").write_text(json.dumps(said), encoding="utf-8")

    @staticmethod
    def _fetch(place: Workplace, origin: str, **options: Any) -> list[str]:
        data_utils = importlib.import_module("tf_keras.src.utils.data_utils")
        scratch = place.out / f"scratch{len(list(place.out.iterdir()))}"
        scratch.mkdir()
        try:
            with keras_files.found_for_keras(scratch) as found:
                path = data_utils.get_file(
                    origin.rsplit("/", 1)[1], origin, cache_subdir="models", **options
                )
        except Exception as error:  # noqa: BLE001 - which one it is, is the question
            return [type(error).__name__, str(error)]
        assert [str(each) for each in found] == [path]
        return ["found", Path(path).read_text(encoding="utf-8")]


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def _serving(folder: Path) -> Iterator[str]:
    handler = functools.partial(_Silent, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass(frozen=True, slots=True)
class KerasOwn(OfTensorFlow):
    """What Keras's own MobileNetV2 answers on photographs, as its documentation has it used."""

    weights: str
    photographs: str

    def run(self, place: Workplace) -> None:
        application = keras().applications.mobilenet_v2
        with np.load(self.photographs) as photographs:
            real = application.preprocess_input(photographs["images"].astype(np.float32))
        answers = application.MobileNetV2(weights=self.weights).predict(real, verbose=0)
        np.save(place.out / "answers.npy", answers)
