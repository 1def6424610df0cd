from __future__ import annotations

import dataclasses
import string

import pytest

from slimbench.report.quantity import quantity
from slimbench.report.words import WORDS, Words, language


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "fr"}, "fr"),
        ({"LANG": "fr_CA@euro"}, "fr"),
        ({"LANG": "fr-BE"}, "fr"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "fro_FR"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": ""}, "fr"),
        ({"LANG": "fr_FR.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LC_MESSAGES": "en_US.UTF-8", "LC_ALL": "fr_FR"}, "fr"),
        ({"LANG": "POSIX"}, "en"),
    ],
)
def test_the_locale_decides_as_posix_has_it(environment: dict[str, str], expected: str) -> None:
    assert language(environment) == expected


def fields(phrase: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(phrase) if name}


def test_every_phrase_is_there_in_both_languages_with_the_same_places_to_fill() -> None:
    english, french = WORDS["en"], WORDS["fr"]
    assert set(WORDS) == {"en", "fr"}
    assert set(english.captions) == set(french.captions)
    for field in dataclasses.fields(Words):
        if field.name == "captions":
            continue
        phrases = getattr(english, field.name), getattr(french, field.name)
        assert all(phrases), field.name
        assert fields(phrases[0]) == fields(phrases[1]), field.name


def test_french_headings() -> None:
    words = WORDS["fr"]
    headings = (
        words.model,
        *(
            quantity(key).heading("fr")
            for key in ("latency_ms.p50", "size_bytes", "accuracy_top1", "speedup")
        ),
        words.reduction,
        words.reference,
    )
    assert ", ".join(headings) == (
        "Modèle, Temps d'inférence, Taille, Précision, Amélioration temps, Réduction taille, "
        "Référence"
    )
