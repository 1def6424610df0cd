"""A network that already computes as its int8 file will: what quantisation-aware training trains.

The toolkit rounds kernels and layers' outputs to 256 values each. What it leaves to us: the
preprocessing, whose layers it does not know; kernels of depthwise convolutions, to all channels of
which it gives one range, so that a trained MobileNetV2 is hardly right more often than by guessing;
ranges to begin with, since its own, -6 to 6, are forgotten by a thousandth a step and a short
training would end with a part of them; and layer names, which stay as they were so that finished
files are read like any other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from slimbench.networks import keras
from slimbench.spec import Pixels

DARKEST, BRIGHTEST = 0.0, 255.0

CALIBRATION_BATCH, CALIBRATION_BATCHES = 64, 4
"""Ranges begin as the mean over so many batches of each batch's extremes, as they go on."""

_OUTPUTS = ("output", "post_activation")
"""What the toolkit calls a layer's rounded output, by where in the layer it is rounded."""


def build(model: Any, *, keep_zeros: bool = False) -> Any:
    """Return a network of a float one's weights that rounds as int8 does, input and all.

    Ranges are the toolkit's first ones until `set_ranges`. With `keep_zeros` weights that are zero
    now stay so in training.
    """
    import tensorflow_model_optimization as tfmot

    quantization = tfmot.quantization.keras
    preprocessing, unrounded = _preprocessing_layer(), _unrounded_config()

    def annotated(layer: Any) -> Any:
        if isinstance(layer, keras().layers.Rescaling):
            rounded = preprocessing(layer.scale, layer.offset, name=layer.name)
            return quantization.quantize_annotate_layer(rounded, unrounded())
        copy = type(layer).from_config(layer.get_config())
        if isinstance(layer, keras().layers.Dropout):  # it changes no value of the finished file
            return copy
        if isinstance(layer, keras().layers.Resizing):  # int8 resizing has one range for both ends
            return quantization.quantize_annotate_layer(copy, unrounded())
        return quantization.quantize_annotate_layer(copy)

    clone = keras().models.clone_model(model, clone_function=annotated)
    clone.set_weights(model.get_weights())
    scheme = (
        tfmot.experimental.combine.Default8BitPrunePreserveQuantizeScheme
        if keep_zeros
        else quantization.default_8bit.Default8BitQuantizeScheme
    )
    ours = {each.__name__: each for each in (preprocessing, unrounded)}
    with quantization.quantize_scope(ours):
        aware = quantization.quantize_apply(
            clone, _by_channel(scheme)(), quantized_layer_name_prefix=""
        )
    _set_input_range(aware)
    return aware


def set_ranges(aware: Any, model: Any, pixels: Pixels) -> None:
    """Set the range of every rounded output to what the float network makes of some images."""
    rounded = [layer for layer in aware.layers if range_variables(layer)]
    outputs = [model.get_layer(layer.name).output for layer in rounded]
    float_outputs = keras().Model(model.input, outputs)
    extremes = []
    for number in range(CALIBRATION_BATCHES):
        start = number * CALIBRATION_BATCH % len(pixels)
        batch = pixels[start : start + CALIBRATION_BATCH].astype(np.float32)
        extremes.append([(np.min(each), np.max(each)) for each in float_outputs(batch)])
    for layer, (low, high) in zip(rounded, np.mean(extremes, axis=0), strict=True):
        least, most = range_variables(layer)
        least.assign(min(float(low), 0.0))
        most.assign(max(float(high), 0.0))
    for layer in aware.layers:
        for kernel, quantizer, variables in getattr(layer, "_weight_vars", ()):
            quantizer(kernel, True, weights=variables)  # training alone sets a kernel's range


def zeros(model: Any, names: list[str]) -> int:
    """Count the zeros in the kernels of layers, of a network that rounds or of a float one."""
    kernels = (model.get_layer(name).get_weights()[0] for name in names)
    return sum(int(np.count_nonzero(kernel == 0)) for kernel in kernels)


def range_variables(layer: Any) -> tuple[Any, ...]:
    """Return the variables of the range of a layer's rounded output, where it is rounded."""
    by_name = {each.name.split("/")[-1].split(":")[0]: each for each in layer.weights}
    for output in _OUTPUTS:
        if f"{output}_min" in by_name:
            return by_name[f"{output}_min"], by_name[f"{output}_max"]
    return ()


def _set_input_range(aware: Any) -> None:
    """One int8 step is one pixel step; the range widens with what is shown and never narrows."""
    (layer,) = (each for each in aware.layers if hasattr(each, "quantizer_vars"))
    for variable in layer.weights:
        if variable.name.endswith("_min:0"):
            variable.assign(DARKEST)
        if variable.name.endswith("_max:0"):
            variable.assign(BRIGHTEST)


def _by_channel(scheme: Any) -> Any:
    """Return a scheme of the toolkit in which depthwise kernels have a range for each channel."""
    import tensorflow as tf
    import tensorflow_model_optimization as tfmot

    class ByChannel(tfmot.quantization.keras.quantizers.LastValueQuantizer):  # type: ignore[misc]
        def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
            channels = int(tensor_shape[-2])
            return {
                f"{end}_var": layer.add_weight(
                    f"{name}_{end}",
                    shape=(channels,),
                    initializer=keras().initializers.Constant(first),
                    trainable=False,
                )
                for end, first in (("min", -6.0), ("max", 6.0))
            }

        def __call__(self, inputs: Any, training: Any, weights: Any, **options: Any) -> Any:
            last = tf.transpose(inputs, (0, 1, 3, 2))
            rounded = super().__call__(last, training, weights, **options)
            return tf.transpose(rounded, (0, 1, 3, 2))

    class Registry(type(scheme().get_quantize_registry())):  # type: ignore[misc]
        def get_quantize_config(self, layer: Any) -> Any:
            config = super().get_quantize_config(layer)
            if isinstance(layer, keras().layers.DepthwiseConv2D):
                config.weight_quantizer = ByChannel(
                    num_bits=8, per_axis=True, symmetric=True, narrow_range=True
                )
            return config

    class Scheme(scheme):  # type: ignore[misc]
        def get_quantize_registry(self) -> Any:
            return Registry()

    return Scheme


def _preprocessing_layer() -> Any:
    """Return the class of a rescaling of pixels whose results are rounded, each to its range.

    Scaling keeps all 256 values apart; an offset moves each by half a step at most.
    """
    import tensorflow as tf

    class RoundedRescaling(tf.keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, scale: float, offset: Any, **options: Any) -> None:
            super().__init__(**options)
            self.scale = scale
            self.offset = offset

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "scale": self.scale, "offset": self.offset}

        def call(self, pixels: Any) -> Any:
            rounding = tf.quantization.fake_quant_with_min_max_args
            low, high = DARKEST * self.scale, BRIGHTEST * self.scale
            scaled = pixels
            if self.scale != 1:
                scaled = rounding(pixels * self.scale, low, high)
            offset = np.asarray(self.offset, np.float32)
            least, most = float(offset.min()), float(offset.max())
            return rounding(scaled + offset, low + least, high + most)

    return RoundedRescaling


def _unrounded_config() -> Any:
    """Return the class that tells the toolkit to leave a layer as it is."""
    import tensorflow_model_optimization as tfmot

    class Unrounded(tfmot.quantization.keras.QuantizeConfig):  # type: ignore[misc]
        def get_weights_and_quantizers(self, layer: Any) -> list[Any]:  # noqa: ARG002
            return []

        def get_activations_and_quantizers(self, layer: Any) -> list[Any]:  # noqa: ARG002
            return []

        def set_quantize_weights(self, layer: Any, quantize_weights: Any) -> None:
            pass

        def set_quantize_activations(self, layer: Any, quantize_activations: Any) -> None:
            pass

        def get_output_quantizers(self, layer: Any) -> list[Any]:  # noqa: ARG002
            return []

        def get_config(self) -> dict[str, Any]:
            return {}

    return Unrounded
