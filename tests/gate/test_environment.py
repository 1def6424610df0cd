"""Trying out the environment that is to run one side."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from slimbench.errors import UsageProblem
from slimbench.gate.environment import Environment, find
from tests.gate.environments import PACKAGE, bare, with_runtime

ENGINES = {"litert": PACKAGE}

pytestmark = pytest.mark.skipif(os.name != "posix", reason="environments as POSIX has them")


def found(where: Path, limit_s: float = 30) -> Environment:
    return find(where, ENGINES, limit_s)


def program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_a_folder_and_its_python_are_the_same_environment(tmp_path: Path) -> None:
    folder = with_runtime(tmp_path / "env", "2.2.0")
    by_folder, by_python = found(folder), found(folder / "bin" / "python")
    assert by_folder == by_python
    assert by_folder.versions == {PACKAGE: "2.2.0"}
    assert by_folder.python == folder / "bin" / "python"


def test_what_lies_around_here_is_not_taken_for_the_environment_s_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "path" / "ai_edge_litert"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    assert found(Path(sys.executable)).versions
    with pytest.raises(UsageProblem, match="No module named 'numpy'"):
        found(bare(tmp_path / "env"))


def test_an_environment_without_the_runtime_is_refused(tmp_path: Path) -> None:
    folder = with_runtime(tmp_path / "env", "2.2.0")
    with pytest.raises(UsageProblem, match=r"it has no openvino-nightly.*holds openvino-nightly"):
        find(folder, {"openvino": "openvino-nightly"}, 30)


def test_a_runtime_that_cannot_be_imported_is_refused_with_its_reason(tmp_path: Path) -> None:
    folder = with_runtime(tmp_path / "env", "2.2.0")
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "ai_edge_litert").mkdir()
    (site / "ai_edge_litert" / "__init__.py").write_text("raise ImportError('wrong libc')")
    with pytest.raises(UsageProblem, match=r"bin/python cannot time the baseline: wrong libc\."):
        found(folder)


def test_what_is_no_environment_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match=r"There is no environment .*nowhere"):
        found(tmp_path / "nowhere")
    with pytest.raises(UsageProblem, match="no virtual environment: it has no bin/python"):
        found(tmp_path)
    plain = tmp_path / "plain.txt"
    plain.write_text("no program")
    with pytest.raises(UsageProblem, match=r"plain\.txt cannot be run"):
        found(plain)
    with pytest.raises(UsageProblem, match="odd cannot be run"):
        found(program(tmp_path / "odd", "no program either"))


def test_a_program_that_is_no_python_is_named_with_how_it_ended(tmp_path: Path) -> None:
    script = program(tmp_path / "sh", "#!/bin/sh\necho strange >&2\nexit 7\n")
    with pytest.raises(UsageProblem, match=r"sh cannot time .*exit status 7; its last line: stran"):
        found(script)


def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    script = program(tmp_path / "slow", "#!/bin/sh\nsleep 600\n")
    with pytest.raises(UsageProblem, match="slow answered nothing for 1 s"):
        found(script, limit_s=1)
    assert psutil.Process().children(recursive=True) == []


def test_too_old_a_python_says_so(tmp_path: Path) -> None:
    # As far as it can be tried without one: the oldest that is allowed is set ahead of ours.
    from slimbench.gate import environment

    text = environment.START.read_text()
    assert "OLDEST = (3, 11)" in text
    start = tmp_path / "entry_point.py"
    start.write_text(text.replace("OLDEST = (3, 11)", "OLDEST = (9, 0)"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "START", start)
        with pytest.raises(UsageProblem, match=r"Python 9\.0 is needed there, this is 3\."):
            found(Path(sys.executable))
