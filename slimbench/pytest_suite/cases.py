"""Which benchmarks a run has: one test for each case, those of TensorFlow last.

A benchmark that the profile does not name, such as that of serving, is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from slimbench import engines
from slimbench.measurement.stopwatch import Stopwatch
from slimbench.pytest_suite.options import BENCHMARKS, plan_of
from slimbench.run.session import Run
from slimbench.spec import Case, Group

RUN = pytest.StashKey[Run]()
MACHINE = pytest.StashKey[Mapping[str, Any]]()
STOPWATCH = pytest.StashKey[Stopwatch]()

FILES = {f"test_{group}.py": group for group in get_args(Group)}


def pytest_configure(config: pytest.Config) -> None:
    """Start the clock that says where the run's time went."""
    config.stash[STOPWATCH] = Stopwatch()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Pass over a benchmark's file, unless it is named on the command line."""
    plan = plan_of(config)
    if plan is None or collection_path.parent != config.stash[BENCHMARKS]:
        return None
    group = FILES.get(collection_path.name)
    is_left_out = group is not None and group not in plan.profile.benchmarks
    return True if is_left_out else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each benchmark once a case.

    The scope has pytest run all benchmarks of a case one after another, and set up each fixture of
    the session once for each case.
    """
    plan = plan_of(metafunc.config)
    if plan is None or "case" not in metafunc.fixturenames:
        return
    if metafunc.config.stash[BENCHMARKS] in metafunc.definition.path.parents:
        ids = [case.id for case in plan.cases]
        metafunc.parametrize("case", plan.cases, ids=ids, scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure what needs TensorFlow, or brings threads of its own, last."""
    items.sort(key=_disturbs)


def _disturbs(item: pytest.Item) -> bool:
    case = case_of(item)
    if case is None:
        return False
    engine = engines.get(case.engine)
    return engine.needs_tensorflow or engine.disturbs_others


def case_of(item: pytest.Item) -> Case | None:
    """Return the case of a benchmark, None for other tests."""
    case = (
        item.callspec.params.get("case")
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
        else None
    )
    return case if isinstance(case, Case) else None
