"""A calibration's file: a line of JSON about the whole, then one a comparison, as they are taken.

Lines are only ever added, a batch at a time, so a calibration that was killed goes on where it
was: a batch that is not whole is dropped and taken again.
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
from slimbench.gate.row import Verdict

SCHEMA = "slimbench-calibration-1"


class CalibrationError(UsageProblem):
    """A calibration's file that cannot be used; the message begins with its name."""


@dataclass(frozen=True, slots=True)
class Looked:
    """One look: log(candidate / baseline) of each process, and the baseline's medians in ms."""

    log_ratios: tuple[float, ...]
    baseline_ms: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """One comparison: what was true, what was read, and what was said.

    `slowdown` is the added work in percent. `unpaired_ms` are pytest-benchmark's medians of both
    sides and `unpaired_red` its own verdict. `others` and `steal` are about the whole batch.
    """

    batch: int
    burner: bool
    size: str
    slowdown: int
    first: Looked
    second: Looked | None
    control: Looked
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
        """Whether nothing was judged in this batch: no suspect then gets a second look."""
        return self.verdict == "inconclusive" and self.second is None


@dataclass(frozen=True, slots=True)
class Calibration:
    """A file as read: `about` is its first line, `found` its whole batches."""

    about: dict[str, Any]
    found: tuple[Found, ...]

    def batches(self) -> frozenset[int]:
        """Return the numbers of the batches that were taken."""
        return frozenset(each.batch for each in self.found)


def begin(path: Path, about: dict[str, Any]) -> None:
    """Start a file; raises FileExistsError where there is one."""
    with path.open("x", encoding="utf-8") as file:
        file.write(json.dumps({"schema": SCHEMA, **about}, sort_keys=True) + "\n")


def append(path: Path, found: Sequence[Found]) -> None:
    """Add a batch; it is on the disk when this returns."""
    lines = [json.dumps(_rounded(asdict(each)), allow_nan=False) for each in found]
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
        whole = _parsed(lines[1:])
        found = tuple(_found(line) for line in whole)
    except (UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CalibrationError(f"{path} is no calibration, or damaged: {error}.") from error
    if not isinstance(about, dict) or about.get("schema") != SCHEMA:
        raise CalibrationError(f"{path} is no calibration of this version. Name another file.")
    counted = Counter(each.batch for each in found)
    if counted and not 0 <= min(counted) <= max(counted) < len(sizes):
        raise CalibrationError(f"{path} is of another design. Name another file.")
    return Calibration(
        about, tuple(each for each in found if counted[each.batch] == sizes[each.batch])
    )


def drop_torn_end(path: Path, calibration: Calibration) -> None:
    """Write a file anew without the batch during which it was killed."""
    lines = [json.dumps(calibration.about, sort_keys=True)]
    lines += [json.dumps(_rounded(asdict(each))) for each in calibration.found]
    write_text(path, "\n".join([*lines, ""]))


def _parsed(lines: Sequence[str]) -> list[dict[str, Any]]:
    """Parse lines; the last may be torn."""
    parsed = []
    for number, line in enumerate(lines):
        try:
            parsed.append(json.loads(line))
        except ValueError:
            if number + 1 == len(lines):
                break
            raise
    return parsed


def _found(line: dict[str, Any]) -> Found:
    def look(key: str) -> Looked:
        values = line[key]
        return Looked(tuple(values["log_ratios"]), tuple(values["baseline_ms"]))

    interval, unpaired = line["interval"], line["unpaired_ms"]
    changed = {
        "first": look("first"),
        "second": None if line["second"] is None else look("second"),
        "control": look("control"),
        "interval": None if interval is None else (float(interval[0]), float(interval[1])),
        "unpaired_ms": (float(unpaired[0]), float(unpaired[1])),
    }
    return Found(**{**line, **changed})


def _rounded(value: Any) -> Any:
    """Six digits are a thousandth of the noise."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(each) for each in value]
    return value
