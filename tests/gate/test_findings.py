from __future__ import annotations

import json
from typing import get_args

import pytest

from slimbench.gate.findings import GRAVITY, Finding, Overall, Result, Verdict, exit_status
from slimbench.spec import Case

ORDERED = (("error", 2), ("regression", 1), ("inconclusive", 3), ("pass", 0))


def result(*verdicts: str) -> Result:
    case = Case("resnet50_f32", "litert", 1)
    rows = [Finding(case, "size_bytes", verdict, "because") for verdict in verdicts]  # type: ignore[arg-type]
    return Result("a", "b", tuple(rows))


@pytest.mark.parametrize(("number", "expected"), list(enumerate(ORDERED)))
def test_the_worst_row_decides_verdict_and_exit_status(
    number: int, expected: tuple[Overall, int]
) -> None:
    lesser = [verdict for verdict, _ in ORDERED[number:]]
    found = result("improved", "new", "acknowledged", *reversed(lesser))
    assert found.verdict == expected[0]
    assert exit_status(found.verdict, "fail") == expected[1]


def test_inconclusive_can_count_as_a_pass_and_nothing_else_can() -> None:
    passing = {verdict: exit_status(verdict, "pass") for verdict, _ in ORDERED}  # type: ignore[arg-type]
    assert passing == {"error": 2, "regression": 1, "inconclusive": 0, "pass": 0}


def test_every_verdict_has_its_place() -> None:
    assert sorted(GRAVITY) == sorted(get_args(Verdict))


def test_the_json_is_that_of_the_contract() -> None:
    row = Finding(
        Case("v", "litert", 2), "size_bytes", "regression", "more", 10, 11, 0.1, (0.0, 0.2)
    )
    found = json.loads(json.dumps(Result("a", "b", (row,), ("note",)).document()))
    assert found == {
        "verdict": "regression",
        "cases": [
            {
                "variant": "v",
                "engine": "litert",
                "threads": 2,
                "metric": "size_bytes",
                "baseline": 10,
                "candidate": 11,
                "change": 0.1,
                "interval": [0.0, 0.2],
                "verdict": "regression",
                "reason": "more",
            }
        ],
    }
