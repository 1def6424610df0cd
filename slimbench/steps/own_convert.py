"""From a user's Keras model or SavedModel to a float `.tflite` file that takes one image a call."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from slimbench.networks import weights
from slimbench.spec import MODEL_FILE, NOT_HASHED, Kind, Step, Toolchain, Workplace
from slimbench.steps import own_keras
from slimbench.steps.own_file import Form
from slimbench.steps.own_prune import prunable
from slimbench.tflite.weights import read_weights

Answer = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class OwnConvert(Step):
    """Convert a model as it is, or with the weights that pruning left it.

    `content` is the sha256 of what it holds, so the same model under another name is the same.
    Nothing is added: what its user has to do to pixels has still to be done.
    """

    content: str
    form: Form
    name: str = field(metadata=NOT_HASHED)
    path: Path = field(metadata=NOT_HASHED)
    pruned: Step | None = None

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "convert"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow", "tf-keras", "keras")
    action: ClassVar[str] = "converting"
    usual_seconds: ClassVar[float] = 8.0

    def label(self) -> str:
        """Give the name that its user gave it."""
        return self.name if self.pruned is None else self.pruned.label()

    def run(self, place: Workplace) -> None:
        """Write `model.tflite`; raises ValueError where the model is no image classifier."""
        notes: dict[str, Any] = {}
        renamed: list[str] = []
        if own_keras.is_keras(self.path, self.form):
            model = own_keras.open_keras(self.path, self.form, self.content).model
            if self.pruned is not None:
                notes = weights.read_notes(place.inputs[0])
                renamed = _rename(prunable(model))
                with np.load(place.inputs[0] / weights.WEIGHTS_FILE) as stored:
                    model.set_weights([stored[name] for name in sorted(stored.files)])
            (place.out / MODEL_FILE).write_bytes(_converted(*_of_model(model)))
        else:
            loaded = own_keras.open_saved_model(self.path, self.content)
            signature = loaded.signatures[own_keras.SIGNATURE]
            (place.out / MODEL_FILE).write_bytes(_converted(*_of_signature(signature)))
        if renamed:
            notes[weights.PRUNED_LAYERS] = scopes(place.out / MODEL_FILE, renamed)
        weights.write_notes(place.out, notes)


def _rename(layers: list[Any]) -> list[str]:
    """Give layers names that no other can have, and return them.

    Keras 3 numbers the scope of a layer that is traced again: `conv` becomes `conv_1`, which may
    be another layer's name.
    """
    names = []
    for index, layer in enumerate(layers):
        name = f"pruned{index:03}_{layer.name}"
        is_property = isinstance(getattr(type(layer), "name", None), property)  # in Keras 2
        setattr(layer, "_name" if is_property else "name", name)
        names.append(name)
    return names


def scopes(model: Path, names: list[str]) -> list[str]:
    """Return what layers of these names are called in a file; raises ValueError without any."""
    there = sorted({scope for weight in read_weights(model) for scope in weight.layers})
    found = []
    for name in names:
        numbered = re.compile(re.escape(name) + r"(_\d+)?")
        matching = list(filter(numbered.fullmatch, there))
        if not matching:
            raise ValueError(f"the pruned layer {name} cannot be found in the converted file")
        found.extend(matching)
    return found


def _of_model(model: Any) -> tuple[tuple[int, ...], Answer]:
    """Return the input shape of a Keras model, and how it answers."""
    for what, tensors in (("input", model.inputs), ("output", model.outputs)):
        if len(tensors) != 1:
            raise ValueError(f"it has {len(tensors)} {what}s, where an image classifier has one")
    (source,) = model.inputs

    def answer(pixels: Any) -> Any:
        import tensorflow as tf

        return model(tf.cast(pixels, source.dtype), training=False)

    return tuple(source.shape), answer


def _of_signature(signature: Any) -> tuple[tuple[int, ...], Answer]:
    """Return the input shape of a SavedModel's signature, and how it answers."""
    inputs = signature.structured_input_signature[1]
    outputs = signature.structured_outputs
    for what, tensors in (("input", inputs), ("output", outputs)):
        if len(tensors) != 1:
            raise ValueError(f"it has {len(tensors)} {what}s, where an image classifier has one")
    ((name, source),) = inputs.items()
    (result,) = outputs

    def answer(pixels: Any) -> Any:
        import tensorflow as tf

        return signature(**{name: tf.cast(pixels, source.dtype)})[result]

    return tuple(source.shape or ()), answer


def _converted(shape: tuple[int, ...], answer: Answer) -> bytes:
    """Return the `.tflite` file of a model that takes floats of this shape, one image a call.

    Its variables become constants here: the converter would leave those of Keras 3 variables,
    which are larger, slower and cannot be quantised.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    if len(shape) != 4 or any(size is None for size in shape[1:]):
        sizes = ", ".join("?" if size is None else str(size) for size in shape)
        raise ValueError(
            f"its input is of shape ({sizes}), where (batch, height, width, channels) with fixed "
            "height, width and channels can be converted; save it with a fixed image size"
        )
    if shape[0] not in (None, 1):
        raise ValueError(f"it takes {shape[0]} images at once; save it with an open batch size")

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[tf.TensorSpec((1, *shape[1:]), tf.float32, name="pixels")]
    )
    def served(pixels: Any) -> Any:
        return {"scores": tf.cast(answer(pixels), tf.float32)}

    frozen = convert_variables_to_constants_v2(served.get_concrete_function())
    try:
        converted: bytes = tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert()
    except Exception as error:
        raise ValueError(_reason(str(error))) from error
    return converted


def _reason(message: str) -> str:
    """Return what a person can use of the converter's pages."""
    lacking = sorted(
        set(re.findall(r"tf\.(\w+) \{", message)) | set(re.findall(r"Flex(\w+)", message))
    )
    if lacking:
        return (
            f"TensorFlow Lite has no operator for {', '.join(lacking)}, which it uses; replace it "
            "in the network"
        )
    return f"TensorFlow Lite's converter refuses it: {' '.join(message.split())[:300]}"
