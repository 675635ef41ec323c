"""The postings that make one row of vendor-dependence, with their events and with what each is multiplied by."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb

from projections import contributions, statements
from projections.figures import PRECISE, Figure, exact, part_of_sum
from projections.parameters import VendorDependence


def evidence(
    connection: duckdb.DuckDBPyConnection,
    parameters: VendorDependence,
    key: str | None,
    *,
    vendor: str | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """The contributions of the row with this key, in the order of the ledger; an unknown key has none.

    `vendor`: only those of orders and assertions that name it; by product, a row of regulatory-exposure.
    Each has `order_id` or `assertion_id`, `line`, `vendor`, `product`, `captive`; `postings`: of every event behind it
    position, id, type and end with value, low and high in the measure's own unit (value null: unquantified, high null:
    unbounded; a return is negative). Of amounts that are derived (rule 30) there is one posting of the line, of type
    `derived`, without position and id; its `derived` has the events of its receipts and returns, and those that say
    what was ordered; null in others. `figure`: what they come to; `factors`: rate, attribute, share and remainder, null
    where there is none; and `value`, `low`, `high`: what the row is the sum of, to the last digit.
    """
    block = statements.blocks("vendor_dependence.sql")
    lines_of_row = f"lines-by-{parameters.key}"
    bindings = contributions.bindings(connection, parameters) | {"key": key, "seller": vendor}
    bindings |= {"limit": limit, "offset": offset}
    reading = block["whole-numbers"] + block["evidence"]
    found = statements.rows(
        connection, contributions.query(parameters, reading, lines_of_row, parameters.key), bindings
    )
    lines = {
        source: {"lines": [part["line_key"] for part in found if part["source"] == source]}
        for source in ("order", "supply")
    }
    movements = contributions.query(parameters, block["movements"], lines_of_row, parameters.key)
    postings: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for posting in statements.rows(connection, movements, bindings | lines["order"]):
        postings["order", posting["line_key"]].append(posting)
    supply_lines = statements.filled("vendor_dependence.sql", "supply-lines", contributions.measured(parameters))
    names = {}
    for line in statements.rows(connection, block["order-lines"], lines["order"]):
        names["order", line["line_key"]] = {"order_id": line["id"], "line": line["line"]}
    for line in statements.rows(connection, supply_lines, lines["supply"]):
        names["supply", line["line_key"]] = {"assertion_id": line["id"], "line": line["line"]}
        postings["supply", line["line_key"]].append(line)
    derived = _derived_from(connection, parameters, bindings, postings)
    behind = Behind(names, postings, derived)
    return rendered(parameters, found, behind, _events(connection, behind.positions(found)))


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands behind contributions, each of a source and a line."""

    #: order_id or assertion_id, and line.
    names: Mapping[tuple[str, int], dict[str, Any]]
    postings: Mapping[tuple[str, int], list[dict[str, Any]]]
    derived: "DerivedFrom"

    def positions(self, found: Iterable[Mapping[str, Any]]) -> set[int]:
        """The positions of every event that is mentioned, by contributions and by what stands behind them."""
        movements = [kinds[kind] for kinds in self.derived.values() for kind in kinds]
        listed = {posting["position"] for several in (*self.postings.values(), *movements) for posting in several}
        return (listed | {part[role] for part in found for role in ("publication", "allocated")}) - {None}


def rendered(
    parameters: VendorDependence,
    found: Iterable[dict[str, Any]],
    behind: Behind,
    events: dict[int, dict[str, Any]],
) -> list[dict[str, Any]]:
    """Contributions as answered; `events` by position are those that are mentioned."""
    return [
        {
            **behind.names[part["source"], part["line_key"]],
            "vendor": part["vendor"],
            "product": part["product"],
            "captive": part["captive"],
            **_written(_contributed(part)),
            "figure": _written(_figure(part)) if part["convertible"] else None,
            "factors": _factors(part, parameters, events),
            "postings": [
                {**_event_of(posting, events, behind.derived), **_posted(posting)}
                for posting in behind.postings[part["source"], part["line_key"]]
            ],
        }
        for part in found
    ]


def evidence_remarks(
    connection: duckdb.DuckDBPyConnection, parameters: VendorDependence, key: str | None, vendor: str | None = None
) -> list[dict[str, Any]]:
    """What the contributions of that row lack, and how old their rates are (rule 61), whichever page is asked for."""
    if parameters.measure == "units":
        return []
    bindings = contributions.bindings(connection, parameters) | {"key": key, "seller": vendor}
    words = {"key": contributions.KEYS[parameters.key]}
    reading = statements.filled("contributions.sql", "remarks-of-row", words)
    statement = contributions.query(parameters, reading, f"lines-by-{parameters.key}", parameters.key)
    return contributions.remarked(statements.rows(connection, statement, bindings))


#: What the events behind a derived amount say, by the kind of a movement.
SAYS = {1: "line", 2: "line", 3: "receipts", 4: "returns"}
#: By line and by what they say (SAYS), the movements behind a derived amount.
DerivedFrom = dict[int, dict[str, list[dict[str, Any]]]]


def _derived_from(
    connection: duckdb.DuckDBPyConnection,
    parameters: VendorDependence,
    bindings: dict[str, Any],
    postings: dict[tuple[str, int], list[dict[str, Any]]],
) -> DerivedFrom:
    lines = [posting["line_key"] for several in postings.values() for posting in several if posting["position"] is None]
    found: DerivedFrom = {line: {"receipts": [], "returns": [], "line": []} for line in lines}
    if lines:
        reading = statements.blocks("vendor_dependence.sql")["derived-from"]
        # Which lines there are is known by now.
        statement = contributions.query(parameters, reading, f"lines-by-{parameters.key}", parameters.key)
        for movement in statements.rows(connection, statement, bindings | {"lines": lines}):
            found[movement["line_key"]][SAYS[movement["kind"]]].append(movement)
    return found


def _event_of(posting: dict[str, Any], events: dict[int, dict[str, Any]], derived: DerivedFrom) -> dict[str, Any]:
    """The event of a posting, or the events that it is derived from."""
    if posting["position"] is not None:
        return {**events[posting["position"]], "derived": None}
    behind = derived[posting["line_key"]]
    return {
        "position": None,
        "id": None,
        "type": "derived",
        "ends_on": posting["ends_on"].isoformat(),
        "derived": {says: [events[movement["position"]] for movement in behind[says]] for says in behind},
    }


def _events(connection: duckdb.DuckDBPyConnection, positions: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Some events, by position."""
    statement = statements.blocks("vendor_dependence.sql")["events"]
    return {
        event["position"]: {**event, "ends_on": event["ends_on"].isoformat()}
        for event in statements.rows(connection, statement, {"positions": sorted(positions)})
    }


def _factors(part: dict[str, Any], parameters: VendorDependence, events: dict[int, dict[str, Any]]) -> dict[str, Any]:
    def written(name: str, places: int) -> str:
        return exact(Decimal(part[name]).scaleb(-places, PRECISE))

    rate = attribute = share = None
    if part["publication"] is not None:
        rate = {
            "source": written("source_rate", 10),
            "target": written("target_rate", 10),
            "publication": events[part["publication"]],
        }
    if parameters.measure == "capacity" and part["convertible"]:
        attribute = {bound: written(f"attribute_{bound}", 6) for bound in ("value", "low", "high")}
    if part["share_value"] is not None:
        share = {bound: written(f"share_{bound}", 6) for bound in ("value", "low", "high")}
    return {
        "rate": rate,
        "attribute": attribute,
        "share": share,
        "remainder": None if part["remainder"] is None else written("remainder", 6),
        "allocation": None if part["allocated"] is None else events[part["allocated"]],
    }


def _figure(part: dict[str, Any]) -> Figure:
    """What the postings of a contribution come to, before any factor."""
    value, low, high = (Decimal(part[bound]).scaleb(-4, PRECISE) for bound in ("value", "low", "high"))
    return Figure(value, low, None if part["unbounded"] else high, part["quantified"], part["unquantified"])


def _contributed(part: dict[str, Any]) -> Figure:
    """What a contribution adds to its row."""
    tally = contributions.Tally()
    tally.add(part)
    return tally.figure()


def _posted(posting: dict[str, Any]) -> dict[str, str | None]:
    if posting["unquantified"]:
        return {"value": None, "low": "0", "high": None}
    return {bound: exact(posting[bound]) for bound in ("value", "low", "high")}


def _written(figure: Figure) -> dict[str, str | None]:
    return {
        "value": None if figure.value is None else part_of_sum(figure.value),
        "low": part_of_sum(figure.low),
        "high": None if figure.high is None else part_of_sum(figure.high),
    }
