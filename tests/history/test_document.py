from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimbench.history.document import LARGEST_BYTES, HistoryError, check, parse, read
from slimbench.history.record import record
from slimbench.history.schemas import HISTORY, schema
from slimbench.report.table import markdown, table
from tests.example_history import document, info, unmeasure
from tests.examples import examples


def short() -> dict[str, Any]:
    run = document()
    del run["benchmarks"][4:]
    return run


def written(run: dict[str, Any], folder: Path) -> Path:
    path = folder / "0001_run.json"
    path.write_text(json.dumps(run))
    return path


def refused(run: dict[str, Any]) -> str:
    with pytest.raises(HistoryError) as caught:
        check(run, "run.json")
    assert "run.json" in str(caught.value)
    return str(caught.value)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema(HISTORY))


def test_a_whole_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = document(threads=(1, 2))
    assert read(written(run, tmp_path)) == run


def test_keys_of_pytest_benchmark_that_are_not_known_yet_are_let_through() -> None:
    run = short()
    run["machine_info"]["new"] = run["new"] = 1
    run["benchmarks"][0]["cprofile"] = []
    run["benchmarks"][0]["stats"]["new"] = 1
    check(run, "run.json")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    path = written(short(), tmp_path)
    text = path.read_text()
    path.write_text(text[: int(share * len(text))])
    with pytest.raises(HistoryError, match=r"0001_run\.json is (empty|not complete JSON)"):
        read(path)


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"\x1c\x00\x00\x00TFL3\xff\xfe")
    with pytest.raises(HistoryError, match="no UTF-8 text"):
        read(path)


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(HistoryError, match="There is no file"):
        read(tmp_path / "0002.json")
    with pytest.raises(HistoryError, match="not a regular file"):
        read(Path("/dev/null"))
    with pytest.raises(HistoryError, match="cannot be read"):
        read(Path("a\0b"))


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    with pytest.raises(HistoryError, match="larger than 200 MiB"):
        read(path)


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_finite_number_is_refused(tmp_path: Path, literal: str) -> None:
    run = short()
    run["slimbench"]["seconds"]["train"] = 12345678
    path = written(run, tmp_path)
    path.write_text(path.read_text().replace("12345678", literal))
    with pytest.raises(HistoryError, match=literal.lstrip("-")):
        read(path)


@pytest.mark.parametrize("text", ["[]", "3", "null", '"text"', "[" * 100_000, "9" * 5000])
def test_json_that_is_no_history_is_refused(text: str) -> None:
    with pytest.raises(HistoryError):
        parse(text, "run.json")


@pytest.mark.parametrize("number", [0, 2, 1.5, "1", None, True])
def test_another_schema_is_refused_with_both_numbers(number: object) -> None:
    run = short()
    run["slimbench"]["schema"] = number
    message = refused(run)
    assert repr(number) in message
    assert "reads 1" in message


def test_a_file_of_pytest_benchmark_alone_is_told_apart() -> None:
    run = short()
    del run["slimbench"]
    assert "not a history that slimbench wrote" in refused(run)


def test_every_key_of_ours_is_required() -> None:
    run = short()
    for key in run["slimbench"]:
        lacking = copy.deepcopy(run)
        del lacking["slimbench"][key]
        assert ("schema None" if key == "schema" else repr(key)) in refused(lacking)
    for key in info(run, "resnet50_f32"):
        lacking = copy.deepcopy(run)
        del lacking["benchmarks"][0]["extra_info"][key]
        assert repr(key) in refused(lacking)


def test_no_further_keys_are_taken_beside_the_contract() -> None:
    run = short()
    run["slimbench"]["latency"] = 3
    assert "'latency' was unexpected" in refused(run)


def test_a_metric_that_was_added_since_is_taken_with_its_reason() -> None:
    run = short()
    info(run, "resnet50_f32")["energy_mj"] = None
    info(run, "resnet50_f32")["reasons"]["energy_mj"] = "there is no power meter here"
    check(run, "a run")


@pytest.mark.parametrize("key", sorted(set(short()["benchmarks"][0]["extra_info"]) - {"reasons"}))
def test_null_needs_a_reason_where_it_is_allowed_at_all(key: str) -> None:
    run = short()
    extra = run["benchmarks"][0]["extra_info"]
    extra[key] = None
    extra["reasons"].pop(key, None)
    refused(run)


def test_null_with_a_reason_is_taken_and_a_reason_without_null_is_not() -> None:
    run = short()
    unmeasure(run, "resnet50_f16", "speedup", "the reference could not be had")
    check(run, "run.json")
    info(run, "resnet50_f16")["speedup"] = 1.2
    refused(run)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size_bytes", 0),
        ("size_bytes", 1.5),
        ("init_ms", -0.1),
        ("speedup", 0),
        ("accuracy_top1", 1.01),
        ("accuracy_ci95", [0.9]),
        ("threads", True),
        ("model_sha256", "0" * 63 + "\n"),
        ("variant", "resnet50_f32\n"),
        ("variant", "a b"),
    ],
)
def test_values_that_cannot_be_are_refused(key: str, value: object) -> None:
    run = short()
    run["benchmarks"][3]["extra_info"][key] = value
    assert f"$.benchmarks[3].extra_info.{key}" in refused(run)


def test_negative_times_and_too_many_samples_are_refused() -> None:
    run = short()
    run["benchmarks"][0]["stats"]["data"][5] = -1e-9
    assert "data[5]" in refused(run)
    run = short()
    run["benchmarks"][0]["stats"]["data"] *= 2
    message = refused(run)
    assert "$.benchmarks[0].stats.data" in message
    assert len(message) < 400
    run = short()
    run["benchmarks"][2]["extra_info"]["latency_ms"]["p50"] = -3
    assert "latency_ms" in refused(run)


def test_p99_is_there_from_100_samples_on() -> None:
    run = short()
    latency = info(run, "resnet50_f32")["latency_ms"]
    latency["p99"] = None
    refused(run)
    latency["n"] = 99
    check(run, "run.json")


@pytest.mark.parametrize("moment", ["yesterday", "2025-03-01T12:00:00", "0001-01-01T00:00+23:59"])
def test_a_time_without_its_place_on_earth_is_refused(moment: str) -> None:
    run = short()
    run["datetime"] = moment
    assert "$.datetime" in refused(run)


def test_a_budget_without_a_value_cannot_have_failed() -> None:
    run = short()
    run["slimbench"]["budgets"][0].update(value=None, verdict="fail")
    assert "$.slimbench.budgets[0]" in refused(run)
    run["slimbench"]["budgets"][0]["verdict"] = "not_judged"
    check(run, "run.json")


@given(st.text())
def test_any_text_is_an_object_or_refused(text: str) -> None:
    try:
        assert isinstance(parse(text, "run.json"), dict)
    except HistoryError as error:
        assert "run.json" in str(error)  # noqa: PT017 (either outcome is right)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(value, dict):
        below = [places(inner, (*path, key)) for key, inner in value.items()]
    elif isinstance(value, list):
        below = [places(inner, (*path, i)) for i, inner in enumerate(value[:2])]
    else:
        below = []
    return [path] * bool(path) + [place for group in below for place in group]


SMALL = short()
del SMALL["benchmarks"][2:]
PLACES = places(SMALL)


@settings(max_examples=examples(150))
@given(place=st.sampled_from(PLACES), value=JSON)
def test_a_file_with_anything_anywhere_is_refused_or_can_be_reported(
    place: tuple[str | int, ...], value: Any
) -> None:
    run: Any = copy.deepcopy(SMALL)
    inner = run
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    try:
        parsed = parse(json.dumps(run), "run.json")
        check(parsed, "run.json")
        history = record(parsed, Path("run.json"))
    except HistoryError:
        return
    for text in (table(history, "fr"), markdown(history, "en")):
        assert text.replace("\n", "").replace(" ", "").replace("\N{NARROW NO-BREAK SPACE}", "")
        assert not any(ord(character) < 32 for character in text if character != "\n")
        text.encode()
