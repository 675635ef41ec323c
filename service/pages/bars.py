"""The bar on top of a page: whom and what it asks about, and both clocks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from service.asking.comparisons import Comparisons
from service.asking.planes import Planes
from service.asking.questions import Questions
from service.pages.addresses import Address
from service.pages.languages import Language


@dataclass(frozen=True)
class PageSources:
    """What a page asks."""

    questions: Questions
    comparisons: Comparisons
    planes: Planes


@dataclass(frozen=True, slots=True)
class ShownDays:
    """The range of days that a page shows, and the days on which something changes within."""

    first: date
    last: date
    effective_days: list[str]
    known_days: list[str]
    #: The step by which a series over them is looked at; None: at every change.
    step: str | None = None


#: What stands before the first and behind the last change, in days.
BEFORE, BEHIND = 30, 14


def ledger_days(asking: PageSources, position: int, effective_on: date, known_on: date | None) -> ShownDays:
    """The days on which anything changes in the ledger."""
    effective, known = asking.questions.days_of_change(position)
    ends = [*effective, *known, effective_on, known_on or effective_on]
    first, last = min(ends) - timedelta(BEFORE), max(ends) + timedelta(BEHIND)
    return ShownDays(first, last, [day.isoformat() for day in effective], [day.isoformat() for day in known])


def bar(
    address: Address,
    answer: Mapping[str, Any],
    span: ShownDays,
    traders: Sequence[Mapping[str, Any]],
    fields: Sequence[str],
    language: Language,
) -> dict[str, Any]:
    """The model of a bar with some of the fields: buyer, measure, status, captive, by, judged, threshold."""
    resolved = answer["resolved"]
    effective_on = date.fromisoformat(resolved["effective_on"])
    known_on = None if resolved["known_on"] is None else date.fromisoformat(resolved["known_on"])
    return {
        "address": address,
        "answer": answer,
        "buyers": buyers_in(traders, language),
        "clocks": clocks_of(address, span, effective_on, known_on, language),
        "fields": fields,
        "span": span,
    }


def resolved_days(resolved: Mapping[str, Any]) -> tuple[date, date | None]:
    """The clocks of an answer as days."""
    known_on = resolved["known_on"]
    return date.fromisoformat(resolved["effective_on"]), None if known_on is None else date.fromisoformat(known_on)


def buyers_in(traders: Sequence[Mapping[str, Any]], language: Language) -> list[tuple[str, str]]:
    """Who ever bought, each with what it is called."""
    return [
        (one["organization_id"], language.name_of(one["names"], one["name"], one["organization_id"]))
        for one in traders
        if one["bought"]
    ]


def clocks_of(
    address: Address, span: ShownDays, effective_on: date, known_on: date | None, language: Language
) -> list[dict[str, Any]]:
    """Both clocks of the bar: where they stand, the changes before and after, and all of them as marks."""
    found = []
    whole = max(1, (span.last - span.first).days)
    for name, words, style, at, days in (
        ("effective_on", language("effective on"), "effective", effective_on, span.effective_days),
        ("known_on", language("known on"), "known", known_on, span.known_days),
    ):
        text = None if at is None else at.isoformat()
        found.append(
            {
                "name": name,
                "words": words,
                "style": style,
                "day": text,
                "days": days,
                "before": next((one for one in reversed(days) if text is None or one < text), None),
                "after": next((one for one in days if text is not None and one > text), None),
                "range": whole,
                "at": whole if at is None else min(whole, max(0, (at - span.first).days)),
                "ticks": [round((date.fromisoformat(one) - span.first).days / whole * 1000, 1) for one in days],
            }
        )
    return found
