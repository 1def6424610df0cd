"""ruptures' PELT without the rest of ruptures.

`import ruptures` brings all its costs and methods, and they half of scipy: most of a second, more
than all else that an answer from the index takes. PELT itself is one compiled module that needs
numpy alone, so only that is loaded. The public way to it, `KernelCPD`, gives the same; this one is
not public, hence the exact version of ruptures in pyproject.toml.
"""

from __future__ import annotations

import functools
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt

_COMPILED = "ruptures.detection._detection.ekcpd"


def pieces(signal: npt.NDArray[np.float64], penalty: float, shortest: int) -> tuple[int, ...]:
    """Return the index at which each piece of a signal begins; the first is 0.

    Of all cuts into pieces of `shortest` values or more, it is the one with the least sum of
    squared errors around the pieces' means and of a penalty for each. The signal has at least
    twice as many values.
    """
    # Up to each index, where the last piece of the best cut begins.
    before = _compiled().ekcpd_pelt_L2(signal[:, np.newaxis], penalty, shortest)
    starts = [int(before[len(signal)])]
    while starts[-1] > 0:
        starts.append(int(before[starts[-1]]))
    return tuple(reversed(starts))


@functools.cache
def _compiled() -> ModuleType:
    """Load the compiled module from where it lies in the package, which is not itself run."""
    package = find_spec("ruptures")
    places = (package and package.submodule_search_locations) or ()
    spec = PathFinder.find_spec(
        _COMPILED, [str(Path(place, "detection", "_detection")) for place in places]
    )
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"There is no {_COMPILED}.", name=_COMPILED)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
