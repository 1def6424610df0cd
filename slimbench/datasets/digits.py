"""scikit-learn's handwritten digits: 1,797 real 8x8 scans that come inside the package.

Enlarged to 32x32 RGB because that is the smallest input Keras's networks take. The split is fixed
and stratified, so that every run, seed and machine scores the same 500 test images.
"""

from __future__ import annotations

import numpy as np

from slimbench.spec import DataSet, Pixels, Splits

TEST_IMAGES = 500
VALIDATION_IMAGES = 150
SPLIT_SEED = 0
_INK = 16  # scikit-learn's digits count ink in 0..16


def _load() -> Splits:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = _enlarge(digits.images)
    labels = digits.target.astype(np.int64)
    rest, test = train_test_split(
        np.arange(len(labels)), test_size=TEST_IMAGES, stratify=labels, random_state=SPLIT_SEED
    )
    train, validation = train_test_split(
        rest, test_size=VALIDATION_IMAGES, stratify=labels[rest], random_state=SPLIT_SEED
    )
    return Splits(
        train=(images[train], labels[train]),
        validation=(images[validation], labels[validation]),
        test=(images[test], labels[test]),
    )


def _enlarge(ink: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Pixels:
    """Turn 8x8 ink counts into 32x32x3 pixels by bicubic interpolation."""
    from PIL import Image

    height, width, _ = DATASET.input_shape
    grey = [
        np.asarray(
            Image.fromarray(np.rint(image * (255 / _INK)).astype(np.uint8)).resize(
                (width, height), Image.Resampling.BICUBIC
            )
        )
        for image in ink
    ]
    return np.ascontiguousarray(np.repeat(np.stack(grey)[..., np.newaxis], 3, axis=-1))


DATASET = DataSet(
    name="digits",
    classes=tuple("0123456789"),
    input_shape=(32, 32, 3),
    packages=("scikit-learn", "pillow", "numpy"),
    load=_load,
)
