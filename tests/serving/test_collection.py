"""Which benchmarks `pytest bench` finds: those that the profile names, and no others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from slimbench.paths import CODE
from tests.end_to_end.suite import WITHOUT_PLUGINS


def collected(tmp_path: Path, *arguments: str) -> set[str]:
    """Return the files in which benchmarks were found."""
    # A run of its own, which knows nothing of the one, maybe in parallel, that this is part of.
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, f"--results={tmp_path}", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=CODE,
        env={
            **own,
            "PYTEST_ADDOPTS": WITHOUT_PLUGINS,
            "SLIMBENCH_STORE": str(tmp_path / "store"),
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if "::" in line]
    return {line.split("::")[0] for line in lines}


USUAL = {"bench/test_accuracy.py", "bench/test_latency.py", "bench/test_size.py"}


def test_a_usual_run_serves_nothing(tmp_path: Path) -> None:
    assert collected(tmp_path, "bench", "--profile=quick") == USUAL


def test_the_profile_of_serving_does(tmp_path: Path) -> None:
    found = collected(tmp_path, "bench", "--profile=serving")
    assert found == {*USUAL, "bench/test_serving.py"}


def test_what_is_named_is_run(tmp_path: Path) -> None:
    found = collected(tmp_path, "bench/test_serving.py", "--profile=quick")
    assert found == {"bench/test_serving.py"}
