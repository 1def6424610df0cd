"""`slimbench serve` as a user starts it, with the model that comes with the project."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from slimbench.errors import UsageProblem
from slimbench.paths import CODE
from slimbench.webapp import server
from slimbench.webapp.manifest import read_manifest
from slimbench.webapp.openapi import document
from slimbench.webapp.settings import Settings
from slimbench.webapp.supervisor import listen
from tests.datasets.photos.pictures import encoded

PATIENCE = 60.0

BUILDING = (
    "tensorflow",
    "tf_keras",
    "sklearn",
    "litert_quantizer",
    "tensorflow_model_optimization",
)
TESTING = ("pytest", "_pytest", "hypothesis", "matplotlib", "scipy")

BARE = f"""
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BUILDING + TESTING!r}:
            raise ImportError(f"{{name}} is not installed here")

sys.meta_path.insert(0, Refuse())
"""
"""What makes a Python one where nothing but serving is installed."""

PICTURE = encoded(Image.linear_gradient("L"))
BODY = json.dumps({"image": base64.b64encode(PICTURE).decode()})
JSON = {"Content-Type": "application/json"}


def test_the_bare_python_is_bare(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BARE)
    for name in ("tensorflow", "scipy"):
        done = subprocess.run(
            [sys.executable, "-c", f"import {name}"],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert f"{name} is not installed here" in done.stderr


class Served:
    """A running `slimbench serve`."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        bare = folder / "bare"
        bare.mkdir()
        (bare / "sitecustomize.py").write_text(BARE)
        self.errors = folder / "errors"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "slimbench.cli", "serve", "--port=0", *arguments],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": f"{bare}{os.pathsep}{CODE}"},
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        assert self.line, self.errors.read_text()
        self.port = int(self.line.split("127.0.0.1:")[1].split()[0])

    def server(self) -> psutil.Process:
        (child,) = psutil.Process(self.process.pid).children()
        return child

    def ask(self, method: str, path: str, **options: Any) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, **options)
            response = connection.getresponse()
            return response.status, response.read()

    def predict(self) -> tuple[int, dict[str, Any]]:
        status, body = self.ask("POST", "/predict", body=BODY, headers=JSON)
        return status, json.loads(body)

    def log(self) -> list[dict[str, Any]]:
        return [
            json.loads(line)
            for line in self.errors.read_text().splitlines()
            if line.startswith("{")
        ]

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    yield served
    served.close()


def test_it_serves_where_nothing_for_building_or_testing_is_installed(served: Served) -> None:
    assert served.line == f"Serving at http://127.0.0.1:{served.port} (Ctrl-C ends it).\n"
    status, found = served.predict()
    assert status == 200
    whole = document(Settings())
    Draft202012Validator({"$ref": "#/components/schemas/Prediction", **whole}).validate(found)
    stable = read_manifest().stable
    assert found["model"]["sha256"] == stable.sha256
    assert len(found["all_scores"]) == len(stable.classes)
    assert served.ask("GET", "/readyz")[0] == 200
    assert served.end() == 0
    requests = [line for line in served.log() if line["message"] == "request"]
    assert [line["outcome"] for line in requests if line["path"] == "/predict"] == ["ok"]
    assert served.log()[-1]["message"] == "Ended."
    assert BODY[20:60] not in served.errors.read_text()


def test_a_killed_server_is_soon_back(served: Served) -> None:
    assert served.predict()[0] == 200
    for what in (signal.SIGSEGV, signal.SIGKILL):
        first = served.server()
        first.send_signal(what)
        first.wait(PATIENCE)
        status = served.predict()[0]  # the connection waits for the next
        deadline = time.monotonic() + PATIENCE
        while status == 503 and time.monotonic() < deadline:  # which warms up
            time.sleep(0.05)
            status = served.predict()[0]
        assert status == 200
        assert served.server().pid != first.pid
    assert "The server crashed (SIGKILL); starting another." in served.errors.read_text()
    assert served.end() == 0


def test_a_signal_under_load_loses_nothing_that_was_accepted(served: Served) -> None:
    statuses: list[int] = []
    broken: list[str] = []
    begun = threading.Semaphore(0)

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            while True:
                try:
                    connection.connect()
                except ConnectionError:
                    return  # the socket is closed: nothing was accepted
                try:
                    connection.request("POST", "/predict", BODY, JSON)
                    response = connection.getresponse()
                    response.read()
                except (ConnectionError, http.client.HTTPException) as error:
                    broken.append(repr(error))
                    return
                statuses.append(response.status)
                begun.release()
                connection.close()

    clients = [threading.Thread(target=client) for _ in range(6)]
    for each in clients:
        each.start()
    for _ in range(60):
        assert begun.acquire(timeout=PATIENCE)
    assert served.end() == 0
    for each in clients:
        each.join(PATIENCE)
    accepted = [line for line in served.log() if line.get("outcome") == "ok"]
    assert statuses.count(200) == len(accepted)
    assert set(statuses) <= {200, 503}


def test_both_processes_end_on_ctrl_c(served: Served) -> None:
    child = served.server()
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(PATIENCE) == 0
    assert not child.is_running()


def said(*arguments: str, **environment: str) -> str:
    """Return what a `slimbench serve` that cannot serve says."""
    done = subprocess.run(
        [sys.executable, "-m", "slimbench.cli", "serve", *arguments],
        cwd=CODE,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_port_that_is_taken_is_said() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        message = said(SLIMBENCH_SERVE_PORT=str(port))
    assert message.startswith(f"slimbench serve: Port {port} of 127.0.0.1 is taken by another")
    assert "--port" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--manifest=none.toml",), "none.toml"),
        (("--port=70000",), "--port must be from 0 to 65535"),
        (("--port=0", "--variant=x"), "--profile"),
        (("--port=0", "--profile=nothing_like_that"), "nothing_like_that"),
        (("--port=0", "--host=192.0.2.7"), "192.0.2.7 is no address of this machine"),
        (("--port=0", "--host=no such host"), "There is no address 'no such host'"),
    ],
)
def test_what_cannot_be_served_is_said_once(arguments: tuple[str, ...], message: str) -> None:
    found = said(*arguments)
    assert message in found
    assert found.count("slimbench serve:") == 1


def test_a_server_has_imported_nothing_that_it_does_not_need() -> None:
    program = f"""
import sys
import slimbench.webapp.server, slimbench.webapp.page
heavy = {(*BUILDING, *TESTING)!r}
print(sorted(set(heavy) & set(sys.modules)), "flask" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=CODE, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[] True"


def test_the_supervisor_imports_nothing_that_could_crash() -> None:
    program = """
import sys
import slimbench.webapp.supervisor
print(sorted({"flask", "granian", "numpy", "PIL", "ai_edge_litert"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=CODE, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_any_free_port_can_be_had_on_either_kind_of_address() -> None:
    with listen(Settings(port=0)) as first, listen(Settings(port=0)) as second:
        assert first.getsockname()[1] != second.getsockname()[1]
    if socket.has_ipv6:
        with contextlib.suppress(UsageProblem), listen(Settings(port=0, host="::1")) as third:
            assert third.family == socket.AF_INET6


def test_there_are_no_more_connections_than_files(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"set": (0, 0), "now": (64, 200)}
    monkeypatch.setattr(server.resource, "getrlimit", lambda _: limits["now"])
    monkeypatch.setattr(
        server.resource, "setrlimit", lambda _, asked: limits.__setitem__("set", asked)
    )
    assert server.with_files(Settings(connections=512)).connections == 200 - server.SPARE_FILES
    assert limits["set"] == (200, 200)
    assert server.with_files(Settings(connections=100)).connections == 100
    limits["now"] = (4096, 4096)
    assert server.with_files(Settings(connections=512)).connections == 512
