"""`slimbench data`: write the images that a profile is scored on, for anyone's code to check."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console

from bench import profiles
from bench.commands import Command
from bench.errors import UsageProblem
from bench.metrics.accuracy import evaluation_sha256
from bench.progress import BuildProgress
from bench.registry import unknown
from bench.steps.build import Failure, build
from bench.steps.images import Images, evaluation_images
from bench.steps.store import Store
from bench.whole_file import replacing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is written, and where."""
    parser.add_argument("profile", metavar="PROFILE", help="such as digits")
    parser.add_argument("--variant", help="the variant whose input size is wanted (default: any)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.npz")


def run(arguments: argparse.Namespace) -> int:
    """Write `images`, `labels`, `classes` and `eval_sha256` to the file, whole or not at all."""
    profile = profiles.get_profile(arguments.profile)
    if arguments.variant is not None and arguments.variant not in profile.variants:
        raise unknown("variant", arguments.variant, profile.variants)
    if arguments.out.is_dir() or not arguments.out.parent.is_dir():
        raise UsageProblem(
            f"{arguments.out} cannot be written: name a file in a folder that exists."
        )
    store = Store()
    store.prepare()
    step = Images(profile.dataset)
    with BuildProgress(Console(stderr=True)) as progress:
        result = build([step], profile.seed, store, progress).results[step]
    if isinstance(result, Failure):
        raise UsageProblem(f"The images of {profile.name} could not be made: {result.reason}")
    images, labels, classes = evaluation_images(result.folder)
    sha256 = evaluation_sha256(images, labels)
    _write(
        arguments.out,
        images=np.ascontiguousarray(images),
        labels=labels,
        classes=np.array(classes),
        eval_sha256=np.array(sha256),
    )
    shape = " x ".join(str(size) for size in images.shape[1:])
    print(f"{arguments.out}: {len(images)} images of {shape}, eval_sha256 {sha256}")
    return 0


def _write(path: Path, **arrays: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> None:
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


COMMAND = Command("data", "Write exactly what a profile is scored on.", add_arguments, run)
