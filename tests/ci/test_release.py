"""The workflow that publishes a version: its scripts refuse what must not be published."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from slimbench.paths import CODE
from tests.ci import shell

FILE = CODE / ".github" / "workflows" / "release.yml"

VERSION = tomllib.loads((CODE / "pyproject.toml").read_text())["project"]["version"]


def workflow() -> dict[str, Any]:
    content: dict[str, Any] = YAML(typ="safe", pure=True).load(FILE)
    return content


def script(name: str) -> str:
    (text,) = [
        step["run"] for step in workflow()["jobs"]["build"]["steps"] if step.get("name") == name
    ]
    return str(text)


def run(name: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return shell.run(
        script(name), folder, {"RUNNER_TEMP": str(folder), **environment}, shell.GITHUBS_BASH
    )


def compared(folder: Path, tag: str) -> subprocess.CompletedProcess[str]:
    shell.pretend(folder / "bin", "python", f'exec {sys.executable} "$@"')
    (folder / "pyproject.toml").write_bytes((CODE / "pyproject.toml").read_bytes())
    return run("Compare the tag with the version", folder, GITHUB_REF_NAME=tag)


def test_the_tag_of_the_version_passes(tmp_path: Path) -> None:
    ended = compared(tmp_path, f"v{VERSION}")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize("tag", [f"v{VERSION}.1", f"v{VERSION}rc1", VERSION, "v$(touch hacked)"])
def test_another_tag_is_refused_with_both_names(tmp_path: Path, tag: str) -> None:
    ended = compared(tmp_path, tag)
    assert ended.returncode == 1
    assert f"::error title=release::The tag {tag} is not v{VERSION}," in ended.stdout
    assert not (tmp_path / "hacked").exists()


def test_both_distributions_are_built_and_checked_strictly(tmp_path: Path) -> None:
    pretended = 'echo "$@" >> called\nif [ "$2" = build ]; then mkdir dist; touch dist/a dist/b; fi'
    shell.pretend(tmp_path / "bin", "python", pretended)
    assert run("Build", tmp_path).returncode == 0
    install, *rest = (tmp_path / "called").read_text().splitlines()
    assert rest == ["-m build", "-m twine check --strict dist/a dist/b"]
    assert all("==" in name for name in install.partition("--quiet ")[2].split())


def test_a_distribution_that_fails_the_check_ends_it(tmp_path: Path) -> None:
    shell.pretend(tmp_path / "bin", "python", '[ "$2" != twine ]')
    assert run("Build", tmp_path).returncode == 1


@pytest.mark.parametrize("broken", ["", "--help", "schema"])
def test_the_wheel_is_tried_outside_the_checkout(tmp_path: Path, broken: str) -> None:
    checkout = tmp_path / "checkout"
    temporary = tmp_path / "temporary"
    (checkout / "dist").mkdir(parents=True)
    (checkout / "dist" / "slimbench-1-py3-none-any.whl").touch()
    (checkout / "dist" / "slimbench-1.tar.gz").touch()
    shell.pretend(checkout / "bin", "python", 'echo "$@" >> called')
    shell.pretend(temporary / "empty" / "bin", "python", 'echo "$@" >> called')
    shell.pretend(
        temporary / "empty" / "bin", "slimbench", f'pwd; echo "$1"; [ "$1" != "{broken}" ]'
    )
    ended = run("Try the wheel in an empty environment", checkout, RUNNER_TEMP=str(temporary))
    assert ended.returncode == (1 if broken else 0)
    if not broken:
        assert ended.stdout.split() == [str(temporary), "--help", str(temporary), "schema"]
    called = (checkout / "called").read_text().splitlines()
    assert called[0] == f"-m venv {temporary}/empty"
    assert called[1].endswith(" install --quiet dist/slimbench-1-py3-none-any.whl")


def test_only_a_tag_of_a_version_starts_it() -> None:
    content = workflow()
    assert content["on"] == {"push": {"tags": ["v*"]}}
    assert content["concurrency"]["cancel-in-progress"] is False


def test_only_the_job_that_publishes_may_name_itself_to_the_index() -> None:
    content = workflow()
    assert content["permissions"] == {}
    build, publish = content["jobs"]["build"], content["jobs"]["publish"]
    assert set(content["jobs"]) == {"build", "publish"}
    assert build["permissions"] == {"contents": "read"}
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"] == "release"
    assert publish["needs"] == "build"
    assert not [step for step in publish["steps"] if "run" in step]
    assert "secrets." not in FILE.read_text()
    assert "password" not in publish["steps"][-1].get("with", {})


def test_what_is_published_is_what_was_tried() -> None:
    jobs = workflow()["jobs"]
    upload, download = jobs["build"]["steps"][-1], jobs["publish"]["steps"][0]
    assert upload["uses"].startswith("actions/upload-artifact@")
    assert download["uses"].startswith("actions/download-artifact@")
    assert upload["with"]["name"] == download["with"]["name"]
    assert upload["with"]["path"] == download["with"]["path"] == "dist/"
    assert not [step for step in jobs["build"]["steps"] if "${{" in step.get("run", "")]
