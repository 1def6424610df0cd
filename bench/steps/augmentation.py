"""Changed copies of training photographs: shifted by a few pixels, every second one mirrored.

A view is one such copy of all images. It depends on its number and the seed alone, so a teacher
that answered it once answered the very pictures that its students see.
"""

from __future__ import annotations

import numpy as np

from bench.spec import Pixels


def view(images: Pixels, number: int, seed: int, shift: int = 4) -> Pixels:
    """Return view `number` of images of shape (images, height, width, channels).

    Each image moves by up to `shift` pixels each way, its edges mirrored outwards, and is mirrored
    left to right or not.
    """
    rng = np.random.default_rng([seed, number])
    height, width = images.shape[1:3]
    edges = ((shift, shift), (shift, shift), (0, 0))
    moved = np.empty_like(images)
    places = rng.integers(0, 2 * shift + 1, (len(images), 2))
    mirrored = rng.random(len(images)) < 0.5
    for index, (top, left) in enumerate(places):
        padded = np.pad(images[index], edges, mode="reflect")
        cut = padded[top : top + height, left : left + width]
        moved[index] = cut[:, ::-1] if mirrored[index] else cut
    return moved
