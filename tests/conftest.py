"""Settings of the tests: a busy machine is no failure, so nothing here has a deadline.

A shell starts what it puts into the background with Ctrl-C ignored, and children inherit that; some
tests send it to theirs.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

from tests.examples import USUAL

# The same examples each time, so that no change fails by a chance that is not its own.
settings.register_profile("slimbench", deadline=None, derandomize=True, max_examples=USUAL)
settings.register_profile("random", deadline=None, max_examples=10 * USUAL, print_blob=True)
settings.load_profile("slimbench")  # `--hypothesis-profile=random` takes the other one

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

HERE = Path(__file__).parent

LONG = (
    "end_to_end/test_first_run.py",
    "steps/test_training.py",
    "user_models/test_end_to_end.py",
    "user_models/test_keras_models.py",
    "networks/test_networks.py",
    "end_to_end",
    "serving/test_comparison.py",
    "commands/test_gate.py",
)
"""Where files take long: they start first, so that no processor waits for one at the end."""


@pytest.hookimpl(trylast=True)  # when hypothesis has loaded the profile that was asked for
def pytest_configure(config: pytest.Config) -> None:
    """Make warnings errors, and leave out of fixed examples what hypothesis finds in our code.

    It tries constants of it too, so that examples would change with any edit, and with the tests
    that ran before.
    """
    # First, so that what plugins ignore stays ignored. Not in pyproject.toml, which is also that
    # of the benchmarks: those are measured whether or not pytest's cache can be written.
    config.getini("filterwarnings").insert(0, "error")
    if settings.default.derandomize:
        pytest.MonkeyPatch().setattr(providers, "_get_local_constants", providers.Constants)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: _order(item.path))


def _order(file: Path) -> int:
    return next(
        (turn for turn, path in enumerate(LONG) if file.is_relative_to(HERE / path)), len(LONG)
    )
