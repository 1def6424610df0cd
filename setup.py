"""Builds the wheel: the library, and copies of the reference suite inside it.

`slimbench init` writes the suite's files into a project, and `slimbench run` measures with them, so
a wheel has to carry them. In a checkout and an editable install they are found where they lie
(`slimbench.paths.REFERENCE`).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
SUITE = ("conftest.py", "fixtures/*.py", "bench/*.py", "bench/*.toml", "bench/variants/*.py")


class BuildWithSuite(build_py):
    """Copies the suite into the package that is built."""

    def run(self) -> None:
        """Build the package, then add the suite's files to it."""
        super().run()
        if self.editable_mode:
            return
        for source in (path for pattern in SUITE for path in sorted(ROOT.glob(pattern))):
            copy = Path(self.build_lib, "slimbench", "reference", source.relative_to(ROOT))
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)


setup(cmdclass={"build_py": BuildWithSuite})
