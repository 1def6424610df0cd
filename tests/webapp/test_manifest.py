from __future__ import annotations

import filecmp
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slimbench.datasets import cifar10
from slimbench.errors import UsageProblem
from slimbench.paths import CODE
from slimbench.webapp.manifest import DEFAULT, ManifestProblem, read_manifest
from tests import example_history
from tests.examples import examples
from tests.tiny_models import SHAPE, Quantized
from tests.webapp.versions import CLASSES, FLOAT, INT8, canary, put, toml, write

ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
PUBLISHED = (CODE / "results") / "published" / "cifar10-full"


@pytest.fixture
def versions(tmp_path: Path) -> dict[str, dict[str, Any]]:
    return {
        "1": put(tmp_path),
        "1.1-rc": put(tmp_path, INT8, quantized=Quantized("int8", 1.0, -128)),
    }


def problem(folder: Path, versions: dict[str, dict[str, Any]], tail: str = "") -> str:
    with pytest.raises(ManifestProblem) as caught:
        read_manifest(write(folder, versions, "1", tail))
    return str(caught.value)


def test_what_is_served_comes_from_the_history(
    tmp_path: Path, versions: dict[str, dict[str, Any]]
) -> None:
    models = read_manifest(write(tmp_path, versions, "1"))
    stable = models.stable
    assert (stable.name, stable.version, stable.classes) == (FLOAT, "1", CLASSES)
    assert (stable.input_shape, stable.pixels) == (SHAPE, "raw")
    assert stable.file == tmp_path / f"{FLOAT}.tflite"
    assert stable.entry["latency_ms"]["p50"] == pytest.approx(0.122, rel=0.2)
    assert stable.entry == example_history.info(_document(stable.history), FLOAT)
    assert (stable.machine, stable.taken) == (
        "Some CPU @ 2.10GHz (2 CPUs)",
        "2025-03-01T12:00:05.123456+00:00",
    )
    assert (models.canary, models.weight, models.canary_problem) == (None, 0.0, None)


def test_a_canary_is_served_beside_stable(
    tmp_path: Path, versions: dict[str, dict[str, Any]]
) -> None:
    models = read_manifest(write(tmp_path, versions, "1", canary("1.1-rc", 0.25)))
    assert models.canary is not None
    assert (models.canary.name, models.canary.version) == (INT8, "1.1-rc")
    assert (models.weight, models.canary_problem) == (0.25, None)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"file": "gone.tflite"}, "no model file"),
        ({"file": "../model.tflite"}, "absolute path"),
        ({"file": "a/../../model.tflite"}, "absolute path"),
        ({"file": "x\0y"}, "absolute path"),
        ({"file": "x" * 5000}, "cannot be read"),
        ({"file": 3}, "must be a text"),
        ({"sha256": "0" * 64}, "damaged or exchanged"),
        ({"sha256": "00"}, "64 hexadecimal digits"),
        ({"name": "resnet50_f32"}, "measured resnet50_f32 of"),
        ({"name": "other"}, "has no row of other"),
        ({"history": "gone.json"}, "no file"),
        ({"accuracy": 0.9}, "that of the history, 0.992"),
        ({"accuracy": True}, "that of the history, 0.992"),
        ({"pixels": "0..1"}, "measured with 'raw'"),
        ({"pixels": "bgr"}, "must be one of raw"),
        ({"classes": ["ant", "bee"]}, "3 scores, but 2 classes"),
        ({"classes": ["ant", 2, "cat"]}, "list of names"),
        ({"classes": []}, "list of names"),
        ({"colour": "red"}, "is unknown. There is: name"),
    ],
)
def test_a_wrong_stable_version_is_refused_with_its_line(
    tmp_path: Path, versions: dict[str, dict[str, Any]], changes: dict[str, Any], told: str
) -> None:
    versions["1"] |= changes
    said = problem(tmp_path, versions)
    assert told in said
    assert said.startswith(f"{tmp_path / 'manifest.toml'}:")


@pytest.mark.parametrize("key", ["name", "file", "sha256", "classes", "history", "accuracy"])
def test_nothing_may_be_left_out(
    tmp_path: Path, versions: dict[str, dict[str, Any]], key: str
) -> None:
    del versions["1"][key]
    assert key in problem(tmp_path, versions)


def test_an_accuracy_that_was_not_measured_is_not_claimed(tmp_path: Path) -> None:
    nothing = dict.fromkeys(
        ("accuracy_top1", "accuracy_n", "accuracy_ci95", "correct_bits", "eval_sha256"), None
    )
    one = put(tmp_path, **nothing, reasons=dict.fromkeys((*nothing, "sparsity_prunable"), "none"))
    del one["accuracy"]
    assert read_manifest(write(tmp_path, {"1": one}, "1")).stable.entry["accuracy_top1"] is None
    assert "was not measured (none)" in problem(tmp_path, {"1": {**one, "accuracy": 0.99}})


def test_an_absolute_path_is_taken_as_written(
    tmp_path: Path, versions: dict[str, dict[str, Any]]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for key in ("file", "history"):
        versions["1"][key] = str(tmp_path / versions["1"][key])
    assert read_manifest(write(elsewhere, versions, "1")).stable.name == FLOAT


def test_a_file_that_is_no_model_is_refused_even_where_a_history_has_it(tmp_path: Path) -> None:
    one = put(tmp_path)
    for content in (b"", b"TFL3", b"\xff" * 100, b"\x00" * 100):
        path = tmp_path / one["file"]
        path.write_bytes(content)
        run = _document(tmp_path / one["history"])
        import hashlib
        import json

        sha256 = hashlib.sha256(content).hexdigest()
        example_history.info(run, FLOAT)["model_sha256"] = one["sha256"] = sha256
        (tmp_path / one["history"]).write_text(json.dumps(run))
        assert "not a .tflite file of a classifier" in problem(tmp_path, {"1": one})


@pytest.mark.parametrize(
    ("tail", "told"),
    [
        (canary("2", 0.1), "has no table [versions.2]"),
        (canary("1", 0.1), "which is stable"),
        (canary("1.1-rc", 1.5), "from 0 to 1"),
        (canary("1.1-rc", True), "from 0 to 1"),
        ('[canary]\nversion = "1.1-rc"\nweight = nan', "from 0 to 1"),
        ('[canary]\nversion = "1.1-rc"', "lacks weight"),
        ("[canary]\nversion = 2\nweight = 0.1", "must be a version"),
    ],
)
def test_a_wrong_canary_leaves_stable_alone(
    tmp_path: Path, versions: dict[str, dict[str, Any]], tail: str, told: str
) -> None:
    models = read_manifest(write(tmp_path, versions, "1", tail))
    assert (models.stable.version, models.canary, models.weight) == ("1", None, 0.0)
    assert told in str(models.canary_problem)


def test_a_missing_damaged_or_other_canary_leaves_stable_alone(
    tmp_path: Path, versions: dict[str, dict[str, Any]]
) -> None:
    path = write(tmp_path, versions, "1", canary("1.1-rc", 0.5))
    file = tmp_path / versions["1.1-rc"]["file"]
    file.write_bytes(file.read_bytes()[:-1])
    assert "damaged or exchanged" in str(read_manifest(path).canary_problem)
    file.unlink()
    assert "no model file" in str(read_manifest(path).canary_problem)
    versions["1.1-rc"] = put(tmp_path, INT8)
    versions["1.1-rc"]["classes"] = ["ant", "bee", "cow"]
    models = read_manifest(write(tmp_path, versions, "1", canary("1.1-rc", 0.5)))
    assert "other classes" in str(models.canary_problem)
    assert models.stable.version == "1"


def test_a_damaged_version_that_is_not_served_is_not_read(
    tmp_path: Path, versions: dict[str, dict[str, Any]]
) -> None:
    (tmp_path / versions["1.1-rc"]["file"]).unlink()
    assert read_manifest(write(tmp_path, versions, "1")).canary_problem is None


@given(text=st.text() | st.from_regex(r"(stable|versions|\[canary\]|1|=|\"|\n| )*"))
@ONE_FOLDER
def test_any_text_is_a_manifest_or_a_plain_problem(tmp_path: Path, text: str) -> None:
    path = tmp_path / "wild.toml"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(UsageProblem, match=r"wild\.toml"):
        read_manifest(path)


JSON = st.recursive(
    st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, width=32).filter(lambda value: abs(value) < 1e30)
    | st.text(st.characters(codec="ascii")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=5,
)


@given(
    table=st.dictionaries(st.sampled_from(["version", "weight", "file"]), JSON) | JSON,
    damaged=st.dictionaries(
        st.sampled_from(["name", "file", "sha256", "classes", "history", "accuracy", "pixels"]),
        JSON,
        min_size=1,
    ),
)
@settings(ONE_FOLDER, max_examples=examples(40))
def test_nothing_in_a_canary_touches_stable(
    tmp_path: Path, versions: dict[str, dict[str, Any]], table: Any, damaged: dict[str, Any]
) -> None:
    one = versions["1"]
    text = f'stable = "1"\ncanary = {toml(table)}\n[versions]\n'
    text += f"1 = {toml(one)}\n2 = {toml({**one, **damaged})}\n"
    path = tmp_path / "manifest.toml"
    path.write_text(text, encoding="utf-8")
    models = read_manifest(path)
    assert (models.stable.sha256, models.canary) == (one["sha256"], None)
    assert models.canary_problem
    named = text.replace(f"canary = {toml(table)}", 'canary = {version = "2", weight = 0.5}')
    path.write_text(named, encoding="utf-8")
    assert read_manifest(path).stable.sha256 == one["sha256"]


def test_the_model_that_comes_along_is_whole_small_and_good() -> None:
    stable = read_manifest().stable
    assert (stable.name, stable.classes) == (
        "resnet14_distilled_static_wi8_ai8",
        cifar10.CLASSES,
    )
    assert stable.file.parent == DEFAULT.parent
    assert stable.file.stat().st_size <= 512_024
    assert stable.entry["accuracy_top1"] >= 0.85
    assert stable.entry["accuracy_n"] == 10_000


def test_its_card_and_its_history_are_of_the_same_file() -> None:
    stable = read_manifest().stable
    text = (DEFAULT.parent / "README.md").read_text(encoding="utf-8")
    low, high = stable.entry["accuracy_ci95"]
    for fact in (
        stable.name,
        stable.sha256,
        f"{stable.entry['size_bytes']:,}",
        f"{stable.entry['accuracy_top1']:.1%}",
        f"{low:.1%} to {high:.1%}",
        stable.history.name,
    ):
        assert fact.replace("%", " %") in text


def test_its_history_is_the_published_one() -> None:
    copy = read_manifest().stable.history
    assert filecmp.cmp(copy, PUBLISHED / copy.name, shallow=False)


def test_nothing_heavy_is_imported_to_serve() -> None:
    code = (
        "import sys, slimbench.webapp.manifest, slimbench.webapp.from_run\n"
        "import slimbench.webapp.inference, slimbench.webapp.inference.service\n"
        "print([name for name in ('tensorflow', 'pytest', 'sklearn', 'scipy', 'matplotlib',"
        " 'flask') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def _document(path: Path) -> dict[str, Any]:
    import json

    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
