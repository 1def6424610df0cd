"""What a user has set for TensorFlow and Keras does not reach the steps that build."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slimbench.build.store import Artifact, Store
from tests.build.keras_step import SETTINGS_FILE, KerasSettings
from tests.build.recorder import made


def test_a_users_keras_configuration_does_not_reach_a_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"floatx": "float16", "image_data_format": "channels_first", "backend": "torch"}
    home = tmp_path / "keras"
    home.mkdir()
    (home / "keras.json").write_text(json.dumps(config), encoding="utf-8")
    monkeypatch.setenv("KERAS_HOME", str(home))
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "0")
    store = Store(tmp_path / "store")
    store.prepare()
    step = KerasSettings()
    result = made(store, step)[0].results[step]
    assert isinstance(result, Artifact), result
    assert json.loads(result.file(SETTINGS_FILE).read_text(encoding="utf-8")) == {
        "package": "tf_keras",
        "floatx": "float32",
        "layout": "channels_last",
        "weights": str(home / "models"),
    }
