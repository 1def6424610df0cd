"""A run whose models are built already: real files, a real store, and no child process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from slimbench.build import recipe
from slimbench.build.scheduler import Failure, Outcome, Result
from slimbench.build.store import Artifact, Store
from slimbench.datasets.evaluation import Evaluation
from slimbench.measurement.stopwatch import Stopwatch
from slimbench.run.plan import Plan
from slimbench.run.session import Run
from slimbench.spec import MODEL_FILE, Budget, Case, Step, Variant, Workplace
from slimbench.steps.gzip_size import RESULT_FILE, GzipSize
from slimbench.steps.images import Images
from slimbench.suite.profiles import Profile
from tests.tiny_models import SHAPE, first_pixels, linear_model

REFERENCE = Case("reference_f32", "litert", 1)
SMALL = Case("small_f32", "litert", 1)
IMAGES = 12
CLASSES = ("a", "b", "c")
GZIP_BYTES = 77


@dataclass(frozen=True, slots=True)
class Ready(Step):
    """A step whose result is put into the store by hand."""

    name: str

    def label(self) -> str:
        return self.name

    def title(self) -> str:
        return f"making {self.name}"

    def cost(self) -> float:
        return 1.0

    def run(self, place: Workplace) -> None:  # noqa: ARG002
        raise AssertionError(f"{self.name} is there already")


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Setup:
    """What a run is to hold; failures are by variant."""

    folder: Path
    failures: Mapping[str, Failure] = field(default_factory=dict)
    cases: Sequence[Case] = (REFERENCE, SMALL)
    budgets: Sequence[Budget] = ()
    images_failure: Failure | None = None
    clock: Clock = field(default_factory=Clock)

    def run(self) -> Run:
        store = Store(self.folder / "store")
        store.prepare()
        names = list(dict.fromkeys(case.variant for case in self.cases))
        steps = {name: Ready(name) for name in names}
        profile = Profile(
            "digits", "digits", REFERENCE.variant, tuple(names), ("litert",), (1,), seed=0
        )
        images = Images("digits")
        plan = Plan(
            profile,
            {name: Variant(name, "digits", step) for name, step in steps.items()},
            tuple(self.cases),
            tuple(self.cases),
            dict.fromkeys(names, images),
            tuple(self.budgets),
            seed=0,
            lang="en",
            results=self.folder / "results",
            store=store,
        )
        results: dict[Step, Result] = {}
        for name, step in steps.items():
            gzipped = GzipSize(step)
            results[step] = self.failures.get(name) or self._model(store, step)
            results[gzipped] = self.failures.get(name) or self._gzip_size(store, gzipped)
        run = Run(plan, Stopwatch(self.clock))
        results[images] = self.images_failure or self._model(store, Ready("images"))
        run.outcome = Outcome(results, {})
        if self.images_failure is None:
            run.evaluations[images] = Evaluation(*evaluation(), CLASSES)
        return run

    def _model(self, store: Store, step: Ready) -> Artifact:
        """The reference is larger, and right about three images in four; see `evaluation`."""
        classes = 5 if step.name == REFERENCE.variant else 3
        with self._object(store, step) as folder:
            linear_model(folder / MODEL_FILE, first_pixels(classes))
        return _found(store, step)

    def _gzip_size(self, store: Store, step: GzipSize) -> Artifact:
        with self._object(store, step) as folder:
            (folder / RESULT_FILE).write_text(str(GZIP_BYTES), encoding="utf-8")
        return _found(store, step)

    @staticmethod
    def _object(store: Store, step: Any) -> Any:
        return store.writing(recipe.key(step, 0), step.title(), recipe.chain(step))


def evaluation() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Images whose brightest value is their 0th, 1st, 2nd or 4th; the last count as class 0.

    A model that scores three values is right about all, one that scores five about three in four.
    """
    brightest = np.resize([0, 1, 2, 4], IMAGES)
    images = np.zeros((IMAGES, *SHAPE), np.uint8)
    images.reshape(IMAGES, -1)[np.arange(IMAGES), brightest] = 200
    return images, np.where(brightest == 4, 0, brightest).astype(np.int64)


def _found(store: Store, step: Step) -> Artifact:
    artifact = store.find(recipe.key(step, 0))
    assert artifact is not None
    return artifact
