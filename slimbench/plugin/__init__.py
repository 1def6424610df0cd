"""The pytest plugin: the fixture `slim`, with which a test of one's own measures a model.

A session that does not use it gains nothing from it: it adds a few options that begin with
`--slimbench-`, and what measures is imported when the fixture is called.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from slimbench.pytest_suite.pytest_session import hiding_option
from slimbench.report.words import LANGUAGES

if TYPE_CHECKING:
    from slimbench.plugin.session import SlimSession

_SESSION = pytest.StashKey["SlimSession"]()

DESELECTED = pytest.StashKey[bool]()
"""Whether a test that measures a model was left out, such as by `-k`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the fixture."""
    group = parser.getgroup("slimbench", "models measured with the fixture slim")
    group.addoption(
        "--slimbench-results",
        type=Path,
        metavar="DIR",
        help="where the history is saved (default: results/ of the project)",
    )
    group.addoption(
        "--slimbench-profile", default="own", metavar="NAME", help="what the history calls the run"
    )
    group.addoption(
        "--slimbench-budgets",
        type=Path,
        metavar="FILE",
        help="a file with budgets of the models, in tables such as [own.mine]",
    )
    group.addoption(
        "--slimbench-lang", choices=LANGUAGES, help="language of the table (default: the locale)"
    )


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Remember that a model was left out: the history of such a session is partial."""
    for item in items:
        if measures_model(item):
            item.config.stash[DESELECTED] = True


def measures_model(item: pytest.Item) -> bool:
    """Tell whether a test uses the fixture `slim`."""
    return "slim" in getattr(item, "fixturenames", ())


@pytest.fixture
def slim(request: pytest.FixtureRequest) -> Slim:
    """Measure a model and hold it to budgets; see `Slim.__call__`."""
    return Slim(request)


class Slim:
    """Measures one model in one test."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        self._measured = ""

    def __call__(  # noqa: PLR0913 - what can be said about a model
        self,
        model: str | Path,
        *,
        data: str | Path | None = None,
        reference: str | Path | None = None,
        name: str | None = None,
        labels: str | Path | None = None,
        pixels: Any = None,
        images: int = 5000,
        threads: int = 1,
        budgets: str | Path | None = None,
        **limits: float,
    ) -> None:
        """Measure a model as `slimbench run` does; fail with a sentence for each broken budget.

        Paths are relative to pytest's root folder.

        Args:
            model: a .tflite file; .keras, .h5 and SavedModels need the extra `build`.
            data: a folder or archive with a folder of images for each class, to score on.
            reference: the model that ratios and drops are against.
            name: what the history calls the model, by default the file's name.
            labels: a file with the model's classes, one a line.
            pixels: what the model expects of RGB pixels 0-255, such as "0..1".
            images: how many images are scored at most.
            threads: of the runtime.
            budgets: a file with budgets, in place of limits here.
            **limits: budgets by name, such as `size_mb_max=5` or `accuracy_top1_min=0.9`.
        """
        __tracebackhide__ = True
        config = self._request.config
        if self._measured:
            pytest.fail(
                f"slim measures one model a test, here {self._measured} already: write a test for "
                "each, or parametrise it.",
                pytrace=False,
            )
        if problem := _hindrance(config):
            pytest.fail(problem, pytrace=False)
        from slimbench.errors import UsageProblem  # noqa: PLC0415 - here it is needed, see above
        from slimbench.plugin.session import ModelTest, name_of  # noqa: PLC0415

        def path(given: str | Path | None) -> Path | None:
            return None if given is None else config.rootpath / Path(given).expanduser()

        file = config.rootpath / Path(model).expanduser()
        self._measured = name or name_of(file)
        test = ModelTest(
            path=file,
            name=self._measured,
            reference=path(reference),
            data=path(data),
            labels=path(labels),
            pixels=pixels,
            images=images,
            threads=threads,
            budget_file=path(budgets or config.getoption("--slimbench-budgets")),
            limits=limits,
        )
        try:
            sentences = _session(config).measure(
                test,
                lambda: self._request.getfixturevalue("benchmark"),
                self._request.node.nodeid,
            )
        except (UsageProblem, ValueError) as problem:
            sentences = [f"slim({str(model)!r}): {problem}"]
        if sentences:
            pytest.fail("\n".join(sentences), pytrace=False)


def _hindrance(config: pytest.Config) -> str:
    """Say why nothing can be measured in this session, or nothing."""
    if not config.pluginmanager.hasplugin("benchmark"):
        return "slim needs pytest-benchmark, which is turned off: leave out -p no:benchmark."
    option = hiding_option(config)
    if option == "-n":
        return (
            "slim cannot measure under xdist: tests beside each other disturb the clock. "
            "Run this test on its own with -n 0."
        )
    return f"slim measures nothing under {option}: leave it out." if option else ""


def _session(config: pytest.Config) -> SlimSession:
    """Return what gathers the session's models; the first call makes it."""
    if _SESSION not in config.stash:
        from slimbench.paths import project_folder  # noqa: PLC0415
        from slimbench.plugin.session import SlimSession  # noqa: PLC0415

        results = config.getoption("--slimbench-results")
        session = SlimSession(
            config,
            config.getoption("--slimbench-profile"),
            project_folder(config.rootpath) / "results" if results is None else results.absolute(),
            config.getoption("--slimbench-lang"),
        )
        config.pluginmanager.register(session, "slimbench-session")
        config.stash[_SESSION] = session
    return config.stash[_SESSION]
