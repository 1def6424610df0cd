"""The whole comparison, on simulated machines."""

from __future__ import annotations

import copy
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from slimbench.gate.acknowledge import Acknowledgement
from slimbench.gate.findings import Finding, Result
from slimbench.gate.judge import Settings, judge
from slimbench.gate.limits import Limits
from slimbench.gate.model_files import Files
from slimbench.gate.runtime import Runtimes
from slimbench.gate.timer import FilePair, Readings
from tests.gate import runs
from tests.gate.simulated import Machine, silent

NAMES = ("resnet50_f32", "mobilenetv2_f32", "student_scratch_f32")
VERSIONS = {"ai-edge-litert": "2.3.0"}
HERE = Runtimes(VERSIONS, VERSIONS)


@pytest.fixture
def base(tmp_path: Path) -> dict[str, Any]:
    return kept(runs.run(*NAMES), tmp_path, "old", NAMES)


def kept(
    made: dict[str, Any], folder: Path, content: str, names: tuple[str, ...]
) -> dict[str, Any]:
    """Give each variant a file of its own, which is never loaded here."""
    for name in names:
        model = folder / "model"
        model.write_text(f"{content} {name}")
        runs.with_model(made, model, folder / "models", name)
    return made


def changed(folder: Path, base: dict[str, Any], *names: str) -> dict[str, Any]:
    return kept(copy.deepcopy(base), folder, "new", names)


def judged(
    folder: Path,
    before: dict[str, Any],
    after: dict[str, Any],
    machine: Machine,
    **settings: Any,
) -> Result:
    given = {"runtimes": HERE, "today": date(2025, 3, 1), "limits": dict.fromkeys(NAMES, Limits())}
    return judge(
        runs.side(before),
        runs.side(after),
        Settings(**{**given, **settings}),
        files=Files(folder / "store", folder / "models"),
        measure=machine,
        advance=silent,
    )


def latency(result: Result) -> dict[str, Finding]:
    return {row.case.variant: row for row in result.rows if row.metric == "latency_ms.p50"}


def test_two_runs_of_the_same_files_pass_without_timing_anything(
    tmp_path: Path, base: dict[str, Any]
) -> None:
    machine = Machine({}, 0.01)
    result = judged(tmp_path, base, base, machine)
    assert result.verdict == "pass"
    assert machine.asked == []
    assert {row.reason for row in latency(result).values()} == {"same file"}


def test_files_that_are_the_same_are_timed_where_that_is_asked_for(
    tmp_path: Path, base: dict[str, Any]
) -> None:
    machine = Machine(dict.fromkeys(NAMES, 0.0), 0.01)
    result = judged(tmp_path, base, base, machine, measure_identical=True)
    assert machine.asked == [(len(NAMES) + 1, 12)]
    assert all(row.change is not None for row in latency(result).values())


def test_only_changed_files_are_timed_and_the_slower_one_is_red(
    tmp_path: Path, base: dict[str, Any]
) -> None:
    after = changed(tmp_path, base, "resnet50_f32", "mobilenetv2_f32")
    machine = Machine({"resnet50_f32": 0.0, "mobilenetv2_f32": 0.1}, 0.01)
    result = judged(tmp_path, base, after, machine)
    assert result.verdict == "regression"
    assert {name: row.verdict for name, row in latency(result).items()} == {
        "resnet50_f32": "pass",
        "mobilenetv2_f32": "regression",
        "student_scratch_f32": "pass",
    }
    assert machine.asked == [(3, 12), (1, 24)]


def test_stored_times_are_never_compared(tmp_path: Path, base: dict[str, Any]) -> None:
    after = changed(tmp_path, base, *NAMES)
    for entry in after["benchmarks"]:
        latency_ms = entry["extra_info"]["latency_ms"]
        entry["extra_info"]["latency_ms"] = {
            key: value if key == "n" else 50 * value for key, value in latency_ms.items()
        }
    result = judged(tmp_path, base, after, Machine(dict.fromkeys(NAMES, 0.0), 0.01))
    assert result.verdict == "pass"
    for path in (tmp_path / "models").iterdir():
        path.unlink()
    result = judged(tmp_path, base, after, Machine({}, 0.01))
    assert result.verdict == "inconclusive"
    for row in latency(result).values():
        assert row.change is None
        assert "make bench PROFILE=digits K=" in row.reason


@pytest.mark.parametrize("here", [{"ai-edge-litert": "2.4.0"}, {}])
def test_another_runtime_leaves_latency_open_and_says_so_first(
    tmp_path: Path, base: dict[str, Any], here: dict[str, str]
) -> None:
    after = changed(tmp_path, base, "resnet50_f32")
    machine = Machine({"resnet50_f32": 0.5}, 0.01)
    result = judged(tmp_path, base, after, machine, runtimes=Runtimes(here, here))
    assert machine.asked == []
    assert "Runtime changed" in result.runtime[0]
    assert "2.3.0" in result.runtime[0]
    assert latency(result)["resnet50_f32"].verdict == "inconclusive"
    assert "runtime changed" in latency(result)["resnet50_f32"].reason


def measured_with(made: dict[str, Any], version: str) -> dict[str, Any]:
    made = copy.deepcopy(made)
    made["slimbench"]["versions"]["ai-edge-litert"] = version
    return made


def apart(baseline: str) -> Runtimes:
    return Runtimes({"ai-edge-litert": baseline}, VERSIONS, apart=True)


def test_with_an_environment_each_other_runtimes_are_judged_the_same_files_too(
    tmp_path: Path, base: dict[str, Any]
) -> None:
    before = measured_with(base, "2.2.0")
    growth = {"resnet50_f32": 0.0, "mobilenetv2_f32": 0.1, "student_scratch_f32": -0.1}
    machine = Grown(growth, 0.01)
    result = judged(tmp_path, before, base, machine, runtimes=apart("2.2.0"))
    assert machine.asked == [(len(NAMES) + 1, 12), (1, 24)]
    assert result.runtime == (
        "Runtime changed, each side in its own environment: ai-edge-litert 2.2.0 | 2.3.0.",
    )
    assert {name: row.verdict for name, row in latency(result).items()} == {
        "resnet50_f32": "pass",
        "mobilenetv2_f32": "regression",
        "student_scratch_f32": "improved",
    }


def test_with_two_environments_alike_the_same_file_is_not_timed(
    tmp_path: Path, base: dict[str, Any]
) -> None:
    machine = Machine({}, 0.01)
    result = judged(tmp_path, base, base, machine, runtimes=apart("2.3.0"))
    assert machine.asked == []
    assert result.verdict == "pass"
    assert result.runtime[0].startswith("Each side in its own environment")


def test_an_environment_that_is_not_the_baseline_s_leaves_latency_open_and_says_so_first(
    tmp_path: Path, base: dict[str, Any]
) -> None:
    machine = Machine({}, 0.01)
    before = measured_with(base, "2.2.0")
    result = judged(tmp_path, before, base, machine, runtimes=apart("2.3.0"))
    assert machine.asked == []
    assert "measured with ai-edge-litert 2.2.0, its environment has 2.3.0" in result.runtime[0]
    assert {row.verdict for row in latency(result).values()} == {"inconclusive"}
    sizes = [row for row in result.rows if row.metric == "size_bytes"]
    assert {row.verdict for row in sizes} == {"pass"}


def test_files_are_timed_with_the_options_that_they_were_measured_with(
    tmp_path: Path, base: dict[str, Any]
) -> None:
    told = {"op_resolver": "BUILTIN_REF"}
    before = runs.change(copy.deepcopy(base), "resnet50_f32", runtime_options=told)
    after = runs.change(changed(tmp_path, base, "resnet50_f32"), runtime_options={})
    machine = Grown({"resnet50_f32": 0.0}, 0.01)
    result = judged(tmp_path, before, after, machine)
    assert machine.pairs == []
    assert "litert's options op_resolver=BUILTIN_REF" in result.runtime[0]
    assert latency(result)["resnet50_f32"].verdict == "inconclusive"
    judged(tmp_path, before, after, machine, runtimes=apart("2.3.0"))
    options = [
        (pair.baseline_options, pair.candidate_options, pair.control) for pair in machine.pairs
    ]
    assert options == [(told, {}, False), (told, told, True)]


class Grown(Machine):
    """A machine on which the same file may take longer on one side; it keeps what it was given."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.pairs: list[FilePair] = []

    def __call__(self, pairs: Any, processes: int, advance: Any) -> list[Readings]:
        self.pairs += pairs
        return super().__call__(pairs, processes, advance)

    def is_control(self, pair: FilePair) -> bool:
        return pair.control


def test_a_known_regression_is_acknowledged_and_one_not_needed_is_pointed_at(
    tmp_path: Path, base: dict[str, Any]
) -> None:
    known = [
        Acknowledgement(
            name, "latency_ms.p50", 0.2, "padding", date(2025, 12, 1), None, None, None, "a:1"
        )
        for name in ("resnet50_f32", "mobilenetv2_f32")
    ]
    after = changed(tmp_path, base, "resnet50_f32")
    result = judged(tmp_path, base, after, Machine({"resnet50_f32": 0.1}, 0.01), acknowledged=known)
    assert latency(result)["resnet50_f32"].verdict == "acknowledged"
    assert result.verdict == "pass"
    assert [note for note in result.notes if "mobilenetv2_f32 is acknowledged" in note]


def test_a_vanished_case_is_an_error_though_another_is_red(
    tmp_path: Path, base: dict[str, Any]
) -> None:
    after = changed(tmp_path, base, "resnet50_f32")
    del after["benchmarks"][1]
    result = judged(tmp_path, base, after, Machine({"resnet50_f32": 0.5}, 0.01))
    assert latency(result)["resnet50_f32"].verdict == "regression"
    assert result.verdict == "error"


def test_rows_come_by_case_in_the_order_of_the_run(tmp_path: Path, base: dict[str, Any]) -> None:
    result = judged(tmp_path, base, base, Machine({}, 0.01))
    assert [case.variant for case in result.by_case()] == [
        entry["extra_info"]["variant"] for entry in base["benchmarks"]
    ]
