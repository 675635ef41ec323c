"""The table of views, held against what derives from it and what is written by hand."""

from typing import get_type_hints

import pytest
from msgspec import Struct

from service.asking.views import VIEWS, View
from service.cli.query import query
from service.client import requests
from service.client.calls import API
from service.web.description.openapi import document

#: What the methods of the clients are given besides an identifier.
GIVEN = {"series": {"from_on": "2023-01-31"}, "difference": {"clock": "position", "before": 1, "after": 2}}


def answered_by(method: str) -> type[Struct]:
    """What a method of the clients says that it answers."""
    shape: type[Struct] = get_type_hints(getattr(requests, method))["return"].__args__[0]
    return shape


@pytest.mark.parametrize("view", VIEWS.values(), ids=lambda view: view.path)
def test_a_view_has_its_words_its_tables_and_a_question_that_it_takes(view: View) -> None:
    assert view.words.endswith(".")
    assert len({table.name for table in view.tables}) == len(view.tables)
    names = {one.name for one in view.parameters} | ({"identifier"} if view.is_of_one else set())
    assert set(view.example) <= names
    assert all(one.words.endswith(".") for one in view.parameters)


@pytest.mark.parametrize("view", [view for view in VIEWS.values() if view.client], ids=lambda view: view.path)
def test_the_method_of_the_clients_asks_for_the_view_and_reads_its_shape(view: View) -> None:
    assert view.client is not None
    given = {"identifier": "one"} if view.is_of_one else GIVEN.get(view.client, {})
    call = getattr(requests, view.client)(**given)
    path = view.path.replace("{identifier}", "one")
    assert call.path == f"{API}/{path if view.kind else f'views/{path}'}"
    assert answered_by(view.client) is view.shape


def test_the_method_of_the_clients_for_a_scenario_reads_its_shape() -> None:
    for view in VIEWS.values():
        if view.scenario is not None:
            call = getattr(requests, view.scenario.client)(events=[])
            assert call.path == f"{API}/scenarios/{view.path}"
            assert answered_by(view.scenario.client) is view.scenario.shape


def test_a_view_with_a_command_has_it() -> None:
    assert {view.command for view in VIEWS.values() if view.command} <= set(query.commands)


def test_operations_have_names_of_their_own() -> None:
    operations = [one for path in document()["paths"].values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
