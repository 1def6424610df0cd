"""The variants of a user's model: itself, and it after each of the named steps.

They are scored on the user's photographs, and trained or calibrated on those of a `train/` split.
Without one, images to calibrate on are set aside from those to score on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from slimbench.build.store import Store
from slimbench.datasets.photos.errors import PhotoProblem
from slimbench.datasets.photos.listing import MOST_CALIBRATION, Part, split_folder, split_of
from slimbench.datasets.photos.source import (
    Photos,
    choose_photos,
    find_photos,
    open_photos,
)
from slimbench.errors import UsageProblem
from slimbench.spec import Step, Variant
from slimbench.steps.calibration_photos import CalibrationPhotos
from slimbench.steps.own_convert import OwnConvert
from slimbench.steps.own_file import Source
from slimbench.steps.own_keras import is_keras
from slimbench.steps.own_prune import OwnPrune
from slimbench.steps.photos import TrainingPhotos, of_photos
from slimbench.steps.quantize import Quantize
from slimbench.user_models.conventions import ClassNames, ExpectedPixels
from slimbench.user_models.model_file import IN_WORDS, ModelFile, Precision
from slimbench.user_models.request import Chain

TRAINING_BYTES = 128 * 2**20
"""Of pixels to fine-tune on, which become four times as many bytes as floats."""

FEWEST_TRAINING, MOST_TRAINING = 200, 20_000


@dataclass(frozen=True, slots=True)
class UserModel:
    """A user's model with all that is known of it; `base` is the step that gives its file."""

    source: Source
    base: Step
    file: ModelFile
    pixels: ExpectedPixels
    classes: ClassNames
    precision: Precision | None = None
    """None where it is not known."""

    @property
    def name(self) -> str:
        """What its user calls it."""
        return self.source.name

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of its images."""
        return self.file.height, self.file.width, self.file.channels


@dataclass(frozen=True, slots=True)
class UserPhotos:
    """The test images of a user's data, and where they have one, the split to train on.

    `calibration` are the images set aside where that is missing and one of the steps needs some,
    None also where no class has an image to spare.
    """

    test: Photos
    path: Path
    train: Path | None
    store: Store
    calibration: Photos | None = None
    allow_bad: bool = False

    def training(self, limit: int) -> Photos:
        """Choose training images; raises PhotoProblem where they cannot be used."""
        return open_photos(self.path, self.store, split="train", limit=limit)


def open_user_photos(
    path: Path, limit: int, store: Store, *, calibrates: bool = False, allow_bad: bool = False
) -> UserPhotos:
    """Open a folder or archive; raises PhotoProblem where it cannot be used.

    Only a `train/` inside of what was named counts: who names a `test/` folder means that alone.

    Args:
        path: of the folder or archive.
        limit: how many images to score on at most.
        store: where archives are unpacked.
        calibrates: whether images to calibrate on are needed, from `train/` or set aside.
        allow_bad: whether any number of images may be unreadable.
    """
    path = path.expanduser().absolute()
    listing = find_photos(path, store)
    is_split = listing.root != path and split_of(listing.root.name) == "test"
    train = split_folder(listing.root.parent, "train") if is_split else None
    calibration = None
    if calibrates and train is None:
        aside = choose_photos(listing, path, part="calibration")
        calibration = aside if aside.chosen else None  # none where each class has one image
    part: Part = "all" if calibration is None else "rest"
    test = choose_photos(listing, path, limit=limit, part=part)
    return UserPhotos(test, path, train, store, calibration, allow_bad)


def training_limit(height: int, width: int, channels: int) -> int:
    """Return the number of images of a size to fine-tune on."""
    fitting = TRAINING_BYTES // (height * width * channels)
    return min(MOST_TRAINING, max(FEWEST_TRAINING, fitting))


def variants_of(
    model: UserModel, chains: Iterable[Chain], photos: UserPhotos | None, dataset: str
) -> tuple[Variant, ...]:
    """Return a model's variants, itself first.

    Raises:
        UsageProblem: A step cannot be done to it, or it does not fit the photographs.
    """
    evaluation = None if photos is None else _evaluation(model, photos, dataset)
    measured = dict.fromkeys(prefix for chain in chains for prefix in chain.prefixes())
    ends: dict[str, Step] = {model.name: model.base}
    for chain in measured:
        ends[chain.name(model.name)] = _last_step(model, chain, photos, evaluation, dataset)
    return tuple(
        Variant(name, dataset, end, evaluation=evaluation, pixels=model.pixels.mode)
        for name, end in ends.items()
    )


def _evaluation(model: UserModel, photos: UserPhotos, dataset: str) -> Step:
    try:
        return of_photos(
            photos.test,
            dataset,
            model.input_shape,
            classes=model.file.classes,
            labels=model.classes.names,
            allow_bad=photos.allow_bad,
        )
    except PhotoProblem as problem:
        raise PhotoProblem(
            f"{photos.path} does not fit {model.source.path}: {problem}"
        ) from problem


def _last_step(
    model: UserModel, chain: Chain, photos: UserPhotos | None, evaluation: Step | None, dataset: str
) -> Step:
    """Return the last step of what a chain does to a model."""
    end = model.base
    if chain.sparsity is not None:
        training = _training(model, photos, evaluation, dataset, training_limit(*model.input_shape))
        end = _pruned(model, chain.sparsity, training)
    if chain.recipe is None:
        return end
    if not model.file.is_float or model.precision not in (None, "f32"):
        raise UsageProblem(
            f"{model.source.path} is quantised already{_precision_note(model)}, so --steps "
            f"quantize({chain.recipe}) cannot be done to it. Name its float file, or leave out "
            "--steps."
        )
    if chain.recipe != "static_wi8_ai8":
        return Quantize(end, chain.recipe)
    calibration = _calibration(model, photos, evaluation, dataset)
    return Quantize(
        end,
        chain.recipe,
        calibration or CalibrationPhotos(model.file.height, model.file.width),
        pixels=model.pixels.mode,
    )


def _precision_note(model: UserModel) -> str:
    return "" if model.precision in (None, "f32") else f" ({IN_WORDS[model.precision]})"


def _pruned(model: UserModel, sparsity: float, training: Step | None) -> Step:
    source = model.source
    if source.form == "tflite":
        raise UsageProblem(
            f"{source.path} is a .tflite file, whose layers can no longer be trained, so --steps "
            "prune(...) cannot be done to it. Name the Keras model it was converted from."
        )
    if not is_keras(source.path, source.form):
        raise UsageProblem(
            f"{source.path} is a SavedModel without Keras layers, so --steps prune(...) cannot be "
            "done to it. Name the model as .keras or .h5."
        )
    pruned = OwnPrune(
        source.content,
        source.form,
        sparsity,
        source.name,
        source.path,
        images=training,
        pixels=model.pixels.mode,
    )
    return OwnConvert(source.content, source.form, source.name, source.path, pruned)


def _training(
    model: UserModel,
    photos: UserPhotos | None,
    evaluation: Step | None,
    dataset: str,
    limit: int,
) -> Step | None:
    """Return images to train on or to calibrate with, None where the data has none."""
    if photos is None or photos.train is None or evaluation is None:
        return None
    return _decoded(model, photos, evaluation, photos.training(limit), limit=limit, dataset=dataset)


def _calibration(
    model: UserModel, photos: UserPhotos | None, evaluation: Step | None, dataset: str
) -> Step | None:
    """Return images to calibrate on, those of `train/` first, None where there is no data."""
    if photos is None or evaluation is None or photos.calibration is None:
        return _training(model, photos, evaluation, dataset, MOST_CALIBRATION)
    chosen = photos.calibration
    limit = len(chosen.chosen)
    return _decoded(model, photos, evaluation, chosen, limit=limit, dataset=dataset)


def _decoded(  # noqa: PLR0913 - a step's fields
    model: UserModel,
    photos: UserPhotos,
    evaluation: Step,
    chosen: Photos,
    *,
    limit: int,
    dataset: str,
) -> TrainingPhotos:
    return TrainingPhotos(
        evaluation,
        dataset,
        *model.input_shape,
        chosen.content,
        model.file.classes,
        model.classes.names,
        limit,
        chosen.root.absolute(),
        photos.allow_bad,
        chosen.part,
    )
