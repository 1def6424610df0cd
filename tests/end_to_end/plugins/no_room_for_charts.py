"""A pytest plugin under which the disk is full as soon as charts are drawn."""

from __future__ import annotations

import errno
import os
from typing import Any, NoReturn

import pytest


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    from matplotlib.figure import Figure

    def savefig(*_: Any, **__: Any) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    setattr(Figure, savefig.__name__, savefig)
