"""Measuring a batch: the gate's own timing, pytest-benchmark's, and what else the machine did.

The first stages of a batch share their processes and one control, then the second stages share
theirs; each comparison is judged as if it had been the only one. Users of pytest-benchmark save a
run and later compare with `--benchmark-compare-fail=median:10%`. So every model is also timed by
pytest-benchmark itself, with its defaults, in one process for the baselines and in another for the
candidates, and its own rule is applied.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from pytest_benchmark.utils import parse_compare_fail

from slimbench import child_process
from slimbench.calibrate import rates
from slimbench.calibrate.design import Batch, Trial, Workload
from slimbench.calibrate.rates import SecondStageMissing, Stages
from slimbench.calibrate.record import Comparison, Measurement
from slimbench.child_process import python_module
from slimbench.errors import UsageProblem
from slimbench.gate.latency import Measure
from slimbench.gate.timer import MEDIAN_LATENCY, Broken, FilePair, Readings
from slimbench.paths import CODE
from slimbench.spec import Advance, Case

BURN = "from slimbench.exit_with_parent import end_with_parent\nend_with_parent()\nwhile True: pass"
"""Burns one core until it is ended, or its parent is gone."""

UNPAIRED_RULE = "median:10%"

UNPAIRED_CASE = Path(__file__).with_name("unpaired_case.py")

UNPAIRED_OPTIONS = ("-q", "--noconftest", "-p", "no:cacheprovider", "-c", "/dev/null")
"""Nothing of the project around the run: pytest-benchmark as it comes."""

UNPAIRED_VARIABLE = "SLIMBENCH_UNPAIRED"
"""Tells the benchmark where the list of models is."""

UNPAIRED_LIMIT_S = 600.0


def measure_batch(
    batch: Batch,
    files: Mapping[Workload, Path],
    *,
    measure: Measure,
    processes: int,
    advance: Advance,
) -> list[Comparison]:
    """Measure and judge a batch; returns a comparison for each of its trials.

    pytest-benchmark times the baselines before everything and the candidates after it.

    Raises:
        UsageProblem: A model could not be timed, which no calibration can go on without.
    """
    load, started = psutil.getloadavg()[0], CpuTimes.now()
    with burner(batch.burner):
        baselines = list(dict.fromkeys(trial.baseline for trial in batch.trials))
        before = dict(
            zip(baselines, unpaired_medians([files[model] for model in baselines]), strict=True)
        )
        pairs = [_timed(trial, number, files) for number, trial in enumerate(batch.trials)]
        largest = files[max(baselines, key=before.__getitem__)]
        same_file = FilePair(Case("control", "litert", 1), largest, largest)
        *first, control = map(_measurement, measure([*pairs, same_file], processes, advance))
        suspects = [number for number in range(len(pairs)) if _is_suspect(first[number], control)]
        second: dict[int, Measurement] = {}
        if suspects:
            readings = measure([pairs[number] for number in suspects], 2 * processes, advance)
            second = dict(zip(suspects, map(_measurement, readings), strict=True))
        after = unpaired_medians([files[trial.candidate] for trial in batch.trials])
    others, steal = started.used_by_others(CpuTimes.now())
    comparisons = []
    for number, trial in enumerate(batch.trials):
        stages = Stages(first[number], second.get(number))
        (row,) = rates.judge([stages], control)
        medians = before[trial.baseline], after[number]
        comparisons.append(
            Comparison(
                batch=batch.number,
                burner=batch.burner,
                size=trial.size.name,
                slowdown=trial.slowdown,
                first=stages.first,
                second=stages.second,
                control=control,
                verdict=row.verdict,
                change=row.change,
                interval=row.interval,
                unpaired_ms=(medians[0] * 1e3, medians[1] * 1e3),
                unpaired_red=unpaired_fails(*medians),
                load_1m=load,
                others=others,
                steal=steal,
            )
        )
    return comparisons


def _timed(trial: Trial, number: int, files: Mapping[Workload, Path]) -> FilePair:
    case = Case(f"{number}: {trial.candidate.label()}", "litert", 1)
    return FilePair(case, files[trial.baseline], files[trial.candidate])


def _is_suspect(first: Measurement, control: Measurement) -> bool:
    """Tell whether the gate would measure this comparison a second time."""
    try:
        rates.judge([Stages(first, None)], control)
    except SecondStageMissing:
        return True
    return False


def _measurement(readings: Readings) -> Measurement:
    """Return each process's log ratio and median of the baseline."""
    if isinstance(readings, Broken):
        raise UsageProblem(f"The calibration cannot go on: {readings.reason}.")
    paired = [reading[MEDIAN_LATENCY] for reading in readings]
    return Measurement(
        tuple(pair.log_ratio for pair in paired), tuple(pair.baseline for pair in paired)
    )


def unpaired_medians(models: Sequence[Path]) -> list[float]:
    """Return each model's median in seconds, as pytest-benchmark saves it; one may stand twice.

    Raises:
        UsageProblem: pytest-benchmark could not time them; its last words are in the message.
    """
    with tempfile.TemporaryDirectory(prefix="slimbench-unpaired-") as folder:
        saved = Path(folder) / "run.json"
        (Path(folder) / "models.json").write_text(json.dumps([str(model) for model in models]))
        command = python_module(
            "pytest",
            *(str(UNPAIRED_CASE), *UNPAIRED_OPTIONS),
            *(f"--rootdir={folder}", f"--benchmark-json={saved}"),
        )
        done = child_process.run(
            command,
            UNPAIRED_LIMIT_S,
            folder=Path(folder),
            environment=_unpaired_environment(folder),
        )
        if done.status != 0 or not saved.exists():
            last_words = " ".join(done.output.split()[-30:]) or done.ending
            raise UsageProblem(f"pytest-benchmark could not time the models: {last_words}")
        entries = json.loads(saved.read_text())["benchmarks"]
    medians = {entry["params"]["index"]: float(entry["stats"]["median"]) for entry in entries}
    return [medians[index] for index in range(len(models))]


def unpaired_fails(baseline: float, candidate: float) -> bool:
    """Tell whether pytest-benchmark's rule goes red on these medians."""
    rule = parse_compare_fail(UNPAIRED_RULE)
    return bool(rule.fails({"median": candidate}, {"median": baseline}))


def _unpaired_environment(folder: str) -> dict[str, str]:
    """Leave out what a pytest around this one, or a user's settings, would change in it."""
    paths = [str(CODE), os.environ.get("PYTHONPATH", "")]
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        UNPAIRED_VARIABLE: folder,
    }


@contextlib.contextmanager
def burner(wanted: bool) -> Iterator[None]:
    """Keep one core busy during the block, if wanted."""
    if not wanted:
        yield
        return
    with subprocess.Popen([sys.executable, "-c", BURN], stdin=subprocess.PIPE) as process:
        try:
            yield
        finally:
            process.kill()


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """The machine's CPU time in seconds since it started, over all CPUs.

    `busy` is what any process used, `own` this one and its children that have ended, `steal` what
    other virtual machines used, `total` all there was.
    """

    busy: float
    steal: float
    total: float
    own: float

    @classmethod
    def now(cls) -> CpuTimes:
        """Read the counters."""
        cpu = psutil.cpu_times()
        steal = getattr(cpu, "steal", 0.0)
        idle = cpu.idle + getattr(cpu, "iowait", 0.0)
        total = idle + cpu.user + cpu.system + getattr(cpu, "nice", 0.0) + steal
        total += getattr(cpu, "irq", 0.0) + getattr(cpu, "softirq", 0.0)
        process = psutil.Process().cpu_times()
        own = process.user + process.system + process.children_user + process.children_system
        return cls(total - idle - steal, steal, total, own)

    def used_by_others(self, later: CpuTimes) -> tuple[float, float]:
        """Return what others used from then until `later`, as (cores on average, stolen share).

        Children that are still running count as others.
        """
        total = later.total - self.total
        if total <= 0:
            return 0.0, 0.0
        wall = total / (psutil.cpu_count() or 1)
        others = (later.busy - self.busy) - (later.own - self.own)
        return max(0.0, others) / wall, (later.steal - self.steal) / total
