"""Image files, whatever their form, decoded to the pixels that a model's input takes.

Size: the convention of evaluating on ImageNet (He et al. 2015, "Deep Residual Learning", testing on
one centre crop, as torchvision's `ClassificationPresetEval` writes it): shortest side to 256 for an
input of 224, bilinear with antialiasing, then the centre crop. An image that has the input's size
already is left as it is. One that is smaller in both directions, such as those of small data sets
that fill their frame, is enlarged without that margin: its shortest side to the input's.
"""

from __future__ import annotations

import functools
import hashlib
import io
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from slimbench.cores import cores
from slimbench.datasets.photos.errors import PhotoProblem, printable
from slimbench.datasets.photos.listing import UNREADABLE, Photo, fingerprint
from slimbench.spec import Advance, Pixels

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")

MARGIN = 256 / 224
"""What the shortest side is resized to, in inputs."""

RESAMPLING = Image.Resampling.BILINEAR
"""Pillow's takes all pixels below one of the result into account when it shrinks: antialiasing."""

BACKGROUND = (255, 255, 255)
"""White: what a picture that is transparent in places is most often seen on."""

MAX_PIXELS = 89_478_485
"""Pixels of one image, Pillow's own limit (a quarter of a GiB as RGB): past it a file of few bytes
could ask for any amount of memory."""

BATCH = 128
"""Images in memory at once."""

MAX_FILE_BYTES = 256 << 20
"""A longer file is no photograph, and would be held in memory whole."""

BAD_SHARE = 0.01
"""Past this share of images that cannot be decoded, figures are of another data set."""

MOST_LISTED = 10
"""How many bad images a message lists."""


PngImagePlugin.MAX_TEXT_CHUNK = 16 << 20
"""Bytes of a text or a colour profile in a PNG; Pillow's own limit of 1 MiB turns away pictures of
programs that keep their project in the file."""


class BadImage(ValueError):
    """A file holds no image that can be decoded whole; the message says why."""


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """One image: its file's sha256, and its pixels or the reason why there are none."""

    photo: Photo
    fingerprint: bytes
    pixels: Pixels | None
    problem: str = ""


def decode(  # noqa: PLR0913 - a file, an input, and what is taken
    content: bytes,
    height: int,
    width: int,
    channels: int,
    *,
    formats: tuple[str, ...] = FORMATS,
    max_pixels: int = MAX_PIXELS,
) -> Pixels:
    """Return a file's first or only image as uint8 pixels, shape (height, width, channels).

    Turned as its EXIF says; transparent parts on white; the upper 8 of 16 bits; CMYK as Pillow
    converts it, which takes JPEGs to hold inks inverted, as Adobe writes them. Three channels are
    RGB, one is Pillow's luminance "L" (ITU-R 601-2).

    Raises:
        BadImage: Not an image of `formats`, cut short, or more than `max_pixels`.
    """
    try:
        with Image.open(io.BytesIO(content), formats=formats) as image:
            if image.width * image.height > max_pixels:
                raise BadImage(_too_large(image.width * image.height, max_pixels))
            image.load()
            plain = _plain(_upright(image), "RGB" if channels == 3 else "L")
    except (MemoryError, BadImage):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadImage(_too_large(None, max_pixels)) from error
    except Exception as error:  # the decoders raise almost anything on arbitrary bytes
        raise BadImage(_why(content, error, formats)) from error
    pixels = np.asarray(fit(plain, height, width), np.uint8)
    return np.ascontiguousarray(pixels.reshape(height, width, channels))


def expect_large_images() -> None:
    """Turn Pillow's warning about large images into an error: such images are rejected here.

    Filters of warnings are the whole process's, so a program calls this once, before threads.
    """
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def fit(image: Image.Image, height: int, width: int) -> Image.Image:
    """Resize and crop an image to an input's size, as the module says.

    Only what the crop keeps is computed, which may differ by a level or two of 255 from cropping
    the resized whole: that of a picture of 1 x 10,000 pixels would take gigabytes.
    """
    if image.size == (width, height):
        return image
    enlarged = image.width <= width and image.height <= height
    full_width, full_height = _full_size(image, height, width, 1.0 if enlarged else MARGIN)
    left, top = round((full_width - width) / 2), round((full_height - height) / 2)
    across, down = image.width / full_width, image.height / full_height
    box = (
        left * across,
        top * down,
        min((left + width) * across, image.width),
        min((top + height) * down, image.height),
    )
    return image.resize((width, height), RESAMPLING, box)


def _full_size(image: Image.Image, height: int, width: int, margin: float) -> tuple[int, int]:
    """Return the (width, height) of the resized image before the crop.

    One side is exactly its target, the other, in proportion, at least its own.
    """
    target_width, target_height = round(width * margin), round(height * margin)
    if target_width * image.height >= target_height * image.width:
        return target_width, image.height * target_width // image.width
    return image.width * target_height // image.height, target_height


def _upright(image: Image.Image) -> Image.Image:
    """Turn a loaded image, in place, as its EXIF orientation says."""
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001, S110 - a broken note on a whole image, ignored as by viewers
        pass
    return image


def _plain(image: Image.Image, mode: str) -> Image.Image:
    """Convert any of Pillow's modes to RGB or L."""
    if image.mode.startswith("I"):
        image = Image.fromarray((np.clip(np.asarray(image), 0, 0xFFFF) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        opaque = Image.new("RGBA", image.size, BACKGROUND)
        opaque.alpha_composite(image.convert("RGBA"))
        image = opaque.convert("RGB")  # a grey is the same grey in RGB and back
    return image if image.mode == mode else image.convert(mode)


def _too_large(pixels: int | None, max_pixels: int) -> str:
    what = "more" if pixels is None else f"{pixels:,} pixels, more"
    return f"it has {what} than the {max_pixels:,} pixels that are decoded"


def _why(content: bytes, error: Exception, formats: tuple[str, ...]) -> str:
    if not content:
        return "the file is empty"
    if isinstance(error, UnidentifiedImageError):
        return f"it is no image of the kinds {', '.join(formats)}"
    return f"it cannot be decoded whole ({error or type(error).__name__})"


def read_photos(
    root: Path, photos: Sequence[Photo], shape: tuple[int, int, int], advance: Advance
) -> Iterator[DecodedPhoto]:
    """Decode images to one shape (height, width, channels), on all cores, in their order.

    Threads suffice: Pillow releases Python's interpreter lock while it decodes and resizes.
    """
    expect_large_images()
    read = functools.partial(_read, root, shape)
    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(photos), BATCH):
            yield from pool.map(read, photos[start : start + BATCH])
            done = min(start + BATCH, len(photos))
            advance(done, len(photos), f"image {done} of {len(photos)}")


def check_bad(bad: Sequence[DecodedPhoto], total: int, *, allow_bad: bool) -> None:
    """Reject images of which more than `BAD_SHARE` are bad, unless allowed, or all are.

    Raises:
        PhotoProblem: Names the first ten and what is wrong with each.
    """
    if len(bad) == total or (len(bad) > BAD_SHARE * total and not allow_bad):
        verb = "is" if len(bad) == 1 else "are"
        listed = "; ".join(described(photo) for photo in bad[:MOST_LISTED])
        more = f"; and {len(bad) - MOST_LISTED} more" if len(bad) > MOST_LISTED else ""
        out = "" if len(bad) == total else ", or allow bad images with --allow-bad"
        raise PhotoProblem(
            f"{len(bad)} of {total} images {verb} bad, more than {BAD_SHARE:.0%}: {listed}{more}. "
            f"Mend or remove them{out}."
        )


def described(bad: DecodedPhoto) -> str:
    """Return a bad image's name and what is wrong with it."""
    return f"{printable('/'.join(bad.photo))} ({bad.problem})"


def _read(root: Path, shape: tuple[int, int, int], photo: Photo) -> DecodedPhoto:
    path = root.joinpath(*photo)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            problem = f"the file is longer than {MAX_FILE_BYTES >> 20} MiB"
            return DecodedPhoto(photo, fingerprint(path), None, problem)
        content = path.read_bytes()
    except OSError as error:
        return DecodedPhoto(photo, UNREADABLE, None, f"it cannot be read: {error.strerror}")
    sha256 = hashlib.sha256(content).digest()
    try:
        return DecodedPhoto(photo, sha256, decode(content, *shape))
    except BadImage as problem:
        return DecodedPhoto(photo, sha256, None, str(problem))
