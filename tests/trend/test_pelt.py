from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from ruptures.detection import KernelCPD

from slimbench.trend.pelt import pieces
from tests.fresh_process import printed


def as_published(signal: npt.NDArray[np.float64], penalty: float, shortest: int) -> tuple[int, ...]:
    """Return where pieces begin by ruptures' public and documented way."""
    found = KernelCPD(kernel="linear", min_size=shortest).fit(signal[:, np.newaxis])
    return (0, *found.predict(pen=penalty)[:-1])


@pytest.mark.parametrize("length", [4, 5, 10, 40, 200, 1000])
@pytest.mark.parametrize("shortest", [1, 2])
def test_it_cuts_as_ruptures_itself_does(length: int, shortest: int) -> None:
    random = np.random.default_rng(length)
    cuts = set()
    for step in (0.0, 1.0, 3.0, 10.0):
        for penalty in (2.0, 10.0, 40.0):
            signal = random.standard_t(3, length)
            for start in random.integers(0, length, 3):
                signal[start:] += step * random.choice([-1, 1])
            found = pieces(signal, penalty, shortest)
            assert found == as_published(signal, penalty, shortest)
            cuts.add(len(found))
    assert len(cuts) > 1


@pytest.mark.parametrize("first", ["ruptures", "slimbench.trend.pelt"])
def test_ruptures_can_be_used_as_a_whole_beside_it(first: str) -> None:
    program = """
import importlib, sys
import numpy as np
signal = np.repeat([0.0, 9.0], 20)
importlib.import_module(sys.argv[1])
from slimbench.trend.pelt import pieces
print(pieces(signal, 5.0, 5))
import ruptures
print(*ruptures.KernelCPD("linear", 5).fit(signal).predict(pen=5.0))
print(pieces(signal, 5.0, 5))
"""
    assert printed(program, first).splitlines() == ["(0, 20)", "20 40", "(0, 20)"]


def test_no_scipy_is_loaded_for_it() -> None:
    program = """
import sys
import numpy as np
from slimbench.trend.change_points import level_starts
assert level_starts([8.0] * 20 + [9.0] * 20, exact=False) == (0, 20)
print("numpy" in sys.modules, "scipy" in sys.modules)
"""
    assert printed(program).split() == ["True", "False"]
