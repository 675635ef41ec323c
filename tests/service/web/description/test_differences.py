"""Two descriptions of the interface compared: what one says and the other does not is found."""

from copy import deepcopy
from typing import Any

from service.web.description.openapi import document
from tests.service.web.description.differences import differences

READ_EVENT = "/api/v1/events/{position}"


def changed(document: dict[str, Any]) -> dict[str, Any]:
    return document["paths"][READ_EVENT]["get"]  # type: ignore[no-any-return]


def test_where_something_is_said_makes_no_difference() -> None:
    before = document()
    after = deepcopy(before)
    operation = changed(after)
    operation["parameters"] = list(
        reversed(
            [
                after["components"]["parameters"][one["$ref"].rpartition("/")[2]] if "$ref" in one else one
                for one in operation["parameters"]
            ]
        )
    )
    assert list(differences(before, after)) == []


def test_what_is_missing_new_or_otherwise_is_listed() -> None:
    before = document()
    after = deepcopy(before)
    operation = changed(after)
    del operation["responses"]["406"]
    operation["responses"]["200"]["description"] = "An event."
    operation["responses"]["418"] = {"description": "A teapot."}
    found = list(differences(before, after))
    assert [line.partition(":")[0] for line in found] == [
        f"~ paths {READ_EVENT} get responses 200 description",
        f"- paths {READ_EVENT} get responses 406",
        f"+ paths {READ_EVENT} get responses 418",
    ]
