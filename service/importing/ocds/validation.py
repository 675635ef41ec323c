"""OCDS judged by its schemas, offline: what is wrong, where, and whether an order would be made of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import ValidationError

from service.ocds import schemas

#: The fields of a release that orders are made of, and of each of its awards and contracts. A tag that is stated
#: must be one of the standard's; what a release without one says stands all the same.
READ = frozenset(("ocid", "id", "date", "tag", "buyer", "parties", "awards", "contracts"))
READ_OF_ENTRIES = frozenset(("id", "awardID", "status", "date", "dateSigned", "value", "items", "suppliers"))
ENTRIES = ("awards", "contracts")
#: Fields of organisations, addresses, items and units that nothing is made of.
UNREAD = frozenset(
    (
        "additionalClassifications",
        "additionalIdentifiers",
        "contactPoint",
        "details",
        "legalName",
        "locality",
        "postalCode",
        "region",
        "streetAddress",
        "uri",
        "url",
    )
)
#: Repeats are taken once.
TOLERATED = frozenset(("uniqueItems",))
NULL_TAG = "is null, not a list"
KINDS = {"string": "text", "integer": "a whole number", "number": "a number", "array": "a list", "object": "an object"}


@dataclass(frozen=True, slots=True)
class Departure:
    """Where something goes against the schema."""

    path: tuple[str | int, ...]
    message: str
    #: Something is made of it, so that it cannot be left unread.
    matters: bool

    @property
    def entry(self) -> tuple[str, int] | None:
        """The award or contract that it lies in, by field and place."""
        if len(self.path) > 1 and self.path[0] in ENTRIES and isinstance(self.path[1], int):
            return str(self.path[0]), self.path[1]
        return None

    def said(self, pointer: str) -> str:
        """The departure as a sentence with its JSON pointer."""
        return f"{pointer}{''.join(f'/{part}' for part in self.path)}: {self.message}"


def of_package(shell: Mapping[str, Any], kind: str) -> list[Departure]:
    """What is wrong with a package, apart from its releases and records."""
    found = _departures(schemas.shell_validator(f"{kind}-schema").iter_errors(shell))
    # 1.0 had no such field; what such a package holds is judged like all else.
    return [one for one in found if one.message != _absent("version")]


def of_record(record: Any) -> list[Departure]:
    """What is wrong with a record, apart from its releases."""
    return list(_departures(schemas.record_validator().iter_errors(record)))


def of_release(release: Any) -> list[Departure]:
    """What is wrong with a release."""
    try:
        return list(_departures(schemas.validator(schemas.RELEASE).iter_errors(release)))
    except RecursionError:
        return [Departure((), "is nested too deeply", matters=True)]


def _departures(errors: Iterable[ValidationError]) -> Iterator[Departure]:
    for error in errors:
        path = tuple(error.absolute_path)
        message = _message(error)
        yield Departure(path, message, error.validator not in TOLERATED and _matters(path, message))


def _matters(path: tuple[str | int, ...], message: str) -> bool:
    if path == ("tag",) and message == NULL_TAG:
        return False
    if not path:
        return message in {_absent(name) for name in READ - {"tag"}} or not message.startswith("has no ")
    if path[0] == "tender":
        return len(path) > 1 and path[1] == "procuringEntity"
    if path[0] not in READ or not UNREAD.isdisjoint(path):
        return False
    return len(path) < 3 or path[0] not in ENTRIES or path[2] in READ_OF_ENTRIES


def _absent(name: str) -> str:
    return f"has no {name}, which the standard requires"


def _message(error: ValidationError) -> str:
    given = error.instance
    match error.validator:
        case "required":
            # One error comes for each field that is missing: "'id' is a required property".
            return _absent(error.message.split("'")[1])
        case "type":
            wanted: Any = error.validator_value
            kinds = [KINDS.get(kind, kind) for kind in ([wanted] if isinstance(wanted, str) else wanted)]
            return f"is {_shown(given)}, not {' or '.join(kinds)}"
        case "enum":
            return f"is {_shown(given)}, which is none of the standard's codes for it"
        case "minItems" | "minProperties" | "minLength":
            return "is empty"
        case "uniqueItems":
            return "has the same entry twice"
        case _:
            return f"{error.message[:200]}"


def _shown(given: Any) -> str:
    if given is None:
        return "null"
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, dict | list):
        return "an object" if isinstance(given, dict) else "a list"
    return repr(given[:40]) if isinstance(given, str) else str(given)[:40]
