"""The wheel, and environments that hold it and nothing of the checkout.

Nothing is downloaded: an environment gets links to what slimbench depends on, as far as its extras
go, from the environment of the tests.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from slimbench.paths import CODE

MINUTES = 5

SOURCES = (
    *("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "conftest.py"),
    *("bench", "fixtures", "slimbench"),
)
"""What a wheel is built from."""


def build_wheel(source: Path, folder: Path) -> Path:
    """Build the wheel of a source tree as pip does; returns its path.

    From a copy, since setuptools leaves its work where the source lies.
    """
    copy = folder / "source"
    if source.is_dir():
        copy.mkdir()
        for name in SOURCES:
            copied = shutil.copytree if (source / name).is_dir() else shutil.copy
            copied(source / name, copy / name)
    else:
        shutil.unpack_archive(source, copy)
        (copy,) = copy.iterdir()
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)),
            str(copy),
        ],
        check=True,
        timeout=60 * MINUTES,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


@dataclass(frozen=True)
class Environment:
    """A virtual environment with the wheel; commands run in it as a user's would."""

    folder: Path
    home: Path

    @property
    def packages(self) -> Path:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.folder / "lib" / version / "site-packages"

    def run(self, cwd: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment in a folder; its output is text."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "PYTEST", "SLIMBENCH", "COV", "VIRTUAL_ENV"))
        }
        return subprocess.run(
            [str(self.folder / "bin" / command[0]), *command[1:]],
            cwd=cwd,
            env={**environment, "HOME": str(self.home), "LC_ALL": "C.UTF-8", **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=60 * MINUTES,
        )


def make_environment(
    folder: Path, wheel: Path, extras: Iterable[str] = (), others: Iterable[str] = ()
) -> Environment:
    """Make an environment with the wheel, what it and its extras need, and other distributions."""
    venv.create(folder / "env", with_pip=False)
    (folder / "home").mkdir()
    environment = Environment(folder / "env", folder / "home")
    project = tomllib.loads((CODE / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in extras for name in project["optional-dependencies"][extra]),
        *others,
    ]
    source = Path(sysconfig.get_path("purelib"))
    for name in _closure(wanted):
        for file in importlib.metadata.files(name) or ():
            top = file.parts[0]
            link = environment.packages / top
            if top not in ("..", "__pycache__") and not link.exists():
                link.symlink_to(source / top)
    python = environment.folder / "bin" / "python"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"),
            *("--disable-pip-version-check", "--no-deps", "--no-index", str(wheel)),
        ],
        check=True,
        timeout=60 * MINUTES,
    )
    return environment


def _closure(requirements: Iterable[str]) -> set[str]:
    """Return the distributions that requirements lead to, as far as they are installed here."""
    names: set[str] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        extras = requirement.extras or {""}
        needed = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if name in names or not needed:
            continue
        names.add(name)
        for text in importlib.metadata.requires(name) or ():
            below = Requirement(text)
            if below.marker is None or any(
                below.marker.evaluate({"extra": extra}) for extra in extras
            ):
                below.marker = None
                waiting.append(below)
    return names
