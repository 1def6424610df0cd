from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from slimbench.gate.acknowledge import AcknowledgementError, apply, load_acknowledgements, unused
from slimbench.gate.findings import Finding
from slimbench.spec import Case
from tests.gate import runs

TODAY = date(2025, 3, 1)

ENTRY = """
# known
[[regression]]
variant = "resnet50_f32"
metric = "{metric}"
limit = {limit}
reason = "padded input"
expires = {expires}
{more}
"""


def entry(
    metric: str = "size_bytes",
    limit: float | str = 0.1,
    more: str = "",
    expires: str = "2025-03-01",
) -> str:
    return ENTRY.format(metric=metric, limit=limit, expires=expires, more=more)


def write(path: Path, *fields: object, **named: str) -> Path:
    path.write_text(entry(*fields, **named))  # type: ignore[arg-type]
    return path


def red(
    change: float | None, metric: str = "size_bytes", interval: tuple[float, float] | None = None
) -> Finding:
    return Finding(runs.CASE, metric, "regression", "worse", 1.0, 2.0, change, interval)


def after(row: Finding, path: Path, profile: str = "digits") -> Finding:
    (found,) = apply([row], load_acknowledgements(path, profile), TODAY)
    return found


def test_what_is_acknowledged_is_no_regression_until_the_last_day(tmp_path: Path) -> None:
    row = after(red(0.1), write(tmp_path / "a.toml"))
    assert row.verdict == "acknowledged"
    assert row.reason == "worse; acknowledged until 2025-03-01: padded input"


def test_one_that_expired_is_red_again_and_says_so(tmp_path: Path) -> None:
    row = after(red(0.1), write(tmp_path / "a.toml", expires="2025-02-28"))
    assert row.verdict == "regression"
    assert "its acknowledgement ended on 2025-02-28" in row.reason
    assert "a.toml:3" in row.reason


def test_more_than_was_acknowledged_is_red_and_says_so(tmp_path: Path) -> None:
    row = after(red(0.2), write(tmp_path / "a.toml"))
    assert row.verdict == "regression"
    assert "acknowledged to +10 % only" in row.reason
    row = after(red(-0.2, "accuracy_top1"), write(tmp_path / "b.toml", "accuracy_top1"))
    assert "acknowledged to -10 points only" in row.reason


def test_a_time_that_is_above_by_no_more_than_its_noise_stays_acknowledged(tmp_path: Path) -> None:
    path = write(tmp_path / "a.toml", "latency_ms.p50")
    assert after(red(0.11, "latency_ms.p50", (0.09, 0.13)), path).verdict == "acknowledged"
    assert after(red(0.14, "latency_ms.p50", (0.12, 0.16)), path).verdict == "regression"


@pytest.mark.parametrize("more", ['engine = "keras"', "threads = 2", 'profile = "cifar10"'])
def test_it_holds_for_what_it_names_only(tmp_path: Path, more: str) -> None:
    assert after(red(0.05), write(tmp_path / "a.toml", more=more)).verdict == "regression"
    assert after(red(0.05, "parameters"), write(tmp_path / "a.toml")).verdict == "regression"


def test_only_regressions_are_touched(tmp_path: Path) -> None:
    row = Finding(runs.CASE, "size_bytes", "error", "gone")
    assert after(row, write(tmp_path / "a.toml")) == row


def test_growth_from_nothing_cannot_be_acknowledged(tmp_path: Path) -> None:
    assert after(red(None), write(tmp_path / "a.toml")).verdict == "regression"


def test_one_that_is_not_needed_is_pointed_at(tmp_path: Path) -> None:
    known = load_acknowledgements(write(tmp_path / "a.toml"), "digits")
    fine = Finding(Case("resnet50_f32", "litert", 1), "size_bytes", "pass", "unchanged")
    (said,) = unused(known, [fine])
    assert "a.toml:3: size_bytes of resnet50_f32" in said
    assert unused(known, [red(0.05)]) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[regresion]]\nvariant = 'x'", "a.toml:1: there is no 'regresion'"),
        ("[[regression]]\nvariant = 'x'", "a.toml:1: this regression lacks metric, limit"),
        ("regression = 3", "write each as a"),
        (entry(metric="latency"), "no metric 'latency'"),
        (entry(limit="nan"), "limit must"),
        (entry(limit=-1), "limit must"),
        (entry(limit="true"), "limit must"),
        (entry(expires="'soon'"), "expires must be a day"),
        (entry(more="limt = 2"), "no 'limt'"),
        (entry(more="threads = 0"), "threads must"),
        ("[[regression]", "is not TOML"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_line(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(AcknowledgementError, match=r"a\.toml:\d+: ") as error:
        load_acknowledgements(path, "digits")
    assert said in str(error.value)
