"""Repositories that are not ours: a test with `slim` in each, their own tests undisturbed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.user_models.colours import colour_model, pictures
from tests.wheel.environments import Environment

SHIPS = """
def test_ships(slim):
    slim("mine.tflite", data="photos/", size_mb_max=5, accuracy_top1_min=0.9,
         latency_ratio_max=20, reference="float.tflite")
"""

OWN_TEST = "def test_own(): assert True\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a model, its reference and photographs."""
    return make_repository(tmp_path / "dépôt of mine")


def make_repository(folder: Path) -> Path:
    (folder / "tests").mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\nfilterwarnings = 'error'\n")
    colour_model(folder / "mine.tflite")
    colour_model(folder / "float.tflite")
    pictures(folder / "photos", 4)
    (folder / "tests" / "test_ships.py").write_text(SHIPS)
    return folder


def histories(repository: Path) -> list[dict[str, object]]:
    files = sorted((repository / "results").glob("*/0*.json"))
    return [json.loads(file.read_text()) for file in files]


@pytest.fixture(scope="module")
def tested(
    plain: Environment, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A repository whose test has run once, for copying, and what that printed."""
    repository = make_repository(tmp_path_factory.mktemp("tested") / "dépôt [1] of mine")
    command = ("python", "-m", "pytest", "-p", "no:randomly", "tests")
    return repository, plain.run(repository, *command)


def test_a_plain_repository_gets_a_test_a_table_and_a_gate(
    plain: Environment, tested: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    original, done = tested
    assert done.returncode == 0, done.stdout
    assert "slimbench: own" in done.stdout
    assert "| mine" in done.stdout
    repository = shutil.copytree(original, tmp_path / original.name)
    (history,) = histories(repository)
    own = history["slimbench"]
    assert isinstance(own, dict)
    assert own["status"] == "complete"
    assert {row["budget"]: row["verdict"] for row in own["budgets"]} == {
        "size_mb_max": "pass",
        "accuracy_top1_min": "pass",
        "latency_ratio_max": "pass",
    }
    done = plain.run(repository, "slimbench", "promote", "latest", "--reason", "the first")
    assert done.returncode == 0, done.stderr
    done = plain.run(repository, "slimbench", "gate")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("pass: ")
    for command in (["history", "mine", "size_bytes"], ["runs"], ["report"]):
        done = plain.run(repository / "tests", "slimbench", *command)
        assert done.returncode == 0, done.stderr
        assert "mine" in done.stdout or command == ["runs"]


def test_a_worse_model_is_red_by_its_name(
    plain: Environment, tested: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    repository = shutil.copytree(tested[0], tmp_path / "dépôt of mine")
    plain.run(repository, "slimbench", "promote", "latest", "--reason", "the first")
    colour_model(repository / "mine.tflite", ("green", "red", "blue"))
    done = plain.run(repository, "python", "-m", "pytest", "-p", "no:randomly", "-q", "tests")
    assert done.returncode == 1
    assert "mine: accuracy_top1 is 0, under its limit accuracy_top1_min = 0.9" in done.stdout
    assert len(histories(repository)) == 2  # a broken budget does not take the figures along
    done = plain.run(repository, "slimbench", "compare", "1", "2", "--format=csv")
    assert done.returncode == 0, done.stderr
    assert "mine" in done.stdout
    done = plain.run(repository, "slimbench", "gate", "--format=json")
    assert done.returncode == 1, done.stderr
    verdicts = {case["metric"]: case["verdict"] for case in json.loads(done.stdout)["cases"]}
    assert verdicts["accuracy_top1"] == "regression"
    assert verdicts["size_bytes"] == "pass"


def test_beside_xdist_cov_and_random_order_it_measures_alone_or_says_that_it_cannot(
    plain: Environment, repository: Path
) -> None:
    (repository / "src" / "mine").mkdir(parents=True)
    (repository / "src" / "mine" / "__init__.py").write_text("ANSWER = 42\n")
    (repository / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\naddopts = "-n 2 --import-mode=importlib"\npythonpath = "src"\n'
    )
    (repository / "conftest.py").write_text(
        "import pytest\n@pytest.fixture\ndef answer():\n    import mine\n    return mine.ANSWER\n"
    )
    (repository / "tests" / "test_own.py").write_text(
        "import pytest\n@pytest.mark.parametrize('n', range(20))\n"
        "def test_own(n, answer): assert answer == 42\n"
        "def test_fast(benchmark): benchmark(sum, [1, 2])\n"
    )
    done = plain.run(repository, "python", "-m", "pytest")
    assert done.returncode == 1, done.stdout
    assert "21 passed" in done.stdout
    assert "slim cannot measure under xdist" in done.stdout
    assert histories(repository) == []
    done = plain.run(repository, "python", "-m", "pytest", "-n", "0", "--cov=mine")
    assert done.returncode == 0, done.stdout
    assert "22 passed" in done.stdout
    assert len(histories(repository)) == 1


def test_packages_called_bench_and_fixtures_stay_the_repositorys(
    plain: Environment, repository: Path
) -> None:
    for name in ("bench", "fixtures"):
        (repository / name).mkdir()
        (repository / name / "__init__.py").write_text(f"NAME = {name!r}\n")
    (repository / "tests" / "test_own.py").write_text(
        "import bench, fixtures\n"
        "def test_own(): assert (bench.NAME, fixtures.NAME) == ('bench', 'fixtures')\n"
    )
    done = plain.run(repository, "python", "-m", "pytest", "tests")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    model = "--model=mine=mine.tflite"
    done = plain.run(repository, "slimbench", "run", model, "--data=photos", "--lang=en")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(histories(repository)) == 2
    done = plain.run(repository, "slimbench", "init", "--model", "mine.tflite")
    assert done.returncode == 2
    assert f"{repository / 'bench'} and {repository / 'fixtures'} exist already" in done.stderr
    assert not (repository / "conftest.py").exists()


def test_a_session_without_it_gains_nothing(plain: Environment, repository: Path) -> None:
    (repository / "tests" / "test_ships.py").write_text(
        "import sys\n"
        "HEAVY = ('numpy', 'scipy', 'matplotlib', 'ai_edge_litert', 'tensorflow', 'babel')\n"
        "def test_light(): assert [name for name in HEAVY if name in sys.modules] == []\n"
    )
    (repository / ".benchmarks").mkdir()  # which pytest-benchmark makes
    before = sorted(repository.rglob("*"))
    command = ("python", "-B", "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider")
    done = plain.run(repository, *command, "tests")
    assert done.returncode == 0, done.stdout
    assert sorted(repository.rglob("*")) == before
    assert "slimbench: own" not in done.stdout


def test_all_its_options_have_the_prefix_and_it_can_be_left_out(
    plain: Environment, repository: Path
) -> None:
    def options(*arguments: str) -> set[str]:
        done = plain.run(repository, "python", "-m", "pytest", "--help", *arguments)
        words = done.stdout.replace("=", " ").replace(",", " ").split()
        return {word for word in words if word.startswith("--")}

    added = options() - options("-p", "no:slimbench")
    assert added
    assert all(option.startswith("--slimbench-") for option in added)
    done = plain.run(repository, "python", "-m", "pytest", "-p", "no:slimbench", "tests")
    assert "fixture 'slim' not found" in done.stdout


REFUSED = {
    "slim('mine.tflite', size_max=3)": "there is no budget 'size_max': size comes in bytes",
    "slim('mine.tflite', size_mb_max='3')": "size_mb_max must be a number, not '3'",
    "slim('mine.tflite', accuracy_top1_min=90)": "write 95 % as 0.95",
    "slim('gone.tflite')": "There is no model",
    "slim('mine.tflite', data='tests')": "tests",
    "slim('mine.tflite', data='gone')": "gone",
    "slim('mine.tflite', latency_ratio_max=1)": "name its file, reference='float.tflite'",
    "slim('mine.tflite', accuracy_top1_min=0.5)": "name them, data='photos/'",
    "slim('mine.tflite', threads=0)": "threads=0: must be a whole number from 1",
    "slim('mine.tflite', pixels='rgb')": "pixels='rgb': there is 'raw'",
    "slim('mine.tflite'); slim('float.tflite')": "slim measures one model a test",
}
"""Calls that cannot be, each with what is said of it."""


def test_what_cannot_be_is_a_sentence_that_names_it(plain: Environment, repository: Path) -> None:
    (repository / "tests" / "test_ships.py").write_text(
        "".join(f"def test_{n}(slim):\n    {call}\n" for n, call in enumerate(REFUSED))
    )
    options = ("-p", "no:randomly", "--junitxml=report.xml")
    done = plain.run(repository, "python", "-m", "pytest", *options, "tests")
    assert done.returncode == 1
    assert "Traceback" not in done.stdout
    assert "During handling" not in done.stdout
    report = ElementTree.parse(repository / "report.xml")  # noqa: S314 - our pytest wrote it
    cases = report.getroot().iter("testcase")
    for case, (call, sentence) in zip(cases, REFUSED.items(), strict=True):
        failure = case.find("failure")
        assert failure is not None, call
        assert sentence in (failure.text or ""), call


def test_two_models_of_one_name_are_said(plain: Environment, repository: Path) -> None:
    (repository / "tests" / "test_ships.py").write_text(
        "def test_one(slim): slim('mine.tflite')\n"
        "def test_two(slim): slim('mine.tflite')\n"
        "def test_three(slim): slim('mine.tflite', name='another')\n"
    )
    done = plain.run(repository, "python", "-m", "pytest", "-p", "no:randomly", "tests")
    assert "Two models are called 'mine', here and in tests/test_ships.py::test_one" in done.stdout
    assert "1 failed, 2 passed" in done.stdout


def test_budgets_may_come_from_a_file(plain: Environment, repository: Path) -> None:
    (repository / "limits.toml").write_text("[own.mine]\nsize_mb_max = 0.00001\n")
    (repository / "tests" / "test_ships.py").write_text(
        "def test_ships(slim): slim('mine.tflite', budgets='limits.toml')\n"
    )
    done = plain.run(repository, "python", "-m", "pytest", "-p", "no:randomly", "tests")
    assert done.returncode == 1
    assert "over its limit size_mb_max = 0.00001" in done.stdout
