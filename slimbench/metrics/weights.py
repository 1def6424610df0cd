"""How many weights a finished file holds, and how many of them are zero."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from slimbench.networks.weights import NOTES_FILE, PRUNED_LAYERS
from slimbench.spec import Figure, Group, Kind, Metric, Reading, Subject, Unmeasured

if TYPE_CHECKING:
    from slimbench.tflite.weights import Weight

MODEL_SUFFIX = ".tflite"
OTHER_FILE = "weights are counted in .tflite files, and this engine runs another kind"


def sparsity(counted: Sequence[Weight]) -> float | Unmeasured:
    """Return the share of zeros in [0, 1]; unmeasured where there is nothing to share."""
    size = sum(weight.size for weight in counted)
    if not size:
        return Unmeasured("the file holds no constant weights")
    return sum(weight.zeros for weight in counted) / size


def of_layers(counted: Sequence[Weight], layers: Collection[str]) -> tuple[Weight, ...]:
    """Return the weights that came from these layers; raises ValueError where none did."""
    wanted = frozenset(layers)
    found = tuple(weight for weight in counted if weight.layers & wanted)
    if not found:
        raise ValueError(
            f"none of the pruned layers ({', '.join(sorted(wanted))}) is in its weights' names "
            f"({', '.join(weight.name for weight in counted) or 'there are none'}); "
            f"correct {PRUNED_LAYERS!r} in {NOTES_FILE}, or export the network with its names."
        )
    return found


def pruned_layers(model: Path) -> tuple[str, ...]:
    """Return the layers that the notes beside a model call pruned; () where they name none."""
    path = model.parent / NOTES_FILE
    try:
        notes = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); build the model again.") from error
    layers = notes.get(PRUNED_LAYERS, []) if isinstance(notes, dict) else None
    if not isinstance(layers, list) or not all(isinstance(layer, str) for layer in layers):
        raise ValueError(
            f"{path}: {PRUNED_LAYERS!r} must be a list of layer names; build the model again."
        )
    return tuple(layers)


class Weights:
    """Weights and biases, and the shares of zeros among all weights and among pruned layers'."""

    keys: tuple[str, ...] = ("parameters", "sparsity", "sparsity_prunable")
    figures: tuple[Figure, ...] = (
        Figure(
            "sparsity",
            "share",
            better="more",
            label="Sparsity",
            label_fr="Parcimonie",
            exact=True,
            tolerance=0.001,
        ),
        Figure(
            "sparsity_prunable",
            "share",
            better="more",
            label="Sparsity of pruned layers",
            label_fr="Parcimonie des couches élaguées",
            exact=True,
            tolerance=0.001,
            limit="sparsity_loss_max",
        ),
        Figure(
            "parameters",
            "count",
            better="less",
            label="Parameters",
            label_fr="Paramètres",
            exact=True,
        ),
    )
    group: Group = "size"
    kind: Kind = "other"

    def read(self, subject: Subject) -> Reading:
        """Count in the file; raises ValueError where pruned layers are named but not in it."""
        if subject.model.suffix != MODEL_SUFFIX:
            return dict.fromkeys(self.keys, Unmeasured(OTHER_FILE))
        # The flatbuffers' schema is part of the runtime, which whoever only judges needs not.
        from slimbench.tflite.weights import read_weights  # noqa: PLC0415

        counted = read_weights(subject.model)
        layers = pruned_layers(subject.model)
        prunable: float | Unmeasured = Unmeasured("no layer of it was pruned")
        if layers:
            try:
                prunable = sparsity(of_layers(counted, layers))
            except ValueError as error:
                raise ValueError(f"{subject.model}: {error}") from error
        return {
            "parameters": sum(weight.size + weight.biases for weight in counted),
            "sparsity": sparsity(counted),
            "sparsity_prunable": prunable,
        }


METRICS: tuple[Metric, ...] = (Weights(),)
