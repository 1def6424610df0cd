"""What is answered, held against the project's own OpenAPI document."""

from __future__ import annotations

import io
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

from slimbench.webapp import problems
from slimbench.webapp.openapi import document
from slimbench.webapp.settings import Settings
from slimbench.webapp.spec import Busy, Failed, Late, Refusal
from tests.datasets.photos.pictures import encoded, noise
from tests.examples import examples
from tests.webapp.fake import FakeService, app_of

APP = app_of(FakeService(), rate=None)
SCHEMA = schemathesis.openapi.from_wsgi("/openapi.json", APP)


# That it is a picture is more than a schema can say of a text: `positive_data_acceptance` is left.
@SCHEMA.parametrize()
@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.filterwarnings("ignore")
def test_no_request_whatever_gets_what_the_document_does_not_say(case: Case) -> None:
    case.call_and_validate(excluded_checks=[positive_data_acceptance])


def validator(name: str) -> Draft202012Validator:
    whole = document(Settings())
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", **whole})


def send(service: FakeService, content: bytes) -> Any:
    return (
        app_of(service)
        .test_client()
        .post("/predict", data={"image": (io.BytesIO(content), "a.png")})
    )


def test_an_answer_is_a_prediction() -> None:
    found = send(FakeService(), encoded(noise(0))).get_json()
    validator("Prediction").validate(found)
    assert not validator("Problem").is_valid(found)


@pytest.mark.parametrize("refusal", [None, Busy(2), Late("x"), Failed("x")])
def test_a_refusal_is_a_problem_that_the_document_names(refusal: Refusal | None) -> None:
    service = FakeService()
    service.refusal = refusal
    response = send(service, b"no picture" if refusal is None else encoded(noise(0)))
    validator("Problem").validate(response.get_json(force=True))
    said = document(Settings())["paths"]["/predict"]["post"]["responses"]
    assert problems.CONTENT_TYPE in said[str(response.status_code)]["content"]


def test_every_kind_of_problem_of_a_picture_is_in_the_document() -> None:
    said = document(Settings())["paths"]["/predict"]["post"]["responses"]
    elsewhere = {"not-found", "method-not-allowed"}
    for slug, (status, title) in problems.KINDS.items():
        if slug not in elsewhere:
            assert title in said[str(status)]["description"]


def test_the_limits_are_those_that_hold() -> None:
    text = document(Settings(picture_bytes=1 << 20, picture_pixels=2_000_000))
    assert "1 MiB and 2 megapixels" in text["paths"]["/predict"]["post"]["description"]


def test_it_is_shown_as_it_is() -> None:
    shown = APP.test_client().get("/openapi.json").get_json()
    assert shown == document(Settings(workers=2))
    assert shown["openapi"].startswith("3.1")
