"""How small a finished file becomes under gzip: counted once, since it takes long to count.

Half a minute for a pruned network of 94 MB. It depends on the file alone, so it is kept in the
store like the file itself instead of being counted again in every run.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from slimbench.spec import MODEL_FILE, Advance, Kind, Step, Workplace

RESULT_FILE = "gzip_size.json"
GZIP_LEVEL = 9
_GZIP_WINDOW = 31  # zlib's code for a gzip header around a window of 32 KiB
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class GzipSize(Step):
    """Count the bytes that `gzip -9` makes of a model, with no time stamp in it.

    What a download costs, and what shows the zeros of a pruned file that is stored dense. The
    count is that of zlib's own level 9, which no faster library reproduces.
    """

    model: Step
    zlib_version: str = zlib.ZLIB_RUNTIME_VERSION

    kind: ClassVar[Kind] = "measure"
    usual_seconds: ClassVar[float] = 4.0

    def label(self) -> str:
        """Name the model."""
        return self.model.label()

    def title(self) -> str:
        """Say what is counted."""
        return f"compressing {self.model.label()} with gzip"

    def run(self, place: Workplace) -> None:
        """Write `gzip_size.json`."""
        size = gzip_size((place.inputs[0] / MODEL_FILE).read_bytes(), place.advance)
        (place.out / RESULT_FILE).write_text(json.dumps(size), encoding="utf-8")


def gzip_size(content: bytes, advance: Advance | None = None) -> int:
    """Return the bytes of `gzip.compress(content, 9, mtime=0)`."""
    compressor = zlib.compressobj(GZIP_LEVEL, wbits=_GZIP_WINDOW)
    size = 0
    for start in range(0, len(content), _CHUNK):
        size += len(compressor.compress(content[start : start + _CHUNK]))
        if advance is not None:
            advance(start + _CHUNK, len(content))
    return size + len(compressor.flush())


def read(folder: Path) -> int:
    """Return what a `GzipSize` artifact holds."""
    size = json.loads((folder / RESULT_FILE).read_text(encoding="utf-8"))
    if not isinstance(size, int):
        raise TypeError(f"{folder / RESULT_FILE} holds no number.")
    return size
