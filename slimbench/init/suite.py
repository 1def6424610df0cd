"""Planning and writing a suite of one's own into a project.

The Python files are the reference suite's own; profile, budgets, variants and workflow are made for
the project. Nothing that exists is changed: all is planned first, and written only if it fits.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from slimbench.atomic_write import write_text
from slimbench.errors import UsageProblem
from slimbench.paths import REFERENCE
from slimbench.steps.own_file import form_of
from slimbench.user_models.model_file import inspect, precision
from slimbench.user_models.prepare import dataset_name

FIXTURES = "fixtures"
"""The folder of fixtures in the reference suite, by whose name its files import each other."""

QUANTISED = ("f16", "dynamic_wi8", "static_wi8_ai8")

TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True, slots=True)
class Suite:
    """What `slimbench init` writes: texts by path, and what its user has to do by hand."""

    profile: str
    """To begin with."""
    files: Mapping[Path, str] = field(default_factory=dict)
    advice: tuple[str, ...] = ()

    def write(self) -> None:
        """Write every file; folders that are missing are made."""
        for path, text in self.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, text)


def plan_suite(
    project: Path, model: Path | None, data: Path | None, fixtures: str = FIXTURES
) -> Suite:
    """Return the suite for a project, without writing anything.

    Args:
        project: the folder that gets `bench/`, the fixtures and `conftest.py`.
        model: what is measured; None gives the variants of the reference suite.
        data: a folder or archive of images to score on.
        fixtures: what the folder of fixtures is called.

    Raises:
        UsageProblem: A folder is taken, or the model or the data cannot be used.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", fixtures):
        raise UsageProblem(
            f"--fixtures-dir {fixtures!r}: Python cannot import a folder of that name. Use "
            "letters, digits and '_', beginning with a letter."
        )
    _refuse_clashes(project, fixtures)
    if data is not None and not data.exists():
        raise UsageProblem(f"There is no {data}. Name the folder or archive of the images.")
    files = dict(_python_files(project, fixtures))
    if model is None:
        profile = "quick"
        files.update(_reference_variants(project))
    else:
        profile = name_of(model)
        files.update(_measured(project, profile, model, data))
        files[project / "bench" / "gate.toml"] = _reference("bench/gate.toml")
    workflow = project / ".github" / "workflows" / "slimbench.yml"
    if not workflow.exists():
        files[workflow] = (TEMPLATES / "workflow.yml").read_text(encoding="utf-8")
    advice = []
    conftest = project / "conftest.py"
    text = _renamed(_reference("conftest.py"), fixtures)
    if conftest.exists():
        lines = text[text.index("import sys") :].rstrip()
        advice.append(f"{conftest} is there already. Add to it:\n\n{lines}")
    else:
        files[conftest] = text
    configurations = list(_configurations(project))
    if not configurations:
        # Without such a file pytest would take bench/ for its root and not find conftest.py.
        files[project / "pytest.ini"] = "[pytest]\ntestpaths = tests\n"
    elif not any("testpaths" in text for text in configurations):
        advice.append(
            "A plain `pytest` would run the benchmarks with your tests. To keep them apart, set in "
            'pyproject.toml:\n\n[tool.pytest.ini_options]\ntestpaths = ["tests"]'
        )
    return Suite(profile, files, tuple(advice))


def _configurations(project: Path) -> Iterator[str]:
    """Yield the texts of the files in which pytest looks for its configuration."""
    for name in ("pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg"):
        if (project / name).is_file():
            yield (project / name).read_text(encoding="utf-8", errors="replace")


def _refuse_clashes(project: Path, fixtures: str) -> None:
    clashes = [project / name for name in ("bench", fixtures) if (project / name).exists()]
    if not clashes:
        return
    way_out = (
        "Name another folder for the fixtures with --fixtures-dir."
        if clashes == [project / fixtures]
        else "A suite lies in bench/: move what is there, or stand in another folder."
    )
    raise UsageProblem(
        f"{' and '.join(map(str, clashes))} exist{'s' if len(clashes) == 1 else ''} already, so "
        f"nothing was written. {way_out}"
    )


def _python_files(project: Path, fixtures: str) -> Iterator[tuple[Path, str]]:
    for path in sorted((REFERENCE / "bench").glob("*.py")):
        yield project / "bench" / path.name, _reference(f"bench/{path.name}")
    for path in sorted((REFERENCE / FIXTURES).glob("*.py")):
        text = _renamed(_reference(f"{FIXTURES}/{path.name}"), fixtures)
        yield project / fixtures / path.name, text


def _reference_variants(project: Path) -> Iterator[tuple[Path, str]]:
    """Yield the reference suite's own profiles, budgets, limits and variants."""
    folder = REFERENCE / "bench"
    for path in sorted([*folder.glob("*.toml"), *folder.glob("variants/*.py")]):
        name = path.relative_to(folder)
        yield project / "bench" / name, _reference(f"bench/{name.as_posix()}")


def _renamed(text: str, fixtures: str) -> str:
    """Return a file's text with its imports of the fixtures by another name."""
    return re.sub(rf"(?<=from ){FIXTURES}(?=\.)|(?<=\"){FIXTURES}(?=\.)", fixtures, text)


def _reference(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def name_of(model: Path) -> str:
    """Return what a model is called: its file's name, made one that Python can import."""
    name = re.sub(r"\W+", "_", model.stem, flags=re.ASCII).strip("_")
    return name if name[:1].isalpha() else f"model_{name}".rstrip("_")


def _measured(
    project: Path, name: str, model: Path, data: Path | None
) -> Iterator[tuple[Path, str]]:
    """Yield the profile, the budgets and the variants of a model."""
    bench = project / "bench"
    form = form_of(model)
    dataset = dataset_name(data)
    precisions = QUANTISED if form != "tflite" or _is_float(model) else ()
    bare = name.removesuffix("_f32")
    variants = [name, *(f"{bare}_{precision}" for precision in precisions)]
    yield (
        bench / "variants" / f"{name}.py",
        _template(
            "variants.py",
            name=name,
            model=_in_python(project, model),
            data="None" if data is None else _in_python(project, data),
            dataset=dataset,
            steps="".join(f'"quantize({precision})", ' for precision in precisions).rstrip(),
        ),
    )
    listed = "".join(f'    "{variant}",\n' for variant in variants)
    yield (
        bench / "profiles.toml",
        _template("profiles.toml", name=name, dataset=dataset, reference=name, variants=listed),
    )
    limits = ""
    if form == "tflite":
        most = math.ceil(model.stat().st_size / 2**20 * 100) / 100
        limits = f"\n[{name}.{name}]\nsize_mb_max = {most}  # what it has today, rounded up"
    yield (
        bench / "budgets.toml",
        _template("budgets.toml", profile=name, quantised=variants[-1], limits=limits),
    )


def _is_float(model: Path) -> bool:
    """Tell whether a .tflite file is a float one, which can be quantised."""
    return inspect(model, called=model).is_float and precision(model) in (None, "f32")


def _in_python(project: Path, path: Path) -> str:
    """Return an expression for a path: relative to the project where it lies in it."""
    path, project = path.expanduser().resolve(), project.resolve()
    if path.is_relative_to(project):
        return f"PROJECT / {json.dumps(path.relative_to(project).as_posix())}"
    return f"Path({json.dumps(str(path))})"


def _template(file: str, **values: str) -> str:
    text = (TEMPLATES / f"{file}.txt").read_text(encoding="utf-8")
    return Template(text).substitute(values)
