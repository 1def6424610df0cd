from __future__ import annotations

import errno
import subprocess
from pathlib import Path

import pytest

from slimbench.build.scheduler import Failure
from slimbench.build.store import VARIABLE, Store, StoreError
from tests.build.recorder import key, made, note
from tests.build.sample_steps import Big, FullForGood, NoSpace, Sample


@pytest.fixture
def small(tmp_path):
    """A store on a file system of 1 MiB."""
    root = tmp_path / "small"
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(root)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small file system cannot be mounted here")
    try:
        store = Store(root / "store")
        store.prepare()
        yield store
    finally:
        subprocess.run(["umount", str(root)], check=True)


def no_space(result: object, store: Store) -> bool:
    assert isinstance(result, Failure)
    return result.reason.startswith(f"no space is left in the artifact store {store.root} (log:")


@pytest.mark.parametrize("how", ["bytes", "array"])
def test_a_step_that_fills_the_disk_says_so_and_costs_nothing_else(small, diary, how):
    flour = Sample("flour", diary)
    made(small, flour)
    huge = Big("huge", diary, flour, mebibytes=4, how=how)
    tiny = Sample("tiny", diary, flour)
    outcome, _ = made(small, huge, tiny, flour)
    assert no_space(outcome.results[huge], small), outcome.results[huge]
    assert note(outcome, tiny) == "flourtiny"
    assert note(outcome, flour) == "flour"
    assert small.find(key(huge)) is None
    assert list((small.root / "tmp").iterdir()) == []


def test_a_disk_too_full_for_the_log_is_still_said(small, diary):
    flour = Sample("flour", diary)
    made(small, flour)
    full = FullForGood("full", diary, flour, ballast=str(small.root.parent / "ballast"))
    outcome, _ = made(small, full)
    assert no_space(outcome.results[full], small), outcome.results[full]
    assert small.find(key(flour)) is not None
    with pytest.raises(StoreError, match="No space left on device") as caught:
        small.prepare()
    assert str(small.root) in str(caught.value)
    assert VARIABLE in str(caught.value)
    Path(full.ballast).unlink()
    small.prepare()
    bread = Sample("bread", diary, flour)
    assert note(made(small, bread)[0], bread) == "flourbread"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_step_that_meets_a_full_disk_says_which_store_it_is(store, diary, number):
    full = NoSpace("full", diary, number=number)
    outcome, _ = made(store, full)
    assert no_space(outcome.results[full], store)


def test_another_error_of_the_operating_system_is_not_called_a_full_disk(store, diary):
    broken = NoSpace("broken", diary, number=errno.EIO)
    outcome, _ = made(store, broken)
    assert outcome.results[broken].reason.startswith("OSError: [Errno 5] Input/output error")
