"""Opening a model that a user's Keras, of version 2 or 3, saved, or any SavedModel.

Both Keras versions can be imported beside each other; which one made a file stands in the file.
"""

from __future__ import annotations

import importlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slimbench.environment import default_keras
from slimbench.steps.own_file import Form, changed, content_of

KERAS_MARK = "keras_metadata.pb"
"""What a SavedModel holds from which Keras 2 can restore its layers."""

SIGNATURE = "serving_default"

WHOLE = "save the whole model, with model.save()"


@dataclass(frozen=True, slots=True)
class Opened:
    """A Keras model together with the `keras` package that it belongs to."""

    keras: Any
    model: Any


def open_keras(path: Path, form: Form, content: str) -> Opened:
    """Load a Keras model; raises ValueError, saying what to do, where that is not possible."""
    if content_of(path) != content:
        raise changed(path)
    package = _package(path, form)
    try:
        return Opened(package, package.models.load_model(str(path), compile=False))
    except Exception as error:  # loading may raise anything, of layers that are not Keras's own too
        reason = " ".join(str(error).split())[:300]
        raise ValueError(
            f"{path} cannot be loaded by Keras {package.__version__}: {type(error).__name__}: "
            f"{reason}. Layers of one's own are not known here: save a .tflite file or export a "
            "SavedModel."
        ) from error


def is_keras(path: Path, form: Form) -> bool:
    """Tell whether a model's layers can be had, and not its computation alone."""
    return form != "saved_model" or (path / KERAS_MARK).is_file()


def open_saved_model(path: Path, content: str) -> Any:
    """Load a SavedModel; raises ValueError, saying what to do, where it has no default signature.

    Its signatures work as long as what is returned is kept: that holds the variables.
    """
    import tensorflow as tf

    if content_of(path) != content:
        raise changed(path)
    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"{path} cannot be loaded as a SavedModel: {reason}") from error
    if SIGNATURE not in loaded.signatures:
        names = ", ".join(loaded.signatures) or "none"
        raise ValueError(
            f"{path} has no signature {SIGNATURE!r} (it has {names}); save it with model.export()"
        )
    return loaded


def _package(path: Path, form: Form) -> Any:
    """Return Keras 2 or 3, whichever saved the file."""
    with default_keras():
        return importlib.import_module("keras" if _major(path, form) >= 3 else "tf_keras")


def _major(path: Path, form: Form) -> int:
    if form == "saved_model":
        return 2
    if form == "keras":
        try:
            with zipfile.ZipFile(path) as archive:
                version = json.loads(archive.read("metadata.json"))["keras_version"]
        except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
            raise ValueError(f"{path} is no whole .keras file; {WHOLE} again") from error
    else:
        h5py = importlib.import_module("h5py")
        try:
            with h5py.File(path) as file:
                if "model_config" not in file.attrs:
                    raise ValueError(f"{path} holds weights without their network; {WHOLE}")
                version = file.attrs.get("keras_version", "2")
        except OSError as error:
            raise ValueError(f"{path} is no whole HDF5 file; {WHOLE} again") from error
        version = version.decode() if isinstance(version, bytes) else version
    return int(str(version).split(".")[0])
