"""A calibration's file: a line of JSON about the machine, then one for each comparison.

Lines are only ever added, a batch at a time, so a calibration that was killed goes on where it
was: a batch that is not complete is dropped and measured again.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from slimbench.atomic_write import write_text
from slimbench.errors import UsageProblem
from slimbench.gate.findings import Verdict

SCHEMA = "slimbench-calibration-1"


class CalibrationError(UsageProblem):
    """A calibration's file that cannot be used; the message begins with its name."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One stage: log(candidate / baseline) of each process, and the baseline's medians in ms."""

    log_ratios: tuple[float, ...]
    baseline_ms: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison: what was true, what was measured, and the gate's verdict.

    `slowdown` is the added work in percent. `first` is what the gate timed, `second` what it timed
    of a suspect once more, with more processes. `unpaired_ms` are pytest-benchmark's medians of
    both sides and `unpaired_red` whether its own rule fails. `others` (cores) and `steal` (share of
    time) are what other programs and other virtual machines used during the batch.
    """

    batch: int
    burner: bool
    size: str
    slowdown: int
    first: Measurement
    second: Measurement | None
    control: Measurement
    verdict: Verdict
    change: float | None
    interval: tuple[float, float] | None
    unpaired_ms: tuple[float, float]
    unpaired_red: bool
    load_1m: float
    others: float
    steal: float

    @property
    def control_was_off(self) -> bool:
        """Whether nothing was judged in this batch: no suspect is then measured a second time."""
        return self.verdict == "inconclusive" and self.second is None


@dataclass(frozen=True, slots=True)
class Calibration:
    """A file as read: `about` is its first line, `comparisons` those of its complete batches."""

    about: dict[str, Any]
    comparisons: tuple[Comparison, ...]

    def batches(self) -> frozenset[int]:
        """Return the numbers of the batches that were measured."""
        return frozenset(comparison.batch for comparison in self.comparisons)


def create(path: Path, about: dict[str, Any]) -> None:
    """Start a file; raises FileExistsError where there is one."""
    with path.open("x", encoding="utf-8") as file:
        file.write(json.dumps({"schema": SCHEMA, **about}, sort_keys=True) + "\n")


def append(path: Path, batch: Sequence[Comparison]) -> None:
    """Add a batch; it is on the disk when this returns."""
    lines = [json.dumps(_rounded(asdict(comparison)), allow_nan=False) for comparison in batch]
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join([*lines, ""]))
        file.flush()
        os.fsync(file.fileno())


def load(path: Path, sizes: Sequence[int]) -> Calibration:
    """Read a calibration; `sizes` are how many comparisons each batch has.

    Raises:
        CalibrationError: It is no such file, or damaged elsewhere than at its end.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        about = json.loads(lines[0]) if lines else {}
        comparisons = tuple(_comparison(content) for content in _parsed(lines[1:]))
    except (UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CalibrationError(f"{path} is no calibration, or damaged: {error}.") from error
    if not isinstance(about, dict) or about.get("schema") != SCHEMA:
        raise CalibrationError(f"{path} is no calibration of this version. Name another file.")
    counts = Counter(comparison.batch for comparison in comparisons)
    if counts and not 0 <= min(counts) <= max(counts) < len(sizes):
        raise CalibrationError(f"{path} is of another design. Name another file.")
    complete = {number for number, count in counts.items() if count == sizes[number]}
    return Calibration(about, tuple(each for each in comparisons if each.batch in complete))


def drop_incomplete_batch(path: Path, calibration: Calibration) -> None:
    """Write a file anew without the batch during which it was killed."""
    lines = [json.dumps(calibration.about, sort_keys=True)]
    lines += [json.dumps(_rounded(asdict(comparison))) for comparison in calibration.comparisons]
    write_text(path, "\n".join([*lines, ""]))


def _parsed(lines: Sequence[str]) -> list[dict[str, Any]]:
    """Parse lines; the last may be cut short."""
    parsed = []
    for number, line in enumerate(lines, 1):
        try:
            parsed.append(json.loads(line))
        except ValueError:
            if number == len(lines):
                break
            raise
    return parsed


def _comparison(content: dict[str, Any]) -> Comparison:
    def measurement(key: str) -> Measurement:
        values = content[key]
        return Measurement(tuple(values["log_ratios"]), tuple(values["baseline_ms"]))

    interval, unpaired = content["interval"], content["unpaired_ms"]
    typed = {
        "first": measurement("first"),
        "second": None if content["second"] is None else measurement("second"),
        "control": measurement("control"),
        "interval": None if interval is None else (float(interval[0]), float(interval[1])),
        "unpaired_ms": (float(unpaired[0]), float(unpaired[1])),
    }
    return Comparison(**{**content, **typed})


def _rounded(value: Any) -> Any:
    """Six digits are a thousandth of the noise."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(element) for key, element in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(element) for element in value]
    return value
