from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.networks import imagenet
from slimbench.networks.imagenet import refolded

SHAPE = (224, 224, 3)


def convolved(pixels, kernel):
    """Slide a square kernel over pixels padded with zeros."""
    side = kernel.shape[0]
    padded = np.pad(pixels, ((side // 2, side // 2), (side // 2, side // 2), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(0, 1))
    return np.einsum("yxcij,ijco->yxo", windows, kernel.astype(np.float64))


@given(
    seed=st.integers(0, 2**32 - 1),
    mean=st.tuples(*[st.floats(0, 255)] * 3),
    scale=st.tuples(*[st.floats(1 / 255, 1)] * 3),
    bgr=st.booleans(),
)
def test_a_folded_kernel_sees_in_centred_rgb_what_the_original_saw_preprocessed(
    seed, mean, scale, bgr
):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (5, 6, 3))
    kernel, bias = rng.normal(size=(3, 3, 3, 4)).astype(np.float32), np.zeros(4, np.float32)
    preprocessed = (pixels - np.array(mean)) * np.array(scale)
    expected = convolved(preprocessed[..., ::-1] if bgr else preprocessed, kernel)
    folded, same_bias = refolded({"first": (kernel, bias)}, "first", scale=scale, bgr=bgr)["first"]
    assert folded.dtype == np.float32
    assert same_bias is bias
    np.testing.assert_allclose(
        convolved(pixels - np.array(mean), folded), expected, rtol=1e-4, atol=1e-3
    )


def test_folding_leaves_what_it_was_given_and_all_other_layers_alone():
    weights = {"first": (np.ones((1, 1, 3, 1), np.float32),), "next": (np.ones(2, np.float32),)}
    folded = refolded(weights, "first", scale=(2, 3, 4))
    assert (weights["first"][0] == 1).all()
    assert folded["next"] is weights["next"]
    assert folded["first"][0].ravel().tolist() == [2, 3, 4]


@pytest.mark.parametrize(
    ("network", "side", "width", "name"),
    [
        ("resnet50", 224, 1.0, "resnet50_weights_tf_dim_ordering_tf_kernels.h5"),
        (
            "mobilenetv2",
            224,
            1.0,
            "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
        ),
        (
            "mobilenetv2",
            160,
            0.75,
            "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.75_160.h5",
        ),
        ("efficientnetb0", 224, 1.0, "efficientnetb0.h5"),
        ("squeezenet", 227, 1.0, "squeezenet1_1_imagenet.h5"),
    ],
)
def test_weights_are_looked_for_under_the_name_that_keras_uses(network, side, width, name):
    architecture = imagenet.architecture(imagenet.PREFIX + network)
    assert architecture.weights_file((side, side, 3), width) == name


@pytest.mark.parametrize(("shape", "width"), [((200, 200, 3), 1.0), ((224, 160, 3), 1.0)])
def test_a_size_that_nobody_trained_is_said_with_those_that_exist(shape, width):
    architecture = imagenet.architecture("imagenet_mobilenetv2")
    with pytest.raises(ValueError, match=rf"for {shape[0]}x{shape[1]} pixels.*160, 192, 224"):
        architecture.weights_file(shape, width)


@pytest.mark.parametrize("network", ["resnet50", "efficientnetb0", "squeezenet"])
def test_a_width_that_a_network_does_not_have_is_refused(network):
    architecture = imagenet.architecture(imagenet.PREFIX + network)
    with pytest.raises(ValueError, match="no width multiplier"):
        architecture.weights_file(SHAPE, 0.5)


def test_a_normalisation_by_another_mean_than_imagenets_is_refused():
    architecture = imagenet.architecture("imagenet_efficientnetb0")
    kernel = np.ones((3, 3, 3, 1), np.float32)
    normalization = (np.array([0.5, 0.5, 0.5]), np.ones(3), np.array(0))
    with pytest.raises(ValueError, match=r"normalises with the mean \[0.5 0.5 0.5\]"):
        architecture.folded({"stem_conv": (kernel,), "normalization": normalization})


def test_a_label_says_width_and_size():
    assert imagenet.label("imagenet_resnet50", SHAPE, 1.0) == "resnet50 at 224x224"
    name = imagenet.label("imagenet_mobilenetv2", (160, 160, 3), 0.75)
    assert name == "mobilenetv2 of width 0.75 at 160x160"
