"""The workflows, and the one that `slimbench init` writes: known good by linters.

The scripts of bench.yml do what they say with each exit status.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from slimbench.init.suite import TEMPLATES
from slimbench.paths import CODE
from tests.ci import shell

FILE = CODE / ".github" / "workflows" / "bench.yml"
TEMPLATE = TEMPLATES / "workflow.yml"
FILES = [*sorted(FILE.parent.glob("*.yml")), TEMPLATE]
BIN = Path(sys.executable).parent

GATE = """
echo "$@" > called
for argument in "$@"; do
    file="${argument#--report=}"
    if [ "$file" != "$argument" ] && [ -z "$SILENT" ]; then
        echo "verdict as ${file##*.}" > "$file"
    fi
done
echo "the gate's own words" >&2
exit $STATUS
"""
"""A gate that ends with $STATUS, after writing its verdicts unless it is $SILENT."""


def workflow(file: Path = FILE) -> dict[str, Any]:
    content: dict[str, Any] = YAML(typ="safe", pure=True).load(file)
    return content


def steps(file: Path = FILE) -> list[dict[str, Any]]:
    (job,) = workflow(file)["jobs"].values()
    found: list[dict[str, Any]] = job["steps"]
    return found


def step(name: str, file: Path = FILE) -> dict[str, Any]:
    (found,) = [each for each in steps(file) if each.get("name") == name]
    return found


@dataclass(frozen=True)
class Ran:
    """What a step left."""

    status: int
    out: str
    summary: str
    folder: Path


def run(name: str, folder: Path, **environment: str) -> Ran:
    summary = folder / "summary.md"
    own = {key: value for key, value in step(name).get("env", {}).items() if "${{" not in value}
    given = {
        "PROFILE": workflow()["env"]["PROFILE"],
        "GITHUB_STEP_SUMMARY": str(summary),
        "RUNNER_TEMP": str(folder),
        **own,
        **environment,
    }
    ended = shell.run(step(name)["run"], folder, given, shell.GITHUBS_BASH)
    said = summary.read_text() if summary.exists() else ""
    return Ran(ended.returncode, ended.stdout + ended.stderr, said, folder)


def gated(folder: Path, status: int, silent: str = "") -> Ran:
    shell.pretend(folder, ".venv/bin/slimbench", GATE)
    return run("Gate", folder, STATUS=str(status), SILENT=silent)


@pytest.mark.parametrize(
    "arguments",
    [
        ("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, FILES)),
        (
            "check-jsonschema",
            "--builtin-schema",
            "vendor.dependabot",
            str(CODE / ".github" / "dependabot.yml"),
        ),
        ("zizmor", "--offline", "--pedantic", "--no-progress", str(CODE / ".github")),
        ("zizmor", "--offline", "--pedantic", "--no-progress", str(TEMPLATE)),
    ],
    ids=lambda arguments: f"{arguments[0]} {Path(arguments[-1]).name}",
)
def test_the_linters_have_nothing_to_say(arguments: tuple[str, ...]) -> None:
    program, *rest = arguments
    ended = subprocess.run([BIN / program, *rest], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_command_is_one_that_there_is() -> None:
    script = "\n".join(each["run"] for each in steps() if "run" in each)
    assert shell.check(script) == [
        "make bench",
        "slimbench report",
        "slimbench report",
        "slimbench gate",
        "slimbench promote",
        "slimbench store",
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_command_of_every_workflow_is_one_that_there_is(file: Path) -> None:
    jobs = YAML(typ="safe", pure=True).load(file)["jobs"].values()
    scripts = [each["run"] for job in jobs for each in job["steps"] if "run" in each]
    assert scripts
    shell.check("\n".join(scripts))


def test_actions_are_pinned_by_commit_with_their_version() -> None:
    used = re.findall(r"uses: (.*)", FILE.read_text())
    assert len(used) == sum("uses" in each for each in steps())
    action = r"(actions|pypa)/[a-z-]+(/[a-z]+)?@[0-9a-f]{40} # v\d+\.\d+\.\d+"
    for each in re.findall(r"uses: (.*)", "".join(file.read_text() for file in FILES)):
        assert re.fullmatch(action, each)


def test_an_action_has_the_same_pin_everywhere() -> None:
    pins = re.findall(r"uses: ([^@\s]+)@(.*)", "".join(file.read_text() for file in FILES))
    assert len({action for action, _ in pins}) == len(set(pins))


@pytest.mark.parametrize("file", [FILE, TEMPLATE], ids=lambda file: file.parent.name)
def test_nothing_that_somebody_typed_gets_into_a_shell(file: Path) -> None:
    assert not [each["name"] for each in steps(file) if "${{" in each.get("run", "")]


@pytest.mark.parametrize("file", [FILE, TEMPLATE], ids=lambda file: file.parent.name)
def test_it_may_read_and_no_more(file: Path) -> None:
    (job,) = workflow(file)["jobs"].values()
    assert workflow(file)["permissions"] == {}
    assert job["permissions"] == {"contents": "read"}
    (checkout,) = [each for each in steps(file) if "actions/checkout@" in each.get("uses", "")]
    assert checkout["with"]["persist-credentials"] is False
    assert "secrets." not in file.read_text()


@pytest.mark.parametrize("file", [FILE, TEMPLATE], ids=lambda file: file.parent.name)
def test_the_page_of_the_run_is_kept_also_after_a_broken_budget(file: Path, tmp_path: Path) -> None:
    names = [each.get("name", "") for each in steps(file)]
    made = step("Make the page of the run", file)
    assert made["if"] == "${{ !cancelled() && steps.bench.outcome != 'skipped' }}"
    (keep,) = [name for name in names if name.startswith("Keep the history, the page")]
    assert names.index("Bench") < names.index(made["name"]) < names.index(keep)
    assert step(keep, file)["if"] == "${{ !cancelled() }}"
    assert "results/report.html" in step(keep, file)["with"]["path"].splitlines()
    for program in (".venv/bin/slimbench", "bin/slimbench"):
        shell.pretend(tmp_path, program, 'echo "$@" > called')
    ended = shell.run(made["run"], tmp_path, {"PROFILE": "digits"}, shell.GITHUBS_BASH)
    assert ended.returncode == 0, ended.stderr
    called = (tmp_path / "called").read_text()
    assert called.startswith("report latest ")
    assert called.endswith(" --format html --output results/report.html\n")


def test_the_written_workflow_shows_the_verdict_and_ends_as_the_gate(tmp_path: Path) -> None:
    shell.pretend(
        tmp_path / "bin", "slimbench", 'echo verdict > "${4#--report=}"; echo "$@" > called; exit 3'
    )
    environment = {
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }
    ended = shell.run(step("Gate", TEMPLATE)["run"], tmp_path, environment, shell.GITHUBS_BASH)
    assert ended.returncode == 3
    assert (tmp_path / "summary.md").read_text() == "verdict\n"
    assert (tmp_path / "called").read_text().startswith("gate baseline latest ")


def test_the_models_are_found_by_whoever_has_the_promoted_file() -> None:
    keys = {
        step(name)["with"]["key"]
        for name in ("Save the baseline's models", "Restore the baseline's models")
    }
    (key,) = keys
    assert "hashFiles(format('results/baselines/{0}.json', env.PROFILE))" in key


def test_a_pass_is_green_and_shown(tmp_path: Path) -> None:
    ran = gated(tmp_path, 0)
    assert ran.status == 0
    assert ran.summary == "verdict as md\n"
    assert "::" not in ran.out
    assert "the gate's own words" in ran.out
    kept = sorted(path.name for path in (tmp_path / "results" / "gate").iterdir())
    assert kept == ["gate.json", "gate.log", "gate.md", "gate.xml"]
    assert (tmp_path / "called").read_text().startswith("gate baseline latest --profile=digits ")


def test_a_regression_is_red(tmp_path: Path) -> None:
    ran = gated(tmp_path, 1)
    assert ran.status == 1
    assert ran.summary == "verdict as md\n"
    assert re.search(r"^::error title=[^:]+::Regression", ran.out, re.MULTILINE)


def test_an_error_with_a_verdict_is_red(tmp_path: Path) -> None:
    ran = gated(tmp_path, 2)
    assert ran.status == 2
    assert ran.summary == "verdict as md\n"
    assert re.search(r"^::error title=[^:]+::Something is wrong", ran.out, re.MULTILINE)


def test_inconclusive_is_a_warning_and_green(tmp_path: Path) -> None:
    ran = gated(tmp_path, 3)
    assert ran.status == 0
    assert ran.summary == "verdict as md\n"
    assert re.search(r"^::warning title=[^:]+::Inconclusive", ran.out, re.MULTILINE)
    assert "::error" not in ran.out


@pytest.mark.parametrize("status", [0, 1, 2, 3, 130])
def test_no_verdict_is_red_whatever_the_status_and_the_summary_has_the_message(
    tmp_path: Path, status: int
) -> None:
    old = tmp_path / "results" / "gate" / "gate.md"
    old.parent.mkdir(parents=True)
    old.write_text("an older run's verdict")
    ran = gated(tmp_path, status, silent="yes")
    assert ran.status == 2
    assert f"no verdict (exit status {status})" in ran.summary
    assert "    the gate's own words\n" in ran.summary
    assert "an older run" not in ran.summary
    assert "::error title=slimbench gate::No verdict" in ran.out
    assert "::warning" not in ran.out


def test_a_gate_that_is_not_there_is_red(tmp_path: Path) -> None:
    ran = run("Gate", tmp_path)
    assert ran.status == 2
    assert "exit status 127" in ran.summary


def test_a_bench_that_fails_is_red_and_the_gate_still_runs(tmp_path: Path) -> None:
    shell.pretend(tmp_path / "bin", "make", 'echo "$@" > called; exit 2')
    assert run("Bench", tmp_path).status == 2
    assert (tmp_path / "called").read_text() == "bench PROFILE=digits\n"
    condition = step("Gate")["if"]
    assert "!cancelled()" in condition
    assert "success()" not in condition


def promoted(folder: Path, ref: str, status: int = 0, reason: str = "first") -> Ran:
    shell.pretend(
        folder, ".venv/bin/slimbench", f'printf "%s\\n" "$@" > called; echo kept; exit {status}'
    )
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    return run(
        "Promote",
        folder,
        REASON=reason,
        DEFAULT_BRANCH="main",
        GITHUB_REF=ref,
        GITHUB_ACTOR="someone",
    )


def test_who_promotes_and_why_gets_there_as_it_was_typed(tmp_path: Path) -> None:
    reason = '--smaller; $(touch hacked) `touch hacked` "quoted"'
    ran = promoted(tmp_path, "refs/heads/main", reason=reason)
    assert ran.status == 0, ran.out
    assert (tmp_path / "called").read_text().splitlines() == [
        "promote",
        "latest",
        "--profile=digits",
        f"--reason={reason}",
    ]
    assert not (tmp_path / "hacked").exists()
    assert "commit `results/baselines/digits.json`" in ran.summary
    assert "    kept\n" in ran.summary
    asked = subprocess.run(
        ["git", "config", "user.name"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert asked.stdout == "someone\n"


def test_a_promotion_that_fails_is_red_and_said_to_be_none(tmp_path: Path) -> None:
    ran = promoted(tmp_path, "refs/heads/main", status=2)
    assert ran.status == 2
    assert "promoted" not in ran.summary


def test_only_the_default_branch_is_promoted(tmp_path: Path) -> None:
    ran = promoted(tmp_path, "refs/heads/experiment")
    assert ran.status == 1
    assert "::error" in ran.out
    assert not (tmp_path / "called").exists()
