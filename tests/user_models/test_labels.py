from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slimbench.errors import UsageProblem
from slimbench.tflite.metadata import Metadata
from slimbench.user_models.labels import ClassNames, class_names, read_labels

MODEL = Path("mine.tflite")


def labels_file(folder: Path, text: str) -> Path:
    path = folder / "labels.txt"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("text", ["cat\ndog\n", "cat\r\ndog\r\n", "\ufeffcat\n dog \n\n\n"])
def test_labels_are_lines(tmp_path: Path, text: str) -> None:
    assert read_labels(labels_file(tmp_path, text)) == ("cat", "dog")


def test_a_file_goes_before_metadata_and_metadata_before_folders(tmp_path: Path) -> None:
    file, metadata = labels_file(tmp_path, "cat\ndog"), Metadata(labels=("a", "b"))
    assert class_names(MODEL, 2, file, metadata) == ClassNames(("cat", "dog"), "labels.txt")
    assert class_names(MODEL, 2, None, metadata) == ClassNames(("a", "b"), "its metadata")
    assert class_names(MODEL, 2, None, Metadata()) == ClassNames((), "the folders' names")
    assert class_names(MODEL, 2, None, None).names == ()


def test_1000_labels_fit_a_model_with_a_background_class(tmp_path: Path) -> None:
    file = labels_file(tmp_path, "\n".join(f"class {index}" for index in range(1000)))
    names = class_names(MODEL, 1001, file, None).names
    assert names[:2] == ("background", "class 0")
    assert len(names) == 1001


def test_another_number_of_labels_is_refused_by_name(tmp_path: Path) -> None:
    file = labels_file(tmp_path, "cat\ndog")
    with pytest.raises(UsageProblem, match=r"labels.txt has 2 labels, and mine.tflite has 3 class"):
        class_names(MODEL, 3, file, None)
    with pytest.raises(UsageProblem, match=r"metadata of mine.tflite has 2 labels.* --labels"):
        class_names(MODEL, 3, None, Metadata(labels=("a", "b")))


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "labels.txt is empty"), ("cat\n\ndog", "labels.txt:2 has no label")],
)
def test_a_line_without_a_label_is_pointed_at(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageProblem, match=said):
        read_labels(labels_file(tmp_path, text))


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageProblem, match=r"labels.txt is no text in UTF-8"):
        read_labels(tmp_path / "labels.txt")
    with pytest.raises(UsageProblem, match=r"none.txt cannot be read: No such file"):
        read_labels(tmp_path / "none.txt")
    with pytest.raises(UsageProblem, match=r"cannot be read: Is a directory"):
        read_labels(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60))
def test_wild_bytes_are_labels_or_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(content)
    try:
        found: tuple[str, ...] | str = read_labels(path)
    except UsageProblem as problem:
        found = str(problem)
    assert str(path) in found if isinstance(found, str) else all(found)
