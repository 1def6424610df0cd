"""`slimbench calibrate`: prove the gate on this machine, by comparisons whose truth is known."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slimbench.commands import Command, add_output, emit
from slimbench.errors import UsageProblem
from slimbench.paths import results_folder

if TYPE_CHECKING:
    from slimbench.calibrate.design import Batch
    from slimbench.calibrate.record import Calibration

DEFAULT = Path("calibration", "calibration.jsonl")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which file, and how much is done of the whole."""
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        default=results_folder() / DEFAULT,
        metavar="FILE",
        help="where raw ratios are added, and where an interrupted calibration goes on "
        "(default: results/calibration/calibration.jsonl)",
    )
    parser.add_argument("--show", action="store_true", help="measure nothing, show what is there")
    parser.add_argument(
        "--batches", type=int, metavar="N", help="take at most so many more, then show"
    )
    add_output(parser, ("table", "markdown"))


def run(arguments: argparse.Namespace) -> int:
    """Take what is missing, then show all."""
    from slimbench.calibrate import design, record  # noqa: PLC0415 - the statistics take their time

    if arguments.batches is not None and arguments.batches < 1:
        raise UsageProblem(f"--batches must be a whole number from 1 up, not {arguments.batches}.")
    path: Path = arguments.file
    batches = design.batches()
    sizes = [len(batch.trials) for batch in batches]
    if not arguments.show:
        _measure(path, batches, arguments.batches)
    if not path.is_file():
        raise UsageProblem(f"There is no calibration {path}. Leave out --show to take one.")
    emit(_shown(record.load(path, sizes), arguments.format), arguments.output)
    return 0


def _measure(path: Path, batches: tuple[Batch, ...], most: int | None) -> None:
    """Measure the batches that a file lacks, each added as soon as it is whole."""
    import filelock  # noqa: PLC0415

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path.with_name(f".{path.name}.lock"))
    try:
        with lock.acquire(timeout=0):
            _measure_locked(path, batches, most)
    except filelock.Timeout:
        raise UsageProblem(f"Another calibration is writing {path}. Wait, or end it.") from None


def _measure_locked(path: Path, batches: tuple[Batch, ...], most: int | None) -> None:
    from rich.console import Console  # noqa: PLC0415

    from slimbench.calibrate import record  # noqa: PLC0415
    from slimbench.calibrate.design import workloads  # noqa: PLC0415
    from slimbench.calibrate.progress import CalibrationProgress  # noqa: PLC0415
    from slimbench.gate.timer import Timer  # noqa: PLC0415

    sizes = [len(batch.trials) for batch in batches]
    if path.exists():
        existing = record.load(path, sizes)
        _refuse_other_machine(path, existing.about)
        record.drop_incomplete_batch(path, existing)
        done = existing.batches()
    else:
        record.create(path, about_machine())
        done = frozenset()
    todo = [batch for batch in batches if batch.number not in done][:most]
    if not todo:
        return
    console = Console(stderr=True, soft_wrap=True)
    files = _build(workloads(batches), console)
    from slimbench.calibrate.measurement import measure_batch  # noqa: PLC0415

    with CalibrationProgress(console, todo, len(done), len(batches)) as progress:
        for batch in todo:
            comparisons = measure_batch(
                batch, files, measure=Timer(), processes=PROCESSES, advance=progress.advance
            )
            record.append(path, comparisons)
            progress.finished(batch, comparisons)


PROCESSES = 12
"""The gate's own default."""


def _build(wanted: Any, console: Any) -> dict[Any, Path]:
    """Return the file of each model, built where the store lacks it."""
    from slimbench.build.scheduler import Failure, build  # noqa: PLC0415
    from slimbench.build.store import Store  # noqa: PLC0415
    from slimbench.progress import BuildProgress  # noqa: PLC0415
    from slimbench.spec import MODEL_FILE  # noqa: PLC0415

    store = Store()
    store.prepare()
    with BuildProgress(console) as progress:
        outcome = build(wanted, 0, store, progress)
    files = {}
    for step in wanted:
        result = outcome.results[step]
        if isinstance(result, Failure):
            raise UsageProblem(f"{step.label()} could not be built: {result.reason}")
        files[step] = result.file(MODEL_FILE)
    return files


def about_machine() -> dict[str, Any]:
    """Describe this machine and its software, in the file's first line."""
    import importlib.metadata  # noqa: PLC0415

    from pytest_benchmark.plugin import pytest_benchmark_generate_machine_info  # noqa: PLC0415
    from pytest_benchmark.utils import get_machine_id  # noqa: PLC0415

    from slimbench.history.machine import cpu  # noqa: PLC0415
    from slimbench.run.preflight import preflight  # noqa: PLC0415

    return {
        "begun": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": get_machine_id(),
        "cpu": cpu(pytest_benchmark_generate_machine_info()),
        "runtime": importlib.metadata.version("ai-edge-litert"),
        "numpy": importlib.metadata.version("numpy"),
        "slimbench": importlib.metadata.version("slimbench"),
        "processes": PROCESSES,
        "preflight": preflight(),
    }


def _refuse_other_machine(path: Path, about: dict[str, Any]) -> None:
    """A calibration is of one machine and one runtime; another needs a file of its own."""
    here = about_machine()
    for key in ("machine", "cpu", "runtime", "processes"):
        if about.get(key) != here[key]:
            raise UsageProblem(
                f"{path} was begun with {key} {about.get(key)}, here it is {here[key]}. "
                "Name another file to calibrate this one."
            )


def _shown(calibration: Calibration, style: str) -> str:
    from slimbench.calibrate import rates, report  # noqa: PLC0415

    if not calibration.comparisons:
        raise UsageProblem("This calibration holds no whole batch yet. Leave out --show.")
    grid = {"table": "grid", "markdown": "pipe"}[style]
    comparisons = rates.judge_again(calibration.comparisons)
    groups, profiles = rates.groups(comparisons), rates.in_profiles(comparisons)
    parts = [report.conditions(calibration), report.rates_table(groups, grid)]
    if profiles:
        parts.append(report.profiles_table(profiles, grid))
    return "\n\n".join([*parts, report.targets_table(report.targets(groups, profiles), grid)])


COMMAND = Command("calibrate", "Prove the gate on this machine.", add_arguments, run)
