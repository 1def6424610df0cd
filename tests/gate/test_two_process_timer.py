"""Two processes that take turns: what each is told, and every way in which a file can end one."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import psutil
import pytest

from slimbench.errors import UsageProblem
from slimbench.gate.environment import HERE, SIDE_WORKER
from slimbench.gate.latency_comparison import METRICS
from slimbench.gate.processes import Broken, Effort, Readings, Timed
from slimbench.gate.two_process_timer import TurnsTimer
from slimbench.paths import CODE
from slimbench.spec import Case
from tests.gate.bad_models import crashing_model, hanging_model
from tests.gate.simulated import silent
from tests.tiny_models import linear_model

CASE = Case("tiny", "litert", 1)
QUICK = Effort(block_seconds=0.002, pair_seconds=0.02, limit_s=30)
IMPATIENT = Effort(block_seconds=0.002, pair_seconds=0.02, limit_s=3)

RECORDING = """
import json, sys, time
log, name = open(sys.argv[1], "a"), sys.argv[2]
for line in sys.stdin:
    order = json.loads(line)
    answer = {"event": order["order"]}
    start = time.monotonic()
    if order["order"] == "block":
        time.sleep(0.001)
        answer["median"] = float(sys.argv[3])
    if order["order"] == "read":
        answer["readings"] = {"latency_ms.p50": 1.0, "init_ms": 2.0, "peak_rss_mb": None}
    end = time.monotonic()
    log.write(json.dumps([name, order, start, end]) + "\\n")
    log.flush()
    print(json.dumps(answer), flush=True)
"""
"""A side that times nothing and writes down what it is told, and when."""


@dataclass(frozen=True)
class Recorder:
    """Stands for an environment whose blocks always take `seconds`."""

    log: Path
    name: str
    seconds: float
    python: Path = Path("recorder")

    @property
    def command(self) -> tuple[str, ...]:
        return (sys.executable, "-c", RECORDING, str(self.log), self.name, str(self.seconds))

    def told(self) -> list[Any]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@dataclass(frozen=True)
class Program:
    """Stands for an environment whose process runs this program."""

    text: str
    python: Path = Path("broken-env/bin/python")

    @property
    def command(self) -> tuple[str, ...]:
        return (sys.executable, "-c", f"import os, sys, time\n{self.text}")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return linear_model(tmp_path / "small.tflite", np.full((2000, 48), 0.5))


def timer(
    baseline: Any = HERE, candidate: Any = HERE, effort: Effort = QUICK, seed: int = 1
) -> TurnsTimer:
    return TurnsTimer(baseline, candidate, effort, Random(seed))  # noqa: S311


def timed(*files: tuple[Path, Path], effort: Effort = QUICK, processes: int = 1) -> list[Readings]:
    pairs = [Timed(CASE, *each) for each in files]
    return timer(effort=effort)(pairs, processes, silent)


def why(found: Readings) -> str:
    assert isinstance(found, Broken)
    return found.reason


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def test_ten_times_the_work_takes_several_times_as_long_and_itself_the_same(
    small: Path, tmp_path: Path
) -> None:
    large = linear_model(tmp_path / "large.tflite", np.full((20_000, 48), 0.5))
    pairs = [Timed(CASE, small, large), Timed(CASE, large, small)]
    found = timer()([*pairs, pairs[0].against_itself()], 3, silent)
    ratios = []
    for readings in found:
        assert not isinstance(readings, Broken)
        assert len(readings) == 3
        for reading in readings:
            assert set(METRICS) >= set(reading) >= {"init_ms", "latency_ms.p90"}
        ratios.append(np.median([reading["latency_ms.p50"].log_ratio for reading in readings]))
    slower, faster, same = ratios
    assert slower > 1
    assert faster < -1
    assert abs(same) < 0.5
    assert children() == []


def test_only_one_side_runs_at_a_time_and_the_order_of_a_round_is_random(tmp_path: Path) -> None:
    log = tmp_path / "log"
    sides = Recorder(log, "old", 0.001), Recorder(log, "new", 0.002)
    effort = Effort(block_seconds=0.007, pair_seconds=0.0, rounds=30, limit_s=30)
    pair = Timed(CASE, Path("old.tflite"), Path("new.tflite"))
    (readings,) = timer(*sides, effort)([pair], 2, silent)
    assert not isinstance(readings, Broken)
    assert [each["latency_ms.p50"].log_ratio for each in readings] == [pytest.approx(np.log(2))] * 2
    assert [each["init_ms"].log_ratio for each in readings] == [0.0] * 2
    assert "peak_rss_mb" not in readings[0]
    told = sides[0].told()
    blocks = [(name, start, end) for name, order, start, end in told if order["order"] == "block"]
    assert len(blocks) == 2 * 2 * 30
    turns = sorted(blocks, key=lambda each: each[1])
    assert all(before[2] <= after[1] for before, after in itertools.pairwise(turns))
    rounds = {tuple(name for name, _, _ in turns[at : at + 2]) for at in range(0, len(turns), 2)}
    assert rounds == {("old", "new"), ("new", "old")}
    loads = [name for name, order, _, _ in told if order["order"] == "load"]
    assert loads == ["old", "new", "new", "old"]


def test_each_side_is_told_its_own_file_and_options_and_a_control_runs_in_the_baseline_s(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    sides = Recorder(log, "old", 0.001), Recorder(log, "new", 0.001)
    pair = Timed(CASE, Path("a.tflite"), Path("b.tflite"), {"op_resolver": "BUILTIN_REF"}, {})
    timer(*sides)([pair, pair.against_itself()], 1, silent)
    loads = [
        (name, order["model"], order["options"])
        for name, order, _, _ in sides[0].told()
        if order["order"] == "load"
    ]
    before = ("old", "a.tflite", {"op_resolver": "BUILTIN_REF"})
    after = ("new", "b.tflite", {})
    assert sorted(loads, key=str) == sorted([before, before, before, after], key=str)


@pytest.mark.parametrize("side", ["baseline", "candidate"])
def test_a_file_that_is_no_model_is_named_with_its_environment(
    small: Path, tmp_path: Path, side: str
) -> None:
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(small.read_bytes()[:700])
    (found,) = timed((bad, small) if side == "baseline" else (small, bad))
    begin = f"the {side}'s file {bad}, run with {sys.executable}, was refused: LiteRT cannot run"
    assert why(found).startswith(begin)


@pytest.mark.parametrize("side", ["baseline", "candidate"])
def test_a_file_that_hangs_the_runtime_is_ended_and_named(
    small: Path, tmp_path: Path, side: str
) -> None:
    bad = hanging_model(tmp_path / "bad.tflite")
    start = time.monotonic()
    files = (bad, small) if side == "baseline" else (small, bad)
    (found,) = timed(files, effort=IMPATIENT, processes=12)
    assert f"the {side}'s file {bad}" in why(found)
    assert why(found).endswith("answered nothing for 3 s and was ended")
    assert time.monotonic() - start < 12 * IMPATIENT.limit_s  # not once a process
    assert children() == []


@pytest.mark.parametrize("side", ["baseline", "candidate"])
def test_a_file_that_takes_the_runtime_down_is_named_and_the_others_are_timed(
    small: Path, tmp_path: Path, side: str
) -> None:
    bad = crashing_model(tmp_path / "bad.tflite")
    files = (bad, small) if side == "baseline" else (small, bad)
    found = timed((small, small), files, (small, small), processes=2)
    assert f"the {side}'s file {bad}" in why(found[1])
    assert "took its process down (SIGSEGV" in why(found[1])
    for sound in (found[0], found[2]):
        assert not isinstance(sound, Broken)
        assert len(sound) == 2
    assert children() == []


def test_a_process_that_is_killed_between_its_turns_is_the_side_s_own_fault(tmp_path: Path) -> None:
    dying = Program(
        "for event in ('begin', 'load'):\n"
        "    input()\n"
        '    print(\'{"event": "%s"}\' % event, flush=True)\n'
        "os.kill(os.getpid(), 9)\n"
    )
    pair = Timed(CASE, Path("old.tflite"), Path("new.tflite"))
    (found,) = timer(Recorder(tmp_path / "log", "old", 1.0), dying, QUICK)([pair], 1, silent)
    assert why(found) == (
        "the candidate's file new.tflite, run with broken-env/bin/python, took its process down "
        "(SIGKILL)"
    )


@pytest.mark.parametrize("text", ["os._exit(3)", "time.sleep(600)", "print('[]'); os._exit(0)"])
def test_a_process_that_comes_to_no_file_blames_its_environment(tmp_path: Path, text: str) -> None:
    pair = Timed(CASE, Path("old.tflite"), Path("new.tflite"))
    sound = Recorder(tmp_path / "log", "old", 1.0)
    with pytest.raises(UsageProblem, match=r"candidate's files with broken-env/bin/python"):
        timer(sound, Program(text), IMPATIENT)([pair], 1, silent)
    assert children() == []


@pytest.mark.skipif(os.name != "posix", reason="kills as POSIX does")
def test_both_workers_leave_when_their_parent_was_killed(tmp_path: Path) -> None:
    bad = hanging_model(tmp_path / "bad.tflite")
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\n"
            "from pathlib import Path\n"
            "from slimbench.gate.environment import HERE\n"
            "from slimbench.gate.processes import Timed\n"
            "from slimbench.gate.two_process_timer import TurnsTimer\n"
            "from slimbench.spec import Case\n"
            "files = [Path(sys.argv[1])] * 2\n"
            "TurnsTimer(HERE)([Timed(Case('x', 'litert', 1), *files)], 1, lambda *_: None)\n",
            str(bad),
        ],
        cwd=CODE,
    )
    workers = _wait_for_workers(parent.pid)
    while max(worker.cpu_times().user for worker in workers) < 1:  # one hangs in its file by then
        time.sleep(0.05)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []


def _wait_for_workers(parent: int) -> list[psutil.Process]:
    for _ in range(1200):
        found = [
            child for child in psutil.Process(parent).children() if SIDE_WORKER in child.cmdline()
        ]
        if len(found) == 2:
            return found
        time.sleep(0.05)
    raise AssertionError("not two workers were started")
