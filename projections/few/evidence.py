"""The postings behind a row of few lines, as `projections.evidence` answers them."""

from decimal import Decimal
from typing import Any

from projections.evidence import SAYS, Behind, DerivedFrom, rendered
from projections.few.contributions import Contribution, Remarks, contributions_of, key_of
from projections.few.look import Viewpoint
from projections.figures import PRECISE
from projections.parameters import VendorDependence

Record = dict[str, Any]


def evidence(
    look: Viewpoint, parameters: VendorDependence, key: str | None, vendor: str | None, limit: int | None, offset: int
) -> tuple[list[Record], list[Record]]:
    """The contributions of a row, in the order of the ledger, and the remarks on all of them."""
    key_in = key_of(parameters)

    def is_in_row(one: Contribution) -> bool:
        return key_in(look.world, one) == key and vendor in (None, one["vendor"])

    remarks = Remarks(parameters, is_in_row)
    found = [one for one in contributions_of(look, remarks) if is_in_row(one)]
    found.sort(key=lambda one: (one["position"], one["line_key"]))
    page = found[offset : None if limit is None else offset + limit]
    names: dict[tuple[str, int], Record] = {}
    postings: dict[tuple[str, int], list[Record]] = {}
    derived: DerivedFrom = {}
    for one in page:
        about = one["source"], one["line_key"]
        if one["source"] == "order":
            names[about] = {"order_id": one["order"].order_id, "line": one["line"].name}
            postings[about] = _movements(one)
            if any(posting["position"] is None for posting in postings[about]):
                derived[one["line_key"]] = _derived_from(one)
        else:
            names[about] = {"assertion_id": one["assertion"].assertion_id, "line": one["line"].name}
            postings[about] = [_asserted(look, one)]
    behind = Behind(names, postings, derived)
    return rendered(parameters, page, behind, _events(look, behind.positions(page))), remarks.listed()


def _movements(one: Contribution) -> list[Record]:
    kept = sorted(
        one["seen"].kept(one["line"]),
        key=lambda posted: (posted.position is None, posted.position or 0, posted.kind, posted.value),
    )
    return [
        {
            "line_key": one["line_key"],
            "position": posted.position,
            "kind": posted.kind,
            "value": _decimal(posted.value),
            "low": _decimal(posted.low),
            "high": _decimal(posted.high),
            "unquantified": posted.unquantified,
            "ends_on": posted.last_on,
        }
        for posted in kept
    ]


def _derived_from(one: Contribution) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {"receipts": [], "returns": [], "line": []}
    movements = {(movement.position, movement.kind) for movement in one["seen"].derived_from(one["line"])}
    for position, kind in sorted(movements):
        found[SAYS[kind]].append({"position": position, "kind": kind})
    return found


def _asserted(look: Viewpoint, one: Contribution) -> Record:
    line = one["line"]
    figure = line.amount if look.parameters.measure == "spend" else line.quantity
    values = {bound: _decimal(getattr(figure, bound)) for bound in ("value", "low", "high")}
    return {"position": one["position"], **values, "unquantified": figure.unquantified}


def _decimal(number: int) -> Decimal:
    return Decimal(number).scaleb(-4, PRECISE)


def _events(look: Viewpoint, positions: set[int]) -> dict[int, Record]:
    events = look.held.orders.events
    found = {}
    for position in positions:
        event = events[position - 1]
        found[position] = {
            "position": position,
            "id": event.id,
            "type": event.type,
            "ends_on": event.ends_on.isoformat(),
        }
    return found
