"""A user's own `.tflite` file, taken into the store so that what was measured is kept."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from slimbench.networks import weights
from slimbench.spec import MODEL_FILE, NOT_HASHED, Step, Workplace
from slimbench.user_models.source import changed, content_of


@dataclass(frozen=True, slots=True)
class OwnFile(Step):
    """Copy a file; `content` is its sha256, so the same file under another name is the same."""

    content: str
    name: str = field(metadata=NOT_HASHED)
    path: Path = field(metadata=NOT_HASHED)

    action: ClassVar[str] = "taking in"
    usual_seconds: ClassVar[float] = 0.5

    def label(self) -> str:
        """Give the name that its user gave it."""
        return self.name

    def run(self, place: Workplace) -> None:
        """Write `model.tflite`; raises ValueError where the file is not the one that was named."""
        shutil.copyfile(self.path, place.out / MODEL_FILE)
        if content_of(place.out / MODEL_FILE) != self.content:
            raise changed(self.path)
        weights.write_notes(place.out, {})
