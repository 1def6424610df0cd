"""`slimbench gate`: hold a run against a baseline; its exit status is the verdict."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from slimbench.commands import Command, add_output, add_results, check_output
from slimbench.errors import USAGE_STATUS, UsageProblem
from slimbench.gate import FEWEST_PROCESSES, MOST_PROCESSES
from slimbench.history.document import HistoryError
from slimbench.history.select import WAYS, select_one
from slimbench.paths import results_folder, short, suite_file

if TYPE_CHECKING:
    from slimbench.gate.findings import Result
    from slimbench.gate.latency import Measure
    from slimbench.gate.model_files import Files
    from slimbench.gate.runtime import Runtimes
    from slimbench.gate.timer import Effort
    from slimbench.history.record import History


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add both sides, how they are judged, and how that is shown."""
    parser.add_argument(
        "baseline",
        nargs="?",
        default="baseline",
        metavar="BASELINE",
        help=f"baseline (the promoted one, the default), or a run: {WAYS}",
    )
    parser.add_argument(
        "candidate", nargs="?", default="latest", metavar="CANDIDATE", help="the same; or latest"
    )
    parser.add_argument("--profile", help="of which profile latest and baseline are meant")
    add_results(parser)
    parser.add_argument(
        "--models",
        metavar="LOCATION",
        help="where model files that the store lacks are kept: a folder of <sha256>.tflite or an "
        "fsspec address (default: $SLIMBENCH_MODELS)",
    )
    parser.add_argument("--limits", type=Path, metavar="FILE", help="how much worse may be, TOML")
    parser.add_argument("--acknowledged", type=Path, metavar="FILE", help="known regressions, TOML")
    parser.add_argument(
        "--processes", type=_processes, default=12, help="in which each pair is timed (default 12)"
    )
    parser.add_argument(
        "--time-limit",
        type=_seconds,
        default=60.0,
        metavar="SECONDS",
        help="after which a process that answers nothing is ended (default 60)",
    )
    parser.add_argument(
        "--runtime-baseline",
        type=Path,
        metavar="ENV",
        help="run the baseline's files with the runtime in this virtual environment, or Python",
    )
    parser.add_argument(
        "--measure-identical", action="store_true", help="time a file against itself too"
    )
    parser.add_argument(
        "--inconclusive",
        choices=("pass", "fail"),
        default="fail",
        help="exit status of an inconclusive verdict: 0 for pass, 3 for fail (default: fail)",
    )
    add_output(parser, ("table", "json", "markdown", "junit"))
    parser.add_argument(
        "--report",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="write it there as well, in the format of the ending .json, .md, .txt or .xml; "
        "may be given several times",
    )


def run(arguments: argparse.Namespace) -> int:
    """Judge, show, and return the verdict's exit status.

    Python exits with 1 on an exception that nothing catches, and 1 means a regression here; so a
    fault of the gate exits with 2, as whatever else is wrong.
    """
    try:
        return _run(arguments)
    except (UsageProblem, HistoryError, OSError):
        raise
    except Exception:  # noqa: BLE001 - whatever it is, it is no verdict on the candidate
        traceback.print_exc()
        print("slimbench gate: this is a fault of the gate, no verdict.", file=sys.stderr)
        return USAGE_STATUS


def _run(arguments: argparse.Namespace) -> int:
    from slimbench.atomic_write import write_text  # noqa: PLC0415
    from slimbench.gate.findings import exit_status  # noqa: PLC0415
    from slimbench.gate.model_files import VARIABLE  # noqa: PLC0415
    from slimbench.gate.render import ENDINGS, RENDERERS  # noqa: PLC0415

    output: Path | None = arguments.output
    reports: list[Path] = arguments.report
    for file in (output, *reports):
        check_output(file)
    for file in reports:
        if file.suffix not in ENDINGS:
            raise UsageProblem(
                f"{file} says no format: let it end in {', '.join(ENDINGS)}, or use --output."
            )
    with _files(arguments.models or os.environ.get(VARIABLE)) as files:
        result = _judge(arguments, files)
    for file in reports:
        write_text(file, f"{RENDERERS[ENDINGS[file.suffix]](result)}\n")
    text = RENDERERS[arguments.format](result)
    if output is None:
        print(text)
    else:
        write_text(output, f"{text}\n")
        print(result.summary(), file=sys.stderr)
    if arguments.format == "json":
        for note in (*result.runtime, *result.notes):
            print(note, file=sys.stderr)
    return exit_status(result.verdict, arguments.inconclusive)


def _judge(arguments: argparse.Namespace, files: Files) -> Result:
    from slimbench.gate import acknowledge, limits  # noqa: PLC0415
    from slimbench.gate.judge import Settings, judge  # noqa: PLC0415
    from slimbench.gate.progress import Watched, expected_seconds  # noqa: PLC0415
    from slimbench.gate.timer import Effort  # noqa: PLC0415

    # First, since without --profile it says of which profile the baseline is meant.
    candidate = _side(arguments.candidate, arguments.results, arguments.profile)
    baseline = _side(arguments.baseline, arguments.results, arguments.profile or candidate.profile)
    if baseline.path.resolve() == candidate.path.resolve():
        raise UsageProblem(
            f"Baseline and candidate are one run, {short(candidate.path)}, so there is nothing to "
            "compare. Name two runs, or promote one."
        )
    variants = {entry.case.variant for entry in (*baseline.entries, *candidate.entries)}
    known = arguments.acknowledged
    # Of the project, whatever --results names: it is reviewed and committed as the baseline is.
    if known is None and (results_folder() / acknowledge.FILE).exists():
        known = results_folder() / acknowledge.FILE
    limits_file = arguments.limits or suite_file("gate.toml")
    effort = Effort(limit_s=arguments.time_limit)
    timer, runtimes = _timer(arguments.runtime_baseline, baseline, effort)
    settings = Settings(
        limits=limits.load_limits(limits_file, candidate.profile, variants),
        runtimes=runtimes,
        today=datetime.now(UTC).date(),
        acknowledged=acknowledge.load_acknowledgements(known, candidate.profile) if known else (),
        processes=arguments.processes,
        measure_identical=arguments.measure_identical,
    )
    expect = partial(
        expected_seconds,
        effort=effort,
        baseline=baseline,
        candidate=candidate,
        apart=runtimes.apart,
    )
    result = judge(
        baseline,
        candidate,
        settings,
        files=files,
        measure=Watched(timer, expect),
        advance=lambda *_: None,
    )
    return replace(result, notes=(*result.notes, f"Limits: {short(limits_file)}."))


def _timer(where: Path | None, baseline: History, effort: Effort) -> tuple[Measure, Runtimes]:
    """Return what times pairs, and the runtimes that it does so with."""
    from slimbench import engines  # noqa: PLC0415
    from slimbench.gate import environment  # noqa: PLC0415
    from slimbench.gate.runtime import Runtimes  # noqa: PLC0415
    from slimbench.gate.timer import Timer  # noqa: PLC0415

    distributions = engines.distributions()
    here = _versions(distributions.values())
    if where is None:
        return Timer(effort), Runtimes(here, here)
    measured = {entry.case.engine for entry in baseline.entries}
    needed = {name: package for name, package in distributions.items() if name in measured}
    own = environment.find(where, needed, effort.limit_s)
    return Timer(effort, baseline_environment=own), Runtimes(own.versions, here, apart=True)


def _side(what: str, results: Path, profile: str | None) -> History:
    """Return the run or the promoted baseline that a user named."""
    from slimbench.gate.baseline import baseline_path, load_baseline  # noqa: PLC0415
    from slimbench.gate.cases import require_complete  # noqa: PLC0415

    if what != "baseline":
        path = Path(what)
        if path.is_file() and path.resolve().parent == (results / "baselines").resolve():
            return load_baseline(path).history
        return require_complete(select_one(what, results, profile))
    if profile is None:
        raise UsageProblem("Of which profile? Say so with --profile.")
    return load_baseline(baseline_path(results, profile)).history


@contextmanager
def _files(location: str | None) -> Iterator[Files]:
    """Give the places where models are; what comes from an address is kept for this run only."""
    from slimbench.build.store import Store  # noqa: PLC0415
    from slimbench.gate.model_files import Files  # noqa: PLC0415

    store = Store().root
    if location is None or "://" not in location:
        yield Files(store, None if location is None else Path(location))
        return
    from slimbench.gate.model_files import keep_at  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="slimbench-models-") as folder:
        yield Files(store, Path(folder), keep_at(location).fetch)


def _versions(distributions: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in set(distributions):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processes(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not FEWEST_PROCESSES <= number <= MOST_PROCESSES:
        raise argparse.ArgumentTypeError(
            f"from {FEWEST_PROCESSES} to {MOST_PROCESSES}, not {text!r}"
        )
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 86400:
        raise argparse.ArgumentTypeError(f"seconds from 1 to 86400, not {text!r}")
    return seconds


COMMAND = Command("gate", "Hold a run against a baseline: worse or not.", add_arguments, run)
