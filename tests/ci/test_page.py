"""The page for other CI systems: its snippets can be used as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from slimbench.gate.acknowledge import load_acknowledgements
from slimbench.paths import CODE
from tests.ci import shell

PAGE = CODE / "docs" / "ci.md"
TEXT = PAGE.read_text(encoding="utf-8")


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def script() -> str:
    (found,) = [snippet for snippet in snippets("sh") if snippet.startswith("#!")]
    return found


def test_every_snippet_is_of_a_kind_that_is_checked_here() -> None:
    assert set(re.findall(r"^```(\w+)$", TEXT, re.MULTILINE)) == {"sh", "yaml", "toml", "groovy"}


def test_gitlab_takes_its_file(tmp_path: Path) -> None:
    (snippet,) = snippets("yaml")
    file = tmp_path / ".gitlab-ci.yml"
    file.write_text(snippet)
    linter = Path(sys.executable).parent / "check-jsonschema"
    schema = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
    ended = subprocess.run([linter, *schema, file], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_gitlab_warns_of_what_is_inconclusive_and_of_nothing_else() -> None:
    jobs = YAML(typ="safe", pure=True).load(snippets("yaml")[0])
    assert jobs["gate"]["allow_failure"] == {"exit_codes": [3]}
    assert "gate" in shell.check("\n".join(jobs["gate"]["script"]))[-1]
    assert shell.check("\n".join(jobs["promote"]["script"])) == ["make bench", "slimbench promote"]
    assert "allow_failure" not in jobs["promote"]


def test_jenkins_runs_commands_that_there_are() -> None:
    (snippet,) = snippets("groovy")
    assert snippet.count("{") == snippet.count("}")
    run = re.findall(r"(?:sh|script:) '(.*)'", snippet)
    assert shell.check("\n".join(run)) == ["make bench", "slimbench gate"]


def test_every_command_is_one_that_there_is() -> None:
    found = shell.check("\n".join(snippets("sh")))
    assert {"make bench", "slimbench gate", "slimbench promote"} <= set(found)
    in_text = [
        each for each in re.findall(r"`([^`\n]+)`", TEXT) if each.startswith("slimbench store")
    ]
    assert shell.check("\n".join(in_text)) == ["slimbench store"]


def test_the_acknowledgement_is_one(tmp_path: Path) -> None:
    (snippet,) = snippets("toml")
    file = tmp_path / "acknowledged.toml"
    file.write_text(snippet)
    (one,) = load_acknowledgements(file, "digits")
    assert one.expires == tomllib.loads(snippet)["regression"][0]["expires"]
    assert isinstance(one.expires, date)


@pytest.mark.parametrize(
    ("gate", "status", "said"),
    [(0, 0, "passed"), (1, 1, "regression"), (2, 2, "could not"), (3, 0, "WARNING"), (9, 2, "not")],
)
def test_the_shell_script_ends_as_it_says(
    tmp_path: Path, gate: int, status: int, said: str
) -> None:
    shell.pretend(tmp_path / "bin", "make", "exit 0")
    shell.pretend(tmp_path, ".venv/bin/slimbench", f'echo "$@" > called; exit {gate}')
    ended = shell.run(script(), tmp_path, {}, ("sh",))
    assert ended.returncode == status
    assert said in ended.stdout + ended.stderr
    assert (tmp_path / "called").read_text().startswith("gate baseline latest --profile=digits")


def test_the_shell_script_ends_where_the_bench_fails(tmp_path: Path) -> None:
    shell.pretend(tmp_path / "bin", "make", "exit 2")
    shell.pretend(tmp_path, ".venv/bin/slimbench", "echo never > called")
    assert shell.run(script(), tmp_path, {}, ("sh",)).returncode == 2
    assert not (tmp_path / "called").exists()
