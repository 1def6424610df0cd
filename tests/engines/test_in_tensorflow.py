"""The engines that need TensorFlow, each asked in a child process that imports it."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy.special import softmax

from slimbench import engines
from slimbench.paths import CODE


@pytest.fixture(scope="module")
def child(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    done = subprocess.run(
        [sys.executable, "-m", "tests.engines.in_tensorflow", str(folder)],
        cwd=CODE,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def told(child):
    return json.loads(child.stdout.splitlines()[-1])


def test_they_are_listed_without_importing_tensorflow():
    assert {"tflite", "keras"} <= set(engines.names())
    for name in ("tflite", "keras"):
        assert engines.get(name).needs_tensorflow
        assert engines.get(name).disturbs_others
    assert engines.get("keras").takes == "keras"
    assert engines.get("tflite").takes == engines.get("litert").takes == "tflite"


def test_tensorflow_does_not_chatter(child):
    said = [line for line in child.stderr.splitlines() if line]
    # The delegate's own line, which every interpreter writes straight to the descriptor.
    assert [line for line in said if "XNNPACK delegate" not in line] == []
    assert len(child.stdout.splitlines()) == 1


@pytest.mark.parametrize("model", ["float raw", "float caffe", "int8 raw", "int8 caffe"])
def test_tensorflows_interpreter_answers_as_litert_does(told, model):
    litert, tflite = told["tflite"][model]
    np.testing.assert_allclose(tflite, litert, rtol=1e-5)
    assert len(set(litert)) > 1


def test_tensorflows_interpreter_names_what_it_cannot_run(told):
    assert "float.tflite" in told["tflite"]["operator"]
    assert "EdgeDetectorFromNowhere" in told["tflite"]["operator"]
    assert "tf.lite.Interpreter cannot run" in told["tflite"]["no model"]
    assert "text.tflite" in told["tflite"]["no model"]


def test_keras_answers_with_the_probabilities_of_its_logits(told):
    keras = told["keras"]
    np.testing.assert_allclose(
        keras["scores"], softmax(np.array(keras["logits"]), axis=-1), atol=1e-6
    )
    assert not np.allclose(keras["scores"][0], keras["scores"][1])
    assert keras["input_shape"] == [1, 16, 16, 3]
    assert keras["precision"] == "float32"


def test_keras_refuses_what_holds_no_network(told):
    nowhere, broken = told["keras"]["untrained"]
    assert "nowhere holds no trained network: there is no network.json" in nowhere
    assert "broken" in broken
    assert "Keras cannot run" in broken


def test_keras_says_what_was_used_wrongly(told):
    keras = told["keras"]
    assert "before the first invocation" in keras["early"]
    assert "uint8 images of shape (16, 16, 3)" in keras["image"]
    assert "closed" in keras["closed"]


def test_keras_takes_one_number_of_threads_a_process(told):
    assert told["keras"]["again"] == "it was not refused"
    refusal = told["keras"]["threads"]
    assert "with 2 threads: TensorFlow has computed with 1 in this process" in refusal
    assert "--engines keras --threads 2" in refusal
