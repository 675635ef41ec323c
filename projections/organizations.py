"""Organisations as of any time: who they are and who owns them."""

import json
from typing import Any

import duckdb

from domain.duplicates import TOLD_APART
from projections import statements
from projections.parameters import Moment


def organizations(connection: duckdb.DuckDBPyConnection, moment: Moment) -> list[dict[str, Any]]:
    """Every organisation that something is known of, by id.

    Each has organization_id, name, names, country, parent_id, ultimate_parent_id (its own id without a parent), same_as
    (the organisation that this record stands for), identifiers and registered_on (the end of its registration); null
    where nothing is said.
    """
    return _read(connection, moment, None)


def organization(connection: duckdb.DuckDBPyConnection, moment: Moment, organization_id: str) -> dict[str, Any] | None:
    """One organisation as `organizations` has it, or None where nothing is known of it."""
    found = _read(connection, moment, organization_id)
    return found[0] if found else None


def told_apart(connection: duckdb.DuckDBPyConnection, moment: Moment) -> frozenset[str]:
    """The pairs of organisations that are not one, each as domain.duplicates.told_apart_id writes it the first time."""
    statement = statements.blocks("organizations.sql")["told-apart"]
    values = {**moment.bindings(), "beginning": TOLD_APART}
    bindings = {name: values[name] for name in ("beginning", "known_on", "position")}
    found = statements.rows(connection, statement, bindings)
    return frozenset(TOLD_APART + row["id"].removeprefix(TOLD_APART).partition(":")[0] for row in found)


def _read(connection: duckdb.DuckDBPyConnection, moment: Moment, only: str | None) -> list[dict[str, Any]]:
    statement = statements.blocks("organizations.sql")["organizations"]
    return [
        row | {"names": _parsed(row["names"]), "identifiers": _parsed(row["identifiers"])}
        for row in statements.rows(connection, statement, moment.bindings() | {"only": only})
    ]


def _parsed(text: str | None) -> Any:
    return None if text is None else json.loads(text)
