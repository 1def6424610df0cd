"""Variants of a model file in one's own suite: itself, and it after each of some steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from slimbench.build.store import Store
from slimbench.progress import BuildProgress
from slimbench.spec import Choices, PixelMode, Variant
from slimbench.user_models.prepare import prepare
from slimbench.user_models.request import Request


def file_variants(  # noqa: PLR0913 - what can be said about a model
    dataset: str,
    name: str,
    path: Path,
    steps: Sequence[str] = (),
    *,
    choices: Choices,
    labels: Path | None = None,
    pixels: PixelMode | None = None,
) -> tuple[Variant, ...]:
    """Return the variants of a model that lies in a file, itself first.

    Args:
        dataset: what the profile calls the images that `choices.data` names.
        name: of the model; its variants' names begin with it.
        path: a .tflite, .keras or .h5 file, or the folder of a SavedModel.
        steps: as of `slimbench run --steps`, such as `quantize(static_wi8_ai8)`.
        choices: the images to score on, and how many of them.
        labels: a file with the model's classes, one a line.
        pixels: what the model expects of RGB pixels 0-255.

    Raises:
        UsageProblem: The file, the images or a step cannot be used.
    """
    store = Store()
    store.prepare()
    request = Request((f"{name}={path}",), labels, pixels, tuple(steps))
    with BuildProgress(Console(quiet=True)) as progress:
        run = prepare(request, choices, None, store, watcher=progress)
    return tuple(replace(variant, dataset=dataset) for variant in run.variants.values())
