"""Many image files read and decoded side by side, in order, never more than a few in memory."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from slimbench.cores import cores
from slimbench.datasets.photos.choosing import UNREADABLE, Photo, fingerprint
from slimbench.datasets.photos.decoding import BadImage, decode, expect_large_images
from slimbench.datasets.photos.refusal import PhotoProblem, shown
from slimbench.datasets.photos.silent import silent
from slimbench.spec import Advance, Pixels

BATCH = 128
"""Images in memory at once."""

MAX_FILE_BYTES = 256 << 20
"""A longer file is no photograph, and would be held in memory whole."""

BAD_SHARE = 0.01
"""Past this share of images that cannot be decoded, figures are of another data set."""

NAMED = 10
"""How many bad images a message lists."""


@dataclass(frozen=True, slots=True)
class Read:
    """One image: its file's sha256, and its pixels or why there are none."""

    photo: Photo
    fingerprint: bytes
    pixels: Pixels | None
    problem: str = ""


def read_photos(
    root: Path, photos: Sequence[Photo], shape: tuple[int, int, int], advance: Advance = silent
) -> Iterator[Read]:
    """Decode images to one shape (height, width, channels), on all cores, in their order.

    Threads do: Pillow lets go of Python's lock while it decodes and resizes.
    """
    expect_large_images()
    read = functools.partial(_read, root, shape)
    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(photos), BATCH):
            yield from pool.map(read, photos[start : start + BATCH])
            done = min(start + BATCH, len(photos))
            advance(done, len(photos), f"image {done} of {len(photos)}")


def check_bad(bad: Sequence[Read], total: int, *, allow_bad: bool) -> None:
    """Refuse images of which more than `BAD_SHARE` are bad, unless allowed, or all.

    Raises:
        PhotoProblem: Names the first ten and what is wrong with each.
    """
    if len(bad) == total or (len(bad) > BAD_SHARE * total and not allow_bad):
        verb = "is" if len(bad) == 1 else "are"
        listed = "; ".join(named(read) for read in bad[:NAMED])
        more = f"; and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
        out = "" if len(bad) == total else ", or allow bad images with --allow-bad"
        raise PhotoProblem(
            f"{len(bad)} of {total} images {verb} bad, more than {BAD_SHARE:.0%}: {listed}{more}. "
            f"Mend or remove them{out}."
        )


def named(read: Read) -> str:
    """Return a bad image's name and what is wrong with it."""
    return f"{shown('/'.join(read.photo))} ({read.problem})"


def _read(root: Path, shape: tuple[int, int, int], photo: Photo) -> Read:
    path = root.joinpath(*photo)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            problem = f"the file is longer than {MAX_FILE_BYTES >> 20} MiB"
            return Read(photo, fingerprint(path), None, problem)
        content = path.read_bytes()
    except OSError as error:
        return Read(photo, UNREADABLE, None, f"it cannot be read: {error.strerror}")
    sha256 = hashlib.sha256(content).digest()
    try:
        return Read(photo, sha256, decode(content, *shape))
    except BadImage as problem:
        return Read(photo, sha256, None, str(problem))
