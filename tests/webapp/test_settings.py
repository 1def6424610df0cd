from __future__ import annotations

from pathlib import Path

import pytest

from slimbench.errors import UsageProblem
from slimbench.webapp.settings import Settings, from_json, make_settings


def test_by_default_this_machine_alone_is_served() -> None:
    settings = make_settings({}, {})
    assert (settings.host, settings.port) == ("127.0.0.1", 5000)
    assert settings.workers >= 1
    assert settings.picture_bytes == 4 << 20
    assert settings.picture_pixels == 16_000_000
    assert settings.rate is None


def test_arguments_go_before_the_environment() -> None:
    environment = {
        "SLIMBENCH_SERVE_PORT": "6000",
        "SLIMBENCH_SERVE_QUEUE": "5",
        "SLIMBENCH_SERVE_BATCHING": "off",
        "SLIMBENCH_SERVE_RATE": "2.5",
        "SLIMBENCH_SERVE_MANIFEST": "a/b.toml",
        "SLIMBENCH_SERVE_HOST": "",
        "PORT": "1",
    }
    settings = make_settings({"port": 7000, "queue": None, "command": "serve"}, environment)
    assert (settings.port, settings.queue, settings.batching, settings.rate) == (
        7000,
        5,
        False,
        2.5,
    )
    assert settings.manifest == Path("a/b.toml")
    assert settings.host == "127.0.0.1"


def test_false_and_zero_are_said_too() -> None:
    settings = make_settings({"batching": False, "port": 0, "queue": 0}, {})
    assert (settings.batching, settings.port, settings.queue) == (False, 0, 0)


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        ({"port": 70_000}, {}, "--port must be from 0 to 65535, not 70000"),
        ({"workers": 0}, {}, "--workers must be at least 1, not 0"),
        ({"queue": -1}, {}, "--queue must be at least 0"),
        ({"deadline_seconds": 0.0}, {}, "--deadline-seconds must be at least"),
        ({"deadline_seconds": float("nan")}, {}, "--deadline-seconds must be at least"),
        ({"rate": -1.0}, {}, "--rate must be"),
        ({"variant": "tiny_f32"}, {}, "--variant tiny_f32 needs --profile"),
        ({"profile": "digits", "manifest": Path("a")}, {}, "not by both"),
        ({}, {"SLIMBENCH_SERVE_PORT": "http"}, "SLIMBENCH_SERVE_PORT must be a whole number"),
        ({}, {"SLIMBENCH_SERVE_RATE": "fast"}, "SLIMBENCH_SERVE_RATE must be a number"),
        ({}, {"SLIMBENCH_SERVE_BATCHING": "maybe"}, "must be true or false, not 'maybe'"),
    ],
)
def test_what_cannot_be_is_said(
    arguments: dict[str, object], environment: dict[str, str], said: str
) -> None:
    with pytest.raises(UsageProblem, match=said):
        make_settings(arguments, environment)


def test_they_are_handed_over_whole() -> None:
    settings = Settings(manifest=Path("a b.toml"), batching=True, rate=0.5, port=0)
    assert from_json(settings.as_json()) == settings
    assert from_json(Settings().as_json()) == Settings()


def test_a_body_holds_the_largest_picture_in_base64() -> None:
    settings = Settings(picture_bytes=1000)
    assert settings.body_bytes > len("data:image/png;base64,") + 1000 * 4 / 3 * 77 / 76
