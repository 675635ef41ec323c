"""The schemas of OCDS 1.1.5 as they are kept in this package, and validators that never ask the network."""

import copy
import csv
import io
import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft4Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

RELEASE = "release-schema"
RELEASE_PACKAGE = "release-package-schema"
RECORD_PACKAGE = "record-package-schema"
VERSIONED_RELEASE = "versioned-release-validation-schema"
SCHEMAS = (RELEASE, RELEASE_PACKAGE, RECORD_PACKAGE, VERSIONED_RELEASE)

_FILES = resources.files(__package__)


@cache
def schema(name: str) -> dict[str, Any]:
    """One of SCHEMAS."""
    return dict(json.loads((_FILES / f"{name}.json").read_text(encoding="utf-8")))


@cache
def codelist(name: str) -> frozenset[str]:
    """The codes of a codelist."""
    text = (_FILES / "codelists" / f"{name}.csv").read_text(encoding="utf-8")
    return frozenset(row["Code"] for row in csv.DictReader(io.StringIO(text, newline="")))


@cache
def _registry() -> Registry[Any]:
    kept = ((schema(name)["id"], Resource.from_contents(schema(name), DRAFT4)) for name in SCHEMAS)
    return Registry().with_resources(kept)


@cache
def validator(name: str) -> Draft4Validator:
    """What judges a whole document by one of SCHEMAS."""
    return _validator(schema(name))


@cache
def shell_validator(name: str) -> Draft4Validator:
    """What judges a package by its schema, apart from the releases and records in it."""
    shell = copy.deepcopy(schema(name))
    for field in ("releases", "records"):
        if field in shell["properties"]:
            # What is in the list is judged one by one; that there is something in it is judged here.
            shell["properties"][field] = {"type": "array", "minItems": 1}
    return _validator(shell)


@cache
def record_validator() -> Draft4Validator:
    """What judges a record, apart from the releases in it."""
    record = copy.deepcopy(schema(RECORD_PACKAGE)["definitions"]["record"])
    record["properties"] = {"ocid": record["properties"]["ocid"], "releases": {"type": "array", "minItems": 1}}
    return _validator(record)


def _validator(given: dict[str, Any]) -> Draft4Validator:
    return _Validator(given, registry=_registry())  # type: ignore[no-any-return]


def _unique_items(validator: Any, unique: bool, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """The keyword in one pass: the library's own compares each with each, an afternoon for a long list."""
    if unique and isinstance(instance, list):
        written = {json.dumps(item, sort_keys=True, default=str) for item in instance}
        if len(written) < len(instance):
            yield ValidationError("has the same entry twice")


_Validator = extend(Draft4Validator, {"uniqueItems": _unique_items})  # type: ignore[no-untyped-call]
