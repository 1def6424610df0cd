from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from referencing import Registry, Resource

from slimbench.history.schemas import (
    BASELINE,
    CARD,
    FILES,
    HISTORY,
    first_fault,
    schema,
    schema_file,
)
from slimbench.paths import CODE
from tests.example_history import document
from tests.examples import examples
from tests.fresh_process import printed


def read(path: str) -> Any:
    return json.loads((CODE / path).read_text(encoding="utf-8"))


def history() -> Any:
    run = document()
    del run["benchmarks"][1:]
    return run


VALID = {
    HISTORY: history(),
    BASELINE: read("results/baselines/digits.json"),
    CARD: read("slimbench/webapp/models/card.json"),
}
ORACLES = {
    name: jsonschema.Draft202012Validator(
        schema(name),
        registry=Registry().with_resource(FILES[HISTORY], Resource.from_contents(schema(HISTORY))),
    )
    for name in FILES
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


@pytest.mark.parametrize("name", FILES)
def test_a_schema_is_a_valid_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize("name", FILES)
def test_the_copy_that_people_read_is_the_same(name: str) -> None:
    documented = CODE / "results" / FILES[name]
    assert documented.read_bytes() == schema_file(name).read_bytes()


@settings(max_examples=examples(60))
@given(name=st.sampled_from(list(FILES)), data=st.data())
def test_documents_are_judged_as_jsonschema_judges_them(name: str, data: st.DataObject) -> None:
    changed = copy.deepcopy(VALID[name])
    assert first_fault(name, changed) is None
    inner = changed
    while True:
        keys = list(inner) if isinstance(inner, dict) else range(len(inner))
        key = data.draw(st.sampled_from(keys))
        if not inner[key] or not isinstance(inner[key], dict | list) or data.draw(st.booleans()):
            break
        inner = inner[key]
    if data.draw(st.booleans()):
        del inner[key]
    else:
        inner[key] = data.draw(VALUES)
    fault = first_fault(name, changed)
    assert (fault is None) == ORACLES[name].is_valid(changed)


def test_a_fault_is_named_with_its_place_and_stays_readable() -> None:
    changed = history()
    changed["slimbench"]["status"] = "x" * 1000
    fault = first_fault(HISTORY, changed)
    assert fault is not None
    assert fault.startswith("at $.slimbench.status: 'xxx")
    assert len(fault) < 250


def test_numbers_of_numpy_are_numbers() -> None:
    changed = history()
    changed["benchmarks"][0]["extra_info"]["speedup"] = np.float64(2.0)
    assert first_fault(HISTORY, changed) is None
    changed["benchmarks"][0]["extra_info"]["speedup"] = np.float64(-2.0)
    assert first_fault(HISTORY, changed) is not None


def test_jsonschema_is_loaded_for_faults_only() -> None:
    program = """
import json, sys
from slimbench.history.schemas import CARD, first_fault
card = json.load(open(sys.argv[1]))
print(first_fault(CARD, card), "jsonschema" in sys.modules)
card["card"] = 9
print(first_fault(CARD, card), "jsonschema" in sys.modules)
"""
    valid, faulty = printed(program, str(CODE / "slimbench/webapp/models/card.json")).splitlines()
    assert valid == "None False"
    assert faulty == "at $.card: 1 was expected. True"
