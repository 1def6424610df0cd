from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from slimbench.datasets.photos.listing import list_classes, list_images
from slimbench.errors import UsageProblem
from tests.datasets.photos.pictures import write_tree

ANIMALS = {"dog/b.png": 1, "dog/a.JPEG": 2, "cat/c.jpg": 3}
FOUND = {"cat": ("c.jpg",), "dog": ("a.JPEG", "b.png")}


def under(prefix, files):
    return {f"{prefix}/{name}": content for name, content in files.items()}


def test_images_are_found_by_class_in_sorted_order(tmp_path):
    listing = list_images(write_tree(tmp_path, ANIMALS))
    assert listing.root == tmp_path
    assert dict(listing.files) == FOUND
    assert list(listing.files) == ["cat", "dog"]
    assert (listing.total, listing.ignored) == (3, 0)


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "JPEG", "JPG", "png", "webp", "bmp", "Png"])
def test_every_kind_of_image_is_found(tmp_path, suffix):
    listing = list_images(write_tree(tmp_path, {f"cat/x.{suffix}": b""}))
    assert listing.files == {"cat": (f"x.{suffix}",)}


def test_hidden_and_other_entries_are_ignored_but_counted(tmp_path):
    others = dict.fromkeys(
        ["README.md", ".hidden/x.jpg", "cat/.x.jpg", "cat/notes.txt", "cat/deep/x.jpg", "a.jpg"],
        b"",
    )
    listing = list_images(write_tree(tmp_path, {**ANIMALS, **others}))
    assert dict(listing.files) == FOUND
    assert listing.ignored == 6


def test_a_class_folder_without_images_is_no_class(tmp_path):
    listing = list_images(write_tree(tmp_path, {**ANIMALS, "fish/notes.txt": b""}))
    assert dict(listing.files) == FOUND


def test_one_folder_may_wrap_all_others(tmp_path):
    listing = list_images(write_tree(tmp_path, under("imagenet-val", ANIMALS)))
    assert listing.root == tmp_path / "imagenet-val"
    assert dict(listing.files) == FOUND


def test_two_wrappings_are_no_layout(tmp_path):
    with pytest.raises(UsageProblem, match="no class folder with images: it holds 1 folder and"):
        list_images(write_tree(tmp_path, under("a", under("b", ANIMALS))))


def test_a_single_class_is_no_wrapping(tmp_path):
    assert list_images(write_tree(tmp_path, {"cat/1.jpg": 1})).files == {"cat": ("1.jpg",)}


@pytest.mark.parametrize("wrapping", ["", "cifar/"])
def test_a_split_is_picked(tmp_path, wrapping):
    files = {f"{wrapping}test/cat/1.jpg": 1, f"{wrapping}train/cat/2.jpg": 2}
    write_tree(tmp_path, files)
    assert list_images(tmp_path, "test").files == {"cat": ("1.jpg",)}
    assert list_images(tmp_path, "train").files == {"cat": ("2.jpg",)}


def test_imagenets_name_of_the_test_images_will_do(tmp_path):
    write_tree(tmp_path, {"val/cat/1.jpg": 1, "train/cat/2.jpg": 2})
    assert list_images(tmp_path).files == {"cat": ("1.jpg",)}


def test_classes_named_as_splits_are_classes(tmp_path):
    write_tree(tmp_path, {"train/1.jpg": 1, "test/2.jpg": 2, "plane/3.jpg": 3})
    assert list(list_images(tmp_path).files) == ["plane", "test", "train"]


def test_a_split_that_is_not_there_is_named_with_those_that_are(tmp_path):
    write_tree(tmp_path, {"train/cat/1.jpg": 1})
    with pytest.raises(UsageProblem, match=r"has train/, but no test/ for the test images"):
        list_images(tmp_path, "test")


def test_plain_class_folders_are_nothing_to_train_on(tmp_path):
    with pytest.raises(
        UsageProblem, match=r"has no train/ .*Name a folder or archive with test/ and"
    ):
        list_images(write_tree(tmp_path, ANIMALS), "train")


@pytest.mark.parametrize(
    ("files", "seen"),
    [
        ({}, "it holds 0 folders and 0 other entries"),
        ({"1.jpg": 1, "2.jpg": 2}, "it holds 0 folders and 2 other entries"),
        ({"cat/readme.txt": b"", "dog/readme.txt": b""}, "it holds 2 folders and 2 other entries"),
    ],
)
def test_a_folder_without_classes_says_what_it_should_hold(tmp_path, files, seen):
    with pytest.raises(UsageProblem, match=f"{seen}.*one folder a class") as caught:
        list_images(write_tree(tmp_path, files))
    assert str(caught.value).startswith(str(tmp_path))


def test_links_are_followed_and_broken_ones_ignored(tmp_path):
    write_tree(tmp_path, {"real/1.jpg": 1})
    (tmp_path / "data" / "cat").mkdir(parents=True)
    (tmp_path / "data" / "cat" / "1.jpg").symlink_to(tmp_path / "real" / "1.jpg")
    (tmp_path / "data" / "cat" / "2.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "data" / "cat" / "3.jpg").symlink_to("3.jpg")
    (tmp_path / "data" / "dog").symlink_to(tmp_path / "real")
    listing = list_images(tmp_path / "data")
    assert listing.files == {"cat": ("1.jpg",), "dog": ("1.jpg",)}
    assert listing.ignored == 2


def test_what_is_no_file_is_no_image(tmp_path):
    write_tree(tmp_path, ANIMALS)
    os.mkfifo(tmp_path / "cat" / "pipe.jpg")
    (tmp_path / "cat" / "folder.jpg").mkdir()
    assert dict(list_images(tmp_path).files) == FOUND


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    write_tree(tmp_path, ANIMALS)
    scan = os.scandir

    def refuse(path):
        if Path(path).name == "dog":
            raise PermissionError(errno.EACCES, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UsageProblem, match=r"dog cannot be read \(Permission denied\)\. Make it"):
        list_images(tmp_path)


def test_progress_counts_folders(tmp_path):
    told = []
    list_classes(write_tree(tmp_path, ANIMALS), lambda *each: told.append(each))
    assert told == [
        (1, 2, "listing images, folder 1 of 2"),
        (2, 2, "listing images, folder 2 of 2"),
    ]
