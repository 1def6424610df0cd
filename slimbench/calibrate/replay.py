"""The gate's own judge on times that were already taken: one comparison alone, or many together.

So a calibration says what the gate would have said, by the gate's own code, and from the same raw
ratios also what it would have said of a whole profile.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slimbench.calibrate.record import Looked
from slimbench.gate import latency
from slimbench.gate.cases import Pair
from slimbench.gate.limits import Limits
from slimbench.gate.processes import Paired, Readings, Timed
from slimbench.gate.question import JUDGED
from slimbench.gate.row import Row
from slimbench.history.record import Entry, Latency
from slimbench.paths import CODE
from slimbench.spec import Advance, Case


@dataclass(frozen=True, slots=True)
class Looks:
    """What was read of one comparison; `second` is None where no second look was taken."""

    first: Looked
    second: Looked | None


class SecondLook(Exception):
    """The judge wants a second look that was not taken."""


def judge(comparisons: Sequence[Looks], control: Looked) -> list[Row]:
    """Judge comparisons as the cases of one run; returns a row for each, in their order.

    Raises:
        SecondLook: One is a suspect and has no second look.
    """
    cases = [Case(f"comparison{number}", "litert", 1) for number in range(len(comparisons))]
    entries = [
        _entry(case, each.first.baseline_ms) for case, each in zip(cases, comparisons, strict=True)
    ]
    judged = latency.judge(
        [Pair(entry, entry) for entry in entries],
        [Timed(case, CODE, CODE) for case in cases],
        limits={case.variant: Limits() for case in cases},
        processes=len(control.log_ratios),
        measure=_Replay(dict(zip(cases, comparisons, strict=True)), control),
        advance=_silent,
    )
    rows = {row.case: row for row in judged.rows if row.metric == JUDGED}
    return [rows[case] for case in cases]


class _Replay:
    """A `slimbench.gate.latency.Measure` that answers with what was taken."""

    def __init__(self, looks: Mapping[Case, Looks], control: Looked) -> None:
        self._looks = looks
        self._control = control
        self._asked = False

    def __call__(
        self,
        pairs: Sequence[Timed],
        processes: int,  # noqa: ARG002 - it is long decided
        advance: Advance,  # noqa: ARG002
    ) -> list[Readings]:
        """Answer the first look, in which the control comes last, then the second."""
        if not self._asked:
            self._asked = True
            first = [_readings(self._looks[pair.case].first) for pair in pairs[:-1]]
            return [*first, _readings(self._control)]
        second = [self._looks[pair.case].second for pair in pairs]
        if any(each is None for each in second):
            raise SecondLook
        return [_readings(each) for each in second if each is not None]


def _readings(looked: Looked) -> Readings:
    return tuple(
        {JUDGED: Paired(baseline, baseline * math.exp(ratio), ratio)}
        for baseline, ratio in zip(looked.baseline_ms, looked.log_ratios, strict=True)
    )


def _silent(done: float, total: float, note: str = "") -> None:
    """Nobody waits for this."""


def _entry(case: Case, times_ms: Sequence[float]) -> Entry:
    """Return a history's entry in which nothing but the time was measured."""
    p50 = sorted(times_ms)[len(times_ms) // 2]
    return Entry(
        case=case,
        reference=case.variant,
        profile="calibration",
        dataset="none",
        input_shape=(),
        model_sha256="",
        model_file="",
        size_bytes=None,
        size_gzip_bytes=None,
        parameters=None,
        sparsity=None,
        sparsity_prunable=None,
        accuracy_top1=None,
        accuracy_n=None,
        accuracy_ci95=None,
        correct_bits=None,
        eval_sha256=None,
        latency_ms=Latency(p50, p50, p50, None, p50, len(times_ms)),
        init_ms=None,
        first_invoke_ms=None,
        peak_rss_mb=None,
        speedup=None,
        size_ratio=None,
        accuracy_drop=None,
        reasons={},
        samples=(),
    )
