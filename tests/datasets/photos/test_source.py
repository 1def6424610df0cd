from __future__ import annotations

import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from slimbench.datasets.photos.source import open_photos
from slimbench.errors import UsageProblem
from tests.datasets.photos.pictures import leftovers, real_data, write_tree

ANIMALS = {f"{name}/{number}.png": number for name in ("cat", "dog") for number in range(6)}


@pytest.fixture
def folder(tmp_path):
    return write_tree(tmp_path / "animals", ANIMALS)


@pytest.fixture
def archives(tmp_path, folder):
    with tarfile.open(tmp_path / "animals.tar.gz", "w:gz") as tar:
        tar.add(folder, "animals")
    with zipfile.ZipFile(tmp_path / "animals.zip", "w") as archive:
        for name in ANIMALS:
            archive.write(folder / name, name)
    return tmp_path / "animals.tar.gz", tmp_path / "animals.zip"


def test_a_folder_and_its_archives_are_the_same_photographs(folder, archives, store):
    there = open_photos(folder, store)
    assert there.root == folder
    assert there.folders == ("cat", "dog")
    assert len(there.chosen) == 12
    for archive in archives:
        packed = open_photos(archive, store)
        assert packed.content == there.content
        assert packed.chosen == there.chosen
        assert packed.root.is_relative_to(store.root)


def test_a_folder_leaves_nothing_in_the_store(folder, store):
    open_photos(folder, store)
    assert leftovers(store) == []


def test_the_origin_is_words_without_the_machines_folders(folder, archives, store):
    assert open_photos(folder, store).origin == (
        "all 12 test images of 2 classes in the folder animals"
    )
    assert open_photos(archives[1], store, limit=4).origin == (
        "4 of 12 test images of 2 classes, evenly over the classes, in the archive animals.zip"
    )


def test_the_name_of_the_working_directory_is_found(folder, store, monkeypatch):
    monkeypatch.chdir(folder)
    assert open_photos(Path(), store).origin.endswith("in the folder animals")


def test_a_limit_is_even_over_classes_and_another_choice(folder, store):
    few = open_photos(folder, store, limit=4)
    assert [name for name, _ in few.chosen] == ["cat", "cat", "dog", "dog"]
    assert few.content != open_photos(folder, store).content


def test_train_and_test_are_different_images(tmp_path, store):
    write_tree(tmp_path / "both", {"train/cat/1.png": 1, "test/cat/1.png": 2})
    train, test = (open_photos(tmp_path / "both", store, split=each) for each in ("train", "test"))
    assert train.content != test.content
    assert "train images" in train.origin


def test_a_path_that_is_not_there_is_named(tmp_path, store):
    with pytest.raises(UsageProblem, match=r"There is no .*/nowhere\. Name a folder or"):
        open_photos(tmp_path / "nowhere", store)


def test_what_is_neither_folder_nor_file_is_named(tmp_path, store):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageProblem, match="pipe is neither a folder nor a file"):
        open_photos(tmp_path / "pipe", store)


@pytest.mark.parametrize("limit", [0, -1])
def test_no_images_are_no_choice(folder, store, limit):
    with pytest.raises(UsageProblem, match=f"At least one image must be taken, not {limit}"):
        open_photos(folder, store, limit=limit)


def test_an_archive_without_classes_says_what_it_should_hold(tmp_path, store):
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(UsageProblem, match="no class folder with images"):
        open_photos(tmp_path / "empty.zip", store)


def test_real_photographs_of_imagenet(store):
    photos = open_photos(real_data("imagenet-val-10-classes.tar.gz"), store)
    assert len(photos.folders) == 10
    assert photos.origin == (
        "all 254 test images of 10 classes in the archive imagenet-val-10-classes.tar.gz"
    )
