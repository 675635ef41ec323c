"""Instruments as of any time: what they bar, whether they bind, what was announced, and how it came about."""

import json
from dataclasses import asdict
from datetime import date
from typing import Any

import duckdb

from domain.events import Recorded
from domain.instruments import Change, Instrument, Licence, NextChange, instruments
from domain.periods import parse_period
from domain.rules import CONDITIONS
from projections import statements
from projections.parameters import BASIS, Moment

#: By the bits that stand for it.
BASIS_NAMES = {bits: name for name, bits in BASIS.items()} | {0: "reported"}


def regulations(connection: duckdb.DuckDBPyConnection, moment: Moment) -> list[dict[str, Any]]:
    """Every instrument that is known of, by id (docs/semantics.md, rules 32 and 33).

    Each has regulation_id, title, jurisdiction, authority and citation (of an instrument that is only announced, as
    announced); status: announced, in-force, suspended, expired or repealed; rules, until and suspended_until;
    licences in force; next_change: the next day on which, as far as is known, it will stand otherwise, the status then
    and the events that count from then on; and history: every event in the order in which they count, retracted ones
    with what retracted and replaced them. Days are those of the events' ends; null where nothing is said.
    """
    return [written(found) for found in instruments_as_of(connection, moment)]


def regulation(connection: duckdb.DuckDBPyConnection, moment: Moment, regulation_id: str) -> dict[str, Any] | None:
    """One instrument as `regulations` has it, or None where none of that id is known of."""
    found = instruments_as_of(connection, moment, regulation_id)
    return written(found[0]) if found else None


def instruments_as_of(
    connection: duckdb.DuckDBPyConnection, moment: Moment, only: str | None = None
) -> list[Instrument]:
    """Every instrument as of a moment, or the one with this id, by id."""
    return instruments(recorded_of_instruments(connection, moment, only), moment.effective_on)


def recorded_of_instruments(
    connection: duckdb.DuckDBPyConnection, moment: Moment, only: str | None = None
) -> list[Recorded]:
    """What is recorded of instruments, or of the one with this id, as known at a moment, whatever its day."""
    block = statements.blocks("regulations.sql")
    values = moment.bindings() | {"only": only}
    found = [recorded_of(row, json.loads(row["data"])) for row in statements.rows(connection, block["facts"], values)]
    if found:
        found += [
            recorded_of(row, {"retracts": row["retracts"], "reason": row["reason"]})
            for row in statements.rows(connection, block["retractions"], values)
        ]
    return found


def written(instrument: Instrument) -> dict[str, Any]:
    """An instrument as it stands in answers."""
    return {
        **described(instrument),
        "suspended_until": _day(instrument.suspended_until),
        "licences": [_licence(licence) for licence in instrument.licences],
        "next_change": _coming(instrument.next_change),
        "history": [_change(change) for change in instrument.history],
    }


def described(instrument: Instrument) -> dict[str, Any]:
    """What an instrument is and bars."""
    return {
        "regulation_id": instrument.regulation_id,
        "title": instrument.title,
        "jurisdiction": instrument.jurisdiction,
        "authority": instrument.authority,
        "citation": instrument.citation,
        "status": instrument.status,
        "rules": list(instrument.rules),
        "until": _day(instrument.until),
    }


def recorded_of(row: dict[str, Any], data: dict[str, Any]) -> Recorded:
    """An event about an instrument, from a row of `facts` or `retractions`, as the domain takes it."""
    return Recorded(
        type=row["type"],
        id=row["id"],
        stream=f"regulation/{row['regulation_id']}",
        position=row["position"],
        # Positions tell apart what counts from the same day.
        version=0,
        effective_on=parse_period(row["effective_on"]),
        known_on=row["known_on"],
        basis=BASIS_NAMES[row["basis"]],
        data=data,
        stored={} if row["corrects"] is None else {"corrects": row["corrects"]},
    )


def _licence(licence: Licence) -> dict[str, Any]:
    return {
        "licence_id": licence.licence_id,
        "event_id": licence.event_id,
        "since": licence.since.isoformat(),
        "until": _day(licence.until),
        "conditions": {name: licence.conditions[name] for name in CONDITIONS if name in licence.conditions},
    }


def _coming(coming: NextChange | None) -> dict[str, Any] | None:
    if coming is None:
        return None
    return {"on": coming.on.isoformat(), "status": coming.status, "event_ids": list(coming.event_ids)}


def _change(change: Change) -> dict[str, Any]:
    days = {"ends_on": change.ends_on, "known_on": change.known_on, "retracted_on": change.retracted_on}
    return asdict(change) | {name: _day(day) for name, day in days.items()}


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
