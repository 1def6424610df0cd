"""What pytest-benchmark's own comparison says of the same files in the same minutes.

Its users save a run and later compare with `--benchmark-compare-fail=median:10%`. So every model
is timed by pytest-benchmark itself, with its defaults, in one process for the baselines and in
another for the candidates, and its own rule is asked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pytest_benchmark.utils import parse_compare_fail

from slimbench.errors import UsageProblem
from slimbench.paths import CODE

RULE = "median:10%"

CASE = Path(__file__).with_name("unpaired_case.py")

OPTIONS = ("-q", "--noconftest", "-p", "no:cacheprovider", "-c", "/dev/null")
"""Nothing of the project around the run: pytest-benchmark as it comes."""

VARIABLE = "SLIMBENCH_UNPAIRED"
"""Tells the benchmark where the list of models is."""

LIMIT_S = 600.0


def medians(models: Sequence[Path]) -> list[float]:
    """Return each model's median in seconds, as pytest-benchmark saves it; one may stand twice.

    Raises:
        UsageProblem: pytest-benchmark could not time them; its last words are in the message.
    """
    with tempfile.TemporaryDirectory(prefix="slimbench-unpaired-") as folder:
        saved = Path(folder) / "run.json"
        (Path(folder) / "models.json").write_text(json.dumps([str(model) for model in models]))
        command = [
            *(sys.executable, "-m", "pytest", str(CASE), *OPTIONS, f"--rootdir={folder}"),
            f"--benchmark-json={saved}",
        ]
        ended = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
            env=_environment(folder),
        )
        if ended.returncode or not saved.exists():
            said = " ".join((ended.stdout or ended.stderr).split()[-30:])
            raise UsageProblem(f"pytest-benchmark could not time the models: {said}")
        entries = json.loads(saved.read_text())["benchmarks"]
    by_place = {entry["params"]["place"]: float(entry["stats"]["median"]) for entry in entries}
    return [by_place[place] for place in range(len(models))]


def fails(baseline: float, candidate: float) -> bool:
    """Tell whether pytest-benchmark's rule goes red on these medians."""
    return bool(parse_compare_fail(RULE).fails({"median": candidate}, {"median": baseline}))


def _environment(folder: str) -> dict[str, str]:
    """Leave out what a pytest around this one, or a user's settings, would change in it."""
    paths = [str(CODE), os.environ.get("PYTHONPATH", "")]
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        VARIABLE: folder,
    }
