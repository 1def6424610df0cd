"""What the wheel holds: one package with all that it needs, and copies of the suite's files."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from slimbench.paths import CODE
from tests.wheel.environments import Environment, build_wheel

REFERENCE = "slimbench/reference/"


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_nothing_but_slimbench_is_added(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in names(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"slimbench"}


def test_every_file_of_the_package_is_in_it(wheel: Path) -> None:
    package = CODE / "slimbench"
    expected = {
        path.relative_to(CODE).as_posix()
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    held = {name for name in names(wheel) if not name.startswith(REFERENCE)}
    assert {name for name in held if name.startswith("slimbench/")} == expected


def test_the_suite_in_it_is_the_checkouts(wheel: Path) -> None:
    patterns = ("conftest.py", "fixtures/*.py", "bench/*.py", "bench/*.toml", "bench/variants/*.py")
    files = [path for pattern in patterns for path in CODE.glob(pattern)]
    with zipfile.ZipFile(wheel) as archive:
        for path in files:
            name = REFERENCE + path.relative_to(CODE).as_posix()
            assert archive.read(name) == path.read_bytes(), name
    assert sum(name.startswith(REFERENCE) for name in names(wheel)) == len(files)


@pytest.mark.slow
def test_a_source_distribution_gives_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", tmp_path, CODE],
        check=True,
        capture_output=True,
    )
    (archive,) = tmp_path.glob("*.tar.gz")
    (tmp_path / "again").mkdir()
    assert names(build_wheel(archive, tmp_path / "again")) == names(wheel)


def test_every_subcommand_answers_from_any_folder(plain: Environment, tmp_path: Path) -> None:
    done = plain.run(tmp_path, "slimbench", "--help")
    assert done.returncode == 0, done.stderr
    commands = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("    ")]
    assert {"gate", "init", "run", "schema"} <= set(commands)
    for command in [name for name in commands if name.islower() and name.isalpha()]:
        done = plain.run(tmp_path, "slimbench", command, "--help")
        assert done.returncode == 0, done.stderr


def test_the_schemas_are_printed(plain: Environment, tmp_path: Path) -> None:
    done = plain.run(tmp_path, "slimbench", "schema", "baseline")
    assert done.stdout == (CODE / "results" / "baseline-schema.json").read_text()


def test_without_extras_there_is_no_tensorflow(plain: Environment, tmp_path: Path) -> None:
    done = plain.run(tmp_path, "python", "-c", "import tensorflow")
    assert "No module named 'tensorflow'" in done.stderr
