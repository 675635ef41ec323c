"""Small OCDS documents that are in order, but for what a test says of them."""

import copy
import io
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from service.importing.items import EventGroup, Reject
from service.importing.ocds.orders import LedgerLookups, read_ocds
from service.importing.plans import Summary

OCID = "ocds-213czf-0042"
BUYER = {"id": "PY-RUC-80000001-1", "name": "Municipalidad de Pirapó"}
SUPPLIER = {"id": "PY-RUC-80023118-0", "name": "Infocenter SA"}
OTHER_SUPPLIER = {"id": "PY-RUC-80026314-6", "name": "Trafosur SA"}
ORDER = f"{OCID}:contract:c-1"
AWARD_ORDER = f"{OCID}:award:a-1"

#: A file's groups, what is rejected, and the summary.
Read = tuple[list[EventGroup], list[Reject], Summary]


def party(reference: Mapping[str, str], *roles: str, **more: Any) -> dict[str, Any]:
    """An organisation in full, with the identifier that its id is made of."""
    scheme, _, own = reference["id"].rpartition("-RUC-")
    return {**reference, "roles": list(roles), "identifier": {"scheme": f"{scheme}-RUC", "id": own}, **more}


PARTIES = [party(BUYER, "buyer"), party(SUPPLIER, "supplier"), party(OTHER_SUPPLIER, "supplier")]


def item(item_id: str = "i-1", quantity: Any = 10, price: Any = 65000, code: str = "43211507") -> dict[str, Any]:
    """An item; of a price of None nothing is told."""
    told: dict[str, Any] = {"id": item_id, "description": f"Item {item_id}", "quantity": quantity}
    told["classification"] = {"scheme": "UNSPSC", "id": code}
    if price is not None:
        told["unit"] = {"name": "Unidad", "value": {"amount": price, "currency": "PYG"}}
    return told


def award(**more: Any) -> dict[str, Any]:
    """An award to one supplier."""
    told = {
        "id": "a-1",
        "status": "active",
        "date": "2016-05-02T09:00:00-04:00",
        "value": {"amount": 650000, "currency": "PYG"},
        "suppliers": [SUPPLIER],
    }
    return _without_ellipses({**told, **more})


def contract(**more: Any) -> dict[str, Any]:
    """A contract for the award."""
    told = {
        "id": "c-1",
        "awardID": "a-1",
        "status": "active",
        "dateSigned": "2016-06-28T12:00:00-04:00",
        "value": {"amount": 650000, "currency": "PYG"},
        "items": [item()],
    }
    return _without_ellipses({**told, **more})


def release(day: str = "2016-07-01", tag: str = "contract", *, at: str = "10:00:00Z", **more: Any) -> dict[str, Any]:
    """A release of a day, with an award and a contract unless told otherwise."""
    told = {
        "ocid": OCID,
        "id": f"{day}-{tag}",
        "date": f"{day}T{at}",
        "tag": [tag],
        "initiationType": "tender",
        "buyer": BUYER,
        "parties": PARTIES,
        "awards": [award()],
        "contracts": [contract()],
    }
    return _without_ellipses({**told, **more})


def package(*releases: Any, **more: Any) -> dict[str, Any]:
    """A release package."""
    return _without_ellipses({**SHELL, "releases": list(releases), **more})


def record_package(*records: Any, **more: Any) -> dict[str, Any]:
    """A record package."""
    return _without_ellipses({**SHELL, "records": list(records), **more})


SHELL = {
    "uri": "https://example.org/package/1",
    "version": "1.1",
    "publisher": {"name": "DNCP"},
    "publishedDate": "2017-01-04T11:00:00Z",
}


def _without_ellipses(told: dict[str, Any]) -> dict[str, Any]:
    """What `...` stands for is left out."""
    return copy.deepcopy({name: value for name, value in told.items() if value is not ...})


def jsonl(*documents: Any) -> bytes:
    """Documents one a line; a Decimal is written as it is."""
    return b"\n".join(_json(document).encode() for document in documents) + b"\n"


def _json(document: Any) -> str:
    text = json.dumps(document, default=lambda number: f"decimal {number}", ensure_ascii=False)
    for number in _decimals(document):
        text = text.replace(f'"decimal {number}"', str(number))
    return text


def _decimals(document: Any) -> list[Decimal]:
    if isinstance(document, dict | list):
        values = document.values() if isinstance(document, dict) else document
        return [number for value in values for number in _decimals(value)]
    return [document] if isinstance(document, Decimal) else []


#: A ledger without events.
EMPTY = LedgerLookups(lambda stream: [], lambda streams: set())


def read(file: bytes, ledger: LedgerLookups = EMPTY, *, lenient: bool = False) -> Read:
    """What a file comes to."""
    summary = Summary("a file", "ocds", 0, dry_run=True)
    found = list(read_ocds(io.BytesIO(file), summary, ledger, lenient=lenient))
    groups = [one for one in found if isinstance(one, EventGroup)]
    return groups, [one for one in found if isinstance(one, Reject)], summary


def events(file: bytes, *types: str) -> list[Mapping[str, Any]]:
    """The event requests that a file comes to, without registrations; nothing of it may be rejected."""
    groups, rejects, _ = read(file)
    assert rejects == []
    sent = [entry.sent for group in groups for entry in group.entries]
    return [one for one in sent if not types or one["type"] in types]


def needs(file: bytes, kind: str) -> list[Mapping[str, Any]]:
    """The data of the registrations of organisations or products that a file needs."""
    groups, _, _ = read(file)
    sent = [entry.sent for group in groups for entry in group.needs]
    return [one["data"] for one in sent if one["type"] == f"{kind}-registered"]


def one_order(*releases: Any) -> Mapping[str, Any]:
    """The data of the one order that releases come to."""
    (placed,) = events(jsonl(package(*releases)), "order-placed")
    return dict(placed["data"])


Change = Callable[[dict[str, Any]], None]
