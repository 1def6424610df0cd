from __future__ import annotations

import copy
import json
import xml.etree.ElementTree as ET
from datetime import date

import numpy as np
import pytest
from markdown_it import MarkdownIt

from slimbench.gate import accuracy, acknowledge, static_metrics
from slimbench.gate.acknowledge import Acknowledgement
from slimbench.gate.findings import Finding, Result, in_order
from slimbench.gate.limits import Limits
from slimbench.gate.render import as_json, junit, markdown, table
from slimbench.spec import Case
from tests.example_history import MODELS
from tests.gate import runs

P50 = "latency_ms.p50"

ONE, TWO = Case("resnet50_f32", "litert", 1), Case("mobilenetv2_f32", "litert", 1)

RESULT = Result(
    "digits.json",
    "0002.json",
    (
        Finding(ONE, "latency_ms.p50", "regression", "slower", 5.0, 5.5, 0.1, (0.09, 0.11)),
        Finding(ONE, "accuracy_top1", "pass", "within", 0.974, 0.97, -0.004, (-0.01, 0.002)),
        Finding(ONE, "size_bytes", "pass", "unchanged", 94_000_000, 94_000_000, 0.0),
        Finding(TWO, "latency_ms.p50", "pass", "same file"),
        Finding(TWO, "peak_rss_mb", "inconclusive", "a|b <b> `c` [d](e) _f_\x07"),
    ),
    notes=("The control passed: 0 %",),
)

ABSENT = "the model is not in the store. Build it again: make bench PROFILE=digits K=resnet50_f16"

TIMES = {
    row.case.variant: row
    for row in (
        Finding(ONE, P50, "regression", "median latency +8.1 %", 5.0, 5.41, 0.081, (0.077, 0.086)),
        Finding(Case("resnet50_f16", "litert", 1), P50, "inconclusive", ABSENT),
        Finding(TWO, P50, "improved", "median latency -9.4 %", 5.0, 4.53, -0.094, (-0.101, -0.088)),
    )
}

KNOWN = Acknowledgement(
    variant="mobilenetv2_dynamic_wi8",
    metric="size_bytes",
    limit=0.02,
    reason="the new head is padded",
    expires=date(2025, 4, 1),
    engine=None,
    threads=None,
    profile=None,
    where="results/acknowledged.toml:1",
)

JUNIT = {
    "testsuites": ({"name", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped"},
        {"testcase", "system-out"},
    ),
    "testcase": ({"classname", "name"}, {"failure", "error", "skipped", "system-out"}),
    "failure": ({"message", "type"}, set()),
    "error": ({"message", "type"}, set()),
    "skipped": ({"message"}, set()),
    "system-out": (set(), set()),
}
"""Attributes and children of each element, of what the common JUnit schemas know."""


@pytest.fixture
def whole() -> Result:
    """Judge the default profile: of all that can be said, something. Times alone are made up."""
    right, wrong = np.ones(500, bool), np.ones(500, bool)
    wrong[:27] = False
    before = runs.answers(runs.run(*MODELS), right, "student_scratch_f32")
    after = runs.answers(copy.deepcopy(before), wrong, "student_scratch_f32")
    runs.change(after, "resnet50_f32", size_bytes=94_301_245, parameters=23_481_900)
    runs.change(after, "mobilenetv2_dynamic_wi8", size_bytes=2_500_000)
    pairs = [runs.pair(before, after, name) for name in MODELS]
    exact = Limits(size_growth_max=0.0)
    limits = dict.fromkeys(MODELS, Limits())
    rows = [row for pair in pairs for row in static_metrics.judge(pair, exact, (), ())]
    rows += accuracy.judge(pairs, limits, lambda _: "")
    rows += [
        TIMES.get(name, Finding(Case(name, "litert", 1), P50, "pass", "same file"))
        for name in MODELS
    ]
    rows = acknowledge.apply(rows, [KNOWN], date(2025, 3, 1))
    cases = [pair.case for pair in pairs]
    notes = ("The control passed: it grew by 0.1 %",)
    return Result("digits.json", "0002.json", tuple(in_order(rows, cases, [P50])), notes=notes)


def shown(text: str) -> str:
    """Return the HTML that a reader's browser gets."""
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


def lines_of(text: str) -> list[list[str]]:
    """Return the cells of the first table."""
    rows = [line for line in text.partition("<details>")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_table_has_a_line_a_case_and_a_sentence_on_what_did_not_pass() -> None:
    lines = table(RESULT).splitlines()
    assert lines[0].startswith("regression: 0002.json against digits.json (1 regression, 1 incon")
    (one,) = [line for line in lines if line.startswith("regression  ")]
    assert "+10 % [+9, +11]" in one
    assert "-0.4 points [-1, +0.2]" in one
    (two,) = [line for line in lines if line.startswith("inconclusive  ")]
    assert "same file" in two
    assert two.endswith("peak_rss_mb inconclusive")
    assert "regression: resnet50_f32-litert-1 latency_ms.p50: 5 to 5.5 ms; slower" in lines
    assert not [line for line in lines if "unchanged" in line]


def test_a_changed_runtime_is_in_the_first_line_of_both() -> None:
    changed = Result("a", "b", RESULT.rows, ("Runtime changed: x.",), RESULT.notes)
    assert table(changed).splitlines()[0] == "Runtime changed: x."
    first = markdown(changed).splitlines()[0]
    assert first.startswith("**regression**")
    assert "Runtime changed: x." in first


def test_markdown_begins_with_the_verdict_and_folds_the_details(whole: Result) -> None:
    text = markdown(whole)
    assert text.startswith("**regression**: 0002.json against digits.json (2 regr")
    open_part, _, folded = text.partition("<details>")
    assert "<summary>All metrics</summary>\n\n|" in folded
    assert "</details>" in folded
    html = shown(folded)
    assert html.count("<tr>") == 1 + len(whole.rows)
    assert "97.4 %" in folded
    assert "unchanged on 500 images" not in open_part


def test_markdown_has_one_line_a_case_the_gravest_first_and_marks_what_is_wrong(
    whole: Result,
) -> None:
    headers, _, *lines = lines_of(markdown(whole))
    assert headers == ["verdict", "case", "latency", "size", "gzip", "accuracy", "others"]
    assert [line[0] for line in lines] == [
        *("**regression**",) * 2,
        "**inconclusive**",
        "**acknowledged**",
        "**improved**",
        *("pass",) * (len(MODELS) - 5),
    ]
    by_case = {line[1].strip("`"): line[2:] for line in lines}
    grown = by_case["resnet50_f32-litert-1"]
    assert grown[0].startswith("**+8")
    assert grown[1] == "**+0.000001 %**"
    assert grown[2:4] == ["0 %", "0 points"]
    assert grown[4] == "`parameters` **+0.0004 %**"
    assert by_case["student_scratch_f32-litert-1"][3].startswith("**-5.4 points")
    assert by_case["resnet50_f16-litert-1"][0] == "**inconclusive**"
    assert by_case["resnet50_static_wi8_ai8-litert-1"][0] == "same file"


def test_a_reviewer_reads_from_what_to_what_and_how_to_accept_it(whole: Result) -> None:
    text = markdown(whole)
    assert (
        "- **regression**: `resnet50_f32-litert-1` size_bytes: 94,301,244 to 94,301,245 bytes; "
        "+0.000001 %, the tolerance is 0 %"
    ) in text
    assert "accuracy_top1: 100 to 94.6 %; -5.4 points" in text
    assert "until 2025-04-01: the new head is padded" in text
    assert "make bench PROFILE=digits K=resnet50_f16\n" in text
    assert "results/acknowledged.toml" in text
    assert "acknowledged.toml" not in markdown(Result("a", "b", RESULT.rows[1:]))


def test_what_all_cases_share_is_said_once() -> None:
    cases = [Case(f"model{number}", "litert", 1) for number in range(9)]
    rows = [Finding(case, "latency_ms.p50", "inconclusive", "runtime changed") for case in cases]
    (line,) = [
        line
        for line in markdown(Result("a", "b", tuple(rows))).splitlines()
        if "- " in line and line.startswith("- ")
    ]
    assert line.endswith("`model8-litert-1` latency_ms.p50: runtime changed")
    assert line.count("`model") == 9


@pytest.mark.parametrize("verdict", ["regression", "error", "inconclusive", "improved", "new"])
def test_only_what_is_not_worse_is_cut_short(verdict: str) -> None:
    rows = [
        Finding(Case(f"model{n}", "litert", 1), "size_bytes", verdict, f"reason {n}")  # type: ignore[arg-type]
        for n in range(40)
    ]
    text = markdown(Result("a", "b", tuple(rows)))
    bullets = [line for line in text.splitlines() if line.startswith("- ")]
    if verdict in ("regression", "error"):
        assert len(bullets) == 40
    else:
        assert len(bullets) == 6
        assert bullets[-1] == f"- **{verdict}**: 35 more, among the details"
    assert "reason 39" in text


def test_a_comment_on_a_pull_request_holds_three_times_the_default_profile(whole: Result) -> None:
    many = tuple(
        Finding(
            Case(row.case.variant, engine, 1),
            *(getattr(row, name) for name in Finding.__slots__[1:]),
        )
        for row in whole.rows
        for engine in ("litert", "openvino", "tflite")
    )
    assert len(markdown(Result("a", "b", many))) < 65_536


def test_recorded_text_is_not_read_as_markup() -> None:
    named = Finding(Case("a`|<img src=x>", "[x](y)", 1), "size_bytes", "new", "*d* ~~e~~ &lt;")
    text = markdown(Result("**b**", "<c>", (*RESULT.rows, named)))
    html = shown(text)
    for markup in ("<b>", "<img", "<a ", "<em>", "<del>", "<strong>b"):
        assert markup not in html
    assert "a|b &lt;b&gt; `c` [d](e) _f_" in html
    assert "&amp;lt;" in html
    assert html.count("<tr>") == (1 + 3) + (1 + 6)


def test_junit_has_a_case_a_row_that_every_reader_can_parse() -> None:
    suite = ET.fromstring(junit(RESULT)).find("testsuite")  # noqa: S314  (our own text)
    assert suite is not None
    counted = {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert counted == {"tests": "5", "failures": "1", "errors": "0", "skipped": "1"}
    failed = [case for case in suite.findall("testcase") if case.find("failure") is not None]
    assert [(case.get("classname"), case.get("name")) for case in failed] == [
        ("resnet50_f32-litert-1", "latency_ms.p50")
    ]
    skipped = suite.find("testcase/skipped")
    assert skipped is not None
    assert skipped.get("message") == "a|b <b> `c` [d](e) _f_"


def test_junit_is_what_the_common_schemas_describe(whole: Result) -> None:
    lost = Finding(Case("gone\x00", "litert", 1), "model_sha256", "error", "not there\x1b")
    rows = (*whole.rows, lost)
    suites = ET.fromstring(junit(Result("a", "b", rows, notes=("n",))))  # noqa: S314
    assert suites.tag == "testsuites"
    for element in suites.iter():
        attributes, children = JUNIT[element.tag]
        assert set(element.attrib) == attributes
        assert {child.tag for child in element} <= children
    for case in suites.iter("testcase"):
        assert len(case) == 1
    for tag, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert suites[0].get(count) == str(len(list(suites.iter(tag))))
    assert suites[0].get("tests") == str(len(rows)) == str(len(list(suites.iter("testcase"))))
    for failure in suites.iter("failure"):
        assert failure.text == failure.get("message")
        assert failure.get("type") == "regression"
    said = suites[0].findtext("system-out")
    assert said is not None
    assert said.splitlines()[-1] == "n"


def test_json_has_every_row() -> None:
    assert len(json.loads(as_json(RESULT))["cases"]) == len(RESULT.rows)
