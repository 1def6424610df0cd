"""What `--data PATH` names: a folder or archive of photographs, opened, listed and chosen from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from slimbench.build.store import Store
from slimbench.datasets.photos.archives import unpack
from slimbench.datasets.photos.errors import LAYOUT, PhotoProblem, printable
from slimbench.datasets.photos.listing import (
    DEFAULT_LIMIT,
    Listing,
    Part,
    Photo,
    Split,
    choose_part,
    content_sha256,
    holds_image,
    list_images,
)

MOST_KINDS = 8
"""Kinds of other files that a note lists."""


@dataclass(frozen=True, slots=True)
class Photos:
    """Chosen images of one split: the class folders below `root`, and (folder, name) of each."""

    root: Path
    folders: tuple[str, ...]
    chosen: tuple[Photo, ...]
    limit: int | None
    part: Part
    content: str
    """The sha256 of folders, names and bytes: what is made of them depends on it alone."""
    origin: str
    """Where they are from and how many were taken, in words that name no machine's folders."""
    notes: tuple[str, ...] = ()
    """What a person should know of the choice, such as what was left out."""


def open_photos(
    path: Path,
    store: Store,
    *,
    split: Split = "test",
    limit: int | None = DEFAULT_LIMIT,
) -> Photos:
    """Find and choose the images of a folder or archive; raises as the two steps of it do."""
    return choose_photos(find_photos(path, store, split), path, split=split, limit=limit)


def find_photos(path: Path, store: Store, split: Split = "test") -> Listing:
    """List the images of a folder or archive; an archive is unpacked into the store.

    Raises:
        PhotoProblem: There is nothing, or nothing of that kind, at the path; see
            `archives.unpack` and `listing.list_images`.
    """
    return list_images(_folder(path, store), split)


def choose_photos(
    listing: Listing,
    path: Path,
    *,
    split: Split = "test",
    limit: int | None = DEFAULT_LIMIT,
    part: Part = "all",
) -> Photos:
    """Choose from the images found at a path; every chosen file is read once, for `content`.

    Raises:
        PhotoProblem: A limit under 1.
    """
    if limit is not None and limit < 1:
        raise PhotoProblem(f"At least one image must be taken, not {limit}.")
    chosen = choose_part(listing.files, limit, part)
    folders = tuple(listing.files)
    kind = "folder" if path.is_dir() else "archive"
    whole = len(chosen) == listing.total
    taken = f"all {len(chosen):,}" if whole else f"{len(chosen):,} of {listing.total:,}"
    classes = f"{len(folders):,} class{'es' if len(folders) > 1 else ''}"
    evenly = "" if whole else ", evenly over the classes,"
    return Photos(
        root=listing.root,
        folders=folders,
        chosen=chosen,
        limit=limit,
        part=part,
        content=content_sha256(listing.root, folders, chosen),
        origin=(
            f"{taken} {split} images of {classes}{evenly} in the {kind} "
            f"{printable(path.resolve().name)}"
        ),
        notes=(*_left_out(listing, path), *_set_aside(listing, part)),
    )


def _left_out(listing: Listing, path: Path) -> tuple[str, ...]:
    if not listing.left_out:
        return ()
    kinds = sorted(listing.left_out.items(), key=lambda item: (-item[1], item[0]))
    counts = ", ".join(f"{count:,} {printable(kind)}" for kind, count in kinds[:MOST_KINDS])
    more = ", ..." if len(kinds) > MOST_KINDS else ""
    return (
        f"left out of {printable(path.resolve().name)}, as no image in a class: {counts}{more}",
    )


def _set_aside(listing: Listing, part: Part) -> tuple[str, ...]:
    if part != "rest":
        return ()
    count = len(choose_part(listing.files, None, "calibration"))
    return (
        f"{count:,} of {listing.total:,} images, evenly over the classes, are set aside to "
        "calibrate static int8 and not scored; a train/ folder would be used instead",
    )


def _folder(path: Path, store: Store) -> Path:
    try:
        if path.is_dir():
            return path
        if path.is_file():
            if holds_image(path):
                raise PhotoProblem(f"{path} is an image. Name a folder or archive with {LAYOUT}.")
            return unpack(path, store)
        exists = path.exists()
    except OSError as error:
        raise PhotoProblem(
            f"{path} cannot be read ({error.strerror}). Make it readable, or name another path."
        ) from error
    if exists:
        raise PhotoProblem(f"{path} is neither a folder nor a file. Name a folder or archive.")
    raise PhotoProblem(f"There is no {path}. Name a folder or archive with {LAYOUT}.")
