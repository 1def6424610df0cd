"""A suite of one's own, written by `slimbench init` into repositories of several kinds."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from slimbench.paths import CODE
from tests.tiny_models import Quantized
from tests.user_models.colours import colour_model, pictures
from tests.wheel.environments import Environment, make_environment

EXTENSIONS = {
    "bench/metrics/first_byte.py": """
from slimbench.spec import Metric


class FirstByte:
    keys = ("first_byte",)
    group = "size"
    kind = "other"

    def read(self, subject):
        return {"first_byte": subject.model.read_bytes()[0]}


METRICS: tuple[Metric, ...] = (FirstByte(),)
""",
    "bench/steps/append.py": """
import shutil
from dataclasses import dataclass

from slimbench.spec import MODEL_FILE, Step


@dataclass(frozen=True, slots=True)
class AppendZeros(Step):
    source: Step
    zeros: int

    def run(self, place):
        shutil.copytree(place.inputs[0], place.out, dirs_exist_ok=True)
        with (place.out / MODEL_FILE).open("ab") as file:
            file.write(bytes(self.zeros))
""",
    "bench/variants/longer.py": """
from slimbench.spec import Variant

from ..steps.append import AppendZeros
from .mine import make_variants as mine


def make_variants(dataset, choices):
    return tuple(
        Variant("mine_longer", dataset, AppendZeros(each.chain, 1000), evaluation=each.evaluation)
        for each in mine(dataset, choices)[:1]
    )
""",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "mine é"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\ntestpaths = 'tests'\n")
    colour_model(folder / "mine.tflite")
    pictures(folder / "photos", 4)
    return folder


def init(environment: Environment, repository: Path, *options: str) -> str:
    done = environment.run(
        repository, "slimbench", "init", "--model=mine.tflite", "--data=photos", *options
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def bench(environment: Environment, repository: Path, *options: str) -> dict[str, object]:
    """Run the suite in a repository; return its newest history."""
    done = environment.run(
        repository, "python", "-m", "pytest", "bench", "-p", "no:randomly", *options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    newest = max((repository / "results").glob("*/*.json"))
    content: dict[str, object] = json.loads(newest.read_text())
    return content


def measured(history: dict[str, object]) -> set[str]:
    benchmarks = history["benchmarks"]
    assert isinstance(benchmarks, list)
    return {benchmark["extra_info"]["variant"] for benchmark in benchmarks}


def test_a_suite_measures_the_model_and_quantised_forms_are_visibly_missing(
    plain: Environment, repository: Path
) -> None:
    said = init(plain, repository)
    assert 'slimbench promote latest --profile=mine --reason "the first"' in said
    history = bench(plain, repository)
    assert measured(history) == {"mine"}
    own = history["slimbench"]
    assert isinstance(own, dict)
    assert {missing["variant"] for missing in own["missing"]} == {
        "mine_f16",
        "mine_dynamic_wi8",
        "mine_static_wi8_ai8",
    }
    assert all("slimbench[build]" in missing["reason"] for missing in own["missing"])


def test_a_folder_without_any_configuration_is_enough(plain: Environment, tmp_path: Path) -> None:
    (tmp_path / "bare" / ".git").mkdir(parents=True)
    colour_model(tmp_path / "bare" / "mine.tflite")
    done = plain.run(tmp_path / "bare", "slimbench", "init", "--model=mine.tflite")
    assert done.returncode == 0, done.stderr
    assert measured(bench(plain, tmp_path / "bare")) == {"mine"}


def test_its_python_files_are_the_checkouts(plain: Environment, repository: Path) -> None:
    init(plain, repository)
    for pattern in ("bench/*.py", "fixtures/*.py", "conftest.py"):
        for path in CODE.glob(pattern):
            written = repository / path.relative_to(CODE)
            assert written.read_bytes() == path.read_bytes()


def test_a_second_time_nothing_is_overwritten(plain: Environment, repository: Path) -> None:
    init(plain, repository)
    before = {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}
    done = plain.run(repository, "slimbench", "init", "--model=mine.tflite")
    assert done.returncode == 2
    assert f"{repository / 'bench'} and {repository / 'fixtures'} exist already" in done.stderr
    assert {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()} == before


def test_a_conftest_and_a_folder_of_fixtures_of_ones_own_stay(
    plain: Environment, repository: Path
) -> None:
    (repository / "conftest.py").write_text("VALUE = 1\n")
    (repository / "fixtures").mkdir()
    (repository / "fixtures" / "own.txt").write_text("mine")
    refused = plain.run(repository, "slimbench", "init", "--model=mine.tflite")
    assert refused.returncode == 2
    assert "Name another folder for the fixtures with --fixtures-dir" in refused.stderr
    said = init(plain, repository, "--fixtures-dir=slim_fixtures")
    assert (repository / "conftest.py").read_text() == "VALUE = 1\n"
    lines = said[said.index("import sys") : said.index("Next, in")]
    (repository / "conftest.py").write_text(f"VALUE = 1\n{lines}")
    assert measured(bench(plain, repository, "--import-mode=importlib")) == {"mine"}


def test_a_variant_a_metric_and_a_step_of_ones_own_are_files_in_the_suite(
    plain: Environment, repository: Path
) -> None:
    init(plain, repository)
    for name, text in EXTENSIONS.items():
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text(text)
    profiles = repository / "bench" / "profiles.toml"
    profiles.write_text(profiles.read_text().replace('"mine",\n', '"mine",\n    "mine_longer",\n'))
    history = bench(plain, repository)
    assert measured(history) == {"mine", "mine_longer"}
    benchmarks = history["benchmarks"]
    assert isinstance(benchmarks, list)
    infos = {each["extra_info"]["variant"]: each["extra_info"] for each in benchmarks}
    assert infos["mine_longer"]["size_bytes"] == infos["mine"]["size_bytes"] + 1000
    first = (repository / "mine.tflite").read_bytes()[0]
    assert {info["first_byte"] for info in infos.values()} == {first}


def test_a_file_of_the_suite_that_cannot_be_imported_is_named(
    plain: Environment, repository: Path
) -> None:
    init(plain, repository)
    (repository / "bench" / "variants" / "broken.py").write_text("import no_such_module\n")
    done = plain.run(repository, "python", "-m", "pytest", "bench")
    assert done.returncode == 4
    assert "broken.py cannot be imported: ModuleNotFoundError" in done.stdout + done.stderr


def test_a_quantised_model_has_no_quantised_variants(plain: Environment, repository: Path) -> None:
    colour_model(repository / "mine.tflite", quantized=Quantized("int8", 1 / 255, -128))
    init(plain, repository)
    history = bench(plain, repository)
    assert measured(history) == {"mine"}
    own = history["slimbench"]
    assert isinstance(own, dict)
    assert own["missing"] == []


@pytest.mark.slow
def test_with_the_extra_every_form_is_measured(
    wheel: Path, repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "building").mkdir()
    environment = make_environment(tmp_path / "building", wheel, ["build"], ["pytest-randomly"])
    init(environment, repository)
    assert measured(bench(environment, repository)) == {
        "mine",
        "mine_f16",
        "mine_dynamic_wi8",
        "mine_static_wi8_ai8",
    }


@pytest.mark.slow
def test_an_editable_install_writes_the_same_suite(
    plain: Environment, repository: Path, tmp_path: Path
) -> None:
    """The environment of the tests is one."""
    from_wheel = tmp_path / "from_wheel"
    repository.rename(from_wheel)
    init(plain, from_wheel)
    written = {
        path.relative_to(from_wheel): path.read_bytes()
        for pattern in ("bench/**/*", "fixtures/*", "conftest.py")
        for path in from_wheel.glob(pattern)
        if path.is_file()
    }
    for name in ("mine.tflite", "photos", "pyproject.toml"):
        (from_wheel / name).rename(tmp_path / name)
    editable = Environment(Path(sys.executable).parent.parent, tmp_path)
    target = tmp_path / "from_editable"
    target.mkdir()
    for name in ("mine.tflite", "photos", "pyproject.toml"):
        (tmp_path / name).rename(target / name)
    init(editable, target)
    for name, content in written.items():
        assert (target / name).read_bytes() == content
