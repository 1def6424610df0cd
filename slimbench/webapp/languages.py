"""The page's two languages: which one a reader gets, and what is said in it.

Every phrase is in `translations/<language>.json`. Names of models and variants, and reasons that a
history recorded, are data and are shown as they are.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flask import Request
from werkzeug.datastructures import LanguageAccept

from slimbench.report.words import LANGUAGES, Lang

DEFAULT: Lang = "en"
"""For readers whose browser names neither."""

ARGUMENT = "lang"
"""In an address (`?lang=fr`), where it also sets the cookie of the same name."""

FOLDER = Path(__file__).resolve().parent / "translations"

CLASS = "class."
PROBLEM = "problem."
SCRIPT = "js."
"""Beginnings of keys: a class's name, a problem's sentence by its type, what the scripts say."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """What is said in one language; called with a key, it fills in the phrase's `{...}`."""

    lang: Lang
    texts: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """Return a phrase; raises KeyError for a key that no translation has."""
        return self.texts[key].format(**values)

    def class_name(self, name: str) -> str:
        """Return a class's name in this language, or as the model has it where there is none."""
        return self.texts.get(CLASS + name, name)

    def problem(self, slug: str) -> str:
        """Return the sentence for a type of `slimbench.webapp.problems`; each has one."""
        return self.texts[PROBLEM + slug]

    def for_scripts(self) -> dict[str, str]:
        """Return the phrases that the scripts need, unfilled."""
        return {key: text for key, text in self.texts.items() if key.startswith((SCRIPT, PROBLEM))}


@functools.cache
def phrases(lang: Lang) -> Phrases:
    """Return what is said in a language."""
    return Phrases(lang, json.loads((FOLDER / f"{lang}.json").read_text(encoding="utf-8")))


def asked(request: Request) -> Lang | None:
    """Return the language that the address names, None where it names none of ours."""
    return _known(request.args.get(ARGUMENT))


def chosen(request: Request) -> Lang:
    """Return a reader's language: the address's, else the cookie's, else the browser's."""
    return (
        asked(request)
        or _known(request.cookies.get(ARGUMENT))
        or _preferred(request.accept_languages)
        or DEFAULT
    )


def _preferred(accepted: LanguageAccept) -> Lang | None:
    """Return the most wanted of ours, a region's as good as the language itself.

    `LanguageAccept.best_match` would take French of low quality before "en-GB" of the highest.
    """
    wanted = (
        _known(tag.replace("_", "-").split("-")[0].lower()) for tag, share in accepted if share
    )
    return next(filter(None, wanted), None)


def _known(name: str | None) -> Lang | None:
    return next((lang for lang in LANGUAGES if lang == name), None)
