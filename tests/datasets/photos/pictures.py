"""Small image files and folders of them, made where a test needs them."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from slimbench.build.store import Store

DATA = "SLIMBENCH_TEST_DATA"


def real_data(name: str) -> Path:
    """Return a file of the folder with real data, or skip."""
    if DATA not in os.environ:
        pytest.skip(f"{DATA} names no folder with real data")
    path = Path(os.environ[DATA]) / name
    if not path.exists():
        pytest.skip(f"{DATA} has no {name}")
    return path


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """Return an image as the bytes of a file."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def noise(seed: int, width: int = 8, height: int = 8) -> Image.Image:
    """Return an RGB image that no other seed gives."""
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def write_tree(folder: Path, files: Mapping[str, bytes | int]) -> Path:
    """Write files by relative name; a number stands for a PNG of that noise."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(noise(content)) if isinstance(content, int) else content)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder, by relative name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def leftovers(store: Store) -> list[str]:
    """Return what lies in a store besides locks."""
    return sorted(
        path.relative_to(store.root).as_posix()
        for path in store.root.rglob("*")
        if path.parent.name != "locks" and path.parent != store.root
    )


def wait_for(path: Path, seconds: float = 30.0) -> None:
    """Wait until another process has made a file or folder."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {path}"
        time.sleep(0.01)
