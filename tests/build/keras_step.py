"""A step that writes down how Keras is set up where steps run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from slimbench.networks import keras
from slimbench.spec import Step, Toolchain, Workplace
from slimbench.steps import keras_files

SETTINGS_FILE = "settings.json"


@dataclass(frozen=True, slots=True)
class KerasSettings(Step):
    """Writes Keras's data type and layout, and where weights are looked for first."""

    toolchain: ClassVar[Toolchain] = "tensorflow"

    def label(self) -> str:
        return "Keras"

    def title(self) -> str:
        return "settings of Keras"

    def run(self, place: Workplace) -> None:
        backend = keras().backend
        settings = {
            "package": keras().__name__.split(".")[0],
            "floatx": backend.floatx(),
            "layout": backend.image_data_format(),
            "weights": str(keras_files.cache_folders()[0]),
        }
        (place.out / SETTINGS_FILE).write_text(json.dumps(settings), encoding="utf-8")
