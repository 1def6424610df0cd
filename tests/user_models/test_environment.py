"""`slimbench run` in a shell whose variables are meant for other programs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.end_to_end.suite import Done, Suite
from tests.user_models.colours import colour_model

UNTRUSTED = """#!/bin/sh
echo "fatal: detected dubious ownership in repository at '$PWD'" >&2
exit 128
"""


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    (tmp_path / "home").mkdir()
    return Suite(tmp_path / "home", store=tmp_path / "store", results=tmp_path / "results")


def measure(suite: Suite, **variables: str) -> Done:
    suite.variables.update(variables)  # type: ignore[attr-defined]
    colour_model(suite.home / "mine.tflite")
    return suite.slimbench("run", "--model=mine=mine.tflite", f"--results={suite.results}")


def test_settings_of_pytest_are_for_other_tests(suite: Suite) -> None:
    done = measure(
        suite,
        PYTEST_ADDOPTS="-n 2 -k nothing --benchmark-skip --junitxml=/nowhere/at/all.xml",
        PYTEST_PLUGINS="a_plugin_that_is_not_installed",
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
    )
    assert done.status == 0, done.out + done.err
    assert suite.history()["slimbench"]["status"] == "complete"


def test_a_notebooks_backend_does_not_keep_the_charts_from_being_drawn(suite: Suite) -> None:
    done = measure(suite, MPLBACKEND="module://a_backend_that_is_not_installed")
    assert done.status == 0, done.out + done.err
    assert "_pareto.svg" in done.out


def test_what_an_encoding_lacks_is_replaced(suite: Suite) -> None:
    done = measure(suite, PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.status == 0, done.out + done.err
    row = next(line for line in done.out.splitlines() if line.startswith("| mine "))
    assert row.endswith("|")
    shown = suite.slimbench("report", f"--results={suite.results}")
    assert shown.status == 0, shown.err
    assert row in shown.out.splitlines()


@pytest.mark.parametrize("variable", ["GIT_TRACE", "GIT_DIR"])
def test_gits_variables_do_not_change_the_commit(suite: Suite, variable: str) -> None:
    done = measure(suite, **{variable: "1"})
    assert done.status == 0, done.out + done.err
    assert suite.history()["commit_info"]["id"] == "unversioned"


def test_a_repository_that_git_does_not_trust_is_said_with_the_way_out(
    suite: Suite, tmp_path: Path
) -> None:
    (tmp_path / ".git").mkdir()
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text(UNTRUSTED)
    git.chmod(0o755)
    done = measure(suite, PATH=f"{git.parent}{os.pathsep}{os.environ['PATH']}")
    assert done.status == 0, done.out + done.err
    commit = suite.history()["commit_info"]
    assert commit["id"] is None
    assert done.out.count("safe.directory") == 1
    assert f"git config --global --add safe.directory {tmp_path}" in commit["reason"]
    (path,) = suite.histories()
    assert "_unknown_" in path.name
    runs = suite.slimbench("runs", f"--results={suite.results}")
    assert "unknown" in runs.out
