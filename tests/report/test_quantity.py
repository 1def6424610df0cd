from __future__ import annotations

import pytest

from slimbench.report.quantity import quantity


@pytest.mark.parametrize(
    ("metric", "value", "written"),
    [
        ("latency_ms.p50", 8.1, "8.10 ms"),
        ("init_ms", 94.7, "94.7 ms"),
        ("size_bytes", 94049320, "89.7 MiB"),
        ("size_gzip_bytes", 1000, "1,000 B"),
        ("peak_rss_mb", 183.9, "184 MiB"),
        ("accuracy_top1", 0.966, "96.6 %"),
        ("speedup", 5.66, "5.66×"),  # noqa: RUF001
        ("parameters", 23501962, "23,501,962"),
        ("latency_ms.n", 163, "163"),
        ("a_new_metric", 0.01234, "0.0123"),
        ("a_new_ms.p50", 2.0, "2.00 ms"),
    ],
)
def test_figures_have_their_units(metric: str, value: float, written: str) -> None:
    assert quantity(metric).write(value, "en") == written


@pytest.mark.parametrize(
    ("metric", "before", "after", "step", "change"),
    [
        ("latency_ms.p50", 8.1, 9.0, "8.10 -> 9.00 ms", "+11 %"),
        ("latency_ms.p50", 0.999, 1.5, "0.999 -> 1.50 ms", "+50 %"),
        ("size_bytes", 1023 * 1024, 2 * 2**20, "1,023 KiB -> 2.00 MiB", "+100 %"),
        ("size_bytes", 148332, 148333, "148,332 -> 148,333 B", "+0.000674 %"),
        ("accuracy_top1", 0.966, 0.962, "96.6 -> 96.2 %", "-0.400 points"),
        ("accuracy_top1", 0.96601, 0.96602, "96.6010 -> 96.6020 %", "+0.00100 points"),
        ("accuracy_drop", 0.0, 0.01, "0.0 -> 1.0 %", "+1.00 points"),
        ("init_ms", 0.0, 1.0, "0 -> 1.00 ms", "–"),  # noqa: RUF001
        ("latency_ms.p50", 8.0, 8.0, "8.00 -> 8.00 ms", "0 %"),
    ],
)
def test_changes_are_told_apart(
    metric: str, before: float, after: float, step: str, change: str
) -> None:
    kind = quantity(metric)
    assert kind.write_step(before, after, "en") == step
    assert kind.write_change(before, after, "en") == change


def test_in_french() -> None:
    kind = quantity("latency_ms.p50")
    assert kind.write_step(8.1, 9.0, "fr") == "8,10 -> 9,00 ms"
    assert kind.write_change(9.0, 8.1, "fr") == "-10 %"


def test_only_what_is_counted_is_exact() -> None:
    assert quantity("size_bytes").exact
    assert quantity("accuracy_top1").exact
    assert not quantity("latency_ms.n").exact
    assert not quantity("speedup").exact
    assert not quantity("a_new_metric").exact
