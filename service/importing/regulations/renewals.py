"""Rows that were recorded before: what is sent again, and what has come to be known of them since."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from domain.events import Recorded
from domain.instruments import BEARING_RULES, REPEALED, counting_order
from service.importing.regulations.chains import InstrumentChain

CONDITIONS = ("destinations", "vendors", "vendor_countries", "buyers", "categories", "products")


def again(wanted: Mapping[str, Any], before: Recorded, *, was_repeal: bool = False) -> dict[str, Any]:
    """The request to send for a row that is recorded: what the row itself says, with what the ledger made of it then.

    The ledger compares it with what is recorded: equal is a replay, and where the row has changed since, a conflict.
    `was_repeal`: a suspension that is recorded as a repeal is one that was read so.
    """
    sent = dict(wanted)
    data = dict(wanted["data"])
    if before.type in BEARING_RULES and wanted["type"] in BEARING_RULES:
        sent["type"] = before.type
        data["rules"] = before.data["rules"]
    elif before.type == "licence-granted" == wanted["type"]:
        conditions = (*CONDITIONS, "when")
        data = {name: value for name, value in data.items() if name not in conditions}
        data |= {name: before.data[name] for name in conditions if name in before.data}
    elif was_repeal and before.type == REPEALED:
        sent["type"] = REPEALED
        data.pop("until", None)
    data["regulation_id"] = before.data["regulation_id"]
    if before.type in BEARING_RULES:
        data.pop("until", None)
    sent["data"] = data
    return sent


def renewals(wanted: Mapping[str, Any], before: Recorded, chain: InstrumentChain) -> Iterator[dict[str, Any]]:
    """What to record besides, where more can be read of a row than when it was recorded; usually nothing.

    `wanted` is the row's event as it would be made today, `chain` the instrument. An amendment (or a grant of
    the same licence) of the row's own day takes the place of what is recorded, and only where it says all of that and
    more. Nothing is renewed that somebody else has amended since, that was retracted, or whose instrument is repealed.
    """
    # The event itself, and what has renewed it: its id, a colon and a number.
    numbers = ((event, event.id[len(before.id) + 1 :]) for event in chain.beginning(before.id))
    own = [event for event, number in numbers if event.id == before.id or number.isdecimal()]
    if any(chain.is_retracted(event) for event in own) or chain.is_repealed():
        return
    if before.type not in (*BEARING_RULES, "licence-granted"):
        return
    latest = _latest(before, chain)
    if all(latest.id != event.id for event in own):
        return
    following = len(own) + 1
    now = wanted["data"]
    if _reach(now) > _reach(latest.data):
        renewed = _renewed(wanted, before, following, _said(now))
        yield renewed | {"known_on": latest.known_on.isoformat()}
        latest, following = _with(latest, now), following + 1
    last_days = [event.data["until"] for event in own if "until" in event.data]
    if "until" in now and before.type in BEARING_RULES and now["until"] not in last_days:
        # When one could know of the last day is not said: on the day of recording at the latest.
        yield _renewed(wanted, before, following, _said(latest.data) | {"until": now["until"]})


def _latest(before: Recorded, chain: InstrumentChain) -> Recorded:
    """What decides on the day of the recorded event: the latest rules of the instrument, or grant of the licence."""
    if before.type != "licence-granted":
        return next(event for event in chain.bearing(before.ends_on) if not chain.is_retracted(event))
    rivals = chain.grants(before.data["licence_id"])
    return max((event for event in rivals if event.ends_on <= before.ends_on), key=counting_order)


def _renewed(wanted: Mapping[str, Any], before: Recorded, number: int, said: Mapping[str, Any]) -> dict[str, Any]:
    renewed = {name: wanted[name] for name in ("effective_on", "basis", "source")}
    data = {"regulation_id": before.data["regulation_id"], **said}
    if before.type == "licence-granted":
        return renewed | {"type": before.type, "id": f"{before.id}:{number}", "data": data}
    data["citation"] = wanted["data"]["citation"]
    return renewed | {"type": "regulation-amended", "id": f"{before.id}:{number}", "data": data}


def _said(data: Mapping[str, Any]) -> dict[str, Any]:
    """What an event says of rules, or of a licence and its conditions."""
    return {name: data[name] for name in ("rules", "licence_id", *CONDITIONS, "when") if name in data}


def _with(event: Recorded, data: Mapping[str, Any]) -> Recorded:
    return replace(event, data={**event.data, **_said(data)})


def _reach(data: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """Everything that rules, or a licence's conditions, name."""
    reach = set()
    for rule in data.get("rules", [data]):
        rule_id = rule.get("rule_id", "")
        reach |= {(rule_id, name, value) for name in CONDITIONS for value in rule.get(name, ())}
        if "when" in rule:
            reach.add((rule_id, "when", json.dumps(rule["when"], sort_keys=True)))
    return reach
