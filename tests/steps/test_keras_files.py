"""Finding and fetching, with stand-ins for Keras's own download."""

from __future__ import annotations

import errno
import itertools
import threading
import urllib.error
from pathlib import Path
from types import SimpleNamespace

import pytest

from slimbench.errors import Unavailable
from slimbench.steps import keras_files

ORIGIN = "https://weights.invalid/resnet/w.h5"


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """Nobody refused yet, and an empty home."""
    monkeypatch.setattr(keras_files, "_unreachable", {})
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KERAS_HOME", raising=False)


def download(get_file, scratch):
    return keras_files.downloaded(get_file, "w.h5", ORIGIN, {"cache_subdir": "models"}, scratch)


def landing(cache_dir):
    path = Path(cache_dir) / "models" / "w.h5"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_keras_home_comes_before_the_home_folder(monkeypatch, tmp_path):
    at_home = tmp_path / "home" / ".keras" / "models" / "w.h5"
    at_home.parent.mkdir(parents=True)
    at_home.touch()
    assert keras_files.in_cache("w.h5") == at_home
    named = tmp_path / "named" / "models" / "w.h5"
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "named"))
    assert keras_files.in_cache("w.h5") == at_home
    named.parent.mkdir(parents=True)
    named.touch()
    assert keras_files.in_cache("w.h5") == named
    assert keras_files.in_cache("x.h5") is None


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch):
    def nobody(number):
        raise KeyError(number)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", nobody)
    with pytest.raises(Unavailable, match="no home folder: set HOME"):
        keras_files.in_cache("w.h5")


def test_who_does_not_answer_is_given_up_and_not_asked_again(monkeypatch, tmp_path):
    monkeypatch.setattr(keras_files, "CONNECT_SECONDS", 0.2)
    asked, over = [], threading.Event()

    def silent(name, *_, **__):
        asked.append(name)
        over.wait()

    for _ in range(2):
        with pytest.raises(Unavailable, match=r"w.h5 could not be .*invalid did not answer"):
            download(silent, tmp_path)
    over.set()
    assert asked == ["w.h5"]


def test_a_download_that_began_may_take_longer(monkeypatch, tmp_path):
    begun, late, hours = threading.Event(), threading.Event(), itertools.count()

    def clock():
        """Stand still until the download began; then an hour goes by each time it is asked for."""
        if not begun.is_set():
            return 0.0
        hour = next(hours)
        if hour == 3:
            late.set()
        return 3600.0 * hour

    monkeypatch.setattr(keras_files, "time", SimpleNamespace(monotonic=clock))

    def slow(*_, cache_dir, **__):
        path = landing(cache_dir)
        path.write_bytes(b"half")
        begun.set()
        assert late.wait(30)
        path.write_bytes(b"whole")
        return str(path)

    assert download(slow, tmp_path).read_bytes() == b"whole"


@pytest.mark.parametrize(
    ("cause", "reason", "attempts"),
    [
        (urllib.error.URLError("no such name"), "invalid could not be reached", 1),
        (urllib.error.HTTPError(ORIGIN, 404, "Not Found", None, None), "URL fetch failure", 2),
    ],
)
def test_only_a_host_that_was_not_reached_is_not_asked_again(tmp_path, cause, reason, attempts):
    asked = []

    def failing(name, *_, **__):
        asked.append(name)
        try:
            raise cause
        except urllib.error.URLError:
            raise RuntimeError("URL fetch failure")  # noqa: B904 - as Keras does

    for _ in range(2):
        with pytest.raises(Unavailable, match=reason):
            download(failing, tmp_path)
    assert len(asked) == attempts


def test_a_full_disk_is_no_missing_file(tmp_path):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        download(full, tmp_path)


def test_what_was_fetched_is_kept_whole_in_kerass_cache(tmp_path):
    fetched = landing(tmp_path / "scratch")
    fetched.write_bytes(b"weights")
    kept = keras_files.keep_in_cache(fetched)
    assert kept == keras_files.in_cache("w.h5")
    assert kept.read_bytes() == b"weights"
    assert [path.name for path in kept.parent.iterdir()] == ["w.h5"]


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path):
    (tmp_path / "home").write_text("a file, not a folder", encoding="utf-8")
    fetched = landing(tmp_path / "scratch")
    fetched.write_bytes(b"weights")
    assert keras_files.keep_in_cache(fetched) == fetched
