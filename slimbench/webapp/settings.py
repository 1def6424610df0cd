"""What whoever starts the server may choose, with what holds where nothing is said."""

from __future__ import annotations

import dataclasses
import json
import os
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slimbench.cores import cores
from slimbench.errors import UsageProblem
from slimbench.paths import results_folder

PREFIX = "SLIMBENCH_SERVE_"
"""Environment variables are called so, then the setting in capitals: SLIMBENCH_SERVE_PORT."""

MEBIBYTE = 1 << 20

LEAST_CONNECTIONS = 16

BATCH = 8


@dataclass(frozen=True, slots=True)
class Settings:
    """Where is served, what, how much at once, and what is refused.

    Raises:
        UsageProblem: A value that cannot be, named with what would do.
    """

    host: str = "127.0.0.1"
    port: int = 5000
    """0 takes any that is free."""
    manifest: Path | None = None
    """Names the models; None is the embedded one."""
    profile: str | None = None
    variant: str | None = None
    """With `profile`: a variant of the latest saved run instead of a manifest."""
    results: Path = dataclasses.field(default_factory=results_folder)
    """Where that run is."""
    workers: int = dataclasses.field(default_factory=cores)
    """Interpreters of each model; each computes with one thread, so that one a core is busy."""
    queue: int = 32
    """How many more pictures are taken in than workers compute on. They wait: at five milliseconds
    a picture and two workers the last one for a tenth of a second, and longer is of little use."""
    batching: bool | None = None
    """None leaves it to a measurement when the model is loaded."""
    batch: int = BATCH
    """How many pictures an interpreter takes at once. A batch of 8 brings most of what a larger one
    would, and each of its pictures waits for the seven others."""
    threads: int | None = None
    """How many pictures of a model are decoded and answered at once; None is a batch for each
    worker. More of them only wait for each other, fewer leave batches unfilled."""
    deadline_seconds: float = 10.0
    """From the arrival of a whole request until its answer is of no use."""
    drain_seconds: float = 30.0
    """How long accepted requests may take after a signal to end."""
    picture_bytes: int = 4 * MEBIBYTE
    picture_pixels: int = 16_000_000
    picture_side: int = 16_384
    """Pixels of the longer side; more is no photograph, however narrow."""
    upload_seconds: float = 20.0
    """For a request's headers to arrive, and for its body."""
    idle_seconds: float = 60.0
    """After which a connection that asks nothing is closed, if `upload_seconds` is no sooner."""
    connections: int = 4096
    """How many may be open; others wait until the limits of time close some of these."""
    rate: float | None = None
    """Requests a second of one address; None does not limit them."""
    rate_burst: int = 20
    """How many of them at once."""

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise UsageProblem(f"{_option(name)} must be at least {least}, not {value}.")
        if not 0 <= self.port <= 65_535:
            raise UsageProblem(f"{_option('port')} must be from 0 to 65535, not {self.port}.")
        if self.variant is not None and self.profile is None:
            raise UsageProblem(f"--variant {self.variant} needs --profile, the one of its run.")
        if self.manifest is not None and self.profile is not None:
            raise UsageProblem("A model is named by --manifest or by --profile, not by both.")

    @property
    def places(self) -> int:
        """How many pictures are worked on or wait at once."""
        return self.workers + self.queue

    @property
    def body_bytes(self) -> int:
        """What a request's body may have: the largest picture in base64, and some words."""
        return self.picture_bytes * 3 // 2 + 65_536

    def as_json(self) -> str:
        """Write the settings for `from_json`, as the server's process is handed them."""
        return json.dumps(dataclasses.asdict(self), default=str)


_LEAST: dict[str, float] = {
    "workers": 1,
    "queue": 0,
    "batch": 1,
    "threads": 1,
    "deadline_seconds": 0.001,
    "drain_seconds": 0,
    "picture_bytes": 1,
    "picture_pixels": 1,
    "picture_side": 1,
    "upload_seconds": 0.001,
    "idle_seconds": 0.001,
    "connections": LEAST_CONNECTIONS,
    "rate": 0.001,
    "rate_burst": 1,
}


def from_json(text: str) -> Settings:
    """Read what `Settings.as_json` wrote."""
    values = json.loads(text)
    for name in ("manifest", "results"):
        if values[name] is not None:
            values[name] = Path(values[name])
    return Settings(**values)


def make_settings(
    arguments: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> Settings:
    """Return settings from arguments, then the environment, then the defaults.

    Args:
        arguments: values by field name; None is as good as nothing.
        environment: where variables of `PREFIX` are looked up, by default the process's.

    Raises:
        UsageProblem: A value that cannot be read or cannot be.
    """
    environment = os.environ if environment is None else environment
    hints = typing.get_type_hints(Settings)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(Settings):
        variable = PREFIX + field.name.upper()
        given = arguments.get(field.name)
        if given is not None:
            values[field.name] = given
        elif environment.get(variable):
            values[field.name] = _read(variable, environment[variable], hints[field.name])
    return Settings(**values)


def _read(variable: str, text: str, hint: Any) -> Any:
    """Return a variable's value in its field's type."""
    kind = hint
    if isinstance(hint, types.UnionType):
        kind = next(each for each in typing.get_args(hint) if each is not type(None))
    if kind is bool:
        if text.lower() not in _BOOLEANS:
            raise UsageProblem(f"{variable} must be true or false, not {text!r}.")
        return _BOOLEANS[text.lower()]
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise UsageProblem(f"{variable} must be {what}, not {text!r}.") from None


_BOOLEANS = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
