from __future__ import annotations

import errno
import hashlib
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.datasets.photos.listing import choose, content_sha256, list_images
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
        ["README.md", ".hidden/x.jpg", "cat/.x.jpg", "cat/notes.txt", "cat/x.heic", "a.jpg"],
        b"",
    )
    listing = list_images(write_tree(tmp_path, {**ANIMALS, **others}))
    assert dict(listing.files) == FOUND
    assert listing.ignored == 6
    assert dict(listing.left_out) == {
        ".md": 1,
        ".txt": 1,
        ".heic": 1,
        "image beside the class folders": 1,
    }


def test_a_class_folder_without_images_is_no_class(tmp_path):
    listing = list_images(write_tree(tmp_path, {**ANIMALS, "fish/notes.txt": b""}))
    assert dict(listing.files) == FOUND


def test_one_folder_may_wrap_all_others(tmp_path):
    listing = list_images(write_tree(tmp_path, under("imagenet-val", ANIMALS)))
    assert listing.root == tmp_path / "imagenet-val"
    assert dict(listing.files) == FOUND


def test_several_folders_may_wrap_all_others(tmp_path):
    listing = list_images(write_tree(tmp_path, under("a", under("b", ANIMALS))))
    assert listing.root == tmp_path / "a" / "b"
    assert dict(listing.files) == FOUND


def test_images_in_folders_below_a_class_belong_to_it(tmp_path):
    files = {"cat/1.jpg": 1, "cat/day/2.jpg": 1, "dog/day/3.jpg": 1, "dog/night/far/4.jpg": 1}
    assert dict(list_images(write_tree(tmp_path, files)).files) == {
        "cat": ("1.jpg", "day/2.jpg"),
        "dog": ("day/3.jpg", "night/far/4.jpg"),
    }


def test_a_link_that_leads_back_is_walked_once(tmp_path):
    write_tree(tmp_path, {"cat/1.jpg": 1, "dog/2.jpg": 1})
    (tmp_path / "cat" / "again").symlink_to(tmp_path / "cat")
    assert list_images(tmp_path).files["cat"] == ("1.jpg",)


def test_folders_of_class_folders_are_no_classes(tmp_path):
    files = {"first/cat/1.jpg": 1, "first/dog/1.jpg": 1, "second/cat/2.jpg": 1}
    with pytest.raises(UsageProblem, match=r"folders of class folders \(first, second, with cat"):
        list_images(write_tree(tmp_path, files))


def test_an_image_is_known_by_its_content_where_its_ending_says_nothing(tmp_path):
    write_tree(tmp_path, {"cat/1.jpg": 1, "dog/1.png": 1, "dog/notes.txt": b"MMXX", "cat/b": b""})
    (tmp_path / "cat" / "1.jpg").rename(tmp_path / "cat" / "1.jpg_large")
    (tmp_path / "dog" / "1.png").rename(tmp_path / "dog" / "1")
    listing = list_images(tmp_path)
    assert dict(listing.files) == {"cat": ("1.jpg_large",), "dog": ("1",)}
    assert dict(listing.left_out) == {".txt": 1, "file without an ending": 1}


@pytest.mark.parametrize("names", [("Test", "Train"), ("valid", "train"), ("testing", "TRAINING")])
def test_a_split_may_have_its_other_names(tmp_path, names):
    test, train = names
    write_tree(tmp_path, {f"{test}/cat/1.jpg": 1, f"{train}/cat/2.jpg": 2})
    assert list_images(tmp_path, "test").files == {"cat": ("1.jpg",)}
    assert list_images(tmp_path, "train").files == {"cat": ("2.jpg",)}


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


TREES = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3),
    st.integers(1, 12).map(lambda count: tuple(f"{n}.jpg" for n in range(count))),
    min_size=1,
    max_size=8,
)


def rank(text):
    return hashlib.sha256(text.encode()).digest()


def round_by_round(files, limit):
    """The rule as its documentation says it."""
    queues = {each: sorted(files[each], key=lambda n, f=each: rank(f"{f}/{n}")) for each in files}
    taken = []
    while len(taken) < limit and any(queues.values()):
        for folder in sorted((each for each in queues if queues[each]), key=rank):
            if len(taken) < limit:
                taken.append((folder, queues[folder].pop(0)))
    return tuple(sorted(taken))


@given(TREES, st.integers(1, 60))
def test_images_are_taken_round_by_round(files, limit):
    assert choose(files, limit) == round_by_round(files, limit)


@given(TREES, st.integers(1, 60), st.randoms())
def test_the_order_in_which_a_disk_lists_files_does_not_matter(files, limit, random):
    def shuffled(values):
        return random.sample(list(values), len(values))

    other = {each: shuffled(files[each]) for each in shuffled(files)}
    assert choose(other, limit) == choose(files, limit)


@given(TREES, st.integers(1, 60))
def test_a_smaller_choice_is_a_part_of_a_larger_one(files, limit):
    assert set(choose(files, limit)) <= set(choose(files, limit + 1))


def test_classes_are_even_and_small_ones_give_all():
    files = {"few": ("1",), **{each: tuple(map(str, range(50))) for each in ("a", "b", "c")}}
    assert Counter(folder for folder, _ in choose(files, 31)) == {
        "few": 1,
        "a": 10,
        "b": 10,
        "c": 10,
    }


def test_without_a_limit_all_are_taken_in_order():
    files = {"dog": ("2", "10", "1"), "cat": ("x",)}
    assert choose(files, None) == (("cat", "x"), ("dog", "1"), ("dog", "10"), ("dog", "2"))


def test_a_choice_of_no_images_is_an_error():
    with pytest.raises(ValueError, match="a choice of 0 images"):
        choose({"cat": ("1",)}, 0)


def content(folder, files):
    write_tree(folder, files)
    names = sorted({name.split("/")[0] for name in files})
    return content_sha256(folder, names, sorted(tuple(name.split("/")) for name in files))


def test_equal_images_have_equal_hashes_wherever_they_lie(tmp_path):
    files = {"cat/1.jpg": b"x", "dog/1.jpg": b"y"}
    assert content(tmp_path / "one", files) == content(tmp_path / "other", files)


def test_every_difference_makes_another_hash(tmp_path):
    variants = [
        {"cat/1.jpg": b"x", "dog/1.jpg": b"y"},
        {"cat/1.jpg": b"y", "dog/1.jpg": b"x"},
        {"cat/1.jpg": b"x", "dog/2.jpg": b"y"},
        {"cat/1.jpg": b"x", "cow/1.jpg": b"y"},
        {"cat/1.jpg": b"x", "cat/2.jpg": b"y"},
        {"cat/1.jpg": b"xy", "dog/1.jpg": b""},
        {"cat/1.jpg": b"x"},
    ]
    hashes = {content(tmp_path / str(number), each) for number, each in enumerate(variants)}
    assert len(hashes) == len(variants)


def test_a_class_of_which_nothing_was_chosen_counts_since_it_moves_the_others_labels(tmp_path):
    write_tree(tmp_path, {"dog/1.jpg": b"x"})
    chosen = [("dog", "1.jpg")]
    assert content_sha256(tmp_path, ["dog"], chosen) != content_sha256(
        tmp_path, ["cat", "dog"], chosen
    )


def test_a_file_that_cannot_be_read_is_not_an_empty_one(tmp_path):
    write_tree(tmp_path, {"cat/1.jpg": b""})
    there = content_sha256(tmp_path, ["cat"], [("cat", "1.jpg")])
    (tmp_path / "cat" / "1.jpg").unlink()
    assert content_sha256(tmp_path, ["cat"], [("cat", "1.jpg")]) != there
