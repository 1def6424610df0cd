from __future__ import annotations

import hashlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.datasets.photos.labelling import CLASS_FILE, imagenet_classes, label_folders
from slimbench.errors import UsageProblem

WNIDS = tuple(imagenet_classes())


def test_the_class_file_is_the_list_that_keras_decodes_predictions_by():
    """Its checksum there is of the JSON file that these lines are the content of."""
    lines = CLASS_FILE.read_text(encoding="utf-8").splitlines()
    index = {
        str(place): [wnid, name.replace(" ", "_")]
        for place, (wnid, name) in enumerate(line.split(" ", 1) for line in lines)
    }
    checksum = hashlib.md5(json.dumps(index).encode(), usedforsecurity=False).hexdigest()
    assert checksum == "c2c37ea517e94d9795004a39431a14cb"


def test_imagenets_classes_are_a_thousand_in_sorted_order_with_different_names():
    assert len(WNIDS) == len(set(imagenet_classes().values())) == 1000
    assert list(WNIDS) == sorted(WNIDS)
    assert imagenet_classes()["n01440764"] == "tench"
    assert imagenet_classes()["n15075141"] == "toilet tissue"
    assert imagenet_classes()["n02012849"] == "crane (n02012849)"
    assert imagenet_classes()["n03126707"] == "crane (n03126707)"


def test_wnids_are_classes_of_a_model_of_a_thousand():
    labelling = label_folders(["n15075141", "n01440764"], 1000)
    assert labelling.indices == {"n01440764": 0, "n15075141": 999}
    assert labelling.classes[0] == "tench"
    assert len(labelling.classes) == 1000


@pytest.mark.parametrize("offset", [None, 1])
def test_a_background_class_comes_first(offset):
    labelling = label_folders(WNIDS, 1001, offset=offset)
    assert labelling.classes[:2] == ("background", "tench")
    assert labelling.indices == {wnid: place + 1 for place, wnid in enumerate(WNIDS)}
    assert labelling.present(range(1, 1001)) is None
    assert labelling.present([5, 1, 5]) == (1, 5)


def test_other_folders_are_classes_in_sorted_order():
    labelling = label_folders(["dog", "cat", "cow"], 3)
    assert labelling.classes == ("cat", "cow", "dog")
    assert labelling.indices == {"cat": 0, "cow": 1, "dog": 2}
    assert labelling.present([0, 1, 2]) is None
    assert labelling.present([2, 0]) == (0, 2)


def test_a_model_of_ten_of_imagenets_classes_has_them_in_sorted_order():
    labelling = label_folders(WNIDS[500:510], 10)
    assert labelling.classes == WNIDS[500:510]
    assert labelling.indices[WNIDS[503]] == 3


def test_where_no_model_is_asked_the_folders_decide():
    assert label_folders(["b", "a"]).indices == {"a": 0, "b": 1}
    assert label_folders(["b", "a"], offset=1).classes == ("background", "a", "b")


def test_labels_decide_the_order_and_may_be_more_than_folders():
    labelling = label_folders(["cat", "dog"], 4, ["dog", "bird", "cat", "fish"])
    assert labelling.classes == ("dog", "bird", "cat", "fish")
    assert labelling.indices == {"cat": 2, "dog": 0}


@pytest.mark.parametrize("before", [0, 1])
def test_wnids_go_with_any_names_of_a_thousand_classes(before):
    labels = [f"name {number}" for number in range(1000 + before)]
    labelling = label_folders(["n01440764"], 1000 + before, labels)
    assert labelling.indices == {"n01440764": before}
    assert labelling.classes == tuple(labels)


def test_wnids_in_another_order_are_taken_as_the_labels_say():
    assert label_folders([WNIDS[0]], 1000, WNIDS[::-1]).indices == {WNIDS[0]: 999}


@pytest.mark.parametrize(
    ("folders", "classes", "labels", "message"),
    [
        (["cat"], 3, (), "The data has 1 class (cat), the model 3."),
        (["cat", "dog"], 3, (), "The data has 2 classes (cat, dog), the model 3. Give data of"),
        (
            list("abcdefg"),
            1000,
            (),
            "7 classes (a, b, c, d, e, ...), the model 1,000. Name the fol",
        ),
        (WNIDS[:10], 20, (), "10 classes (n01440764, "),
        ((WNIDS[0], "n99999999"), 1000, (), "Folder n99999999 is not among ImageNet's 1,000 wnids"),
        (["cat"], 3, ("cat", "dog"), "The model has 3 classes and the list of labels 2."),
        (["cat", "x"], 2, ("cat", "dog"), "Folder x is not among the model's labels (cat, dog)."),
        (["x", "y"], 2, ("cat", "dog"), "Folders x, y are not among the model's labels"),
        (["cat"], 2, ("cat", "cat"), "The label 'cat' stands 2 times in the list of labels"),
    ],
)
def test_what_does_not_go_together_is_said_clearly(folders, classes, labels, message):
    with pytest.raises(UsageProblem, match=re.escape(message)):
        label_folders(folders, classes, labels)


@given(st.sets(st.sampled_from(WNIDS), min_size=1), st.integers(0, 1))
def test_any_part_of_imagenet_has_the_right_places(wnids, before):
    labelling = label_folders(wnids, 1000 + before)
    for wnid, place in labelling.indices.items():
        assert labelling.classes[place] == imagenet_classes()[wnid]
        assert WNIDS[place - before] == wnid


def test_folders_called_by_numbers_are_in_their_order():
    folders = [str(number) for number in range(12)]
    labelling = label_folders(folders, 12)
    assert labelling.classes == tuple(folders)
    assert labelling.indices == {name: int(name) for name in folders}
    assert labelling.note == ""


@pytest.mark.parametrize("folders", [["1", "2", "10"], ["0", "2", "1x"], ["0", "00", "1"]])
def test_other_numbers_are_text(folders):
    assert label_folders(folders, 3).classes == tuple(sorted(folders))


def test_numbers_in_the_text_of_names_are_noted():
    folders = [f"class{number}" for number in range(12)]
    labelling = label_folders(folders, 12)
    assert labelling.classes == tuple(sorted(folders))
    assert "class10 before class2" in labelling.note
    assert "--labels" in labelling.note
    assert label_folders(folders[:10], 10).note == ""


@pytest.mark.parametrize(
    ("folders", "labels"),
    [
        (["Cat", "DOG"], ["dog", "cat"]),
        (["cafe\u0301", "tea"], ["tea", "caf\u00e9"]),
        (["cat", "dog"], ["0 dog", "1 cat"]),
        (["1: cat", "0: dog"], ["dog", "cat"]),
        (["cat", "hot_dog"], ["Hot dog", "Cat"]),
    ],
)
def test_another_spelling_of_a_label_is_that_label(folders, labels):
    labelling = label_folders(folders, 2, labels)
    assert labelling.classes == tuple(labels)
    assert labelling.indices == {folders[0]: 1, folders[1]: 0}


def test_spellings_that_could_be_two_labels_are_not_guessed():
    with pytest.raises(UsageProblem, match="not among the model's labels"):
        label_folders(["CAT"], 2, ["cat", "Cat"])


def test_numbers_of_classes_are_taken_where_there_are_labels():
    labelling = label_folders(["0", "1"], 2, ["dog", "cat"])
    assert labelling.classes == ("dog", "cat")
    assert labelling.indices == {"0": 0, "1": 1}
