from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest

from slimbench.build import recipe
from slimbench.build.scheduler import Failure
from slimbench.build.store import Artifact
from slimbench.datasets.evaluation import load_evaluation
from slimbench.datasets.photos.decoding import decode
from slimbench.datasets.photos.source import open_photos
from slimbench.errors import UsageProblem
from slimbench.spec import Workplace
from slimbench.steps.photos import EvaluationPhotos, of_photos
from tests.build.recorder import made
from tests.datasets.photos.pictures import noise, real_data, write_tree

SHAPE = (8, 8, 3)
ANIMALS = {"dog/1.png": 1, "cat/2.png": 2, "cat/1.png": 3, "cow/1.png": 4}


@pytest.fixture
def folder(tmp_path):
    return write_tree(tmp_path / "animals", ANIMALS)


@pytest.fixture
def step_of(store):
    def make(folder, shape=SHAPE, limit=5000, split="test", **options):
        photos = open_photos(folder, store, limit=limit, split=split)
        return of_photos(photos, "animals", shape, **options)

    return make


@pytest.fixture
def run(tmp_path):
    def into(step, name="out"):
        out = tmp_path / name
        out.mkdir()
        step.run(Workplace((), out, 0, lambda *_: None))
        return out

    return into


def notes(folder):
    return json.loads((folder / "classes.json").read_text(encoding="utf-8"))


def test_pixels_labels_and_classes_are_those_of_the_folder(folder, step_of, run):
    out = run(step_of(folder, classes=3))
    read = load_evaluation(out)
    assert read.classes == ("cat", "cow", "dog")
    assert read.present is None
    assert read.labels.tolist() == [0, 0, 1, 2]
    assert np.array_equal(read.images, [np.asarray(noise(number)) for number in (3, 2, 4, 1)])
    assert notes(out) == {
        "classes": ["cat", "cow", "dog"],
        "present": None,
        "origin": "all 4 test images of 3 classes in the folder animals",
        "images": 4,
        "bad": 0,
        "bad_images": [],
    }


def test_a_build_keeps_it_in_the_store(folder, step_of, store):
    step = step_of(folder)
    outcome, watcher = made(store, step)
    result = outcome.results[step]
    assert isinstance(result, Artifact), result
    assert set(result.files) == {"images.npy", "labels.npy", "classes.json"}
    assert len(load_evaluation(result.folder).images) == 4
    assert watcher.progress[-1][1:] == (4, 4, "image 4 of 4")
    assert str(folder) not in (result.folder / "manifest.json").read_text(encoding="utf-8")


def test_what_is_in_the_store_needs_the_folder_no_more(folder, step_of, store):
    step = step_of(folder)
    made(store, step)
    shutil.rmtree(folder)
    outcome, watcher = made(store, step)
    assert isinstance(outcome.results[step], Artifact)
    assert watcher.plan == []


def test_the_key_is_of_the_content_and_not_of_the_path(folder, step_of, tmp_path):
    step = step_of(folder)
    shutil.copytree(folder, tmp_path / "elsewhere" / "copy")
    copy = step_of(tmp_path / "elsewhere" / "copy")
    assert recipe.key(copy, 0) == recipe.key(step, 0)
    assert copy == step
    write_tree(tmp_path / "elsewhere" / "copy", {"cat/1.png": 99})
    assert recipe.key(step_of(tmp_path / "elsewhere" / "copy"), 0) != recipe.key(step, 0)


def test_every_choice_that_changes_the_result_changes_the_key(folder, step_of):
    steps = [
        step_of(folder),
        step_of(folder, (8, 9, 3)),
        step_of(folder, (9, 8, 3)),
        step_of(folder, (8, 8, 1)),
        step_of(folder, labels=("dog", "cow", "cat")),
        step_of(folder, offset=1),
        step_of(folder, allow_bad=True),
        step_of(folder, limit=2),
    ]
    assert len({recipe.key(step, 0) for step in steps}) == len(steps)
    assert json.loads(json.dumps(recipe.chain(steps[4])))["step"] == "EvaluationPhotos"


def test_only_some_classes_of_the_model(step_of, run, tmp_path):
    folder = write_tree(tmp_path / "some", {"n15075141/1.JPEG": 1, "n01443537/1.JPEG": 2})
    read = load_evaluation(run(step_of(folder, classes=1001)))
    assert read.labels.tolist() == [2, 1000]
    assert read.present == (2, 1000)
    assert read.classes[:3] == ("background", "tench", "goldfish")


def test_a_limit_smaller_than_the_classes_leaves_some_out(folder, step_of, run):
    read = load_evaluation(run(step_of(folder, limit=2)))
    assert len(read.images) == 2
    assert read.present == tuple(read.labels)
    assert read.classes == ("cat", "cow", "dog")


def test_grey_inputs_of_another_size(folder, step_of, run):
    read = load_evaluation(run(step_of(folder, (20, 24, 1))))
    content = (folder / "cat" / "1.png").read_bytes()
    assert read.images.shape == (4, 20, 24, 1)
    assert np.array_equal(read.images[0], decode(content, 20, 24, 1))


def test_equal_photographs_make_equal_files(folder, step_of, run):
    step = step_of(folder, (20, 24, 3))
    one, other = run(step, "one"), run(step, "other")
    for name in ("images.npy", "labels.npy", "classes.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def many(folder, bad):
    files = {f"cat/{number:03}.png": number for number in range(200 - bad)}
    return write_tree(folder, {**files, **{f"dog/{n:02}.jpg": b"a text" for n in range(bad)}})


def test_a_few_bad_images_are_left_out_counted_and_listed(step_of, run, tmp_path):
    out = run(step_of(many(tmp_path / "few", 2)))
    read = load_evaluation(out)
    assert len(read.images) == len(read.labels) == 198
    assert np.array_equal(read.images[7], np.asarray(noise(7)))
    assert read.present == (0,)
    assert notes(out)["bad"] == 2
    assert notes(out)["bad_images"] == [
        f"dog/0{n}.jpg (it is no image of the kinds JPEG, PNG, WEBP, BMP, GIF, TIFF)"
        for n in range(2)
    ]


def test_many_bad_images_are_refused_and_nothing_is_kept(step_of, store, tmp_path):
    step = step_of(many(tmp_path / "many", 12))
    outcome, _ = made(store, step)
    result = outcome.results[step]
    assert isinstance(result, Failure)
    assert "12 of 200 images are bad, more than 1%: dog/00.jpg (it is no image" in result.reason
    assert "and 2 more" in result.reason
    assert not list(store.objects())
    assert not list((store.root / "tmp").iterdir())


def test_many_bad_images_can_be_allowed(step_of, run, tmp_path):
    out = run(step_of(many(tmp_path / "many", 12), allow_bad=True))
    assert len(load_evaluation(out).images) == 188
    assert notes(out)["bad"] == 12
    assert len(notes(out)["bad_images"]) == 10


@pytest.mark.parametrize("change", [{"cat/1.png": 77}, {"cat/3.png": 5}, {"bird/1.png": 5}])
def test_images_that_changed_meanwhile_are_refused(folder, step_of, run, change):
    step = step_of(folder)
    write_tree(folder, change)
    with pytest.raises(UsageProblem, match=r"animals changed since they were chosen"):
        run(step)


def test_a_folder_that_went_away_is_named(folder, step_of, run):
    step = step_of(folder)
    shutil.rmtree(folder)
    with pytest.raises(UsageProblem, match=r"animals cannot be read \(No such file or directory\)"):
        run(step)


def test_classes_that_are_not_the_models_are_refused_before_anything_is_decoded(folder, step_of):
    with pytest.raises(UsageProblem, match=r"has 3 classes \(cat, cow, dog\), the model 10"):
        step_of(folder, classes=10)


def test_training_images_go_the_same_way(step_of, run, tmp_path):
    write_tree(tmp_path / "both", {"train/a/1.png": 1, "train/b/1.png": 2, "test/a/1.png": 3})
    read = load_evaluation(run(step_of(tmp_path / "both", split="train")))
    assert read.labels.tolist() == [0, 1]


def test_a_step_made_in_another_folder_finds_its_images(folder, step_of, run, monkeypatch):
    monkeypatch.chdir(folder.parent)
    step = step_of(folder.relative_to(folder.parent))
    monkeypatch.chdir("/")
    assert len(load_evaluation(run(step)).images) == 4


def test_the_limit_does_not_count_where_the_choice_is_the_same(folder, step_of):
    assert recipe.key(step_of(folder, limit=None), 0) == recipe.key(step_of(folder), 0)


def test_real_photographs_that_have_the_inputs_size_are_not_resized(step_of, run):
    archive = real_data("imagenet-val-10-classes.tar.gz")
    step = step_of(archive, (224, 224, 3), classes=1000)
    read = load_evaluation(run(step))
    assert read.images.shape == (254, 224, 224, 3)
    assert len(read.present) == 10
    assert {read.classes[place] for place in read.present} >= {"tench", "church", "parachute"}
    content = min((step.root / "n01440764").iterdir()).read_bytes()
    assert np.array_equal(read.images[0], decode(content, 224, 224, 3))


def test_a_step_is_a_frozen_value():
    step = EvaluationPhotos("animals", 8, 8, 3, "0" * 64)
    assert step.title() == "images of animals at 8x8"
    assert step.cost() > 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        step.limit = 3


def test_few_images_are_expected_to_take_no_longer_than_they_do(folder, step_of):
    few = step_of(folder)
    many = dataclasses.replace(few, images=5000)
    assert few.cost() < 2
    assert many.cost() > 10 * few.cost()
    assert recipe.key(few, 0) == recipe.key(many, 0)
