"""What cannot work is refused at once, in a sentence, with what exists; nothing is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from slimbench.cores import cores
from tests.end_to_end.suite import Done, Suite

CPUS = cores()


def assert_refused(done: Done, suite: Suite, *said: str) -> None:
    assert done.status == 4, done.out
    assert done.out == ""
    (sentence,) = done.err.strip().splitlines()
    assert sentence.startswith("ERROR: ")
    for part in said:
        assert part in sentence
    assert not suite.results.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--profile=quik",), ("quik", "digits", "quick")),
        (("--engines=onnx",), ("onnx", "litert")),
        pytest.param(("--engines=litert,",), ("--engines", "comma"), marks=pytest.mark.slow),
        pytest.param(("--threads=0",), ("'0'", f"{CPUS} CPU"), marks=pytest.mark.slow),
        (("--threads=99999",), ("'99999'", f"{CPUS} CPU")),
        pytest.param(("--threads=1,abc",), ("'abc'", f"{CPUS} CPU"), marks=pytest.mark.slow),
        (("--seed=-1",), ("--seed", "2**32 - 1")),
        (("--budgets=nowhere.toml",), ("nowhere.toml", "No such file")),
        (("--benchmark-disable",), ("--benchmark-disable", "nothing is measured")),
        (("--benchmark-autosave",), ("--benchmark-autosave", "PYTEST_ADDOPTS")),
        (("--benchmark-save=mine",), ("--benchmark-save", "PYTEST_ADDOPTS")),
        pytest.param(
            ("--benchmark-skip",),
            ("--benchmark-skip", "nothing is measured"),
            marks=pytest.mark.slow,
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_an_option(suite: Suite, arguments: tuple[str, ...], said: tuple[str, ...]) -> None:
    assert_refused(suite.run(*arguments), suite, *said)


def test_running_beside_each_other(suite: Suite) -> None:
    pytest.importorskip("xdist")
    assert_refused(suite.run("-n", "2"), suite, "xdist", "-n")


def test_a_results_folder_that_cannot_be(suite: Suite, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    under_file = replace(suite, results=file / "results")
    assert_refused(under_file.run(), under_file, str(file), "--results")


def test_a_store_that_cannot_be(suite: Suite, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    under_file = replace(suite, store=file / "store")
    assert_refused(under_file.run(), under_file, str(file / "store"), "SLIMBENCH_STORE")
