from __future__ import annotations

import jsonschema
import pytest

from slimbench.history.schemas import FILES, schema, schema_file
from slimbench.paths import CODE


@pytest.mark.parametrize("name", FILES)
def test_a_schema_is_a_valid_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize("name", FILES)
def test_the_copy_that_people_read_is_the_same(name: str) -> None:
    documented = CODE / "results" / FILES[name]
    assert documented.read_bytes() == schema_file(name).read_bytes()
