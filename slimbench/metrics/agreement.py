"""Whether another runtime answers as LiteRT does, on the same file, and what it computes in.

A runtime may be quicker because it computes in fewer bits. Then its answers are not those whose
accuracy LiteRT's rows report, and how far they are apart belongs beside its times.
"""

from __future__ import annotations

import contextlib

import numpy as np
import numpy.typing as npt

from slimbench import engines
from slimbench.spec import (
    Figure,
    Group,
    Kind,
    Metric,
    Pixels,
    Reading,
    Session,
    Subject,
    Unmeasured,
)

STANDARD = "litert"

MOST_IMAGES = 100
"""Compared at most, evenly spread over the evaluation images: photographs come class by class."""

ITSELF = "it is what others are compared with"
OTHER_FILE = "it runs the network itself, not the file that LiteRT runs"
NO_IMAGES = "there are no images to compare the answers on"
NOT_SAID = "the runtime does not say what it computes in"


class Agreement:
    """Top-1 agreement with LiteRT, the largest difference of a score, and the precision."""

    keys: tuple[str, ...] = ("agreement_top1", "score_difference_max", "precision")
    figures: tuple[Figure, ...] = (
        Figure(
            "agreement_top1",
            "share",
            better="more",
            label="Agreement with LiteRT",
            label_fr="Accord avec LiteRT",
            on_images=True,
            budgets=(),
        ),
        Figure(
            "score_difference_max",
            "number",
            better="less",
            label="Largest difference of a score",
            label_fr="Plus grand écart d'un score",
            on_images=True,
            budgets=(),
        ),
    )
    group: Group = "accuracy"
    kind: Kind = "score"

    def read(self, subject: Subject) -> Reading:
        """Compare on at most `MOST_IMAGES` images, both with the case's number of threads."""
        precision = getattr(subject.session, "precision", None) or Unmeasured(NOT_SAID)
        compared = _why_not(subject) or _compare(subject)
        pair = (compared, compared) if isinstance(compared, Unmeasured) else compared
        return dict(zip(self.keys, (*pair, precision), strict=True))


def _why_not(subject: Subject) -> Unmeasured | None:
    if subject.case.engine == STANDARD:
        return Unmeasured(ITSELF)
    if engines.get(subject.case.engine).takes != engines.get(STANDARD).takes:
        return Unmeasured(OTHER_FILE)
    return None if len(subject.images) else Unmeasured(NO_IMAGES)


def _compare(subject: Subject) -> tuple[float, float] | Unmeasured:
    """Return the share of equal top-1 answers and the largest difference of two scores."""
    try:
        standard = subject.load(STANDARD)
    except ValueError as error:
        return Unmeasured(str(error))
    places = np.unique(np.linspace(0, len(subject.images) - 1, MOST_IMAGES).round().astype(int))
    agreed, difference = 0, 0.0
    with contextlib.closing(standard):
        for place in places:
            image = np.asarray(subject.images[place])
            own, theirs = (_answer(session, image) for session in (subject.session, standard))
            agreed += int(np.argmax(own) == np.argmax(theirs))
            difference = max(difference, float(np.abs(own - theirs).max()))
    return agreed / len(places), difference


def _answer(session: Session, image: Pixels) -> npt.NDArray[np.float32]:
    session.feed(image)
    session.invoke()
    return session.scores()


METRICS: tuple[Metric, ...] = (Agreement(),)
