from __future__ import annotations

import json
import xml.etree.ElementTree as ET

from bench.gate.render import as_json, junit, markdown, table
from bench.gate.row import Row
from bench.gate.verdict import Result
from bench.spec import Case

ONE, TWO = Case("resnet50_f32", "litert", 1), Case("mobilenetv2_f32", "litert", 1)

RESULT = Result(
    "digits.json",
    "0002.json",
    (
        Row(ONE, "latency_ms.p50", "regression", "slower", 5.0, 5.5, 0.1, (0.09, 0.11)),
        Row(ONE, "accuracy_top1", "pass", "within", 0.974, 0.97, -0.004, (-0.01, 0.002)),
        Row(ONE, "size_bytes", "pass", "unchanged", 94_000_000, 94_000_000, 0.0),
        Row(TWO, "latency_ms.p50", "pass", "same file"),
        Row(TWO, "peak_rss_mb", "inconclusive", "a|b <b> `c`\x07"),
    ),
    notes=("The control passed: 0 %",),
)


def test_the_table_has_a_line_a_case_and_a_sentence_on_what_did_not_pass() -> None:
    lines = table(RESULT).splitlines()
    assert lines[0].startswith("regression: 0002.json against digits.json (1 regression, 1 incon")
    (one,) = [line for line in lines if line.startswith("regression  ")]
    assert "+10 % [+9, +11]" in one
    assert "-0.4 points [-1, +0.2]" in one
    (two,) = [line for line in lines if line.startswith("inconclusive  ")]
    assert "same file" in two
    assert "regression: resnet50_f32-litert-1 latency_ms.p50: slower" in lines
    assert not [line for line in lines if "unchanged" in line]


def test_a_changed_runtime_is_in_the_first_line_of_both() -> None:
    changed = Result("a", "b", RESULT.rows, ("Runtime changed: x.",), RESULT.notes)
    assert table(changed).splitlines()[0] == "Runtime changed: x."
    first = markdown(changed).splitlines()[0]
    assert first.startswith("**regression**")
    assert "Runtime changed: x." in first


def test_markdown_begins_with_the_verdict_and_folds_the_details() -> None:
    text = markdown(RESULT)
    assert text.startswith("**regression**: 0002.json against digits.json")
    shown, _, folded = text.partition("<details>")
    assert shown.count("resnet50\\_f32-litert-1") == 2  # the sentence and its line
    assert "97.4 %" in folded
    assert "</details>" in folded
    assert "<summary>All metrics</summary>\n\n|" in folded


def test_recorded_text_is_not_read_as_markup() -> None:
    text = markdown(RESULT)
    assert "a\\|b \\<b\\> \\`c\\`" in text
    assert "<b>" not in text


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
    assert skipped.get("message") == "a|b <b> `c`"


def test_json_has_every_row() -> None:
    assert len(json.loads(as_json(RESULT))["cases"]) == len(RESULT.rows)
