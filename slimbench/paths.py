"""Where things lie: the library, the suite in use, and the results of the project one stands in."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

CODE = Path(__file__).resolve().parent.parent
"""The folder that holds the package `slimbench`: a checkout, or an environment's site-packages."""

_PACKAGED = Path(__file__).with_name("reference")
REFERENCE = _PACKAGED if _PACKAGED.is_dir() else CODE
"""Holds `bench/`, `fixtures/` and `conftest.py` of the reference suite. A wheel carries copies; in
a checkout they are the files themselves."""

VARIABLE = "SLIMBENCH_SUITE"
"""Names the folder of the suite in use, here and in child processes."""

PROFILES = "profiles.toml"
"""The file that makes a folder `bench/` a suite."""

SOURCE_MARKS = ("pyproject.toml", ".git")
PROJECT_MARKS = (*SOURCE_MARKS, "results")
"""What a project's folder holds."""


def project_folder(start: Path | None = None, marks: Sequence[str] = PROJECT_MARKS) -> Path:
    """Return the project that a folder belongs to, by default the working directory.

    That is the nearest folder upwards with one of the marks: `pyproject.toml`, `.git` or, unless
    only sources count, `results/`. Where there is none, it is the folder itself.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if any((folder / mark).exists() for mark in marks):
            return folder
    return here


def results_folder() -> Path:
    """Return where histories are saved unless another folder is named."""
    return project_folder() / "results"


def suite_folder() -> Path:
    """Return the `bench/` folder in use: the nearest upwards, else the reference suite's.

    It is looked for once: the environment keeps it, so that child processes, which may work in
    another folder, use the same.
    """
    if not os.environ.get(VARIABLE):
        here = Path.cwd().resolve()
        own = (folder / "bench" for folder in (here, *here.parents))
        suite = next((bench for bench in own if (bench / PROFILES).is_file()), REFERENCE / "bench")
        os.environ[VARIABLE] = str(suite)
    return Path(os.environ[VARIABLE])


def suite_file(name: str) -> Path:
    """Return a file of the suite in use, or the reference suite's where it has none."""
    own = suite_folder() / name
    return own if own.exists() else REFERENCE / "bench" / name


def short(path: Path) -> str:
    """Return a path for people: relative where it lies in the working directory."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
