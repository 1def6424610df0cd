"""Top-1 accuracy, how sure it is, and which images were right.

Images are scored one at a time by the session that is timed, so what is timed is what is scored.
"""

from __future__ import annotations

import base64
import hashlib

import numpy as np
import numpy.typing as npt

from bench.spec import Group, Kind, Labels, Metric, Pixels, Reading, Session, Subject

Flags = npt.NDArray[np.bool_]


def correct_flags(session: Session, images: Pixels, labels: Labels) -> Flags:
    """Return for each image whether the highest score is its label's, shape (images,).

    Raises:
        ValueError: There are no images, not one label an image, a label that the model has no
            score for, or a score that is not a number.
    """
    if len(images) == 0 or labels.shape != (len(images),):
        raise ValueError(f"{len(images)} images with labels of shape {labels.shape}")
    correct = np.zeros(len(images), np.bool_)
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        session.feed(image)
        session.invoke()
        scores = session.scores()
        if not 0 <= label < len(scores):
            raise ValueError(f"image {place} has label {label}, the model {len(scores)} classes")
        if np.isnan(scores).any():
            raise ValueError(f"the scores of image {place} are not numbers")
        correct[place] = np.argmax(scores) == label
    return correct


def wilson_interval(correct: int, total: int) -> tuple[float, float]:
    """Return the Wilson score interval of a share, 95 % (Wilson 1927, as in scipy)."""
    from scipy.stats import binomtest  # noqa: PLC0415  (takes over a second to import)

    interval = binomtest(correct, total).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def pack_flags(flags: Flags) -> str:
    """Return flags as base64 of `numpy.packbits`, most significant bit first."""
    return base64.b64encode(np.packbits(flags).tobytes()).decode("ascii")


def evaluation_sha256(images: Pixels, labels: Labels) -> str:
    """Return the sha256 of what is scored: uint8 pixels in C order, then int64 labels."""
    digest = hashlib.sha256(images.astype(np.uint8, casting="safe").tobytes())
    digest.update(labels.astype("<i8").tobytes())
    return digest.hexdigest()


class Accuracy:
    """The share of images whose highest score is their label's."""

    keys: tuple[str, ...] = (
        "accuracy_top1",
        "accuracy_n",
        "accuracy_ci95",
        "correct_bits",
        "eval_sha256",
    )
    group: Group = "accuracy"
    kind: Kind = "score"

    def read(self, subject: Subject) -> Reading:
        """Score every image; raises ValueError, naming the file, where that cannot be done."""
        try:
            flags = correct_flags(subject.session, subject.images, subject.labels)
        except ValueError as error:
            raise ValueError(f"{subject.model} cannot be scored: {error}.") from error
        correct = int(flags.sum())
        return {
            "accuracy_top1": correct / len(flags),
            "accuracy_n": len(flags),
            "accuracy_ci95": list(wilson_interval(correct, len(flags))),
            "correct_bits": pack_flags(flags),
            "eval_sha256": evaluation_sha256(subject.images, subject.labels),
        }


METRICS: tuple[Metric, ...] = (Accuracy(),)
