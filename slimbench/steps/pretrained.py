"""A full-size network with weights that others trained on ImageNet."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from slimbench.build.store import file_sha256
from slimbench.errors import Unavailable, UsageProblem
from slimbench.networks import imagenet, keras
from slimbench.networks.imagenet import Weights
from slimbench.networks.weights import Network, save
from slimbench.spec import NOT_HASHED, Step, Toolchain, Workplace
from slimbench.steps import keras_files

Source = Literal["imagenet", "folder"]

_NO_WEIGHTS = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RuntimeError)
"""What Keras and h5py raise for a file that is damaged, no HDF5, or of another network."""


class WeightsProblem(UsageProblem):
    """A weights file that is there, but cannot be used; the message names it."""


@dataclass(frozen=True, slots=True)
class Pretrained(Step):
    """Load weights trained on ImageNet and fold the preprocessing they expect into them.

    Source `imagenet` is Keras's download or its cache, `folder` a file in `folder` under the name
    that Keras uses, whose sha256 is part of what is made; without one there is no such file.
    """

    network: Network
    source: Source = "imagenet"
    sha256: str | None = None
    folder: Path | None = field(default=None, metadata=NOT_HASHED)

    toolchain: ClassVar[Toolchain] = "tensorflow"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow", "tf-keras", "numpy")
    usual_seconds: ClassVar[float] = 6.0

    def __post_init__(self) -> None:
        if (self.source == "folder") != (self.folder is not None):
            raise ValueError(f"{self.source}: a folder goes with the source 'folder' alone.")

    def versions(self) -> dict[str, str]:
        """Return also the network's."""
        return {**Step.versions(self), **self.network.versions()}

    @property
    def file_name(self) -> str:
        """The weights file's name, as Keras has it."""
        architecture = imagenet.architecture(self.network.name)
        return architecture.weights_file(self.network.input_shape, self.network.width)

    def label(self) -> str:
        """Name the network."""
        return imagenet.label(self.network.name, self.network.input_shape, self.network.width)

    def title(self) -> str:
        """Say where the weights are from."""
        return f"ImageNet weights for {self.label()}"

    def run(self, place: Workplace) -> None:
        """Write the network; raises Unavailable without a file, WeightsProblem with a bad one."""
        with self._loaded(place) as (path, weights):
            digest = file_sha256(path)
            if self.source == "folder" and digest != self.sha256:
                raise WeightsProblem(f"{path} changed while this run was under way. Run it again.")
            model = self.network.build()
            _fill(model, self._folded(path, weights), path)
        notes = {
            "weights": self.source,
            "weights_file": self.file_name,
            "weights_sha256": digest,
            "weights_licence": self._licence(),
        }
        save(place.out, self.network, model, notes)

    def _licence(self) -> str | None:
        """A file of somebody's own may come from anywhere."""
        architecture = imagenet.architecture(self.network.name)
        return architecture.licence if self.source == "imagenet" else None

    @contextlib.contextmanager
    def _loaded(self, place: Workplace) -> Iterator[tuple[Path, Weights]]:
        """Give the file's path and its arrays by layer, preprocessing not folded yet."""
        with tempfile.TemporaryDirectory(dir=place.out, ignore_cleanup_errors=True) as scratch:
            if self.source == "folder":
                path = Path(self.folder or "") / self.file_name
                if not path.is_file():
                    raise self._unavailable(f"{self.folder} has no file {self.file_name}")
                yield path, self._read(path)
            elif imagenet.architecture(self.network.name).licence is None:
                cached = keras_files.in_cache(self.file_name)
                if cached is None:
                    raise self._unavailable(
                        f"Keras offers no weights of this network, and its cache, "
                        f"{keras_files.cache_folders()[0]}, has no file {self.file_name}"
                    )
                yield cached, self._read(cached)
            else:
                yield self._from_keras(Path(scratch))

    def _read(self, path: Path) -> Weights:
        original = self._original(None)
        with _naming(path):
            original.load_weights(str(path))
        return _by_layer(original)

    def _from_keras(self, scratch: Path) -> tuple[Path, Weights]:
        with keras_files.found_for_keras(scratch) as found:
            try:
                original = self._original("imagenet")
            except Unavailable as error:
                raise self._unavailable(str(error)) from error
            except _NO_WEIGHTS as error:
                if not found:
                    raise
                raise _unusable(found[0], error) from error
        if not found:
            raise RuntimeError(f"Keras loaded {self.label()} without asking for its file.")
        return found[0], _by_layer(original)

    def _original(self, weights: str | None) -> Any:
        keras().backend.clear_session()
        network = self.network
        architecture = imagenet.architecture(network.name)
        return architecture.original(network.input_shape, network.classes, network.width, weights)

    def _folded(self, path: Path, weights: Weights) -> Weights:
        with _naming(path):
            return imagenet.architecture(self.network.name).folded(weights)

    def _unavailable(self, reason: str) -> Unavailable:
        return Unavailable(
            f"{reason}. Give a folder that holds {self.file_name} with --weights DIR, "
            "or measure size and time alone with --weights random"
        )


def from_folder(network: Network, folder: Path) -> Pretrained:
    """Return the step for a file in a folder, under the name that Keras uses."""
    path = folder / Pretrained(network).file_name
    sha256 = None
    if path.is_file():
        about = path.stat()
        sha256 = _sha256(path, about.st_size, about.st_mtime_ns)
    return Pretrained(network, "folder", sha256, folder)


@functools.cache
def _sha256(path: Path, size: int, modified: int) -> str:  # noqa: ARG001 - say whether it is stale
    """Hash a file once a process, as long as it stays as it is: 100 MB take a fifth of a second."""
    return file_sha256(path)


def _by_layer(model: Any) -> Weights:
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def _fill(model: Any, weights: Weights, path: Path) -> None:
    """Set a model's weights, all of them and no others."""
    layers = {layer.name: layer for layer in model.layers if layer.weights}
    if layers.keys() != weights.keys():
        differing = sorted(layers.keys() ^ weights.keys())
        raise RuntimeError(f"The folded weights and the network differ in {', '.join(differing)}.")
    for name, arrays in weights.items():
        if not all(np.isfinite(array).all() for array in arrays):
            raise _unusable(path, ValueError(f"layer {name} has weights that are not numbers"))
        layers[name].set_weights(arrays)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except _NO_WEIGHTS as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> WeightsProblem:
    reason = " ".join(str(error).split())
    return WeightsProblem(
        f"The weights file {path} cannot be used: {reason}. It is damaged or of another network; "
        "put the right one in its place, or remove it."
    )
