"""A run of a user's models: their conversion, their variants, and its profile.

A model that is no `.tflite` file is converted here already: how large its images are and how many
classes it tells apart is read from the file that is measured, whatever it was made from.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from slimbench.build.scheduler import Failure, Watcher, build
from slimbench.build.store import Artifact, Store
from slimbench.datasets.photos.listing import split_of
from slimbench.errors import UsageProblem
from slimbench.spec import MODEL_FILE, Choices, Step, Variant
from slimbench.steps.own_convert import OwnConvert
from slimbench.steps.own_file import OwnFile, Source
from slimbench.suite.profiles import Profile
from slimbench.tflite.metadata import Metadata, read_metadata
from slimbench.user_models.conventions import class_names, expected_pixels
from slimbench.user_models.model_file import IN_WORDS, inspect, precision
from slimbench.user_models.request import NAME, Chain, Request, UserRun, find_sources, parse_steps
from slimbench.user_models.variants import UserModel, UserPhotos, open_user_photos, variants_of

NO_DATA = "none"
"""What a history calls the data of models that are scored on nothing."""

SEED = 0


def prepare(  # noqa: PLR0913 - what was asked for, and where it is worked on
    request: Request,
    choices: Choices,
    seed: int | None,
    store: Store,
    *,
    watcher: Watcher,
    taken: Collection[str] = (),
) -> UserRun:
    """Return the run of a user's models, which are converted now where they have to be.

    Args:
        request: the models and their options.
        choices: the data, and how much of it.
        seed: what fine-tuning starts from; None for the default.
        store: where converted models go.
        watcher: notified of the progress of converting.
        taken: names of the suite's profiles.

    Raises:
        UsageProblem: A model, the data or an option cannot be used; the message names it.
    """
    if request.profile in taken or not NAME.fullmatch(request.profile):
        raise UsageProblem(
            f"{request.profile!r} cannot be the profile of a run with --model: it is one of the "
            "suite's own, or no name. Leave out --profile, or give it a new name."
        )
    sources = find_sources(request.models)
    chains = tuple(dict.fromkeys(parse_steps(steps) for steps in request.steps))
    seed = SEED if seed is None else seed
    bases = {source.name: _base(source) for source in sources}
    built = build([*bases.values()], seed, store, watcher).results
    photos = None
    if choices.data is not None:
        watcher.said(f"Reading the images in {choices.data} ...")
        photos = open_user_photos(
            choices.data,
            choices.limit,
            store,
            calibrates=any(chain.recipe == "static_wi8_ai8" for chain in chains),
            allow_bad=choices.allow_bad,
        )
    variants: dict[str, Variant] = {}
    remarks: list[str] = []
    for source in sources:
        base = bases[source.name]
        file = _file(source, built[base])
        model = _model(source, base, file, request, scored=photos is not None)
        for variant in variants_of(model, chains, photos, dataset_name(choices.data)):
            if variant.name in variants:
                raise UsageProblem(
                    f"Two variants are called {variant.name}: give the models other names."
                )
            variants[variant.name] = variant
        remarks.extend(_remarks(model, chains, photos))
    if photos is not None:
        _decode(photos, variants.values(), seed, store, watcher)
        remarks.append(f"scored on {photos.test.origin}")
    profile = Profile(
        name=request.profile,
        dataset=dataset_name(choices.data),
        reference=sources[0].name,
        variants=tuple(variants),
        engines=("litert",),
        threads=(1,),
        seed=seed,
    )
    return UserRun(profile, variants, tuple(remarks))


def dataset_name(data: Path | None) -> str:
    """Return what a history calls the user's data: the name of its folder or archive.

    A folder that is called as splits are goes by the name of the one around it.
    """
    if data is None:
        return NO_DATA
    path = data.expanduser().resolve()
    path = path.parent if split_of(path.name) == "test" else path
    name = re.sub(r"\.(tar\.gz|tgz|tar|zip)$", "", path.name)
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_.-")[:80] or "data"


def _base(source: Source) -> Step:
    if source.form == "tflite":
        return OwnFile(source.content, source.name, source.path)
    return OwnConvert(source.content, source.form, source.name, source.path)


def _file(source: Source, result: Artifact | Failure) -> Path:
    if isinstance(result, Failure):
        doing = "taken in" if source.form == "tflite" else "converted"
        reason = result.reason.removeprefix("ValueError: ")
        raise UsageProblem(f"{source.path} cannot be {doing}: {reason}")
    return result.file(MODEL_FILE)


def _decode(
    photos: UserPhotos, variants: Iterable[Variant], seed: int, store: Store, watcher: Watcher
) -> None:
    """Decode the images before anything is measured, since they may be rejected."""
    evaluations = dict.fromkeys(
        variant.evaluation for variant in variants if variant.evaluation is not None
    )
    for result in build(evaluations, seed, store, watcher).results.values():
        if isinstance(result, Failure):
            raise UsageProblem(f"{photos.path} cannot be scored on: {result.reason}")


def _model(source: Source, base: Step, file: Path, request: Request, *, scored: bool) -> UserModel:
    described = inspect(file, called=source.path)
    metadata = _metadata(file, source.path)
    return UserModel(
        source=source,
        base=base,
        file=described,
        pixels=expected_pixels(source.path, described, request.pixels, metadata, scored=scored),
        classes=class_names(source.path, described.classes, request.labels, metadata),
        precision=precision(file),
    )


def _metadata(file: Path, called: Path) -> Metadata | None:
    try:
        return read_metadata(file)
    except ValueError as error:
        reason = str(error).replace(str(file), str(called))
        raise UsageProblem(
            f"{reason} Say with --pixels and --labels what it expects, or write it again."
        ) from error


def _remarks(model: UserModel, chains: Sequence[Chain], photos: UserPhotos | None) -> list[str]:
    """Describe what was inferred about a model, so that a wrong guess is seen early."""
    file = model.file
    kind = "RGB" if file.channels == 3 else "grey"
    remarks = [
        f"{model.name}: {file.height}x{file.width} {kind}, {file.classes:,} classes, pixels "
        f"{model.pixels.mode} ({model.pixels.origin})"
        + (f", labels from {model.classes.origin}" if photos is not None else "")
        + ("" if model.precision is None else f"; {IN_WORDS[model.precision]}")
    ]
    if any(chain.sparsity is not None for chain in chains) and (
        photos is None or photos.train is None
    ):
        remarks.append(
            f"{model.name}: pruned at one stroke, without fine-tuning, since there is no data with "
            "a train/ folder"
        )
    if any(chain.recipe == "static_wi8_ai8" for chain in chains) and (
        photos is None or (photos.train is None and photos.calibration is None)
    ):
        why = "there is no data" if photos is None else "no class has an image to set aside"
        remarks.append(
            f"{model.name}: static int8 is calibrated on two photographs of scikit-learn's, since "
            f"{why}: its size and time count, its accuracy only after calibrating on images of "
            "yours (--data with more images, or a train/ folder)"
        )
    return remarks
