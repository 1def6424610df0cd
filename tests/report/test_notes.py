from __future__ import annotations

import pytest

from slimbench.report.notes import escape_markdown


@pytest.mark.parametrize("character", list("\\`*[]<>|#&~"))
def test_what_marks_up_in_markdown_is_escaped(character: str) -> None:
    assert escape_markdown(f"a{character}b") == f"a\\{character}b"


@pytest.mark.parametrize(
    ("text", "everywhere", "around_words"),
    [
        ("resnet50_f32", "resnet50\\_f32", "resnet50_f32"),
        ("_so_", "\\_so\\_", "\\_so\\_"),
        ("a _ b", "a \\_ b", "a \\_ b"),
    ],
)
def test_underscores_within_words_may_stay(text: str, everywhere: str, around_words: str) -> None:
    assert escape_markdown(text) == everywhere
    assert escape_markdown(text, within_words=False) == around_words
