"""Releases of one contracting process merged into a compiled or a versioned release, by the schema kept here."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from ocdsmerge import Merger
from ocdsmerge.rules import MergeRules, get_merge_rules

from service.ocds import schemas

Release = Mapping[str, Any]


@cache
def _rules_of(schema_text: str) -> MergeRules:
    return get_merge_rules(json.loads(schema_text))


@cache
def _own_rules() -> MergeRules:
    return get_merge_rules(schemas.schema(schemas.RELEASE))


def merger(schema: Mapping[str, Any] | None = None) -> Merger:
    """What merges by the rules of a release schema: the one kept here, or another version's."""
    # Without rules of its own the library would fetch the newest schema.
    return Merger(merge_rules=_own_rules() if schema is None else _rules_of(json.dumps(schema)))


def compiled_release(releases: Sequence[Release], schema: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The latest state of a process; releases are merged in the order of their dates, equal ones as they stand."""
    return dict(merger(schema).create_compiled_release([dict(release) for release in releases]))


def versioned_release(releases: Sequence[Release], schema: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The history of every field of a process."""
    return dict(merger(schema).create_versioned_release([dict(release) for release in releases]))
