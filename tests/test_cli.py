from __future__ import annotations

import dataclasses
import importlib.metadata
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from slimbench import cli, commands
from slimbench.commands import store
from slimbench.errors import UsageProblem
from slimbench.history.document import HistoryError
from slimbench.suite import registry
from tests.fresh_process import printed

Ending = Callable[[BaseException | int], None]


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Ending:
    """Make `slimbench store` end in one way."""

    def end(how: BaseException | int) -> None:
        def run(_: object) -> int:
            if isinstance(how, BaseException):
                raise how
            return how

        monkeypatch.setattr(store, "COMMAND", dataclasses.replace(store.COMMAND, run=run))

    return end


@pytest.mark.parametrize("status", [0, 1, 3])
def test_a_command_says_how_it_ended(ending: Ending, status: int) -> None:
    ending(status)
    assert cli.main(["store"]) == status


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (UsageProblem("There is no profile 'x'."), "There is no profile 'x'."),
        (HistoryError("There is no run 7."), "There is no run 7."),
        (
            FileNotFoundError(2, "No such file or directory", "a/b"),
            "a/b: No such file or directory.",
        ),
        (OSError(28, "No space left on device"), "No space left on device."),
        (OSError("the disk is gone"), "the disk is gone."),
    ],
)
def test_what_a_user_can_mend_is_one_sentence_and_status_2(
    ending: Ending, capsys: pytest.CaptureFixture[str], problem: Exception, said: str
) -> None:
    ending(problem)
    assert cli.main(["store"]) == 2
    assert capsys.readouterr() == ("", f"slimbench store: {said}\n")


def test_a_fault_of_ours_is_not_hidden(ending: Ending) -> None:
    ending(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        cli.main(["store"])


def test_ctrl_c_is_no_traceback(ending: Ending, capsys: pytest.CaptureFixture[str]) -> None:
    ending(KeyboardInterrupt())
    assert cli.main(["store"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


@pytest.mark.parametrize("arguments", [[], ["stores"], ["store", "--nope"], ["data", "digits"]])
def test_a_command_line_that_means_nothing_is_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage: slimbench" in capsys.readouterr().err


def test_help_names_every_command_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    known = list(registry.constants(commands, "COMMAND"))
    assert {"data", "report", "store"} <= {command.name for command in known}
    for command in known:
        assert f"{command.name} {command.help}" in shown


@pytest.mark.parametrize("name", [each.name for each in registry.constants(commands, "COMMAND")])
def test_each_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: slimbench {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", [each.name for each in registry.constants(commands, "COMMAND")])
def test_a_command_is_in_the_module_of_its_name(name: str) -> None:
    assert registry.constant(commands, "COMMAND", name).name == name


def test_only_the_command_that_is_asked_for_is_loaded() -> None:
    program = (
        "import sys; from slimbench import cli; cli.make_parser(['store', '--prune']); "
        "print(*(name for name in sys.modules if name.startswith('slimbench.commands.')))"
    )
    assert printed(program).split() == ["slimbench.commands.store"]


def test_it_knows_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out.strip() == importlib.metadata.version("slimbench")


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    program = """
import sys
from slimbench import cli
sys.stdin.read()  # until our output has no reader
sys.exit(cli.main(["store"]))
"""
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(cli.__file__).parents[1],
        env={"SLIMBENCH_STORE": str(tmp_path / "store"), "PATH": ""},
    )
    assert child.stdout is not None
    assert child.stdin is not None
    assert child.stderr is not None
    child.stdout.close()
    child.stdin.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait(60) == 141


def test_it_starts_without_tensorflow_or_pytest() -> None:
    program = (
        "import sys; from slimbench import cli; cli.make_parser(); "
        "print(sorted({'tensorflow', 'tf_keras', 'pytest', 'matplotlib'} & set(sys.modules)))"
    )
    assert printed(program).strip() == "[]"


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import contextlib, io, sys; from slimbench import cli\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    cli.main(['--help'])\n"
        "heavy = ('numpy', 'scipy', 'matplotlib', 'ai_edge_litert', 'tensorflow', 'pytest')\n"
        "print(*(name for name in heavy if name in sys.modules))"
    )
    assert printed(program).split() == []
