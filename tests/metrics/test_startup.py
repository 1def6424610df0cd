from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import slimbench
from slimbench.measurement.startup import STATUS, status_kib
from slimbench.metrics.startup import Startup, run_probe, summarise
from slimbench.spec import Case, Unmeasured
from tests.metrics.subjects import HandmadeSubject
from tests.tiny_models import first_pixels, linear_model

needs_proc = pytest.mark.skipif(not STATUS.exists(), reason="there is no /proc here")


def stand_in(tmp_path, monkeypatch, script: str) -> None:
    """Let a shell script take the place of the fresh Python process."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(python))


def test_startup_is_read_in_fresh_processes(tmp_path):
    model = linear_model(tmp_path / "m.tflite", first_pixels(3))
    reading = Startup().read(HandmadeSubject(case=Case("m", "litert", 2), model=model))
    assert set(reading) == set(Startup.keys)
    assert reading["init_ms"] > 0
    assert reading["first_invoke_ms"] > 0


@needs_proc
def test_peak_memory_is_the_models_and_not_this_processs(tmp_path):
    shape, classes = (64, 64, 3), 200
    model = linear_model(tmp_path / "big.tflite", np.ones((classes, 12288)), shape=shape)
    file_mb = model.stat().st_size / 2**20
    ballast = np.ones(200 * 2**20, np.uint8)
    peak = run_probe(model, "litert", 1)["peak_rss_mb"]
    assert file_mb < peak < 10 * file_mb < ballast.nbytes / 2**20
    tiny = linear_model(tmp_path / "tiny.tflite", first_pixels(3))
    assert run_probe(tiny, "litert", 1)["peak_rss_mb"] < peak - file_mb / 2


def test_a_model_named_relative_to_here_is_found(tmp_path, monkeypatch):
    linear_model(tmp_path / "m.tflite", first_pixels(3))
    monkeypatch.chdir(tmp_path)
    assert run_probe(Path("m.tflite"), "litert", 1)["init_ms"] > 0


def test_a_file_that_does_not_load_is_named_with_the_runtimes_reason(tmp_path):
    model = tmp_path / "broken.tflite"
    model.write_bytes(b"not a model")
    with pytest.raises(ValueError, match=r"broken\.tflite .*exit status 1.*LiteRT cannot run"):
        run_probe(model, "litert", 1)


def test_a_process_that_is_killed_is_reported(tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "echo about to fall >&2; kill -9 $$")
    with pytest.raises(ValueError, match=r"m\.tflite .*\(SIGKILL; its last line: about to fall\)"):
        run_probe(tmp_path / "m.tflite", "litert", 1)


def test_a_process_that_hangs_is_stopped_and_reported(tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "echo still loading >&2; exec sleep 60")
    with pytest.raises(ValueError, match=r"m\.tflite .*within 1 s.*still loading"):
        run_probe(tmp_path / "m.tflite", "litert", 1, time_limit_s=1)


def test_a_process_that_dies_without_a_word_is_reported(tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "exit 3")
    with pytest.raises(ValueError, match=r"\(exit status 3\)"):
        run_probe(tmp_path / "m.tflite", "litert", 1)


def probe_of(init: float, peak: float | None) -> dict[str, float | None]:
    return {"init_ms": init, "first_invoke_ms": 2.0, "peak_rss_mb": peak}


def test_the_middle_probe_counts():
    probes = [probe_of(9.0, 50.0), probe_of(1.0, 10.0), probe_of(2.0, 11.0)]
    assert summarise(probes) == {"init_ms": 2.0, "first_invoke_ms": 2.0, "peak_rss_mb": 11.0}


def test_memory_that_cannot_be_read_is_unmeasured_and_the_rest_is_kept():
    reading = summarise([probe_of(1.0, None)] * 3)
    assert isinstance(reading["peak_rss_mb"], Unmeasured)
    assert "/proc" in reading["peak_rss_mb"].reason
    assert reading["init_ms"] == 1.0


def test_a_memory_field_is_read_whole():
    status = "Name:\tpython\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n"
    assert status_kib(status, "VmHWM") == 2048
    assert status_kib(status, "VmRSS") == 1024
    with pytest.raises(KeyError):
        status_kib(status, "VmSwap")


def test_the_probe_imports_no_more_than_it_needs():
    code = (
        "import sys, slimbench.measurement.startup;"
        "heavy = {'scipy', 'pytest', 'tensorflow', 'sklearn', 'matplotlib'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    root = Path(slimbench.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
    )
    assert done.stdout.strip() == "[]"
