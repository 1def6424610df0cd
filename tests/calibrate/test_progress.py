from __future__ import annotations

import io

import pytest
from rich.console import Console

from slimbench.calibrate.design import batches
from slimbench.calibrate.progress import CalibrationProgress
from tests.calibrate.simulated import Machine, measured
from tests.ready_run import Clock


def test_a_log_has_a_line_a_batch_with_its_verdicts_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, file = Clock(), io.StringIO()
    monkeypatch.setattr("slimbench.progress.time.monotonic", clock)
    todo = [batch for batch in batches() if not batch.burner][:2]
    found = [measured([batch], Machine(), monkeypatch) for batch in todo]
    with CalibrationProgress(Console(file=file, width=40), todo, 7, 9) as progress:
        progress.advance(3, 12)
        clock.now += 50
        progress.finished(todo[0], found[0])
        clock.now += 70
        progress.finished(todo[1], found[1])
    announced, first, last = file.getvalue().splitlines()
    assert announced.startswith("2 of 9 batches to take, about ")
    assert first.startswith("[ 8/9] 6 pass, 3 regression; others used ")
    assert first.endswith(" cores, about 50 s left")
    assert last.startswith("[ 9/9] ")
    assert last.endswith(" cores")
