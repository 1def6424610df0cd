"""Reading the commands out of shell text, and running such text with commands that only pretend."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from slimbench import cli
from slimbench.paths import CODE

OPERATOR = re.compile(r"[();<>|&{}]+")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*")

GITHUBS_BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
"""What GitHub runs a step in where the workflow says `shell: bash`."""


def commands(script: str) -> Iterator[list[str]]:
    """Yield each simple command as its words, without assignments before and redirections after."""
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        skip = False
        for token in lexer:
            if skip:
                skip = False
            elif OPERATOR.fullmatch(token):
                if token[0] in "<>":
                    skip = True
                    if words and words[-1].isdigit():
                        words.pop()
                else:
                    yield from _one(words)
                    words = []
            else:
                words.append(token)
        yield from _one(words)


def _one(words: list[str]) -> Iterator[list[str]]:
    while words and ASSIGNMENT.fullmatch(words[0]):
        words = words[1:]
    if words:
        yield words


def check(script: str) -> list[str]:
    """Have each `slimbench` and `make` command of a script be understood; returns which there are.

    Raises:
        SystemExit: slimbench has no such command or option.
        AssertionError: make has no such target.
    """
    found = []
    for program, *arguments in commands(script):
        name = PurePosixPath(program).name
        if name == "slimbench":
            try:
                cli.make_parser(arguments).parse_args(arguments)
            except SystemExit as ended:
                if ended.code:  # `--help` ends without one
                    raise
            found.append(f"slimbench {arguments[0]}")
        elif name == "make":
            asked = subprocess.run(
                ["make", "--dry-run", "--always-make", *arguments],
                cwd=CODE,
                capture_output=True,
                text=True,
                check=False,
            )
            assert asked.returncode == 0, asked.stderr
            found.append(f"make {arguments[0]}")
    return found


def pretend(folder: Path, program: str, script: str) -> Path:
    """Put a program into a folder that is in truth this script."""
    path = folder / program
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def run(
    script: str, folder: Path, environment: Mapping[str, str], shell: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder; it sees this environment and no other, but for the usual tools."""
    file = folder / "script.sh"
    file.write_text(script)
    return subprocess.run(
        [*shell, str(file)],
        cwd=folder,
        env={"PATH": f"{folder / 'bin'}:/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
