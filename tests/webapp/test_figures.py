from __future__ import annotations

from slimbench.webapp.dashboard import day, figures
from slimbench.webapp.languages import phrases
from tests.webapp.served import Reason, changed, digits_model

MODEL = changed(
    digits_model(),
    size_bytes=46_088,
    size_gzip_bytes=29_852,
    accuracy_top1=0.994,
    accuracy_n=1500,
    accuracy_ci95=[0.983, 0.998],
    latency_ms={"min": 1.0, "p50": 1.25, "p90": 1.5, "p99": None, "mean": 1.3, "n": 50},
)


def test_figures_are_those_of_the_entry_in_the_readers_language() -> None:
    said = [(figure.value, figure.note) for figure in figures(MODEL, phrases("fr"))]
    assert said == [
        ("45,0 Kio", "29,2 Kio avec gzip"),
        ("99,4 % [98,3–99,8]", "sur 1\u202f500 images, avec son intervalle à 95\u00a0%"),  # noqa: RUF001
        ("1,25 ms", "par image, litert avec 1 thread"),
    ]
    assert [figure.value for figure in figures(MODEL, phrases("en"))] == [
        "45.0 KiB",
        "99.4 % [98.3–99.8]",  # noqa: RUF001
        "1.25 ms",
    ]


def test_what_was_not_measured_has_no_value_but_its_reason() -> None:
    reason = Reason("no\nphotographs were given")
    model = changed(MODEL, accuracy_top1=reason, size_bytes=reason, latency_ms=reason)
    for figure in figures(model, phrases("en")):
        assert figure.value is None
        assert figure.reason == "no photographs were given"


def test_an_accuracy_without_interval_claims_none() -> None:
    model = changed(MODEL, accuracy_ci95=Reason("too few images"))
    accuracy = figures(model, phrases("en"))[1]
    assert (accuracy.value, accuracy.note) == ("99.4 %", "of 1,500 images")


def test_a_day_is_written_as_the_language_does() -> None:
    assert day("2026-11-22T23:38:45.807411+00:00", "fr") == "22 novembre 2026"
    assert day("2026-11-22T23:38:45.807411+00:00", "en") == "November 22, 2026"
