"""What `make` and `scripts/install.py` do before anything is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts import install
from slimbench.paths import CODE

STAND_IN = """#!/bin/sh
# Stands in for Python: sets up an environment that only says which folder it was made in.
echo "set up" >> "$PWD/log"
mkdir -p .venv/bin
cp "$0" .venv/bin/python
pwd > .venv/.ready
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "first"
    (folder / "scripts").mkdir(parents=True)
    for name in ("Makefile", "requirements.lock", "pyproject.toml", "scripts/install.py"):
        shutil.copy2(CODE / name, folder / name)
    python = tmp_path / "python"
    python.write_text(STAND_IN)
    python.chmod(0o755)
    return folder


def make(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        ["make", ".venv/.ready", f"PYTHON={folder.parent / 'python'}"],
        cwd=folder,
        env={**plain, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def setups(folder: Path) -> int:
    log = folder / "log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_an_environment_is_made_once(checkout: Path) -> None:
    for _ in range(2):
        assert make(checkout).returncode == 0
    assert setups(checkout) == 1


def test_an_environment_that_was_copied_with_its_checkout_is_made_anew(checkout: Path) -> None:
    make(checkout)
    copied = checkout.with_name("second")
    shutil.copytree(checkout, copied)
    make(copied)
    assert (setups(checkout), setups(copied)) == (1, 2)
    assert (copied / ".venv" / ".ready").read_text() == f"{copied}\n"


def test_an_environment_whose_python_is_gone_is_made_anew(checkout: Path) -> None:
    make(checkout)
    python = checkout / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(checkout / "gone")
    (checkout.parent / "python").write_text(STAND_IN.replace("cp ", "cp --remove-destination "))
    assert make(checkout).returncode == 0
    assert setups(checkout) == 2


def test_a_variable_of_the_environment_is_named(checkout: Path) -> None:
    done = make(checkout, RUN="true", PROFILE="prod")
    assert "RUN=true comes from the environment" in done.stderr
    assert "PROFILE=prod comes from the environment" in done.stderr
    assert "environment" not in make(checkout).stderr


def test_a_python_that_is_not_there_is_said(checkout: Path) -> None:
    (checkout.parent / "python").unlink()
    done = make(checkout)
    assert done.returncode
    assert "slimbench needs Python 3.11, 3.12 or 3.13; name one with PYTHON=." in done.stderr


def test_the_version_is_checked_first(tmp_path: Path) -> None:
    script = CODE / "scripts" / "install.py"
    older = (
        "import runpy, sys; sys.version_info = (3, 9, 2); "
        f"sys.argv = ['install.py', {str(tmp_path / 'env')!r}, 'requirements.lock']; "
        f"runpy.run_path({str(script)!r}, run_name='__main__')"
    )
    command = [sys.executable, "-c", older]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("slimbench needs Python 3.11, 3.12 or 3.13;")
    assert done.stderr.rstrip().endswith("is 3.9.2. Name another with PYTHON=.")
    assert not (tmp_path / "env").exists()


def environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Mapping[str, str]:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return install.pip_environment(Path(sys.executable))


def test_pip_is_the_set_ups_own_but_for_the_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = tmp_path / "pip.conf"
    settings.write_text(
        "[global]\nproxy = http://proxy:3128\nindex-url = https://a/simple\n"
        "[install]\nuser = yes\ntarget = elsewhere\nno-index = yes\n"
    )
    seen = environment(
        monkeypatch,
        PIP_CONFIG_FILE=str(settings),
        PIP_USER="yes",
        PIP_REQUIRE_HASHES="1",
        PIP_TARGET="elsewhere",
        PIP_INDEX_URL="https://b/simple",
        PYTHONPATH="elsewhere",
    )
    expected = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_PROXY": "http://proxy:3128",
        "PIP_INDEX_URL": "https://b/simple",
        "PIP_NO_INDEX": "yes",
    }
    assert expected.items() <= seen.items()
    assert not {"PIP_USER", "PIP_REQUIRE_HASHES", "PIP_TARGET", "PYTHONPATH"} & set(seen)
    assert seen["PATH"] == os.environ["PATH"]


SLOW = """
import sys, time, pathlib
from scripts import install

def pretend(folder, lock):
    log = pathlib.Path(folder, "log")
    log.open("a").write("begun\\n")
    while not pathlib.Path(folder, "go on").exists():
        time.sleep(0.01)
    pathlib.Path(folder, install.READY).write_text(f"{install.CHECKOUT}\\n")
    return 0

install.install = pretend
sys.exit(install.main(sys.argv[1], sys.argv[2]))
"""


def test_two_at_once_set_up_one_after_the_other(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SLOW, str(tmp_path), str(CODE / "requirements.lock")]
    with subprocess.Popen(command, cwd=CODE) as first:
        while not (tmp_path / "log").exists():
            assert first.poll() is None
            time.sleep(0.01)
        with subprocess.Popen(command, cwd=CODE, stdout=subprocess.PIPE, text=True) as second:
            assert second.stdout is not None
            assert second.stdout.readline().startswith("Another make is setting up")
            (tmp_path / "go on").touch()
    assert [first.returncode, second.returncode] == [0, 0]
    assert (tmp_path / "log").read_text() == "begun\n"
