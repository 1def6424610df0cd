"""The shared vocabulary: what a step, variant, data set, engine, metric and figure are.

Everything that crosses a folder of the suite is named here, so that a file in one of them can
be written without reading the others. Nothing heavy is imported.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt

from slimbench.errors import Unavailable

Pixels = npt.NDArray[np.uint8]
"""Raw RGB pixels 0-255, NHWC."""

Labels = npt.NDArray[np.int64]
"""Class indices, shape (images,)."""

Toolchain = Literal["plain", "tensorflow", "quantizer"]
"""What a step imports to run. Each has a child process of its own; none is loaded to measure."""

Recipe = Literal["f16", "dynamic_wi8", "static_wi8_ai8"]
"""How weights (w) and activations (a) are quantised, by the LiteRT quantiser's names of recipes."""

Kind = Literal["import", "train", "convert", "measure", "score", "other"]
"""What time was spent on; the keys of `slimbench.seconds` in a history."""

Group = Literal["size", "accuracy", "latency", "serving"]
"""Which benchmark (`bench/test_<group>.py`) reads a metric."""


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A value that could not be had, and why: it becomes null plus an entry in `reasons`."""

    reason: str


Reading = Mapping[str, Any]
"""Metric key to its JSON value, or to `Unmeasured`."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit that one case must keep.

    `name` is the limit's key in the TOML file, such as `latency_ratio_max`; `line` says where.
    """

    variant: str
    engine: str
    threads: int
    name: str
    limit: float
    line: int


class Advance(Protocol):
    """Says how far a long piece of work is."""

    def __call__(self, done: float, total: float, note: str = "") -> None:
        """Tell that `done` of `total` units are behind."""
        ...


def package_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of installed distributions; raises Unavailable where one is not there."""
    versions = {}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            raise Unavailable(
                f"it needs {name}, which is not installed: pip install 'slimbench[build]'"
            ) from None
    return versions


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where one step runs: its inputs' folders in input order, its own output folder, the seed.

    `resume`, where there is one, is a folder that outlives a kill: what a long step left there, it
    finds when it is run again. It is removed when the step has succeeded. `notify` tells a person
    something that they should know.
    """

    inputs: tuple[Path, ...]
    out: Path
    seed: int
    advance: Advance
    resume: Path | None = None
    notify: Callable[[str], None] = lambda _: None


@dataclass(frozen=True)
class Step:
    """One thing that is done to a model or to data; subclasses are frozen dataclasses.

    Fields that are steps are its inputs, so chains form a directed acyclic graph. All other fields
    are plain values. Name, version, fields and inputs make up the key of the result
    (`slimbench.build.recipe`), so the code may be edited freely: whoever changes what a step
    *produces* raises its `version`.
    """

    version: ClassVar[int] = 1
    """Of what the step produces; a positive integer."""
    toolchain: ClassVar[Toolchain] = "plain"
    kind: ClassVar[Kind] = "other"
    packages: ClassVar[tuple[str, ...]] = ()
    """Distributions whose versions change the result."""
    seeded: ClassVar[bool] = False
    """Whether the seed itself (not only the inputs') changes the result."""
    action: ClassVar[str] = "making"
    """What is done, as a verb, for progress lines."""
    usual_seconds: ClassVar[float] = 2.0

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if type(cls.version) is not int or cls.version < 1:
            raise TypeError(
                f"The step {cls.__name__} has the version {cls.version!r}, where a positive "
                "integer is needed. Give it 1, and 1 more whenever what it produces changes."
            )
        origin = f"{cls.__module__}.{cls.__name__}"
        known = _STEP_ORIGINS.setdefault(cls.__name__, origin)
        if known != origin:
            raise TypeError(
                f"Two steps are called {cls.__name__}: {known} and {origin}. Their results would "
                "be taken for each other's; rename one."
            )

    @property
    def inputs(self) -> tuple[Step, ...]:
        """The input steps in the order of the fields."""
        values = (getattr(self, field.name) for field in dataclasses.fields(self))
        return tuple(value for value in values if isinstance(value, Step))

    def versions(self) -> dict[str, str]:
        """Return the versions of everything outside the fields that changes the result.

        Raises Unavailable where one of the packages is not installed.
        """
        return package_versions(self.packages)

    def label(self) -> str:
        """Name the model or data it yields, in a word or two: as its first input does."""
        return self.inputs[0].label()

    def title(self) -> str:
        """Say what is done, in a few words, for progress lines."""
        return f"{self.action} {self.label()}"

    def cost(self) -> float:
        """Return the expected seconds; used for the order of work and the time left, only."""
        return self.usual_seconds

    def run(self, place: Workplace) -> None:
        """Read `place.inputs`, write files into `place.out`; raise to fail."""
        raise NotImplementedError(f"The step {type(self).__name__} has no method run.")


_STEP_ORIGINS: dict[str, str] = {}
"""Where each step's class is defined, by its name."""

NOT_HASHED = {"hashed": False}
"""Metadata of a step's field that does not change the result, such as how long it takes."""


@dataclass(frozen=True)
class TrainingStep(Step):
    """A step that trains a network with Keras; `expected_seconds` are those on two cores."""

    expected_seconds: float = dataclasses.field(default=60.0, kw_only=True, metadata=NOT_HASHED)

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "train"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow", "tf-keras", "numpy")
    seeded: ClassVar[bool] = True
    action: ClassVar[str] = "training"

    def cost(self) -> float:
        """Return the expected seconds."""
        return self.expected_seconds


MODEL_FILE = "model.tflite"
"""The file that every step which yields a TensorFlow Lite model writes."""

EVALUATION_FILE = "evaluation.npz"
"""`images`, `labels`, `classes`: the test split as `slimbench data` writes it."""


KERAS_FILE = "weights.npz"
"""The file that every step which yields a Keras network writes; engines that run it load that."""

PixelMode = Literal["raw", "0..1", "-1..1", "caffe", "torch"]
"""What a float input expects of raw pixels: themselves, v / 255, v / 127.5 - 1, BGR - mean, or
(v / 255 - mean) / deviation; see `slimbench.pixels`."""


@dataclass(frozen=True, slots=True)
class Variant:
    """What is measured: a name that decodes, and the chain whose last step writes the file.

    `trained` is the step that trained the network, where this variant is its unquantised float
    file, and `evaluation` the step that holds what it is scored on, where that is not the data
    set's own.
    """

    name: str
    dataset: str
    chain: Step
    trained: Step | None = None
    evaluation: Step | None = None
    pixels: PixelMode = "raw"


@dataclass(frozen=True, slots=True)
class Choices:
    """What a user chose that decides which models are made.

    `weights` is `imagenet` (Keras's download or its cache), `random`, or a folder of files;
    `data` a folder or archive of photographs to score on, of which `limit` are taken at most;
    `allow_bad` goes on where many of them cannot be read.
    """

    weights: str = "imagenet"
    data: Path | None = None
    limit: int = 5000
    allow_bad: bool = False


NOTHING_CHOSEN = Choices()
"""What holds where a user says nothing."""


@dataclass(frozen=True, slots=True)
class Splits:
    """A data set cut in three; no image is in two of them."""

    train: tuple[Pixels, Labels]
    validation: tuple[Pixels, Labels]
    test: tuple[Pixels, Labels]


@dataclass(frozen=True, slots=True)
class DataSet:
    """On what variants are trained and scored. `load` may be slow and runs in a child process.

    Whoever changes what `load` returns raises the `version`.
    """

    name: str
    classes: tuple[str, ...]
    input_shape: tuple[int, int, int]
    packages: tuple[str, ...]
    load: Callable[[], Splits]
    version: int = 1

    def versions(self) -> dict[str, str]:
        """Return the versions of the data set and of the packages that it comes from."""
        return {f"data set {self.name}": str(self.version), **package_versions(self.packages)}


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """A user's photographs, on which networks trained elsewhere are scored, each at its own size.

    `classes` counts those of the networks; the photographs may show only some of them.
    """

    name: str
    classes: int


class Session(Protocol):
    """One model, loaded and allocated, that answers one image at a time.

    `feed` and `scores` are outside the clock; `invoke` is what is timed.
    """

    input_shape: tuple[int, ...]

    def feed(self, image: Pixels) -> None:
        """Set one image, shape (height, width, channels)."""
        ...

    def invoke(self) -> None:
        """Run the model once on what was fed."""
        ...

    def scores(self) -> npt.NDArray[np.float32]:
        """Return the class scores of the last invocation, shape (classes,), dequantised."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...


class Engine(Protocol):
    """By what a model is run."""

    name: str
    takes: Literal["tflite", "keras"]
    """What it runs: TensorFlow Lite files, or Keras networks."""
    needs_tensorflow: bool
    disturbs_others: bool
    """Whether it brings threads of its own, so that it is measured last."""
    scores_in_parallel: bool
    """Whether several sessions, each in a thread, may score side by side."""
    options: Mapping[str, str]
    """What the runtime is told beyond file and threads; none is its defaults. `load` obeys it."""
    distribution: str
    """The package whose version its times depend on; histories record it, the gate holds to it."""

    def prepare(self) -> None:
        """Import the runtime, so that loading a model does not."""
        ...

    def load(self, model: Path, threads: int, pixels: PixelMode = "raw") -> Session:
        """Load and allocate; raises ValueError where the runtime cannot take the file."""
        ...


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """One row of the result: a variant on an engine with a number of threads."""

    variant: str
    engine: str
    threads: int

    @property
    def id(self) -> str:
        """The test id, `variant-engine-threads`."""
        return f"{self.variant}-{self.engine}-{self.threads}"


class Subject(Protocol):
    """A case with everything a metric may look at."""

    case: Case
    model: Path
    gzip_size: int | None
    """The model's bytes after gzip, where they were counted when it was built."""
    reference_reason: str
    """Why there is no reference, where there is none."""
    images: Pixels
    labels: Labels
    present: tuple[int, ...] | None
    """Which of the model's classes occur in the images, where some do not."""
    no_accuracy_reason: str
    """Why right answers cannot be counted, where they cannot."""
    pixels: PixelMode
    samples: Sequence[float] | None
    """Seconds of single invocations, where they were timed."""

    @property
    def reference(self) -> Subject | None:
        """The reference variant on the same engine and threads; itself for the reference."""
        ...

    @property
    def session(self) -> Session:
        """The model, loaded on first use."""
        ...

    @property
    def example(self) -> Pixels:
        """One image of the model's size, to be fed while the clock runs."""
        ...

    def load(self, engine: str | None = None) -> Session:
        """Load the model once more, on its own engine or on another."""
        ...

    def value(self, key: str) -> Any:
        """Return what another metric read for this subject, measuring it now if need be."""
        ...


Unit = Literal["bytes", "MiB", "ms", "s", "per_s", "ratio", "share", "count", "number"]
"""Of a figure. `share` is in [0, 1], `number` has no unit; changes of shares are differences, those
of all others relative."""

UNIT_ENDINGS: Mapping[Unit, str] = {
    "bytes": "_bytes",
    "MiB": "_mb",
    "ms": "_ms",
    "s": "_s",
    "per_s": "_per_s",
    "ratio": "_ratio",
}
"""How the keys and budgets of a unit end; those of other units end in none."""


@dataclass(frozen=True, slots=True)
class BudgetForm:
    """A budget's name, which ends in `_max` or `_min`, and what a figure is turned into for it."""

    name: str
    unit: Unit
    convert: Callable[[float], float]


def _unchanged(value: float) -> float:
    return value


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that a metric reads, and all that is known of it but its value.

    Budgets, gate, comparisons, trends, choices and reports take from here what they need, so a
    figure is known to all of them once its metric's file describes it.
    """

    key: str
    """In `extra_info`; a number in an inner object has a dotted one, such as `latency_ms.p50`."""
    unit: Unit
    better: Literal["less", "more"] | None = None
    """None where neither is: then no budget limits it and the gate does not judge it."""
    label: str = ""
    """A column's heading; by default the key."""
    label_fr: str = ""
    """The same in French; by default the English one."""
    title: str = ""
    """The heading of its table in a comparison; by default the label."""
    column: str = ""
    """The column it has in the gate's table, and its short name in `compare --metric`."""
    exact: bool = False
    """Whether the same file and images give the same value again: it is counted, not timed."""
    on_images: bool = False
    """Whether it depends on which images were scored."""
    against_reference: bool = False
    """Whether it depends on which variant is the reference."""
    judge: Literal["answers", "pairs"] | None = None
    """How the gate tests it: image by image, or timed anew in pairs. None: see `is_counted`."""
    tolerance: float | None = 0.0
    """How much worse the gate lets it become, unless told otherwise; None is not judged."""
    limit: str = ""
    """The name of that limit; by default `<quantity>_growth_max`, `_loss_max` if more is better."""
    stem: str = ""
    """The key without its unit, where it cannot be told from the key."""
    budgets: tuple[BudgetForm, ...] | None = None
    """By default one, `<quantity>_<unit>_max` or, if more is better, `_min`."""

    @property
    def quantity(self) -> str:
        """What is measured, without the unit: the key's beginning, or `stem`."""
        return self.stem or self.key.removesuffix(UNIT_ENDINGS.get(self.unit, ""))

    @property
    def is_counted(self) -> bool:
        """Whether the gate compares it exactly: a count of the file's own that has a direction."""
        own = not (self.on_images or self.against_reference)
        return self.exact and own and self.better is not None and self.judge is None

    @property
    def limit_name(self) -> str:
        """The gate's limit on it."""
        change = "growth" if self.better == "less" else "loss"
        return self.limit or f"{self.quantity}_{change}_max"

    @property
    def budget_forms(self) -> tuple[BudgetForm, ...]:
        """The budgets that limit it."""
        if self.budgets is not None or self.better is None:
            return self.budgets or ()
        name = f"{self.quantity}{UNIT_ENDINGS.get(self.unit, '')}"
        direction = "max" if self.better == "less" else "min"
        return (BudgetForm(f"{name}_{direction}", self.unit, _unchanged),)


class Metric(Protocol):
    """What is read off: one or more keys of `extra_info`, read together.

    `figures` describes the numbers among them. A number that it does not describe is saved and
    has a trend, as a timed one with the unit that its key ends in.
    """

    keys: tuple[str, ...]
    figures: tuple[Figure, ...]
    group: Group
    kind: Kind

    def read(self, subject: Subject) -> Reading:
        """Return every key of `keys`, each with a value or `Unmeasured`."""
        ...
