"""Difference: what changed between two values of one clock, and the events that explain it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from service.pages.addresses import Address
from service.pages.bars import PageSources, buyers_in
from service.pages.languages import Language

#: The clocks between two of whose values a difference is shown.
CLOCKS = ("effective_on", "known_on", "position")
#: What the form of the page says, which the view knows as one clock given twice.
OWN = ("clock", "before", "after")
#: Days between the two values, where none are given.
APART = 365
#: Events of one part that are listed.
MOST_EVENTS = 20


@dataclass(frozen=True, slots=True)
class Bar:
    """A step of the waterfall."""

    words: str
    value: Decimal
    #: In hundredths of the width, from the left.
    left: float
    width: float
    style: str


def difference(asking: PageSources, address: Address, language: Language) -> dict[str, Any]:
    """Everything that the template shows. Raises what the view raises."""
    clock, before, after = _sides(asking, address)
    asked = {name: values for name, values in address.asked.items() if name not in (*OWN, clock)}
    if clock == "position":
        asked.pop("recorded_at", None)
    answer = asking.comparisons.difference({**asked, clock: [before, after]})
    position = answer["resolved"]["after"]["position"]
    traders = asking.questions.traders(position)
    known = {one["organization_id"]: one for one in traders}

    def name_of(row: Mapping[str, Any]) -> str:
        key = row["key"]
        if key is None:
            return language("not stated")
        return language.name_of(known.get(key, {}).get("names"), row["name"], key)

    shown = Address(address.path, {**asked, "clock": [clock], "before": [before], "after": [after]}, address.shown)
    return {
        "address": shown,
        "after": after,
        "answer": answer,
        "api": Address(address.path, {**asked, clock: [before, after]}).api("vendor-dependence/diff"),
        "bars": waterfall(answer["total"], classes(language), language),
        "before": before,
        "buyers": buyers_in(traders, language),
        "classes": classes(language),
        "clock": clock,
        "most_events": MOST_EVENTS,
        "name_of": name_of,
        "other": {name: asked[name][0] for name in CLOCKS if name in asked},
    }


def _sides(asking: PageSources, address: Address) -> tuple[str, str, str]:
    """The clock that is compared, and its two values: as the form says it, as the view does, or those of a year."""
    for name in CLOCKS:
        if len(address.asked.get(name, ())) == 2:
            return name, address.asked[name][0], address.asked[name][1]
    clock = address.first("clock") or "effective_on"
    if clock not in CLOCKS:
        clock = "effective_on"
    after = address.first("after") or address.first(clock)
    if clock == "position":
        head = asking.questions.daybook.follower.position
        return clock, address.first("before") or "0", after or str(head)
    ends = after or asking.questions.clocks.today().isoformat()
    return clock, address.first("before") or _earlier(ends), ends


def _earlier(day: str) -> str:
    try:
        return (date.fromisoformat(day) - timedelta(APART)).isoformat()
    except (ValueError, OverflowError):
        return day


def classes(language: Language) -> dict[str, str]:
    """What parts of a difference are called."""
    return {
        "new": language("new"),
        "late": language("known late"),
        "lapsed": language("lapsed"),
        "corrected": language("corrected"),
        "revaluation": language("other rates or attributes"),
    }


def waterfall(total: Mapping[str, Any], names: Mapping[str, str], language: Language) -> list[Bar]:
    """The steps from before to after, where both have figures."""
    before, after = total["before"], total["after"]
    if before is None or after is None or before["value"] is None or after["value"] is None:
        return []
    first, last = Decimal(before["value"]), Decimal(after["value"])
    steps = [(names.get(one["class"], one["class"]), Decimal(one["value"] or 0)) for one in total["explained"]]
    levels = [first]
    for _, value in steps:
        levels.append(levels[-1] + value)
    low, high = min(Decimal(0), *levels, last), max(*levels, last, Decimal(1))
    whole = high - low

    def at(value: Decimal) -> float:
        return round(float((value - low) / whole * 100), 2)

    found = [Bar(language("before"), first, at(Decimal(0)), at(first) - at(Decimal(0)), "whole")]
    for (words, value), level in zip(steps, levels, strict=False):
        begins, ends = sorted((level, level + value))
        found.append(Bar(words, value, at(begins), at(ends) - at(begins), "more" if value >= 0 else "less"))
    found.append(Bar(language("after"), last, at(Decimal(0)), at(last) - at(Decimal(0)), "whole"))
    return found
