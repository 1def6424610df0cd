"""The options of a run of the benchmarks, of `pytest bench` and `slimbench run` alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slimbench.datasets.photos.listing import DEFAULT_LIMIT
from slimbench.pixels import MODES
from slimbench.report.words import LANGUAGES
from slimbench.steps.own_file import KINDS
from slimbench.suite.profiles import OWN_PROFILE

DATA_VARIABLE = "SLIMBENCH_DATA"
"""Names the photographs where no option does."""


@dataclass(frozen=True, slots=True)
class Option:
    """A command-line option: its name without dashes, and what argparse and pytest take of it.

    `of_models` marks those that say something about a user's models.
    """

    name: str
    settings: Mapping[str, Any]
    of_models: bool = False


OPTIONS = (
    Option(
        "profile",
        {
            "metavar": "NAME",
            "help": "which variants on which data set (default: the first); with --model, what to "
            f"call the run (default: {OWN_PROFILE})",
        },
    ),
    Option("engines", {"metavar": "LIST", "help": "runtimes, such as litert"}),
    Option("threads", {"metavar": "LIST", "help": "numbers of threads, such as 1,2"}),
    Option(
        "seed",
        {
            "type": int,
            "metavar": "N",
            "help": "what training starts from (default: the profile's)",
        },
    ),
    Option(
        "budgets",
        {"type": Path, "metavar": "FILE", "help": "limits to keep (default: the suite's)"},
    ),
    Option(
        "lang",
        {"choices": LANGUAGES, "help": "language of the summary (default: the locale's)"},
    ),
    Option(
        "weights",
        {
            "default": "imagenet",
            "help": "of full-size networks: imagenet (Keras's download or cache), random, or a "
            "folder",
        },
    ),
    Option(
        "data",
        {
            "type": Path,
            "metavar": "PATH",
            "help": f"photographs to score on, a folder or an archive (default: ${DATA_VARIABLE})",
        },
    ),
    Option(
        "images",
        {
            "type": int,
            "default": DEFAULT_LIMIT,
            "metavar": "N",
            "help": f"how many of them at most (default: {DEFAULT_LIMIT})",
        },
    ),
    Option(
        "allow-bad",
        {"action": "store_true", "help": "score even if many of them are unreadable"},
    ),
    Option(
        "results",
        {
            "type": Path,
            "metavar": "DIR",
            "help": "where histories are saved (default: results/ of the project)",
        },
    ),
    Option(
        "model",
        {
            "action": "append",
            "metavar": "NAME=PATH",
            "help": f"measure a model of your own: {KINDS}. More than one: again; the first is "
            "what the others are compared with",
        },
        of_models=True,
    ),
    Option(
        "pixels",
        {
            "choices": MODES,
            "help": "what your models expect of RGB pixels 0-255 (default: what the file says, "
            "else raw)",
        },
        of_models=True,
    ),
    Option(
        "labels",
        {
            "type": Path,
            "metavar": "FILE",
            "help": "your models' classes, one a line (default: what the file says, else the "
            "data's folders, sorted)",
        },
        of_models=True,
    ),
    Option(
        "steps",
        {
            "action": "append",
            "metavar": "STEPS",
            "help": "carry your models further, such as 'prune(0.5),quantize(static_wi8_ai8)'; "
            "each step is measured. More than one way: again",
        },
        of_models=True,
    ),
)
