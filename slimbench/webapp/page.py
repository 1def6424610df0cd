"""The pages: one to show a picture to the model, one with the benchmark that it comes from.

The first also works without scripts, as a plain form whose answer or error is in the page. How sure
a model is, and when that is too little to be believed, is told in both ways alike
(`static/confidence.js`): its scores may be probabilities already, or logits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from flask import Blueprint, Response, g, make_response, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from slimbench.report import numbers
from slimbench.report.words import LANGUAGES, WORDS, Lang
from slimbench.webapp import api, languages, problems, uploads
from slimbench.webapp.api import Prediction
from slimbench.webapp.dashboard import Dashboard, Figure, day, figures
from slimbench.webapp.languages import Phrases, phrases
from slimbench.webapp.problems import Problem
from slimbench.webapp.settings import MEBIBYTE, Settings
from slimbench.webapp.spec import ServedModel, Service

Scores = npt.NDArray[np.floating]
"""One score a class, shape (classes,), as a model gives them."""

Shares = npt.NDArray[np.float64]
"""One share a class, shape (classes,), each in [0, 1], summing to 1."""

SUM_TOLERANCE = 0.05
"""How far from 1 probabilities may sum up: those of an int8 output are steps of 1/256."""

LOW_SHARE = 0.5
"""A best class with less than this is no answer: the model gives more to all others together."""

LOW_LEAD = 0.2
"""Nor is one that is ahead of the second by less than this: the two are confused."""


def shares(scores: Scores) -> Shares:
    """Return scores as shares: as they are if they are probabilities, else their softmax."""
    wide = scores.astype(np.float64)
    if wide.min() >= 0 and wide.max() <= 1 and abs(wide.sum() - 1) <= SUM_TOLERANCE:
        return wide
    powers = np.exp(wide - wide.max())
    result: Shares = powers / powers.sum()
    return result


def is_low(found: Shares) -> bool:
    """Say whether an answer has to be called unsure, by LOW_SHARE and LOW_LEAD."""
    ordered = np.sort(found)[::-1]
    lead = ordered[0] - ordered[1] if len(ordered) > 1 else 1.0
    return bool(ordered[0] < LOW_SHARE or lead < LOW_LEAD)


TYPES = ("image/jpeg", "image/png", "image/webp")
"""What is sent as it is, where it is small; other pictures the browser makes one of these."""

LEAST_SIDE = 512
"""Pixels of the shorter side to which the browser shrinks a photograph at most."""

SIDES = 4
"""Or so many times the model's input, whichever is more: a second resizing of something four times
as large changes little of what the model sees."""

COOKIE_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Row:
    """One class of an answer, in words."""

    name: str
    share: float
    percent: str
    score: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer in words: the best three, all, and how long it took."""

    model: ServedModel
    best: tuple[Row, ...]
    rows: tuple[Row, ...]
    is_low: bool
    took: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no answer; the title is in the reader's language, the detail in English."""

    title: str
    detail: str
    detail_lang: str = "en"


@dataclass(frozen=True, slots=True)
class Card:
    """What is shown of a served model."""

    name: str
    version: str
    sha256: str
    is_canary: bool
    is_shown: bool
    figures: tuple[Figure, ...]
    machine: str
    day: str


def blueprint(settings: Settings, service: Service) -> Blueprint:
    """Return the pages; the trend is of the histories in `settings.results`."""
    made = Blueprint(
        "page",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
    )
    dashboard = Dashboard(service.stable, settings.results)

    @made.get("/")
    def show() -> Response:
        return _page(settings, service)

    @made.post("/")
    def answer() -> Response:
        try:
            prediction = api.predict(
                service, settings, lambda: _chosen_file(settings), api.client_id()
            )
        except Problem as problem:
            return _page(settings, service, problem=problem)
        except HTTPException as error:
            return _page(settings, service, problem=problems.of_status(error.code or 400))
        return _page(settings, service, prediction=prediction)

    @made.get("/dashboard", endpoint="dashboard")
    def show_dashboard() -> Response:
        say = phrases(languages.chosen(request))
        return _in_language("dashboard.html", say, "dashboard", dashboard.shown(say))

    return made


def _chosen_file(settings: Settings) -> bytes:
    """Return the form's file; a browser sends one without name or content where none is chosen."""
    content = uploads.content(request, settings)
    if not content and not any(file.filename for file in request.files.values()):
        raise Problem("no-image", "Choose a file first.")
    return content


def _page(
    settings: Settings,
    service: Service,
    prediction: Prediction | None = None,
    problem: Problem | None = None,
) -> Response:
    say = phrases(languages.chosen(request))
    stable = service.stable
    answering = stable if prediction is None else prediction.model
    models = [stable] if service.canary is None else [stable, service.canary]
    side = max(LEAST_SIDE, SIDES * max(stable.input_shape[:2]))
    values = {
        "stable": stable,
        "action": url_for("page.answer", lang=languages.asked(request)),
        "count": lambda number: numbers.decimal(number, say.lang, 0),
        "limit": _limit(settings.picture_bytes, say.lang),
        "side": side,
        "answer": None if prediction is None else _shown(prediction, say),
        "problem": None if problem is None else _trouble(problem, say),
        "models": [_card(model, model is not stable, model is answering, say) for model in models],
        "data": _data(settings, stable, side, say),
    }
    response = _in_language("page.html", say, "page", values)
    if problem is not None:
        g.problem = problem
        response.status_code = problem.status
        if problem.retry_after is not None:
            response.headers["Retry-After"] = str(problem.retry_after)
    return response


def _in_language(template: str, say: Phrases, here: str, values: Mapping[str, Any]) -> Response:
    """Render a page, and remember a language that the address asks for."""
    endpoint = "page.dashboard" if here == "dashboard" else "page.show"
    response = make_response(
        render_template(
            template,
            say=say,
            here=here,
            languages={lang: phrases(lang)("language.name") for lang in LANGUAGES},
            switch=lambda lang: url_for(endpoint, **{languages.ARGUMENT: lang}),
            **values,
        )
    )
    response.headers["Content-Language"] = say.lang
    response.headers["Cache-Control"] = "no-cache"
    response.vary.update(("Accept-Language", "Cookie"))
    asked = languages.asked(request)
    if asked is not None:
        response.set_cookie(
            languages.ARGUMENT,
            asked,
            max_age=COOKIE_SECONDS,
            secure=request.is_secure,
            httponly=True,
            samesite="Lax",
        )
    return response


def _limit(count: int, lang: Lang) -> str:
    """Write a limit, which most often is a whole number of mebibytes, without idle digits."""
    if count % MEBIBYTE:
        return numbers.size(count, lang)
    return f"{numbers.decimal(count // MEBIBYTE, lang, 0)} {WORDS[lang].mebibyte}"


def _shown(prediction: Prediction, say: Phrases) -> Shown:
    scores = prediction.scores
    found = shares(np.asarray(scores))
    rows = tuple(
        Row(
            say.class_name(prediction.model.classes[i]),
            float(found[i]),
            f"{numbers.percent(found[i], say.lang)} %",
            numbers.decimal(scores[i], say.lang, 3),
        )
        for i in (-found).argsort(kind="stable")
    )
    took = say(
        "js.took",
        name=prediction.model.name,
        version=prediction.model.version,
        total=numbers.decimal(prediction.total_ms, say.lang, 1),
        decode=numbers.decimal(prediction.decode_ms, say.lang, 1),
        wait=numbers.decimal(prediction.wait_ms, say.lang, 1),
        inference=numbers.decimal(prediction.inference_ms, say.lang, 2),
    )
    return Shown(prediction.model, rows[: api.BEST], rows, is_low(found), took)


def _trouble(problem: Problem, say: Phrases) -> Trouble:
    return Trouble(say.problem(problem.slug), problem.detail)


def _card(model: ServedModel, is_canary: bool, is_shown: bool, say: Phrases) -> Card:
    return Card(
        name=model.name,
        version=model.version,
        sha256=model.sha256,
        is_canary=is_canary,
        is_shown=is_shown,
        figures=figures(model, say),
        machine=model.machine,
        day=day(model.taken, say.lang),
    )


def _data(settings: Settings, stable: ServedModel, side: int, say: Phrases) -> dict[str, Any]:
    """Return what the scripts need, as JSON."""
    return {
        "lang": say.lang,
        "predict": url_for("api.post_predict"),
        "limit_bytes": settings.picture_bytes,
        "types": TYPES,
        "side": side,
        "classes": [say.class_name(name) for name in stable.classes],
        "confidence": {
            "sum_tolerance": SUM_TOLERANCE,
            "low_share": LOW_SHARE,
            "low_lead": LOW_LEAD,
        },
        "words": say.for_scripts(),
    }
