"""What an order's releases come to, the plain way: each of them folds the order anew and states all of it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from domain.estimates import ZERO
from domain.events import Recorded
from projections.orders import order
from projections.parameters import Moment
from service.exporting.ocds import removals, sections
from service.exporting.ocds.packages import TAGS, silent_ones, steps_of
from service.exporting.ocds.sections import OrderRegister

LAST_POSITION = 2**62


def releases(ocid: str, history: Sequence[Recorded], register: OrderRegister) -> Iterator[dict[str, Any]]:
    """The releases without the extension that brings the events."""
    known: set[int] = set()
    stated: set[str] = set()
    before: dict[str, Any] = {}
    silent = silent_ones(history)
    for step in steps_of(event for event in history if event.id not in silent):
        known.update(event.position for event in step.events)
        visible = [event for event in history if event.position in known]
        if all(event.type != "order-placed" for event in visible):
            continue
        now = whole_sections(visible, register)
        subject = step.subject
        yield {
            "ocid": ocid,
            "id": f"{ocid}-{subject.position}",
            "date": f"{subject.known_on.isoformat()}T00:00:00Z",
            "tag": list(TAGS[subject.type][subject.type in stated]),
            "initiationType": "tender",
            **with_removals(before, now),
        }
        stated.add(subject.type)
        before = now


def whole_sections(visible: Sequence[Recorded], register: OrderRegister) -> dict[str, Any]:
    """Buyer, parties, award and contract, as the visible events of an order have them."""
    moment = Moment(effective_on=date.max, position=LAST_POSITION)
    state = order(visible, moment)
    # What was agreed: a cancellation takes it down to what was delivered.
    agreed = order([event for event in visible if event.type != "order-cancelled"], moment)
    placing = [event for event in visible if event.type == "order-placed"][-1]
    order_id = placing.data["order_id"]
    buyers = placing.data["buyers"]
    suppliers = register.members.get(placing.data["vendor_id"]) or [placing.data["vendor_id"]]
    day = sections._day(placing)
    vendors = dict.fromkeys(event.data["vendor_id"] for event in visible if event.type == "order-placed")
    nth = list(vendors).index(placing.data["vendor_id"])
    # Suppliers of an award add up when releases are merged: another vendor is another award.
    award_id = f"{order_id}.{nth + 1}" if nth else order_id
    award = {
        "id": award_id,
        "status": "active" if state else "cancelled",
        "suppliers": [sections._reference(one, register) for one in suppliers],
    }
    contract: dict[str, Any] = {"id": order_id, "awardID": award_id, "status": _status(state)}
    if day:
        award["date"] = contract["dateSigned"] = day
    contract |= _agreed(agreed, placing, register)
    gone = {event.data["retracts"] for event in visible if event.type == "event-retracted"}
    standing = [event for event in visible if event.id not in gone]
    amendments = [sections._amendment(event) for event in standing if event.type == "order-amended"]
    milestones = [sections._milestone(event) for event in standing if event.type == "goods-received"]
    contract |= {"amendments": amendments} if amendments else {}
    contract |= {"implementation": {"milestones": milestones}} if milestones else {}
    contract["daybook"] = {"effective_on": placing.effective_on.text, "basis": placing.basis, **_outcome(state)}
    roles = [(one, "buyer") for one in buyers] + [(one, "supplier") for one in suppliers]
    buyer = {"buyer": sections._reference(buyers[0], register)} if len(buyers) == 1 else {}
    return {**buyer, "parties": sections._parties(roles, register), "awards": [award], "contracts": [contract]}


def _status(state: Mapping[str, Any] | None) -> str:
    """Cancelled is what ended before anything came of it, terminated what ended after."""
    if state is None:
        return "cancelled"
    if state["status"] != "cancelled":
        return "active"
    delivered = (line["delivered"][measure]["high"] for line in state["lines"] for measure in ("quantity", "amount"))
    return "terminated" if any(high != "0" for high in delivered) else "cancelled"


def _agreed(agreed: Mapping[str, Any] | None, placing: Recorded, register: OrderRegister) -> dict[str, Any]:
    """Value and items; of an order that was taken back, its items without any value."""
    currency = placing.data["currency"]
    if agreed is None:
        items = [
            {"id": line["line"], **sections._described(line["product_id"], register), "quantity": 0}
            for line in placing.data["lines"]
        ]
        return {"value": {"amount": 0, "currency": currency}, "items": items}
    amounts = [sections._number(line["ordered"]["amount"]) for line in agreed["lines"]]
    value: dict[str, Any] = {"currency": currency}
    if None not in amounts:
        value["amount"] = sections._whole(sum((amount for amount in amounts if amount is not None), ZERO))
    return {"value": value, "items": [sections._item(line, currency, register) for line in agreed["lines"]]}


def _outcome(state: Mapping[str, Any] | None) -> dict[str, Any]:
    """What became of the order, with its bounds: what OCDS has no words for."""
    if state is None:
        return {"lines": []}
    statuses = ("ordered", "delivered", "open")
    lines = [{"id": line["line"], **{status: line[status] for status in statuses}} for line in state["lines"]]
    # As pairs, which merging takes as a whole.
    allocations = [[one["buyer_id"], one["share"]] for one in state["allocations"] or ()]
    return {"lines": lines} | ({"allocations": allocations} if allocations else {})


def with_removals(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """A release's fields, and nulls for those that the one before had and it has not."""
    stated: dict[str, Any] = {}
    for name, value in now.items():
        stated[name] = _changed(name, before[name], value) if name in before else value
    return stated | {name: removals._nulled(name, value) for name, value in before.items() if name not in now}


def _changed(name: str, before: Any, now: Any) -> Any:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return with_removals(before, now)
    if not removals._has_ids(before) or not removals._has_ids(now):
        return now
    earlier = {entry["id"]: entry for entry in before}
    kept = {entry["id"] for entry in now}
    entries = [with_removals(earlier.get(entry["id"], {}), entry) for entry in now]
    return entries + [removals._gone(name, entry) for entry in before if entry["id"] not in kept]
