"""A client that knows nothing of a service but the description of its interface, and holds every answer to it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote

import httpx2
from jsonschema import Draft202012Validator

Json = Any
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass
class Asked:
    """One request, in the description's own terms."""

    operation: "Operation"
    parameters: dict[str, Json] = field(default_factory=dict)
    body: Json = None
    media_type: str | None = None

    @property
    def path(self) -> str:
        """Its path, filled in."""

        def part(found: re.Match[str]) -> str:
            return quote(str(self.parameters[found[1]]), safe="/")

        return re.sub(r"\{([^}]+)\}", part, self.operation.path)

    def arguments(self) -> dict[str, Any]:
        """What an HTTP client is called with."""
        places = {one["name"]: one["in"] for one in self.operation.parameters}
        query: list[tuple[str, str]] = []
        headers: dict[str, str] = {}
        for name, value in self.parameters.items():
            if places[name] == "query":
                several = value if isinstance(value, list) else [value]
                query += [(name, _text(one)) for one in several]
            elif places[name] == "header":
                headers[name] = _text(value)
        content = None
        if self.media_type is not None:
            headers["Content-Type"] = self.media_type
            content = self.body if isinstance(self.body, str | bytes) else json.dumps(self.body).encode()
        return {"params": query, "headers": headers, "content": content}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


class Operation:
    """One operation of the description."""

    def __init__(self, interface: "Interface", method: str, path: str, said: Mapping[str, Any]) -> None:
        self.interface = interface
        self.method = method
        self.path = path
        self.said = said
        self.name: str = said["operationId"]

    @cached_property
    def parameters(self) -> list[Mapping[str, Any]]:
        """Every parameter, wherever it is described."""
        return [self.interface.found(one) for one in self.said.get("parameters", ())]

    @property
    def missing(self) -> set[str]:
        """Required parameters without an example."""
        return {one["name"] for one in self.parameters if one.get("required") and "example" not in one}

    def examples(self) -> Iterator[Asked]:
        """The requests that the description gives as examples: one for each media type of a body that has one."""
        parameters = {one["name"]: one["example"] for one in self.parameters if "example" in one}
        content = self.said.get("requestBody", {}).get("content", {})
        for media_type, said in content.items():
            if "example" not in said:
                continue
            yield Asked(self, dict(parameters), said["example"], media_type)
        if not content:
            yield Asked(self, parameters)

    def body(self, **changed: Json) -> Json:
        """The example of its body, with some fields changed; None takes one out."""
        (content, *_) = self.said["requestBody"]["content"].values()
        return {name: value for name, value in {**content["example"], **changed}.items() if value is not None}

    def faults_of_body(self, body: Json) -> list[str]:
        """What the schema of its body has against one."""
        (content, *_) = self.said["requestBody"]["content"].values()
        return self.interface.faults(content["schema"], body)

    def check(self, answer: httpx2.Response) -> Json:
        """The answer's content, once it is sure that it is as described."""
        status = str(answer.status_code)
        assert status in self.said["responses"], f"{self.name} answered {status}: {answer.text[:300]}"
        described = self.interface.found(self.said["responses"][status])
        for name, header in described.get("headers", {}).items():
            if name in answer.headers:
                schema = self.interface.found(header)["schema"]
                assert not self.interface.faults(schema, answer.headers[name]), (self.name, name, answer.headers[name])
        content = described.get("content", {})
        if not content:
            assert not answer.content, (self.name, status, answer.content[:100])
            return None
        given = answer.headers["content-type"]
        schemas = {_media_type(name): said["schema"] for name, said in content.items()}
        assert _media_type(given) in schemas, f"{self.name} answered {given}"
        if not _media_type(given).endswith(("/json", "+json")):
            return answer.content
        found = answer.json()
        assert not (faults := self.interface.faults(schemas[_media_type(given)], found)), (self.name, faults[:3])
        return found


def _media_type(name: str) -> str:
    return name.partition(";")[0].strip()


class Interface:
    """A whole description, and a client to follow it by."""

    def __init__(self, document: Mapping[str, Any], client: httpx2.Client) -> None:
        self.document = document
        self.client = client
        self.operations = {
            said["operationId"]: Operation(self, method, path, said)
            for path, several in document["paths"].items()
            for method, said in several.items()
            if method in METHODS
        }
        self._validators: dict[str, Draft202012Validator] = {}

    @classmethod
    def read(cls, client: httpx2.Client) -> "Interface":
        """What a service says of itself."""
        return cls(client.get("/openapi.json").json(), client)

    def found(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a reference leads to, or the thing itself."""
        while "$ref" in said:
            place: Any = self.document
            for part in said["$ref"].removeprefix("#/").split("/"):
                place = place[part]
            said = place
        return said

    def faults(self, schema: Mapping[str, Any], value: Json) -> list[str]:
        """What a schema has against a value."""
        key = json.dumps(schema)
        if key not in self._validators:
            whole = {**schema, "components": self.document["components"]}
            self._validators[key] = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
        return [f"{error.json_path}: {error.message:.300}" for error in self._validators[key].iter_errors(value)]

    def send(self, asked: Asked) -> httpx2.Response:
        """Send one request."""
        return self.client.request(asked.operation.method, asked.path, **asked.arguments())

    def call(self, name: str, body: Json = None, **parameters: Json) -> Json:
        """Call an operation by its name, with values that its schema must accept; the content of a good answer."""
        operation = self.operations[name]
        places = {one["name"]: one for one in operation.parameters}
        for given, value in parameters.items():
            assert not self.faults(places[given]["schema"], value), (name, given, value)
        media_type = None
        if body is not None:
            assert not (faults := operation.faults_of_body(body)), (name, faults)
            media_type = next(iter(operation.said["requestBody"]["content"]))
        answer = self.send(Asked(operation, parameters, body, media_type))
        assert answer.status_code < 400, (name, answer.text)
        return operation.check(answer)
