from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import numpy as np
import pytest

from slimbench.datasets.photos import reading
from slimbench.datasets.photos.choosing import UNREADABLE
from slimbench.datasets.photos.reading import Read, check_bad, read_photos
from slimbench.errors import UsageProblem
from tests.datasets.photos.pictures import encoded, noise, write_tree


def read_all(root, names, shape=(8, 8, 3), **options):
    return list(read_photos(root, [("cat", name) for name in names], shape, **options))


@pytest.mark.parametrize("batch", [1, 3, 128])
@pytest.mark.parametrize("cores", [1, 4])
def test_images_come_in_their_order_whatever_reads_them(tmp_path, monkeypatch, batch, cores):
    monkeypatch.setattr(reading, "BATCH", batch)
    monkeypatch.setattr(reading, "cores", lambda: cores)
    write_tree(tmp_path, {f"cat/{number}.png": number for number in range(10)})
    read = read_all(tmp_path, [f"{number}.png" for number in range(10)])
    assert [each.photo for each in read] == [("cat", f"{number}.png") for number in range(10)]
    for number, each in enumerate(read):
        assert np.array_equal(each.pixels, np.asarray(noise(number)))
        assert each.fingerprint == hashlib.sha256(encoded(noise(number))).digest()


def test_never_more_than_a_batch_is_read_ahead(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "BATCH", 4)
    done = []
    real = reading.decode
    monkeypatch.setattr(reading, "decode", lambda *each: done.append(1) or real(*each))
    write_tree(tmp_path, {f"cat/{number:02}.png": number for number in range(20)})
    photos = [("cat", f"{number:02}.png") for number in range(20)]
    for number, _ in enumerate(read_photos(tmp_path, photos, (8, 8, 3)), start=1):
        assert len(done) <= number + 3


def test_bad_images_say_why_and_the_others_go_on(tmp_path, monkeypatch):
    files = {"cat/a.jpg": b"a text", "cat/b.jpg": b"", "cat/c.png": 1, "cat/e.jpg": bytes(2000)}
    write_tree(tmp_path, files)
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 1 << 10)
    read = read_all(tmp_path, ["a.jpg", "b.jpg", "c.png", "d.jpg", "e.jpg"])
    assert [each.problem for each in read] == [
        "it is no image of the kinds JPEG, PNG, WEBP, BMP",
        "the file is empty",
        "",
        "it cannot be read: No such file or directory",
        "the file is longer than 0 MiB",
    ]
    assert [each.pixels is None for each in read] == [True, True, False, True, True]
    assert read[3].fingerprint == UNREADABLE
    assert read[4].fingerprint == hashlib.sha256(bytes(2000)).digest()


def test_a_file_that_may_not_be_read_is_a_bad_image(tmp_path, monkeypatch):
    def refuse(_):
        raise PermissionError(errno.EACCES, "Permission denied")

    write_tree(tmp_path, {"cat/a.png": 1})
    monkeypatch.setattr(Path, "read_bytes", refuse)
    (read,) = read_all(tmp_path, ["a.png"])
    assert (read.pixels, read.problem) == (None, "it cannot be read: Permission denied")


def test_progress_reaches_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "BATCH", 2)
    told = []
    write_tree(tmp_path, {f"cat/{number}.png": number for number in range(3)})
    read_all(tmp_path, ["0.png", "1.png", "2.png"], advance=lambda *each: told.append(each))
    assert told == [(2, 3, "image 2 of 3"), (3, 3, "image 3 of 3")]


def bad(count):
    return [Read(("cat", f"{n}.jpg"), b"", None, "the file is empty") for n in range(count)]


@pytest.mark.parametrize(("count", "total"), [(0, 5), (1, 100), (2, 200), (50, 5000)])
def test_up_to_one_in_a_hundred_may_be_bad(count, total):
    check_bad(bad(count), total, allow_bad=False)


@pytest.mark.parametrize(("count", "total"), [(1, 99), (3, 254), (51, 5000)])
def test_more_are_refused_unless_allowed(count, total):
    with pytest.raises(UsageProblem, match=f"{count} of {total} images (is|are) bad, more than 1%"):
        check_bad(bad(count), total, allow_bad=False)
    check_bad(bad(count), total, allow_bad=True)


def test_the_first_ten_are_named_with_what_to_do():
    with pytest.raises(UsageProblem) as caught:
        check_bad(bad(12), 20, allow_bad=False)
    message = str(caught.value)
    assert message.startswith(
        "12 of 20 images are bad, more than 1%: cat/0.jpg (the file is empty); cat/1.jpg ("
    )
    assert "cat/9.jpg" in message
    assert "cat/10.jpg" not in message
    assert message.endswith(
        "; and 2 more. Mend or remove them, or allow bad images with --allow-bad."
    )


@pytest.mark.parametrize("allow", [True, False])
def test_images_that_are_all_bad_cannot_be_allowed(allow):
    with pytest.raises(UsageProblem, match=r"3 of 3 images are bad.*Mend or remove them\.$"):
        check_bad(bad(3), 3, allow_bad=allow)
