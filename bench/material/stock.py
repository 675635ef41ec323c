"""What the eventsourcing library does by itself: its own application with orders as aggregates, and its projections."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL


class StockOrder(Aggregate):
    """An order as the library would have it: what happens to it are events of one aggregate."""

    @event("Placed")
    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.received: dict[str, int] = {}

    @event("Received")
    def receive(self, data: dict[str, Any]) -> None:
        """Goods arrived."""
        for receipt in data["receipts"]:
            self.received[receipt["line"]] = self.received.get(receipt["line"], 0) + int(receipt["quantity"])

    @event("Amended")
    def amend(self, data: dict[str, Any]) -> None:
        """Lines change."""
        self.amended = data


class StockOrganization(Aggregate):
    """An organisation as the library would have it."""

    @event("Registered")
    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    @event("Changed")
    def change(self, data: dict[str, Any]) -> None:
        """It changes."""
        self.data = {**self.data, **data}


def stock_environment(conninfo: str) -> dict[str, str]:
    """What the library's own application takes to work on a database."""
    info = psycopg.conninfo.conninfo_to_dict(conninfo)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(info["dbname"]),
        "POSTGRES_HOST": str(info["host"]),
        "POSTGRES_PORT": str(info.get("port", "5432")),
        "POSTGRES_USER": str(info["user"]),
        "POSTGRES_PASSWORD": "unused",
    }


@contextmanager
def stock_application(conninfo: str) -> Iterator[Application[UUID]]:
    """The library's own application on a database, until the block ends."""
    application: Application[UUID] = Application(stock_environment(conninfo))
    try:
        yield application
    finally:
        application.close()


class SpendView(PostgresTrackingRecorder):
    """Spend by vendor in PostgreSQL, as the library's documentation keeps a materialised view: a row a vendor."""

    def __init__(self, datastore: PostgresDatastore, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        self.sql_create_statements.append(
            SQL("create table if not exists spend (vendor text primary key, amount numeric not null)").format()
        )

    def add(self, vendor: str, amount: str, tracking: Tracking) -> None:
        """Count an order, and how far the view is, in one transaction."""
        upsert = (
            "insert into spend values (%s, %s)"
            " on conflict (vendor) do update set amount = spend.amount + excluded.amount"
        )
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(upsert, (vendor, amount), prepare=True)


class SpendProjection(Projection[SpendView]):
    """Reads orders into the view."""

    name = "spend"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Count an order."""
        data = getattr(domain_event, "data", None) or {}
        amount = str(sum(float(line["amount"]) for line in data.get("lines", ())))
        self.view.add(data.get("vendor_id", "?"), amount, tracking)


def project(conninfo: str, last: int) -> None:
    """Have the library's runner read everything up to a notification into a view of its own."""
    with ProjectionRunner(
        application_class=Application,
        projection_class=SpendProjection,
        view_class=SpendView,
        env=stock_environment(conninfo),
    ) as runner:
        runner.wait(last, timeout=600)
