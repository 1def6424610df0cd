"""Real processes, one for both sides or one each: what they are told, and how a file ends one."""

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
from slimbench.gate.environment import HERE, WORKER
from slimbench.gate.latency_comparison import METRICS
from slimbench.gate.timer import Broken, Effort, FilePair, Readings, Timer
from slimbench.paths import CODE
from slimbench.spec import Case
from tests.gate.bad_models import crashing_model, hanging_model
from tests.gate.simulated import silent
from tests.tiny_models import linear_model

CASE = Case("tiny", "litert", 1)
PAIR = FilePair(CASE, Path("old.tflite"), Path("new.tflite"))
QUICK = Effort(block_seconds=0.002, pair_seconds=0.02, limit_s=30)
IMPATIENT = Effort(block_seconds=0.002, pair_seconds=0.02, limit_s=3)
LOADING = Effort(block_seconds=0.002, pair_seconds=0.02, limit_s=6)
"""Enough to import a runtime on a busy machine."""

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
"""A worker that times nothing and writes down what it is told, and when."""


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


def obeying(*orders: str, then: str) -> Program:
    """Return a worker that obeys orders up to one, upon which it runs a program."""
    answers = f'for event in {orders}:\n    input()\n    print(\'{{"event": "%s"}}\' % event)\n'
    return Program(f"{answers}sys.stdout.flush()\ninput()\n{then}")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return linear_model(tmp_path / "small.tflite", np.full((2000, 48), 0.5))


@pytest.fixture(params=[None, HERE], ids=["together", "apart"])
def timed(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    """Times files in one process, or each side in its own."""

    def time_files(
        *files: tuple[Path, Path], effort: Effort = QUICK, processes: int = 1
    ) -> list[Readings]:
        timer = Timer(effort, Random(1), HERE, request.param)  # noqa: S311
        return timer([FilePair(CASE, *each) for each in files], processes, silent)

    return time_files


def stopped_by(worker: Program, effort: Effort = QUICK) -> str:
    """Return why a pair could not be timed by a worker that holds both sides."""
    (found,) = Timer(effort, Random(1), worker)([PAIR], 1, silent)  # type: ignore[arg-type]  # noqa: S311
    return why(found)


def apart(baseline: Any, candidate: Any, effort: Effort = QUICK) -> Timer:
    return Timer(effort, Random(1), candidate, baseline)  # noqa: S311


def why(found: Readings) -> str:
    assert isinstance(found, Broken)
    return found.reason


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def test_ten_times_the_work_takes_several_times_as_long_and_itself_the_same(
    timed, small: Path, tmp_path: Path
) -> None:
    large = linear_model(tmp_path / "large.tflite", np.full((20_000, 48), 0.5))
    found = timed((small, large), (large, small), (small, small), processes=3)
    ratios = []
    for readings in found:
        assert not isinstance(readings, Broken)
        assert len(readings) == 3
        for reading in readings:
            assert set(METRICS) >= set(reading) >= {"init_ms", "first_invoke_ms", "latency_ms.p90"}
            assert reading["latency_ms.p90"].candidate >= reading["latency_ms.p50"].candidate * 0.5
        ratios.append(np.median([reading["latency_ms.p50"].log_ratio for reading in readings]))
    slower, faster, same = ratios
    assert slower > 1
    assert faster < -1
    assert abs(same) < 0.5
    assert children() == []


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_peak_memory_is_each_file_s_own_though_both_are_repetition(tmp_path: Path) -> None:
    light, middle, heavy = (
        linear_model(tmp_path / f"{classes}.tflite", np.full((classes, 48), 0.5))
        for classes in (20_000, 100_000, 300_000)
    )
    pairs = [FilePair(CASE, *each) for each in ((heavy, heavy), (light, middle), (middle, light))]
    _, found, turned = Timer(QUICK, Random(1))(pairs, 4, silent)  # noqa: S311
    for readings, sign in ((found, 1), (turned, -1)):
        assert not isinstance(readings, Broken)
        assert all(sign * reading["peak_rss_mb"].log_ratio > 0.5 for reading in readings)


def test_only_one_side_runs_at_a_time_and_the_order_of_a_round_is_random(tmp_path: Path) -> None:
    log = tmp_path / "log"
    sides = Recorder(log, "old", 0.001), Recorder(log, "new", 0.002)
    effort = Effort(block_seconds=0.007, pair_seconds=0.0, rounds=30, limit_s=30)
    (readings,) = apart(*sides, effort)([PAIR], 2, silent)
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


def test_repetition_sides_take_turns_in_being_loaded_first_and_in_random_order(
    tmp_path: Path,
) -> None:
    worker = Recorder(tmp_path / "log", "both", 0.001)
    effort = Effort(block_seconds=0.007, pair_seconds=0.0, rounds=30, limit_s=30)
    timer = Timer(effort, Random(1), worker)  # type: ignore[arg-type]  # noqa: S311
    (readings,) = timer([PAIR], 2, silent)
    assert len(readings) == 2
    orders = [order for _, order, _, _ in worker.told()]
    assert [order["order"] for order in orders].count("begin") == 2
    loads = [(order["side"], order["model"]) for order in orders if order["order"] == "load"]
    old, new = ("baseline", "old.tflite"), ("candidate", "new.tflite")
    assert loads == [old, new, new, old]
    blocks = [order["side"] for order in orders if order["order"] == "block"]
    rounds = [tuple(blocks[at : at + 2]) for at in range(0, len(blocks), 2)]
    assert len(rounds) == 2 * 30
    assert set(rounds) == {("baseline", "candidate"), ("candidate", "baseline")}
    assert rounds[:30] != rounds[30:]  # every process has an order of its own


def test_each_side_is_told_its_own_file_and_options_and_a_control_runs_in_the_baseline_s(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    sides = Recorder(log, "old", 0.001), Recorder(log, "new", 0.001)
    pair = FilePair(CASE, Path("a.tflite"), Path("b.tflite"), {"op_resolver": "BUILTIN_REF"}, {})
    apart(*sides)([pair, pair.against_itself()], 1, silent)
    loads = [
        (name, order["model"], order["options"])
        for name, order, _, _ in sides[0].told()
        if order["order"] == "load"
    ]
    before = ("old", "a.tflite", {"op_resolver": "BUILTIN_REF"})
    after = ("new", "b.tflite", {})
    assert sorted(loads, key=str) == sorted([before, before, before, after], key=str)


@pytest.mark.parametrize("side", ["baseline", "candidate"])
def test_a_file_that_is_no_model_is_named_with_the_runtime_s_reason(
    timed, small: Path, tmp_path: Path, side: str
) -> None:
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(small.read_bytes()[:700])
    (found,) = timed((bad, small) if side == "baseline" else (small, bad))
    said = why(found).replace(f", run with {sys.executable},", "")
    assert said.startswith(f"the {side}'s file {bad} was refused: LiteRT cannot run")


@pytest.mark.parametrize("side", ["baseline", "candidate"])
def test_a_file_that_hangs_the_runtime_is_ended_and_named(
    timed, small: Path, tmp_path: Path, side: str
) -> None:
    bad = hanging_model(tmp_path / "bad.tflite")
    start = time.monotonic()
    files = (bad, small) if side == "baseline" else (small, bad)
    (found,) = timed(files, effort=LOADING, processes=12)
    said = why(found).replace(f", run with {sys.executable},", "")
    assert said == f"the {side}'s file {bad} answered nothing for 6 s and was ended"
    assert time.monotonic() - start < 12 * LOADING.limit_s  # not once a process
    assert children() == []


@pytest.mark.parametrize("side", ["baseline", "candidate"])
def test_a_file_that_takes_the_runtime_down_is_named_and_the_others_are_timed(
    timed, small: Path, tmp_path: Path, side: str
) -> None:
    bad = crashing_model(tmp_path / "bad.tflite")
    files = (bad, small) if side == "baseline" else (small, bad)
    found = timed((small, small), files, (small, small), processes=2)
    said = why(found[1]).replace(f", run with {sys.executable},", "")
    assert f"the {side}'s file {bad} took its process down (SIGSEGV" in said
    for sound in (found[0], found[2]):
        assert not isinstance(sound, Broken)
        assert len(sound) == 2
    assert children() == []


def test_a_file_that_ran_in_an_environment_of_its_own_is_named_with_it(tmp_path: Path) -> None:
    dying = obeying("begin", "load", then="os.kill(os.getpid(), 9)")
    (found,) = apart(Recorder(tmp_path / "log", "old", 1.0), dying)([PAIR], 1, silent)
    assert why(found) == (
        "the candidate's file new.tflite, run with broken-env/bin/python, took its process down "
        "(SIGKILL)"
    )


def test_what_a_process_wrote_last_is_told() -> None:
    fall = "print('INFO: created a delegate\\nout of memory', file=sys.stderr); os._exit(9)"
    assert stopped_by(obeying("begin", then=fall)) == (
        "the baseline's file old.tflite took its process down "
        "(exit status 9; its last line: out of memory)"
    )


def test_while_both_files_are_timed_in_a_process_either_may_have_done_it() -> None:
    said = stopped_by(obeying("begin", "load", "load", then="os.abort()"))
    assert "old.tflite (baseline) or new.tflite (candidate)" in said
    assert "SIGABRT" in said


def test_lines_that_are_no_events_are_passed_over() -> None:
    lines = "print('chatter'); print('[1]'); print('\\x00'); print('{\"event')"
    assert "baseline's file" in stopped_by(obeying("begin", then=lines))


@pytest.mark.parametrize("text", ["os._exit(3)", "time.sleep(600)", "print('[]'); os._exit(0)"])
def test_a_process_that_comes_to_no_file_blames_its_environment(tmp_path: Path, text: str) -> None:
    sound = Recorder(tmp_path / "log", "old", 1.0)
    with pytest.raises(UsageProblem, match=r"candidate's files with broken-env/bin/python"):
        apart(sound, Program(text), IMPATIENT)([PAIR], 1, silent)
    assert children() == []


def test_a_process_of_this_environment_that_comes_to_no_file_blames_none() -> None:
    with pytest.raises(UsageProblem, match=r"before it came to any.*environment"):
        stopped_by(Program("os._exit(3)"))


def test_a_process_that_hangs_takes_its_own_children_with_it() -> None:
    own = ["sleep", f"600.{os.getpid()}"]
    start = f"import subprocess; subprocess.Popen({own}); time.sleep(600)"
    stopped_by(obeying("begin", then=start), IMPATIENT)
    left = [each for each in psutil.process_iter(["cmdline"]) if each.info["cmdline"] == own]
    for each in left:
        each.kill()
    assert left == []


@pytest.mark.skipif(os.name != "posix", reason="kills as POSIX does")
@pytest.mark.parametrize("workers", [1, 2])
def test_workers_leave_when_their_parent_was_killed(tmp_path: Path, workers: int) -> None:
    bad = hanging_model(tmp_path / "bad.tflite")
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\n"
            "from pathlib import Path\n"
            "from slimbench.gate.environment import HERE\n"
            "from slimbench.gate.timer import FilePair, Timer\n"
            "from slimbench.spec import Case\n"
            "timer = Timer(baseline_environment=HERE if sys.argv[2] == '2' else None)\n"
            "files = [Path(sys.argv[1])] * 2\n"
            "timer([FilePair(Case('x', 'litert', 1), *files)], 1, lambda *_: None)\n",
            str(bad),
            str(workers),
        ],
        cwd=CODE,
    )
    started = _wait_for_workers(parent.pid, workers)
    while max(worker.cpu_times().user for worker in started) < 1:  # one hangs in its file by then
        time.sleep(0.05)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _, alive = psutil.wait_procs(started, timeout=60)
    assert alive == []


def _wait_for_workers(parent: int, number: int) -> list[psutil.Process]:
    for _ in range(1200):
        found = [child for child in psutil.Process(parent).children() if WORKER in child.cmdline()]
        if len(found) == number:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{number} workers were not started")
