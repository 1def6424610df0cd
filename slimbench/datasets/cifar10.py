"""CIFAR-10 (Krizhevsky 2009): 60,000 photographs of 32x32 pixels in ten classes.

From a folder or archive of `train/<class>/*` and `test/<class>/*` that the user names, else as
Keras fetches it. A copy in folders may have been compressed again, and then scores differently.
"""

from __future__ import annotations

import socket

import numpy as np

from slimbench.datasets.photos.listing import choose
from slimbench.errors import Unavailable
from slimbench.spec import DataSet, Splits

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

VALIDATION_IMAGES = 2000
"""Set aside of the 50,000 training images to choose schedules by; as many of each class."""

TIMEOUT = 10.0
"""Seconds to wait for a connection to where Keras fetches the images from."""


def _load() -> Splits:
    from slimbench.networks import keras

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        (pixels, labels), (test, test_labels) = keras().datasets.cifar10.load_data()
    except Exception as error:
        raise Unavailable(
            f"Keras cannot fetch CIFAR-10 ({' '.join(str(error).split())[:200]}). Name a folder or "
            "archive with --data PATH, or put cifar-10-batches-py.tar.gz into ~/.keras/datasets."
        ) from error
    finally:
        socket.setdefaulttimeout(before)
    of_training = labels[:, 0].astype(np.int64)
    aside = _validation(of_training)
    return Splits(
        train=(pixels[~aside], of_training[~aside]),
        validation=(pixels[aside], of_training[aside]),
        test=(test, test_labels[:, 0].astype(np.int64)),
    )


def _validation(
    labels: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return which training images are set aside: those that a hash of their places chooses."""
    places = {
        f"{label}": [f"{place:05}" for place in np.flatnonzero(labels == label)]
        for label in np.unique(labels)
    }
    aside = np.zeros(len(labels), np.bool_)
    for _, place in choose(places, VALIDATION_IMAGES):
        aside[int(place)] = True
    return aside


DATASET = DataSet(
    name="cifar10",
    classes=CLASSES,
    input_shape=(32, 32, 3),
    packages=("tensorflow", "tf-keras", "numpy"),
    load=_load,
)
