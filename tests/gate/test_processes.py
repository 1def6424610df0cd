"""Real processes: timing, and every way in which a file can end one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import numpy as np
import psutil
import pytest

from slimbench.errors import UsageProblem
from slimbench.gate.processes import WORKER, Broken, Effort, Readings, Timed, Timer
from slimbench.paths import CODE
from slimbench.spec import Case
from tests.gate.bad_models import crashing_model, hanging_model
from tests.gate.simulated import silent
from tests.tiny_models import linear_model

CASE = Case("tiny", "litert", 1)
QUICK = Effort(block_seconds=0.002, pair_seconds=0.02, limit_s=30)
IMPATIENT = Effort(block_seconds=0.002, pair_seconds=0.02, limit_s=3)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return linear_model(tmp_path / "small.tflite", np.full((2000, 48), 0.5))


def timed(*files: tuple[Path, Path], effort: Effort = QUICK, processes: int = 1) -> list[Readings]:
    pairs = [Timed(CASE, *each) for each in files]
    return Timer(effort, Random(1))(pairs, processes, silent)  # noqa: S311


def fake(program: str, effort: Effort = QUICK) -> Readings:
    """Return what comes of a worker that reads its job and then runs this program."""
    command = (sys.executable, "-c", f"import os, sys, time\ninput()\n{program}")
    pairs = [Timed(CASE, Path("old.tflite"), Path("new.tflite"))]
    (found,) = Timer(effort, Random(1), command)(pairs, 1, silent)  # noqa: S311
    return found


def why(found: Readings) -> str:
    assert isinstance(found, Broken)
    return found.reason


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def test_ten_times_the_work_takes_several_times_as_long_and_itself_the_same(
    small: Path, tmp_path: Path
) -> None:
    large = linear_model(tmp_path / "large.tflite", np.full((20_000, 48), 0.5))
    slower, faster, same = timed((small, large), (large, small), (small, small), processes=3)
    assert not isinstance(slower, Broken)
    assert not isinstance(faster, Broken)
    assert not isinstance(same, Broken)
    ratio = np.median([reading["latency_ms.p50"].log_ratio for reading in slower])
    assert ratio > 1
    assert np.median([reading["latency_ms.p50"].log_ratio for reading in faster]) < -1
    assert abs(np.median([reading["latency_ms.p50"].log_ratio for reading in same])) < 0.5
    for reading in slower:
        assert reading["latency_ms.p90"].candidate >= reading["latency_ms.p50"].candidate * 0.5
        assert {"init_ms", "first_invoke_ms"} <= set(reading)


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_peak_memory_is_each_file_s_own_though_both_are_in_one_process(tmp_path: Path) -> None:
    light, middle, heavy = (
        linear_model(tmp_path / f"{classes}.tflite", np.full((classes, 48), 0.5))
        for classes in (20_000, 100_000, 300_000)
    )
    _, found, turned = timed((heavy, heavy), (light, middle), (middle, light), processes=4)
    for readings, sign in ((found, 1), (turned, -1)):
        assert not isinstance(readings, Broken)
        assert all(sign * reading["peak_rss_mb"].log_ratio > 0.5 for reading in readings)


@pytest.mark.parametrize("side", ["baseline", "candidate"])
def test_a_file_that_is_no_model_is_named_with_the_runtime_s_reason(
    small: Path, tmp_path: Path, side: str
) -> None:
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(small.read_bytes()[:700])
    (found,) = timed((bad, small) if side == "baseline" else (small, bad))
    assert why(found).startswith(f"the {side}'s file {bad} was refused: LiteRT cannot run")


def test_a_file_that_hangs_the_runtime_is_ended_and_named(small: Path, tmp_path: Path) -> None:
    bad = hanging_model(tmp_path / "bad.tflite")
    start = time.monotonic()
    (found,) = timed((small, bad), effort=IMPATIENT, processes=12)
    assert why(found) == f"the candidate's file {bad} answered nothing for 3 s and was ended"
    assert time.monotonic() - start < 12 * IMPATIENT.limit_s  # not once a process
    assert children() == []


def test_a_file_that_takes_the_runtime_down_is_named_and_the_others_are_timed(
    small: Path, tmp_path: Path
) -> None:
    bad = crashing_model(tmp_path / "bad.tflite")
    found = timed((small, small), (bad, small), (small, small), processes=2)
    assert f"the baseline's file {bad} took its process down (SIGSEGV" in why(found[1])
    for sound in (found[0], found[2]):
        assert not isinstance(sound, Broken)
        assert len(sound) == 2


def test_what_a_process_wrote_last_is_told() -> None:
    at = '{"event": "at", "pair": 0, "side": "candidate"}'
    said = why(
        fake(f"print('{at}', flush=True); print('out of memory', file=sys.stderr); os._exit(9)")
    )
    assert said == (
        "the candidate's file new.tflite took its process down "
        "(exit status 9; its last line: out of memory)"
    )


def test_while_both_files_are_timed_either_may_have_done_it() -> None:
    at = '{"event": "at", "pair": 0, "side": null}'
    said = why(fake(f"print('{at}', flush=True); os.abort()"))
    assert "old.tflite (baseline) or new.tflite (candidate)" in said
    assert "SIGABRT" in said


def test_sides_take_turns_in_being_loaded_first_and_every_process_has_its_own_seed() -> None:
    program = (
        "import json\n"
        "job = json.loads(input())\n"
        "row = [1.0, 1.0, float(job['candidate_first'])]\n"
        "readings = {'latency_ms.p50': row, 'init_ms': [1.0, job['seed'], 0.0]}\n"
        "print(json.dumps({'event': 'pair', 'pair': 0, 'readings': readings}))\n"
        "print(json.dumps({'event': 'end'}))\n"
    )
    pairs = [Timed(CASE, Path("old.tflite"), Path("new.tflite"))]
    (found,) = Timer(QUICK, Random(1), (sys.executable, "-c", program))(pairs, 4, silent)  # noqa: S311
    assert not isinstance(found, Broken)
    assert [reading["latency_ms.p50"].log_ratio for reading in found] == [0.0, 1.0, 0.0, 1.0]
    assert len({reading["init_ms"].candidate for reading in found}) == 4


def test_lines_that_are_no_events_are_passed_over() -> None:
    at = '{"event": "at", "pair": 0, "side": "candidate"}'
    lines = f"print('chatter'); print('[1]'); print('\\x00'); print('{at}'); print('{{\"event')"
    assert "candidate" in why(fake(lines))


def test_a_process_that_comes_to_no_file_blames_none() -> None:
    with pytest.raises(UsageProblem, match=r"before it came to any.*environment"):
        fake("os._exit(3)")


def test_a_process_that_hangs_takes_its_own_children_with_it() -> None:
    at = '{"event": "at", "pair": 0, "side": "baseline"}'
    own = ["sleep", f"600.{os.getpid()}"]
    fake(
        f"import subprocess; subprocess.Popen({own}); print('{at}', flush=True); time.sleep(600)",
        IMPATIENT,
    )
    left = [each for each in psutil.process_iter(["cmdline"]) if each.info["cmdline"] == own]
    for each in left:
        each.kill()
    assert left == []


@pytest.mark.skipif(os.name != "posix", reason="kills as POSIX does")
def test_a_worker_leaves_when_its_parent_was_killed(tmp_path: Path) -> None:
    bad = hanging_model(tmp_path / "bad.tflite")
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\n"
            "from pathlib import Path\n"
            "from slimbench.gate.processes import Timed, Timer\n"
            "from slimbench.spec import Case\n"
            "files = [Path(sys.argv[1])] * 2\n"
            "Timer()([Timed(Case('x', 'litert', 1), *files)], 1, lambda *_: None)\n",
            str(bad),
        ],
        cwd=CODE,
    )
    worker = _wait_for_worker(parent.pid)
    while worker.cpu_times().user < 1:  # it has its job by then, and hangs in it
        time.sleep(0.05)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    worker.wait(timeout=60)
    assert not worker.is_running()


def _wait_for_worker(parent: int) -> psutil.Process:
    for _ in range(1200):
        for child in psutil.Process(parent).children():
            if WORKER[-1] in child.cmdline():
                return child
        time.sleep(0.05)
    raise AssertionError("no worker was started")
