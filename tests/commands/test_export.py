from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from referencing import Registry, Resource

from slimbench import cli
from slimbench.build import recipe
from slimbench.build.store import Store
from slimbench.engines.litert import ENGINE
from slimbench.export import folder
from slimbench.history.schemas import CARD, HISTORY
from slimbench.history.schemas import schema as read_schema
from slimbench.tflite.metadata import Metadata, read_metadata, write_metadata
from tests import example_history
from tests.export import stored
from tests.export.stored import FLOAT, INT8
from tests.tiny_models import SHAPE, Quantized


@dataclass
class Place:
    store: Store
    results: Path
    models: dict[str, Path]
    out: Path

    def export(self, *arguments: str, variant: str = FLOAT) -> int:
        return cli.main(
            ["export", variant, str(self.out), "--results", str(self.results), *arguments]
        )

    def card(self, variant: str = FLOAT) -> dict[str, Any]:
        card: dict[str, Any] = json.loads((self.out / f"{variant}.json").read_text())
        return card


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A store with a float and an int8 variant, and a run that measured them."""
    monkeypatch.setenv("SLIMBENCH_STORE", str(tmp_path / "store"))
    store = Store()
    store.prepare()
    models = {
        FLOAT: stored.put_model(store, FLOAT, notes={}),
        INT8: stored.put_model(store, INT8, notes={}, quantized=Quantized("int8", 1.0, -128)),
    }
    stored.put_saved_model(store)
    results = tmp_path / "results"
    stored.save_run(stored.run_of(store, models, threads=(1, 2)), results)
    return Place(store, results, models, tmp_path / "out")


def check_card(card: dict[str, Any]) -> None:
    schema, history = (read_schema(name) for name in (CARD, HISTORY))
    registry = Registry().with_resource("schema.json", Resource.from_contents(history))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema, registry=registry).validate(card)


def answers(model: Path) -> list[np.ndarray[Any, Any]]:
    session = ENGINE.load(model, 1)
    random = np.random.default_rng(5)
    found = []
    for _ in range(4):
        session.feed(random.integers(0, 256, SHAPE, np.uint8))
        session.invoke()
        found.append(session.scores().copy())
    return found


@pytest.mark.parametrize("variant", [FLOAT, INT8])
def test_a_folder_with_everything(
    place: Place, variant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    original = place.models[variant]
    before = original.read_bytes()
    assert place.export(variant=variant) == 0
    assert {path.name for path in place.out.iterdir()} == {
        f"{variant}.tflite",
        f"{variant}.json",
        "saved_model",
    }
    out = capsys.readouterr().out
    assert f"{place.out}: {variant}.tflite, {variant}.json, saved_model" in out
    assert "Figures: 0001_" in out

    exported = place.out / f"{variant}.tflite"
    names = tuple("0123456789")
    described = Metadata(
        name=variant,
        description="Image classifier, classes of digits.",
        labels=names,
        mean=(0.0,),
        std=(1.0,),
        channels=3,
    )
    assert read_metadata(exported) == described
    with zipfile.ZipFile(exported) as archive:
        assert archive.read("labels.txt").decode().split() == list(names)
    np.testing.assert_array_equal(answers(exported), answers(original))
    assert original.read_bytes() == before
    assert (place.out / "saved_model" / "saved_model.pb").read_bytes() == b"a graph"


def test_the_card_shows_the_runs_figures(place: Place) -> None:
    assert place.export() == 0
    card = place.card()
    check_card(card)
    exported = (place.out / f"{FLOAT}.tflite").read_bytes()
    original = place.models[FLOAT].read_bytes()
    assert card["chain"] == json.loads(json.dumps(recipe.chain(stored.chain(FLOAT))))
    assert card["model"]["sha256"] == hashlib.sha256(exported).hexdigest()
    assert card["model"]["size_bytes"] == len(exported)
    assert card["measured_file"]["sha256"] == hashlib.sha256(original).hexdigest()
    assert card["measured_file"]["size_bytes"] == len(original)
    assert card["labels"] == {"file_in_model": "labels.txt", "count": 10}
    weights = hashlib.sha256(b"weights").hexdigest()
    assert card["saved_model"]["files"]["saved_model/variables/variables.index"] == weights

    run = example_history.document(threads=(1, 2))
    measured = [
        each["extra_info"] for each in run["benchmarks"] if each["extra_info"]["variant"] == FLOAT
    ]
    assert [each["threads"] for each in card["measurements"]] == [1, 2]
    for shown, info in zip(card["measurements"], measured, strict=True):
        for key in ("accuracy_top1", "accuracy_n", "accuracy_ci95", "latency_ms", "speedup"):
            assert shown[key] == info[key]
    assert card["run"]["machine"]["cpu"] == "Some CPU @ 2.10GHz (2 CPUs)"
    assert card["run"]["commit"] == run["commit_info"]["id"]
    assert card["run"]["versions"]["ai-edge-litert"] == "2.3.0"
    assert card["weights_licence"] is None
    assert "trained by this chain" in card["reasons"]["weights_licence"]


def test_a_recorded_licence_is_in_card_and_file(place: Place) -> None:
    place.store.remove(recipe.key(stored.chain(FLOAT), 0))
    stored.put_model(place.store, FLOAT, notes={"weights_licence": "Apache-2.0"})
    assert place.export() == 0
    card = place.card()
    check_card(card)
    assert card["weights_licence"] == "Apache-2.0"
    metadata = read_metadata(place.out / f"{FLOAT}.tflite")
    assert metadata is not None
    assert metadata.licence == "Apache-2.0"


def test_what_was_not_measured_is_null_with_its_reason(place: Place) -> None:
    run = stored.run_of(place.store, place.models)
    example_history.unmeasure(run, FLOAT, "speedup", "the reference would not load")
    stored.save_run(run, place.results)
    assert place.export() == 0
    card = place.card()
    check_card(card)
    (measurement,) = card["measurements"]
    assert measurement["speedup"] is None
    assert measurement["reasons"]["speedup"] == "the reference would not load"


def test_by_default_the_newest_complete_run_of_the_stored_file(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    stored.save_run(stored.run_of(place.store, place.models), place.results)
    stored.save_run(stored.run_of(place.store, place.models, status="partial"), place.results)
    stored.save_run(example_history.document(), place.results)
    assert place.export() == 0
    said = capsys.readouterr()
    assert "Figures: 0002_" in said.out
    assert "0004_" in said.err
    assert "is newer, but its file of student_distilled_f32 is not in the store" in said.err
    assert place.card()["run"]["file"].startswith("0002_")


def test_a_run_may_be_named(place: Place) -> None:
    stored.save_run(stored.run_of(place.store, place.models), place.results)
    assert place.export("--run", "1") == 0
    assert place.card()["run"]["file"].startswith("0001_")


def test_an_earlier_export_is_replaced_whole(place: Place) -> None:
    assert place.export() == 0
    (place.out / "saved_model" / "stale").write_text("from an earlier version")
    assert place.export() == 0
    assert not (place.out / "saved_model" / "stale").exists()
    assert {path.name for path in place.out.parent.iterdir()} == {"store", "results", "out"}


def test_an_empty_folder_is_filled(place: Place) -> None:
    place.out.mkdir()
    assert place.export() == 0
    assert place.card()["variant"] == FLOAT


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ({"thesis.txt": "years of work"}, "it holds thesis.txt"),
        ({f"{FLOAT}.json": "{}"}, "it holds no card of an export"),
        ({f"{FLOAT}.json": '{"card": 1, "variant": "other"}'}, "it holds no card"),
        ({f"{INT8}.json": '{"card": 1}', f"{FLOAT}.json": "{}"}, f"it holds {INT8}.json"),
    ],
)
def test_a_folder_with_anything_else_is_refused_and_left(
    place: Place, capsys: pytest.CaptureFixture[str], there: dict[str, str], said: str
) -> None:
    place.out.mkdir()
    for name, text in there.items():
        (place.out / name).write_text(text)
    assert place.export() == 2
    assert said in capsys.readouterr().err
    assert {path.name: path.read_text() for path in place.out.iterdir()} == there


def test_a_failure_leaves_nothing_half_written(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.export() == 0
    before = (place.out / f"{FLOAT}.json").read_text()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder, "write_text", full)
    assert place.export() == 2
    assert "No space left on device" in capsys.readouterr().err
    assert (place.out / f"{FLOAT}.json").read_text() == before
    assert {path.name for path in place.out.parent.iterdir()} == {"store", "results", "out"}


def test_where_the_saved_model_is_gone_it_is_said_how_to_have_it(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.store.remove(recipe.key(stored.float_chain().saved_model, 0))
    assert place.export() == 0
    assert "Without saved_model: the store has it no longer; --build makes it again." in (
        capsys.readouterr().err
    )
    card = place.card()
    check_card(card)
    assert card["saved_model"] is None
    assert not (place.out / "saved_model").exists()


def test_a_file_of_other_code_is_exported_without_what_is_not_known(place: Place) -> None:
    """As from an older commit: the store has the recipe, this checkout other steps."""
    key = recipe.key(stored.chain(FLOAT), 0)
    other = "ab" + key[2:]
    chain = recipe.chain(stored.chain(FLOAT))
    with place.store.lock(other), place.store.writing(other, "made before", chain) as folder:
        (folder / "model.tflite").write_bytes(place.models[FLOAT].read_bytes())
    artifact = place.store.find(other)
    assert artifact is not None
    models = {FLOAT: artifact.file("model.tflite")}
    stored.save_run(stored.run_of(place.store, models), place.results)
    assert place.export() == 0
    card = place.card()
    check_card(card)
    assert card["chain"] == json.loads(json.dumps(chain))
    assert card["saved_model"] is None
    assert "not those of this checkout" in card["reasons"]["saved_model"]
    assert card["labels"]["count"] == 10


def test_a_model_from_outside_has_no_saved_model(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = place.results.rglob("*.json")
    path.write_text(path.read_text().replace('"digits"', '"own"'))
    assert place.export() == 0
    assert "came from a file of its user's (--model)" in capsys.readouterr().err


def test_metadata_that_a_file_brought_is_kept(place: Place) -> None:
    step = stored.chain(FLOAT)
    place.store.remove(recipe.key(step, 0))
    plain = place.out.with_name("plain.tflite")
    stored.linear_model(plain, stored.first_pixels(10))
    own = Metadata(author="somebody", mean=(127.5,), std=(127.5,))
    key = recipe.key(step, 0)
    with place.store.lock(key), place.store.writing(key, "made", recipe.chain(step)) as folder:
        write_metadata(plain, folder / "model.tflite", own)
    artifact = place.store.find(key)
    assert artifact is not None
    model = artifact.file("model.tflite")
    stored.save_run(stored.run_of(place.store, {FLOAT: model}), place.results)
    assert place.export() == 0
    assert (place.out / f"{FLOAT}.tflite").read_bytes() == model.read_bytes()
    card = place.card()
    check_card(card)
    assert card["model"]["metadata_from"] == "original"
    assert card["model"]["sha256"] == card["measured_file"]["sha256"]
    assert card["input"]["normalization"] == {"mean": [127.5], "std": [127.5]}
    assert card["labels"] is None


def test_the_normalisation_is_that_of_the_pixels_the_run_fed(place: Place) -> None:
    for pixels, mean in (("-1..1", [127.5]), ("caffe", None)):
        run = stored.run_of(place.store, place.models)
        example_history.info(run, FLOAT)["pixels"] = pixels
        stored.save_run(run, place.results)
        assert place.export() == 0
        card = place.card()
        check_card(card)
        normalization = card["input"]["normalization"]
        assert (normalization["mean"] if normalization else None) == mean
        metadata = read_metadata(place.out / f"{FLOAT}.tflite")
        assert metadata is not None
        assert metadata.pixels == (pixels if mean else None)
    assert "cannot express the pixel mode caffe" in card["reasons"]["input.normalization"]


def test_labels_of_another_number_are_left_out(place: Place) -> None:
    place.store.remove(recipe.key(stored.chain(FLOAT), 0))
    model = stored.put_model(place.store, FLOAT, notes={}, classes=12)
    stored.save_run(stored.run_of(place.store, {FLOAT: model}), place.results)
    assert place.export() == 0
    card = place.card()
    check_card(card)
    assert card["labels"] is None
    assert card["reasons"]["labels"] == "digits has 10 classes, the file 12"


def test_an_unknown_variant_is_said_with_what_there_is(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.export(variant="resnet51_f32") == 2
    error = capsys.readouterr().err
    assert "There is no variant 'resnet51_f32'. There is: " in error
    assert all(name in error for name in example_history.MODELS)
    assert not place.out.exists()


def test_a_file_that_the_store_lacks_is_said_with_how_to_build_it(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.export(variant="resnet50_f32") == 2
    error = capsys.readouterr().err
    assert "has no file of resnet50_f32" in error
    assert "make bench PROFILE=digits K=resnet50_f32" in error


def test_a_damaged_file_is_not_exported(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.models[FLOAT].write_bytes(b"something else")
    assert place.export() == 2
    assert "make bench PROFILE=digits K=student_distilled_f32" in capsys.readouterr().err


def test_without_any_run_it_is_said_to_run_the_benchmarks(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.export("--profile", "imagenet") == 2
    assert "There is no complete run to export from" in capsys.readouterr().err


def test_a_folder_in_no_folder_is_refused(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.out = place.out / "deep" / "down"
    assert place.export() == 2
    assert "There is no folder" in capsys.readouterr().err
