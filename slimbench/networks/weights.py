"""A trained network on disk: its weights and what is needed to build it again.

Plain arrays rather than one of Keras's own formats, whose files hold the time of day: the same
training must give the same bytes.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slimbench import networks
from slimbench.networks import quantization_aware
from slimbench.spec import Pixels

WEIGHTS_FILE = "weights.npz"
NETWORK_FILE = "network.json"
NOTES_FILE = "notes.json"
"""What later steps pass on to the finished file, such as which layers were pruned."""

PRUNED_LAYERS = "pruned_layers"
"""The note that names the pruned layers; the share of zeros among their weights is counted."""

QUANTIZE_AWARE = "quantize_aware"
"""The note that the weights are those of a network that rounds as its int8 file does."""


@dataclass(frozen=True, slots=True)
class Network:
    """An architecture with its sizes: what `networks.build` takes."""

    name: str
    input_shape: tuple[int, int, int]
    classes: int
    width: float = 1.0

    def build(self) -> Any:
        """Return it untrained, as a `keras.Model`."""
        return networks.build(self.name, self.input_shape, self.classes, self.width)

    def versions(self) -> dict[str, str]:
        """Return the architecture's version, as a part of the keys of steps that build it."""
        return {f"network {self.name}": str(networks.version(self.name))}


def save(folder: Path, network: Network, model: Any, notes: dict[str, Any] | None = None) -> None:
    """Write a trained model and notes that later steps pass on."""
    weights = {f"{index:04}": array for index, array in enumerate(model.get_weights())}
    np.savez(folder / WEIGHTS_FILE, **weights)
    _write_json(folder / NETWORK_FILE, dataclasses.asdict(network))
    _write_json(folder / NOTES_FILE, notes or {})


def load(folder: Path) -> tuple[Network, Any]:
    """Read a trained model back, as (network, keras.Model)."""
    description = json.loads((folder / NETWORK_FILE).read_text(encoding="utf-8"))
    description["input_shape"] = tuple(description["input_shape"])
    network = Network(**description)
    model = network.build()
    if read_notes(folder).get(QUANTIZE_AWARE):
        model = quantization_aware.build(model)
    with np.load(folder / WEIGHTS_FILE) as weights:
        model.set_weights([weights[name] for name in sorted(weights.files)])
    return network, model


def pruned_layers(folder: Path) -> list[str]:
    """Return the names of the layers that were pruned on the way to an artifact."""
    return list(read_notes(folder).get(PRUNED_LAYERS, ()))


def logits(model: Any, images: Pixels, batch: int = 128) -> np.ndarray[Any, Any]:
    """Return a model's logits on raw pixels, shape (images, classes)."""
    return np.asarray(model.predict(images.astype(np.float32), batch_size=batch, verbose=0))


def read_notes(folder: Path) -> dict[str, Any]:
    """Return what earlier steps noted in an artifact."""
    notes: dict[str, Any] = json.loads((folder / NOTES_FILE).read_text(encoding="utf-8"))
    return notes


def write_notes(folder: Path, notes: dict[str, Any]) -> None:
    """Pass notes on to the next step's artifact."""
    _write_json(folder / NOTES_FILE, notes)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
