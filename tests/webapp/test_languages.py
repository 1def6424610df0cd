from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from flask import Flask, request

from slimbench.webapp import languages
from slimbench.webapp.languages import CLASS, FOLDER, LANGUAGES, PROBLEM, chosen, phrases
from slimbench.webapp.problems import KINDS

WEBAPP = FOLDER.parent

CIFAR10 = {
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
}


def _fields(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}


def test_the_languages_have_the_same_keys_and_blanks() -> None:
    english, french = phrases("en").texts, phrases("fr").texts
    assert english.keys() == french.keys()
    for key, text in english.items():
        assert _fields(text) == _fields(french[key]), key
        assert text.strip()
        assert french[key].strip()


def test_no_phrase_is_unused() -> None:
    sources = [
        *(WEBAPP / "templates").glob("*.html"),
        *(WEBAPP / "static").glob("*.js"),
        *WEBAPP.glob("*.py"),
    ]
    said = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    literal = set(re.findall(r"""["']([a-z]+\.[a-z_]+)["']""", said))
    keys = {key for key in phrases("en").texts if not key.startswith((CLASS, PROBLEM))}
    assert keys - literal == set()


def test_every_problem_has_a_sentence_and_no_sentence_is_left_over() -> None:
    said = {key.removeprefix(PROBLEM) for key in phrases("en").texts if key.startswith(PROBLEM)}
    assert said == KINDS.keys()


def test_the_classes_are_translated_and_digits_stay() -> None:
    said = {key.removeprefix(CLASS) for key in phrases("fr").texts if key.startswith(CLASS)}
    assert said == CIFAR10
    assert phrases("fr").class_name("airplane") == "avion"
    assert phrases("en").class_name("airplane") == "airplane"
    assert phrases("fr").class_name("7") == "7"


def test_a_french_sign_of_two_parts_is_not_torn_from_its_word() -> None:
    for key, text in phrases("fr").texts.items():
        assert not re.search(r" [;:?!%]", text), key


@pytest.mark.parametrize(
    ("address", "cookie", "browser", "expected"),
    [
        ("/", None, "fr-CA,fr;q=0.9,en;q=0.5", "fr"),
        ("/", None, "en-GB,fr;q=0.4", "en"),
        ("/", None, "de,fr;q=0.3", "fr"),
        ("/", None, "de", "en"),
        ("/", None, "fr;q=0,de", "en"),
        ("/", None, "*", "en"),
        ("/", None, "", "en"),
        ("/", "fr", "en", "fr"),
        ("/?lang=en", "fr", "fr", "en"),
        ("/?lang=xx", "yy", "fr", "fr"),
    ],
)
def test_the_address_goes_before_the_cookie_and_that_before_the_browser(
    address: str, cookie: str | None, browser: str, expected: str
) -> None:
    headers = {"Accept-Language": browser}
    if cookie:
        headers["Cookie"] = f"{languages.ARGUMENT}={cookie}"
    with Flask(__name__).test_request_context(address, headers=headers):
        assert chosen(request) == expected


def test_the_files_are_plain_text_in_utf_8() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{lang}.json" for lang in LANGUAGES}
    assert "Réponse" in (Path(FOLDER) / "fr.json").read_text(encoding="utf-8")
