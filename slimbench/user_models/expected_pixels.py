"""What a user's model expects of pixels, and how that is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from slimbench.errors import UsageProblem
from slimbench.pixels import CAFFE_MEANS, guess
from slimbench.spec import PixelMode
from slimbench.tflite.metadata import Metadata
from slimbench.user_models.model_file import ModelFile


@dataclass(frozen=True, slots=True)
class ExpectedPixels:
    """A pixel mode, and where it is from in words."""

    mode: PixelMode
    origin: str


def expected_pixels(
    path: Path, model: ModelFile, asked: PixelMode | None, metadata: Metadata | None
) -> ExpectedPixels:
    """Return what was asked for, else what the file says, else what its integers suggest, else raw.

    Raises:
        UsageProblem: The mode is for other channels, or the file says something that none of the
            modes is.
    """
    if asked is not None:
        if asked == "caffe" and model.channels != len(CAFFE_MEANS):
            raise UsageProblem(
                f"--pixels caffe is for models of 3 channels, and {path} has {model.channels}. "
                "Choose raw, 0..1 or -1..1."
            )
        return ExpectedPixels(asked, "--pixels")
    if metadata is not None and metadata.mean and metadata.std:
        if metadata.pixels is None:
            mean, std = (
                ", ".join(f"{each:g}" for each in part) for part in _normalisation(metadata)
            )
            raise UsageProblem(
                f"The metadata of {path} asks for (pixel - mean) / deviation with means {mean} and "
                f"deviations {std}, which is none of the ways that are known. Choose the nearest "
                "with --pixels."
            )
        return ExpectedPixels(metadata.pixels, "its metadata")
    if model.quantization is not None:
        return ExpectedPixels(guess(*model.quantization.real_range), "its quantisation")
    return ExpectedPixels("raw", "nothing said otherwise")


def _normalisation(metadata: Metadata) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return metadata.mean or (), metadata.std or ()
