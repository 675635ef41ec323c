"""The views by the road that is sooner there: few lines in Python from memory, many by a statement, alike."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from typing import Any

import duckdb

from domain.errors import Invalid
from projections import change_days
from projections import differences as differences_by_statement
from projections import evidence as evidence_by_statement
from projections import exposed_lines as lines_by_statement
from projections import regulatory_exposure as exposure_by_statement
from projections import series as series_by_statement
from projections import sole_source as sole_by_statement
from projections import vendor_dependence as dependence_by_statement
from projections.database import TooManyDigits
from projections.engine import Projection
from projections.few import dependence as dependence_from_memory
from projections.few import differences as differences_from_memory
from projections.few import evidence as evidence_from_memory
from projections.few import exposure as exposure_from_memory
from projections.few import series as series_from_memory
from projections.few import sole as sole_from_memory
from projections.few.contributions import NoRoom
from projections.few.knowing import days_of_knowing
from projections.parameters import ContributionParameters, RegulatoryExposure, SoleSource, VendorDependence


@contextmanager
def adding_up(projection: Projection, parameters: ContributionParameters) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for a statement that adds contributions up.

    Invalid where they come to more digits than there is room for: it says which figures, and how to ask for fewer.
    """
    try:
        with projection.cursor() as connection:
            yield connection
    except TooManyDigits as error:
        what = f"{parameters.measure} {parameters.status} comes to more than 38 digits in {parameters.unit}"
        raise Invalid.at("/measure", f"{what}: ask for a part of it, by buyer, window or period") from error


def vendor_dependence(
    projection: Projection, parameters: VendorDependence, *, country_name: Callable[[str], str | None]
) -> dict[str, Any]:
    """vendor-dependence; see `projections.vendor_dependence`."""
    look = projection.few.look(parameters)
    if look is not None:
        with suppress(NoRoom):
            return dependence_from_memory.dependence(look, parameters, country_name)
    with projection.resolved.at(parameters) as footing, adding_up(projection, parameters) as connection:
        return dependence_by_statement.vendor_dependence(
            connection, parameters, country_name=country_name, footing=footing
        )


def known_days(projection: Projection, parameters: VendorDependence, first: date, last: date) -> list[date]:
    """The days behind the first, up to the last, on which something may have become known that a question is about.

    Of few lines those of the buyers' orders and the registers, else of everything that is recorded.
    """
    look = projection.few.look(parameters)
    if look is not None:
        return days_of_knowing(look, first, last)
    with projection.cursor() as connection:
        return change_days.known_days(connection, parameters.position, first, last)


def remarks_of(projection: Projection, parameters: VendorDependence) -> list[dict[str, Any]]:
    """The remarks of vendor-dependence alone."""
    look = projection.few.look(parameters)
    if look is not None:
        with suppress(NoRoom):
            return dependence_from_memory.remarks_of(look, parameters)
    with projection.resolved.at(parameters) as footing, adding_up(projection, parameters) as connection:
        return dependence_by_statement.remarks_of(connection, parameters, footing)


def evidence(
    projection: Projection,
    parameters: VendorDependence,
    key: str | None,
    *,
    vendor: str | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The contributions of a row and the remarks on them; see `projections.evidence`."""
    look = projection.few.look(parameters)
    if look is not None:
        with suppress(NoRoom):
            return evidence_from_memory.evidence(look, parameters, key, vendor, limit, offset)
    with adding_up(projection, parameters) as connection:
        found = evidence_by_statement.evidence(connection, parameters, key, vendor=vendor, limit=limit, offset=offset)
        return found, evidence_by_statement.evidence_remarks(connection, parameters, key, vendor)


def series(
    projection: Projection,
    parameters: VendorDependence,
    from_on: date,
    to_on: date,
    step: str | None,
    *,
    country_name: Callable[[str], str | None],
) -> dict[str, Any]:
    """vendor-dependence over time; see `projections.series`."""
    course = series_from_memory.course_of(projection.few, parameters, from_on, to_on, step)
    if course is not None:
        with suppress(NoRoom):
            return series_from_memory.series(course, country_name)
    with adding_up(projection, parameters) as connection:
        return series_by_statement.series(connection, parameters, from_on, to_on, step, country_name=country_name)


def difference(
    projection: Projection,
    before: VendorDependence,
    after: VendorDependence,
    *,
    country_name: Callable[[str], str | None],
) -> dict[str, Any]:
    """What changed between two moments; see `projections.differences`."""
    pair = differences_from_memory.pair_of(projection.few, before, after)
    if pair is not None:
        with suppress(NoRoom):
            return differences_from_memory.difference(pair, country_name)
    with adding_up(projection, after) as connection:
        return differences_by_statement.difference(connection, before, after, country_name=country_name)


def regulatory_exposure(projection: Projection, parameters: RegulatoryExposure) -> dict[str, Any]:
    """How much is barred; see `projections.regulatory_exposure`."""
    look = projection.few.look(parameters)
    if look is not None:
        with suppress(NoRoom):
            return exposure_from_memory.exposure(look, parameters)
    with projection.resolved.at(parameters) as footing, adding_up(projection, parameters) as connection:
        return exposure_by_statement.regulatory_exposure(connection, parameters, footing)


def exposed_lines(
    projection: Projection, parameters: RegulatoryExposure, offset: int = 0, limit: int | None = None
) -> tuple[list[dict[str, Any]], bool]:
    """The lines behind it from a place on, and whether others follow; see `projections.exposed_lines`."""
    found = lines_from_memory(projection, parameters, offset, limit)
    if found is not None:
        return found
    with adding_up(projection, parameters) as connection:
        rows = lines_by_statement.exposed_lines(connection, parameters)
    end = len(rows) if limit is None else offset + limit
    return rows[offset:end], end < len(rows)


def lines_from_memory(
    projection: Projection, parameters: RegulatoryExposure, offset: int = 0, limit: int | None = None
) -> tuple[list[dict[str, Any]], bool] | None:
    """The same where they are few; None: they are not."""
    look = projection.few.look(parameters)
    if look is not None:
        with suppress(NoRoom):
            return exposure_from_memory.exposed_lines(look, parameters, offset, limit)
    return None


def sole_source(projection: Projection, parameters: SoleSource) -> dict[str, Any]:
    """Who else could sell; see `projections.sole_source`."""
    # Who sold what nobody is known to make is asked of the whole market.
    market = parameters.model_copy(update={"buyer": ()})
    look = projection.few.look(parameters) if projection.few.look(market, 2) is not None else None
    if look is not None:
        with suppress(NoRoom):
            return sole_from_memory.sole_source(look, parameters)
    with adding_up(projection, parameters) as connection:
        return sole_by_statement.sole_source(connection, parameters)
