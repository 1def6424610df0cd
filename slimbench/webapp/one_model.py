"""Our server with one model file, whether or not a saved run has measured it yet.

`python -m slimbench.webapp.one_model MODEL --port PORT [--batching] [--with-tensorflow]`. The
application, the runtime behind it and the way that requests come in are those of `slimbench serve`;
only the manifest is left out, since the history that it would name is what is being written.
"""

from __future__ import annotations

import argparse
import importlib
import signal
from pathlib import Path

from slimbench.build.store import file_sha256
from slimbench.pixels import MODES
from slimbench.spec import PixelMode
from slimbench.tflite.model import class_count
from slimbench.webapp import logs
from slimbench.webapp.app import create_app
from slimbench.webapp.http_server import Server
from slimbench.webapp.inference import open_service
from slimbench.webapp.manifest import Models
from slimbench.webapp.settings import Settings
from slimbench.webapp.spec import ServedModel
from slimbench.webapp.supervisor import listen

VERSION = "benchmark"


def unmeasured(file: Path, pixels: PixelMode, shape: tuple[int, int, int]) -> ServedModel:
    """Return a model that no history has figures of; its classes are called by their numbers."""
    return ServedModel(
        name=file.stem,
        version=VERSION,
        sha256=file_sha256(file),
        file=file,
        classes=tuple(str(index) for index in range(class_count(file))),
        input_shape=shape,
        pixels=pixels,
        history=file,
        entry={},
        machine="",
        taken="",
    )


def main() -> None:
    """Serve until the process is told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pixels", choices=MODES, default="raw")
    parser.add_argument("--shape", type=int, nargs=3, required=True, metavar=("H", "W", "C"))
    parser.add_argument("--batching", action="store_true")
    parser.add_argument("--with-tensorflow", action="store_true", help="import it, to weigh it")
    given = parser.parse_args()
    if given.with_tensorflow:
        importlib.import_module("tensorflow")
    logs.configure()
    settings = Settings(port=given.port)
    models = Models(unmeasured(given.model, given.pixels, tuple(given.shape)))
    service = open_service(
        models, workers=settings.workers, queue=settings.queue, batching=given.batching
    )
    server = Server(create_app(settings, service), settings, listen(settings))
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    server.run()
    service.close()


if __name__ == "__main__":
    main()
