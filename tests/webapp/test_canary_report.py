from __future__ import annotations

import functools
import http.server
import io
import json
import math
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from slimbench.cli import main
from slimbench.errors import UsageProblem
from slimbench.metrics.accuracy import wilson_interval
from slimbench.webapp.canary_report import Buckets, compare, quantile
from slimbench.webapp.metrics import Watching
from slimbench.webapp.spec import Answer, ServedModel
from tests.webapp.runners import CANARY, STABLE
from tests.webapp.versions import canary

BOUNDS = (0.001, 0.01, 0.1, 1.0)


def served(watching: Watching, model: ServedModel, milliseconds: list[float]) -> None:
    """Have the server's own metrics see these answers."""
    for each in milliseconds:
        watching.count(model, "ok")
        watching.answered(Answer(model, np.zeros(2, np.float32), 0.1, each, 1), 0.1)


def text(watching: Watching) -> str:
    return generate_latest(watching.registry).decode()


@pytest.fixture
def watching() -> Watching:
    watching = Watching()
    for model in (STABLE, CANARY):
        watching.expect(model)
    return watching


@pytest.fixture
def metrics(watching: Watching, tmp_path: Path) -> Path:
    served(watching, STABLE, [2.0] * 90)
    served(watching, CANARY, [4.0] * 30)
    for _ in range(10):
        watching.count(CANARY, "failed")
    path = tmp_path / "metrics.txt"
    path.write_text(text(watching))
    return path


def test_requests_errors_and_times_of_both(metrics: Path) -> None:
    report = compare(metrics.read_text(), "1", "2")
    stable, seen = report.stable, report.canary
    assert (stable.judged, stable.errors, stable.error_share) == (90, 0, 0.0)
    assert stable.error_ci95 == wilson_interval(0, 90)
    assert (seen.judged, seen.errors, seen.error_share) == (40, 10, 0.25)
    assert seen.error_ci95 == wilson_interval(10, 40)
    assert (stable.inference_n, seen.inference_n) == (90, 30)
    assert stable.mean_ms == pytest.approx(2.0)
    assert seen.mean_ms == pytest.approx(4.0)
    assert stable.p50_ms is not None
    assert 1.0 <= stable.p50_ms <= 2.5
    assert report.sentence == (
        "The canary fails more often: the canary failed 10 of 40 requests, stable 0 of 90 "
        "(p < 0.001). Its mean time in the model is 2 times stable's, measured on other requests."
    )


def test_what_is_not_a_versions_fault_is_not_counted(watching: Watching) -> None:
    served(watching, STABLE, [1.0] * 10)
    served(watching, CANARY, [1.0] * 10)
    for outcome in ("invalid", "limited", "busy", "draining"):
        for _ in range(50):
            watching.count(CANARY, outcome)
    for outcome in ("late", "fault"):
        watching.count(CANARY, outcome)
    report = compare(text(watching), "1", "2")
    assert (report.canary.judged, report.canary.errors) == (12, 2)
    assert report.sentence.startswith("No difference in errors can be told")
    assert report.canary.outcomes["busy"] == 50


def test_a_canary_that_nobody_asked_has_no_figures(watching: Watching) -> None:
    served(watching, STABLE, [1.0])
    seen = compare(text(watching), "1", "2").canary
    assert (seen.judged, seen.error_share, seen.error_ci95) == (0, None, None)
    assert (seen.mean_ms, seen.p50_ms, seen.p99_ms) == (None, None, None)


def test_a_time_beyond_the_last_bound_is_not_made_up(watching: Watching) -> None:
    served(watching, STABLE, [1.0])
    served(watching, CANARY, [1.0] * 9 + [99_000.0])
    seen = compare(text(watching), "1", "2").canary
    assert seen.p99_ms is None
    assert seen.p50_ms is not None
    assert seen.mean_ms == pytest.approx(9900.9)


@given(
    seconds=st.lists(st.floats(1e-5, 1.0), min_size=1, max_size=50),
    share=st.sampled_from([0.5, 0.9, 0.99]),
)
def test_a_quantile_is_in_the_bucket_of_the_true_one(seconds: list[float], share: float) -> None:
    registry = CollectorRegistry()
    histogram = Histogram("h", "", buckets=BOUNDS, registry=registry)
    for each in seconds:
        histogram.observe(each)
    bounds = (*BOUNDS, math.inf)
    counts = [registry.get_sample_value("h_bucket", {"le": _le(bound)}) or 0 for bound in bounds]
    found = quantile(tuple(zip(bounds, counts, strict=True)), share)
    true = sorted(seconds)[math.ceil(share * len(seconds)) - 1]
    index = next(i for i, bound in enumerate(bounds) if true <= bound)
    assert found is not None
    assert (0, *bounds)[index] <= found <= bounds[index]


@pytest.mark.parametrize(
    ("buckets", "share", "expected"),
    [
        ((), 0.5, None),
        (((1.0, 0.0), (math.inf, 0.0)), 0.5, None),
        (((1.0, 10.0), (math.inf, 10.0)), 0.5, 0.5),
        (((1.0, 0.0), (2.0, 10.0), (math.inf, 10.0)), 0.9, 1.9),
        (((1.0, 5.0), (math.inf, 10.0)), 0.9, None),
    ],
)
def test_quantiles_are_those_of_prometheus(
    buckets: Buckets, share: float, expected: float | None
) -> None:
    assert quantile(buckets, share) == pytest.approx(expected)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "<html>Not found</html>",
        'slimbench_requests_total{model="tiny"} 3',
        'slimbench_requests_total{model="tiny",version="1",outcome="ok"} NaN',
        'slimbench_requests_total{model="tiny",version="1",outcome="ok"} -1',
        "slimbench_requests_total{",
    ],
)
def test_what_is_no_metrics_is_refused(wrong: str) -> None:
    with pytest.raises(UsageProblem, match="metrics"):
        compare(wrong, "1", "2")


@given(st.text())
def test_any_text_is_a_plain_problem(wild: str) -> None:
    with pytest.raises(UsageProblem):
        compare(wild, "1", "2")


def test_a_version_that_was_not_seen_is_named(metrics: Path) -> None:
    with pytest.raises(UsageProblem, match=r"nothing of version '3'\. There is: 1, 2"):
        compare(metrics.read_text(), "1", "3")


@pytest.fixture
def address(metrics: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(metrics.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_the_command_reads_a_file_an_address_and_standard_input(
    metrics: Path,
    address: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifest = tmp_path / "manifest.toml"
    manifest.write_text(f'stable = "1"\n{canary("2", 0.1)}')
    versions = ["--manifest", str(manifest)]
    assert main(["canary", str(metrics), *versions]) == 0
    shown = capsys.readouterr().out
    assert "25.00% (" in shown
    assert "The canary fails more often" in shown
    assert main(["canary", f"{address}/metrics.txt", "--stable", "1", "--canary", "2"]) == 0
    assert capsys.readouterr().out == shown

    class Input:
        buffer = io.BytesIO(metrics.read_bytes())

    monkeypatch.setattr("sys.stdin", Input)
    monkeypatch.setenv("SLIMBENCH_SERVE_MANIFEST", str(manifest))
    assert main(["canary", "-", "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["canary"]["errors"] == 10
    assert report["stable"]["p99_ms"] == pytest.approx(2.485)


def test_the_command_says_what_it_lacks(
    metrics: Path, address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*arguments: str) -> str:
        assert main(["canary", *arguments]) == 2
        return capsys.readouterr().err

    both = ("--stable", "1", "--canary", "2")
    assert "--manifest" in refused(str(metrics))
    assert "cannot be read" in refused(str(tmp_path / "gone"), *both)
    assert "404" in refused(f"{address}/gone", *both)
    assert "cannot be read" in refused("http://127.0.0.1:1/metrics", *both)
    manifest = tmp_path / "manifest.toml"
    manifest.write_text('stable = "1"\n')
    assert "names no canary" in refused(str(metrics), "--manifest", str(manifest))


def _le(bound: float) -> str:
    return "+Inf" if math.isinf(bound) else str(bound)
