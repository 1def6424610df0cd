from __future__ import annotations

import io
from dataclasses import dataclass
from typing import cast

import pytest
from rich.console import Console

from slimbench.progress import QUIET_SECONDS, BuildProgress, duration
from slimbench.spec import Step
from tests.ready_run import Clock


@dataclass(frozen=True)
class Task:
    name: str
    seconds: float = 100.0

    def title(self) -> str:
        return self.name

    def cost(self) -> float:
        return self.seconds


def tasks(*names: str) -> list[Step]:
    return [cast(Step, Task(name)) for name in names]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("slimbench.progress.time.monotonic", clock)
    return clock


@pytest.fixture
def file() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def progress(clock: Clock, file: io.StringIO) -> BuildProgress:  # noqa: ARG001
    """Shown in a log file of a narrow width."""
    return BuildProgress(Console(file=file, width=40))


def lines(file: io.StringIO) -> list[str]:
    return file.getvalue().splitlines()


def test_where_nothing_is_to_be_built_nothing_is_said(
    progress: BuildProgress, file: io.StringIO
) -> None:
    with progress:
        progress.planned([])
    assert file.getvalue() == ""


def test_a_log_has_one_line_when_a_step_ends(
    progress: BuildProgress, file: io.StringIO, clock: Clock
) -> None:
    train, export = tasks("training a network", "exporting it")
    with progress:
        progress.planned([train, export])
        progress.started(train)
        clock.now += 5
        progress.advanced(train, 1, 4, "epoch 1 of 4")
        clock.now += 95
        progress.finished(train, 100, None)
        progress.started(export)
        clock.now += 1
        progress.finished(export, 1.4, None)
    assert lines(file) == [
        "Building 2 steps, about 3 min 20 s.",
        "[1/2] training a network: 1 min 40 s, about 1 min 40 s left",
        "[2/2] exporting it: 1 s",
    ]


def test_a_second_build_is_counted_from_its_start(
    progress: BuildProgress, file: io.StringIO
) -> None:
    first, second = tasks("one", "two")
    with progress:
        for step in (first, second):
            progress.planned([step])
            progress.started(step)
            progress.finished(step, 3, None)
    assert lines(file) == [
        "Building 1 step, about 1 min 40 s.",
        "[1/1] one: 3 s",
        "Building 1 step, about 1 min 40 s.",
        "[1/1] two: 3 s",
    ]


def test_a_log_shows_signs_of_life_in_a_long_step(
    progress: BuildProgress, file: io.StringIO, clock: Clock
) -> None:
    train, convert = tasks("training", "converting")
    with progress:
        progress.planned([train, convert])
        progress.started(train)
        progress.started(convert)
        for epoch in range(1, 5):
            clock.now += QUIET_SECONDS / 2
            progress.advanced(train, epoch, 10, f"epoch {epoch} of 10")
        progress.advanced(convert, 1, 4, "")
    shown = lines(file)[1:]
    assert len(shown) == 2
    assert shown[0].strip().startswith("training, epoch 2 of 10; converting, about ")
    assert shown[0].endswith(" left")
    assert "training, epoch 4 of 10" in shown[1]


def test_the_time_left_follows_the_pace_of_this_machine(
    progress: BuildProgress, file: io.StringIO, clock: Clock
) -> None:
    first, second = tasks("one", "two")
    with progress:
        progress.planned([first, second])
        clock.now += 10_000
        progress.finished(first, 10_000, None)
    left = lines(file)[-1]
    # Expected were 100 s; a first step of 10,000 s tells more of this machine than that does.
    assert left.startswith("[1/2] one: 166 min 40 s, about ")
    minutes = int(left.split("about ")[1].split()[0])
    assert 60 < minutes <= 166


def test_a_failure_is_named(progress: BuildProgress, file: io.StringIO) -> None:
    (train,) = tasks("training")
    with progress:
        progress.planned([train])
        progress.started(train)
        progress.finished(train, 0.0, "FAILED, MemoryError: no room (log: a.log)")
    assert lines(file)[-1] == "[1/1] training: FAILED, MemoryError: no room (log: a.log)"


def test_what_is_said_is_neither_markup_nor_cut(progress: BuildProgress, file: io.StringIO) -> None:
    said = "[bold]The stored object 0123 is damaged[/bold] (file [1/2] of the folder); " * 3
    with progress:
        progress.said(said)
    assert lines(file) == [said]


def test_a_terminal_is_left_with_the_lines_alone(clock: Clock) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, color_system=None)
    train, export = tasks("training", "exporting")
    with BuildProgress(console) as progress:
        progress.planned([train, export])
        progress.started(train)
        clock.now += 2 * QUIET_SECONDS
        progress.advanced(train, 1, 2, "epoch 1 of 2")
        progress.finished(train, 20, None)
        progress.finished(export, 0.25, None)
    written = file.getvalue()
    assert "[1/2] training: 20 s" in written
    assert "[2/2] exporting: 0.2 s" in written
    assert written.count("epoch 1 of 2, about") <= 1  # in the live display, never as a line
    assert written.rstrip().endswith("\x1b[2K")  # the display's last lines are wiped
    assert "\x1b[?25h" in written  # and the cursor is back


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"),
        (0.44, "0.4 s"),
        (12.4, "12 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3600, "60 min 0 s"),
    ],
)
def test_durations_are_said_as_people_do(seconds: float, said: str) -> None:
    assert duration(seconds) == said
