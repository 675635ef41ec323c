"""The description of the interface: valid, complete, and true of a service to the last example."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.routing import iter_route_contexts
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.testclient import TestClient

from domain.catalogue import EVENT_TYPES
from service.web.description.examples import STORY
from service.web.description.openapi import document
from service.web.entry.permissions import Declarations
from service.web.problems import PROBLEM_TYPES
from tests.service.postgres_owner import ROOT, wait_until
from tests.service.processes import Service, serving
from tests.service.web.interface import Asked, Interface


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    """What the service says of itself."""
    return document()


def test_an_independent_validator_accepts_it(description: dict[str, Any]) -> None:
    assert [str(error) for error in OpenAPIV31SpecValidator(description).iter_errors()] == []


def test_every_route_is_described_and_no_other(client: TestClient, description: dict[str, Any]) -> None:
    app: Any = client.app
    routes = {
        (method.lower(), one.path_format)
        for one in iter_route_contexts(app.routes)
        for method in one.methods or ()
        if getattr(one, "include_in_schema", False)
    }
    described = {
        (method, path): operation
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    }
    assert described.keys() == routes
    for place, operation in described.items():
        answers = {status: answer for status, answer in operation["responses"].items() if status < "300"}
        assert answers, place
        for status, answer in answers.items():
            # Neither is what the framework would say of a route that says nothing.
            assert answer["description"] != "Successful Response", place
            assert (status == "204") != any(said["schema"] for said in answer.get("content", {}).values()), place
        assert {"400", "403", "429", "500"} <= operation["responses"].keys(), place


def test_every_operation_has_a_name_of_its_own_and_says_who_may(
    client: TestClient, description: dict[str, Any]
) -> None:
    app: Any = client.app
    declared = Declarations(app.routes)
    names = []
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            names.append(operation["operationId"])
            permission = declared.at(method.upper(), re.sub(r"\{[^{}]+\}", "1", path))
            assert permission is not None, path
            capability = permission.capability
            if capability is None:
                assert operation["security"] == [], path
            else:
                assert operation["x-required-capability"] == capability, path
                assert "401" in operation["responses"], path
    # The token as a bearer's, or as the password of Basic authentication: one of both is enough.
    assert description["security"] == [{"bearer": []}, {"basic": []}]
    schemes = description["components"]["securitySchemes"]
    assert {name: (one["type"], one["scheme"]) for name, one in schemes.items()} == {
        "bearer": ("http", "bearer"),
        "basic": ("http", "basic"),
    }
    assert len(names) == len(set(names))
    assert all(name == name.lower() and name.replace("_", "").isalnum() for name in names)


def test_every_event_type_and_every_type_of_problem_is_in_it(description: dict[str, Any]) -> None:
    schemas, responses = description["components"]["schemas"], description["components"]["responses"]
    assert set(schemas["Event"]["discriminator"]["mapping"]) == set(EVENT_TYPES)
    for kind in PROBLEM_TYPES.values():
        assert f"`{kind.name}`" in responses[f"Problem{kind.status}"]["description"]


def test_it_is_served_with_a_tag_and_printed_without_a_service(
    client: TestClient, description: dict[str, Any], tmp_path: Path
) -> None:
    served = client.get("/openapi.json")
    assert served.json() == description
    again = client.get("/openapi.json", headers={"If-None-Match": served.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    command = [sys.executable, "-m", "service", "--home", str(tmp_path / "nowhere"), "openapi"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(printed.stdout) == description
    assert not (tmp_path / "nowhere").exists()


# Examples


@pytest.fixture
def running(database: str, tmp_path: Path) -> Iterator[Service]:
    """A service process on the test's own database."""
    with serving(tmp_path / "home", {"DAYBOOK_DATABASE_URL": database}) as service:
        yield service


def test_every_example_is_answered_as_described(running: Service) -> None:
    with running.client() as client:
        interface = Interface.read(client)
        told = [_tell(interface, path, body) for path, _, body in STORY]
        assert len(told) == len(STORY)
        assert wait_until(lambda: _published(client) >= len(STORY), 20)
        examples = [asked for operation in interface.operations.values() for asked in operation.examples()]
        linked: dict[str, dict[str, Any]] = {}
        for method in ("post", "put", "get", "delete"):
            for asked in examples:
                if asked.operation.method == method and not asked.operation.missing:
                    linked |= _send_and_follow(interface, asked)
        unnamed = [asked for asked in examples if asked.operation.missing]
        assert {asked.operation.name for asked in unnamed} == linked.keys()
        for asked in sorted(unnamed, key=lambda one: one.operation.method == "delete"):
            asked.parameters |= linked[asked.operation.name]
            _send(interface, asked)


def _tell(interface: Interface, path: str, body: Any) -> Any:
    """Record a step of the story, whose route is found by its path."""
    for operation in interface.operations.values():
        parts = operation.path.removeprefix("/api/v1").split("/")
        given = path.split("/")
        fits = len(parts) == len(given) and all(
            one in ("{identifier}", two) for one, two in zip(parts, given, strict=True)
        )
        if operation.method == "post" and fits:
            assert not operation.faults_of_body(body), (path, operation.faults_of_body(body))
            parameters = {"identifier": given[2]} if len(given) > 2 else {}
            return interface.call(operation.name, body, **parameters)
    raise AssertionError(f"no operation is at {path}")


def _send_and_follow(interface: Interface, asked: Asked) -> dict[str, dict[str, Any]]:
    """Send an example; by name, what links in its answer say of operations that have no example of their own."""
    answer, found = _send(interface, asked)
    links = interface.found(asked.operation.said["responses"][str(answer.status_code)]).get("links", {})
    return {
        link["operationId"]: {
            name: found[expression.removeprefix("$response.body#/")] for name, expression in link["parameters"].items()
        }
        for link in links.values()
        if interface.operations[link["operationId"]].missing
    }


def _send(interface: Interface, asked: Asked) -> tuple[httpx2.Response, Any]:
    arguments = asked.arguments()
    with interface.client.stream(asked.operation.method, asked.path, **arguments) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            lines = answer.iter_lines()
            assert any(line.startswith("data: ") for line in lines)
            assert str(answer.status_code) in asked.operation.said["responses"]
            return answer, None
        answer.read()
    # What was recorded in the story is taken already, and an import that was called off may have ended.
    expected = (200,) if asked.operation.method == "get" else (200, 201, 202, 204, 409)
    assert answer.status_code in expected, (asked.operation.name, asked.body, answer.text)
    return answer, asked.operation.check(answer)


def _published(client: httpx2.Client) -> int:
    answer = client.get("/api/v1/log/checkpoint")
    return int(answer.text.splitlines()[1]) if answer.status_code == 200 else 0
