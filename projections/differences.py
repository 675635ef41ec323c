"""What changed in vendor-dependence between two moments, and which events explain it, to the last digit."""

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from projections import contributions, statements
from projections.contributions import PLACES, ROW_KEY, Grouping
from projections.figures import PRECISE, ZERO, Figure, cross_rate, exact, plain, rounded, sum_of, total_of
from projections.parameters import LAST_DAY, VendorDependence
from projections.plain_lines import added_up
from projections.vendor_dependence import names_of, written

#: Classes of what explains a change, in the order in which they are answered (rule 49).
CLASSES = ("new", "late", "corrected", "lapsed", "revaluation")
#: Events that an answer lists of each part.
MOST_EVENTS = 100
#: The three clocks.
CLOCKS = ("effective_on", "known_on", "position")
BY_KEY = Grouping({"key": ROW_KEY}, words=frozenset({"key"}))

Key = str | None
Record = dict[str, Any]


@dataclass
class Part:
    """What the events of one class add to one row."""

    #: in whole numbers of 1e-52, as in `contributions.Tally`
    value: int = 0
    #: how many events and lines there are, listed or not
    events: int = 0
    listed: list[Record] = field(default_factory=list)


Parts = dict[Key, dict[str, Part]]


def difference(
    connection: duckdb.DuckDBPyConnection,
    before: VendorDependence,
    after: VendorDependence,
    *,
    country_name: Callable[[str], str | None],
) -> dict[str, Any]:
    """The change of every row of vendor-dependence, and of the total, explained (docs/semantics.md, rules 46 to 49).

    The two may differ in one of effective_on, known_on and position, and `before` is not the later: ValueError if not.

    A row has key, name, `before` and `after` (value, low, high; null where there is no such row), `difference` of the
    values (an unknown one is 0), unquantified_before and unquantified_after (how many postings have no value), and
    `explained`: parts with class, value, event_count and the events that did most. Printed values of parts add up to
    the printed difference, and those of rows to that of the total. An event has position, id, type, effective_on,
    ends_on and known_on; about: the id of the event that counts no more or again because of it, or null; order_id or
    assertion_id and line; and value, its part, which is null for what revalued whole lines.
    """
    before, after, clock = sides_of(before, after)
    figures = [_figures(connection, parameters) for parameters in (before, after)]
    with statements.snapshot(connection):
        parts = _parts(connection, before, after, clock)

    def named(side: VendorDependence, keys: list[str]) -> dict[str, tuple[str | None, str | None]]:
        return names_of(connection, side, keys, country_name)

    return told((before, after), clock, figures, parts, named)


def sides_of(before: VendorDependence, after: VendorDependence) -> tuple[VendorDependence, VendorDependence, str]:
    """Both sides as they are looked at, and the clock between two of whose values the difference is; ValueError."""
    clock = _clock(before, after)
    if after.rates == "effective":
        # Of both as of the later moment (rule 17).
        before, after = (side.model_copy(update={"rates": after.effective_on.isoformat()}) for side in (before, after))
    return before, after, clock


def told(
    sides: tuple[VendorDependence, VendorDependence],
    clock: str,
    figures: list[dict[Key, Figure]],
    parts: Parts,
    named: Callable[[VendorDependence, list[str]], dict[str, tuple[str | None, str | None]]],
) -> dict[str, Any]:
    """The answer, from the figure of every row on both sides, and the parts of every row."""
    changes = {key: _change(*(side.get(key) for side in figures)) for key in [*figures[1], *figures[0], *parts]}
    for key, change in changes.items():
        assert change == as_number(sum(part.value for part in parts[key].values())), f"{key!r} is not explained"
    ranked = sorted(changes, key=lambda key: (changes[key].copy_abs().copy_negate(), key is None, key or ""))
    total = rounded(sum_of(changes.values()))
    names = _names(sides, [key for key in ranked if key is not None], named)
    rows = []
    for key, change in zip(ranked, _rounded_to([changes[key] for key in ranked], total), strict=True):
        rows.append(
            {
                "key": key,
                "name": None if key is None else names.get(key),
                **_sides(*(side.get(key) for side in figures)),
                "difference": plain(change),
                "explained": _explained(parts[key], change),
            }
        )
    classes = [part for row in rows for part in row["explained"]]
    return {
        "clock": clock,
        "total": {
            "unit": sides[1].unit,
            **_sides(*(total_of(side.values()) for side in figures)),
            "difference": plain(total),
            "explained": [
                _altogether(name, classes) for name in CLASSES if any(part["class"] == name for part in classes)
            ],
        },
        "rows": rows,
    }


def _clock(before: VendorDependence, after: VendorDependence) -> str:
    """The clock between two of whose values the difference is."""
    apart = [name for name in type(before).model_fields if getattr(before, name) != getattr(after, name)]
    if not set(apart) <= set(CLOCKS) or len(apart) > 1:
        raise ValueError(f"before and after may differ in one of {', '.join(CLOCKS)}, not in {', '.join(apart)}")
    clock = apart[0] if apart else CLOCKS[-1]
    first, second = (parameters.bindings()[clock] for parameters in (before, after))
    if first > second:
        raise ValueError(f"{clock} {first} is after {second}")
    return clock


def _figures(connection: duckdb.DuckDBPyConnection, parameters: VendorDependence) -> dict[Key, Figure]:
    """The figure of every row."""
    values = contributions.bindings(connection, parameters) | {"home": None}
    figures: dict[Key, Figure] = {}
    for part in added_up(connection, parameters, BY_KEY, values, parameters.key).sums:
        key = part.alike["key"]
        figures[key] = figures.get(key, Figure()).plus(part.figure)
    return figures


def _parts(
    connection: duckdb.DuckDBPyConnection, before: VendorDependence, after: VendorDependence, clock: str
) -> Parts:
    """Every part of every row. The tables made for it are gone with the transaction."""
    block = statements.blocks("differences.sql")
    sides = {"before": before, "after": after}
    asked = {side: contributions.buyers_asked(connection, parameters) for side, parameters in sides.items()}
    of_records = {side: _records(connection, sides[side], asked[side] or ()) for side in sides}
    values = after.bindings() | {
        "status": after.status,
        "kinds": kinds_of(after),
        "newcomers": sorted(of_records["before"] ^ of_records["after"]),
        "earlier_on": _earlier_on(connection, before, clock),
        "limit": MOST_EVENTS,
    }
    for side, parameters in sides.items():
        values |= {f"{side}_{name}": value for name, value in parameters.bindings().items()}

    def make(name: str) -> None:
        derives = str(after.measure == "spend").lower()
        statement = statements.filled("differences.sql", name, contributions.measured(after) | {"derives": derives})
        statements.rows(connection, statement, values)

    repriced = "repriced" if after.measure == "spend" else "not-repriced"
    for name in ("gone", "replaced", "rejoined", "kin", repriced, "cancelling", "touched"):
        make(name)
    for side, parameters in sides.items():
        reading = contributions.query(parameters, block["contributions"], "touched-lines", parameters.key)
        bound = parameters.bindings() | {"asked": asked[side], "status": parameters.status}
        statements.rows(connection, f"create or replace temp table contribution_{side} as {reading}", bound)
    for name in ("changed", "kinship", "walked", "asserted", "effects"):
        make(name)
    parts: Parts = defaultdict(lambda: defaultdict(Part))
    _add_events(connection, parts, values)
    _add_revaluations(connection, parts, values)
    return parts


def _records(connection: duckdb.DuckDBPyConnection, parameters: VendorDependence, buyers: Collection[int]) -> set[int]:
    """Organisations with all records that stand for them."""
    statement = statements.blocks("differences.sql")["records"]
    found = statements.rows(connection, statement, parameters.bindings() | {"organizations": list(buyers)})
    return {*buyers, *(row["record"] for row in found)}


def kinds_of(parameters: VendorDependence) -> list[str]:
    """The kinds of facts, besides rates and what orders and assertions say, that figures are taken from."""
    families = parameters.key == "parent" or parameters.captive == "exclude" or parameters.buyer_scope == "group"
    looked_at = {
        "parent": families,
        "country": parameters.key == "country",
        "maker": parameters.key == "maker",
        "category": parameters.key == "category",
        "label": parameters.key == "attribute",
        "attribute": parameters.measure == "capacity",
        "allocation": bool(parameters.buyer),
        "same_as": True,
    }
    return [kind for kind, looked in looked_at.items() if looked]


def _earlier_on(connection: duckdb.DuckDBPyConnection, before: VendorDependence, clock: str) -> date:
    """The day of the earlier moment, by which an event is new or late (rule 49)."""
    if clock == "effective_on":
        return before.effective_on
    if clock == "known_on":
        return before.known_on or LAST_DAY
    statement = statements.blocks("differences.sql")["recorded-on"]
    found = statements.rows(connection, statement, {"before_position": before.position})
    day: date = found[0]["recorded_on"] if found else date.min
    return day


def _add_events(connection: duckdb.DuckDBPyConnection, parts: Parts, values: dict[str, Any]) -> None:
    block = statements.blocks("differences.sql")
    for row in statements.rows(connection, block["parts"], values):
        part = parts[row["key"]][row["class"]]
        part.value += valued(row["effect"], row["priced"])
        part.events += row["events"]
    for row in statements.rows(connection, block["largest"], values):
        value = as_number(valued(row.pop("effect"), row.pop("priced")))
        parts[row.pop("key")][row.pop("class")].listed.append(dated(row) | {"value": plain(value)})


def _add_revaluations(connection: duckdb.DuckDBPyConnection, parts: Parts, values: dict[str, Any]) -> None:
    """What is left of each change: of a row that lines leave, and of the one that they come to (rule 48)."""
    block = statements.blocks("differences.sql")
    causes: dict[Key, set[tuple[int | None, int | None]]] = defaultdict(set)
    for row in statements.rows(connection, block["revalued"], values):
        changes: dict[Key, int] = defaultdict(int)
        changes[row["key_before"]] -= valued(row["value_before"], row["factors_before"])
        changes[row["key_after"]] += valued(row["value_after"], row["factors_after"])
        changes[row["priced_key"]] -= valued(row["effect"], row["priced"])
        pairs = {(cause["before"], cause["after"]) for cause in row["causes"]}
        for key, change in changes.items():
            if change or (row["telling"] and pairs):
                parts[key]["revaluation"].value += change
                causes[key] |= pairs
    positions = {position for pairs in causes.values() for pair in pairs for position in pair if position is not None}
    events = statements.rows(connection, block["events"], values | {"positions": sorted(positions)})
    for key, pairs in causes.items():
        withdrawn, begun = {before for before, _ in pairs}, {after for _, after in pairs}
        listed = {
            (event["position"], event["about"]): event
            for event in events
            if event["fact"] in (begun if event["about"] is None else withdrawn)
        }
        part = parts[key]["revaluation"]
        part.events = len(listed)
        for event in list(listed.values())[:MOST_EVENTS]:
            named = {name: value for name, value in event.items() if name != "fact"}
            part.listed.append(dated(named) | {"assertion_id": None, "line": None, "value": None})


def valued(amount: int, factors: dict[str, int] | None) -> int:
    """An amount by its factors; 0 where they are not known."""
    if factors is None:
        return 0
    rate = cross_rate(factors["target_rate"], factors["source_rate"])
    return rate * amount * factors["attribute_value"] * factors["share_value"]


def as_number(value: int) -> Decimal:
    """A value of a part."""
    return Decimal(value).scaleb(-PLACES, PRECISE)


def _change(before: Figure | None, after: Figure | None) -> Decimal:
    """Of the values; what is not there, or not known, is 0."""
    return PRECISE.subtract(ZERO if after is None else after.sum, ZERO if before is None else before.sum)


def _rounded_to(numbers: list[Decimal], total: Decimal) -> list[Decimal]:
    """The numbers at six places, the largest of them bent so that they add up to the total."""
    bent = [rounded(number) for number in numbers]
    if bent:
        largest = max(range(len(numbers)), key=lambda place: numbers[place].copy_abs())
        left = PRECISE.subtract(total, sum_of(bent))
        bent[largest] = PRECISE.add(bent[largest], left)
    return bent


def _names(
    sides: tuple[VendorDependence, VendorDependence],
    keys: list[str],
    named: Callable[[VendorDependence, list[str]], dict[str, tuple[str | None, str | None]]],
) -> dict[str, str | None]:
    """The name of every row, that of the later moment where there is one."""
    if sides[0].names_itself:
        return {key: key for key in keys}
    names: dict[str, str | None] = {}
    for side in sides:
        names |= {key: name for key, (name, _) in named(side, keys).items() if name is not None}
    return names


def _sides(before: Figure | None, after: Figure | None) -> Record:
    return {
        "before": None if before is None else written(before),
        "after": None if after is None else written(after),
        "unquantified_before": 0 if before is None else before.unquantified,
        "unquantified_after": 0 if after is None else after.unquantified,
    }


def _explained(parts: dict[str, Part], change: Decimal) -> list[Record]:
    """The parts of a row as answered, adding up to its printed difference."""
    said = [(name, parts[name]) for name in CLASSES if name in parts and (parts[name].value or parts[name].listed)]
    values = _rounded_to([as_number(part.value) for _, part in said], change)
    return [
        {"class": name, "value": plain(value), "event_count": part.events, "events": part.listed}
        for (name, part), value in zip(said, values, strict=True)
    ]


def _altogether(name: str, parts: list[Record]) -> Record:
    """What the parts of one class come to over all rows."""
    value = sum_of(Decimal(part["value"]) for part in parts if part["class"] == name)
    return {"class": name, "value": exact(value)}


def dated(event: Record) -> Record:
    """An event with its days as text."""
    return event | {name: event[name].isoformat() for name in ("ends_on", "known_on")}
