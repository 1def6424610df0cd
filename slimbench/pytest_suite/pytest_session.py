"""The pytest session around measurements: what keeps it from timing, how it ended, its terminal.

Nothing but pytest is imported, since the plugin of every session does so.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from slimbench.run.document import Status


def hiding_option(config: pytest.Config) -> str:
    """Return an option under which pytest-benchmark times nothing and says little; else nothing.

    `-n` stands for all of xdist: tests beside each other disturb the clock.
    """
    is_distributed = config.getoption("dist", "no") != "no" or hasattr(config, "workerinput")
    if is_distributed or config.getoption("numprocesses", None):
        return "-n"
    return _given(config, "--benchmark-disable", "--benchmark-skip")


def saving_option(config: pytest.Config) -> str:
    """Return an option by which pytest-benchmark saves the run a second time; else nothing."""
    return _given(config, "--benchmark-autosave", "--benchmark-save")


def _given(config: pytest.Config, *options: str) -> str:
    """Return the first of these options that was given; else nothing."""
    return next((option for option in options if config.getoption(option, default=None)), "")


def unfinished_status(session: pytest.Session, exitstatus: int | pytest.ExitCode) -> Status:
    """Tell a session that stopped early from one that was asked for a part."""
    ended_early = exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)
    stopped = ended_early or session.shouldfail or session.shouldstop
    return "interrupted" if stopped else "partial"


def reporter_of(config: pytest.Config) -> pytest.TerminalReporter:
    """Return what writes pytest's own lines."""
    reporter: pytest.TerminalReporter = config.pluginmanager.getplugin("terminalreporter")
    return reporter


def uncaptured(config: pytest.Config) -> AbstractContextManager[None]:
    """Return a context in which what a test writes reaches the terminal at once."""
    capture = config.pluginmanager.getplugin("capturemanager")
    context: AbstractContextManager[None] = capture.global_and_fixture_disabled()
    return context


def say(config: pytest.Config, *lines: str) -> None:
    """Write lines on the terminal, each a line of its own, while a test runs or between tests."""
    reporter = reporter_of(config)
    with uncaptured(config):
        reporter.ensure_newline()
        for line in lines:
            reporter.write_line(line)
