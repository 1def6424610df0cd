from __future__ import annotations

import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.datasets.photos.choosing import choose, content_sha256
from tests.datasets.photos.pictures import write_tree

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
