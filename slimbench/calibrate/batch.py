"""One batch, measured and judged: each comparison alone, by the gate's own judge.

The first looks of a batch share their processes and one control, then the second looks share
theirs; each comparison is then judged as if it had been the only one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from slimbench.calibrate import replay, unpaired
from slimbench.calibrate.design import Batch, Trial
from slimbench.calibrate.neighbours import Watch, burner, load_1m
from slimbench.calibrate.record import Found, Looked
from slimbench.calibrate.replay import Looks, SecondLook
from slimbench.calibrate.workload import Workload
from slimbench.errors import UsageProblem
from slimbench.gate.latency import Measure
from slimbench.gate.processes import Broken, Readings, Timed
from slimbench.gate.question import JUDGED
from slimbench.spec import Advance, Case


def take(
    batch: Batch,
    files: Mapping[Workload, Path],
    *,
    measure: Measure,
    processes: int,
    advance: Advance,
) -> list[Found]:
    """Measure and judge a batch; returns what was found of each of its trials.

    pytest-benchmark times the baselines before everything and the candidates after it.

    Raises:
        UsageProblem: A model could not be timed, which no calibration can go on without.
    """
    load, watch = load_1m(), Watch()
    with burner(batch.burner):
        baselines = list(dict.fromkeys(trial.baseline for trial in batch.trials))
        before = dict(zip(baselines, unpaired.medians([files[b] for b in baselines]), strict=True))
        pairs = [_timed(trial, number, files) for number, trial in enumerate(batch.trials)]
        largest = files[max(baselines, key=before.__getitem__)]
        alone = Timed(Case("control", "litert", 1), largest, largest)
        *first, control = map(_looked, measure([*pairs, alone], processes, advance))
        suspects = [number for number in range(len(pairs)) if _suspect(first[number], control)]
        second: dict[int, Looked] = {}
        if suspects:
            taken = measure([pairs[number] for number in suspects], 2 * processes, advance)
            second = dict(zip(suspects, map(_looked, taken), strict=True))
        after = unpaired.medians([files[trial.candidate] for trial in batch.trials])
    seen = watch.seen()
    found = []
    for number, trial in enumerate(batch.trials):
        looks = Looks(first[number], second.get(number))
        (row,) = replay.judge([looks], control)
        medians = before[trial.baseline], after[number]
        found.append(
            Found(
                batch=batch.number,
                burner=batch.burner,
                size=trial.size.name,
                slowdown=trial.slowdown,
                first=looks.first,
                second=looks.second,
                control=control,
                verdict=row.verdict,
                change=row.change,
                interval=row.interval,
                unpaired_ms=(medians[0] * 1e3, medians[1] * 1e3),
                unpaired_red=unpaired.fails(*medians),
                load_1m=load,
                others=seen.others,
                steal=seen.steal,
            )
        )
    return found


def _timed(trial: Trial, number: int, files: Mapping[Workload, Path]) -> Timed:
    case = Case(f"{number}: {trial.candidate.label()}", "litert", 1)
    return Timed(case, files[trial.baseline], files[trial.candidate])


def _suspect(first: Looked, control: Looked) -> bool:
    try:
        replay.judge([Looks(first, None)], control)
    except SecondLook:
        return True
    return False


def _looked(readings: Readings) -> Looked:
    """Return what one look read of a pair: a log ratio and the baseline's median a process."""
    if isinstance(readings, Broken):
        raise UsageProblem(f"The calibration cannot go on: {readings.reason}.")
    taken: Sequence[tuple[float, float]] = [
        (reading[JUDGED].log_ratio, reading[JUDGED].baseline) for reading in readings
    ]
    return Looked(tuple(ratio for ratio, _ in taken), tuple(time for _, time in taken))
