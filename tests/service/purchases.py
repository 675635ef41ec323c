"""What clients send to a ledger, how tests record it, and how they look at what is stored."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection

from domain.catalogue import read_request
from domain.events import Request, canonical
from service.codes import codes
from service.recording.committer import Committer
from service.recording.receipts import CommandReceipt
from service.storing.ledger import Ledger
from tests.service.postgres_owner import wait_until

#: An event as a client sends it, or as it is stored.
Event = dict[str, Any]

INSERT = (
    "insert into ledger_events"
    " (notification_id, originator_id, originator_version, topic, event_id, recorded_at, state) values "
)


def say(event_type: str, data: Event, **envelope: Any) -> Event:
    """An event of 31 August 2023, unless `envelope` says otherwise."""
    return {"type": event_type, "effective_on": "2023-08-31", **envelope, "data": data}


def organization(organization_id: str, **envelope: Any) -> Event:
    """An organisation of China is registered."""
    data = {"organization_id": organization_id, "name": organization_id.title(), "country": "CN"}
    return say("organization-registered", data, **envelope)


def product(product_id: str, vendor_id: str = "huawei", **envelope: Any) -> Event:
    """A product is registered, of Huawei unless told otherwise."""
    data = {"product_id": product_id, "name": product_id.upper(), "vendor_id": vendor_id, "category": "accelerator"}
    return say("product-registered", data, **envelope)


def order(order_id: str, quantity: str = "1600", **envelope: Any) -> Event:
    """Baidu orders chips from Huawei, at 281,250 yuan each."""
    line = {"line": "1", "product_id": "910b", "quantity": quantity, "amount": str(281_250 * int(quantity))}
    parties = {"buyers": ["baidu"], "vendor_id": "huawei", "currency": "CNY"}
    return say("order-placed", {"order_id": order_id, **parties, "lines": [line]}, **envelope)


def amendment(order_id: str, quantity: str, **envelope: Any) -> Event:
    """A difference to the quantity of an order's line."""
    return say("order-amended", {"order_id": order_id, "changes": [{"line": "1", "quantity": quantity}]}, **envelope)


def receipt(order_id: str, quantity: str, **envelope: Any) -> Event:
    """Chips of an order arrive; the amount is left to be derived."""
    return say("goods-received", {"order_id": order_id, "receipts": [{"line": "1", "quantity": quantity}]}, **envelope)


def cancellation(order_id: str, **envelope: Any) -> Event:
    """An order is cancelled."""
    return say("order-cancelled", {"order_id": order_id, "reason": "export rule"}, **envelope)


def note(event_id: str, text: str, **envelope: Any) -> Event:
    """A note on a recorded event."""
    return say("event-annotated", {"annotates": event_id, "note": text}, **envelope)


def retraction(event_id: str, **envelope: Any) -> Event:
    """An event was wrong."""
    return say("event-retracted", {"retracts": event_id, "reason": "entered by mistake"}, **envelope)


def market() -> list[Event]:
    """What `order` builds on: Baidu, Huawei and the 910B, each under an id of its own."""
    return [organization("baidu", id="of-baidu"), organization("huawei", id="of-huawei"), product("910b", id="of-910b")]


def read(sent: Sequence[Mapping[str, Any]]) -> list[Request]:
    """Events as a client sends them, read."""
    return [read_request(event, codes()) for event in sent]


def record(committer: Committer, *sent: Event) -> CommandReceipt:
    """Record events together and wait until they are durable."""
    return committer.record(read(sent))


@contextmanager
def head_held(conninfo: str) -> Iterator[None]:
    """Keep every append waiting for the head's lock, in the block."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("select ledger_lock()")
        yield


#: An advisory lock that no code of ours takes.
HELD = 7_777_777
ONLY_THE_FIRST = f"""
create function only_the_first() returns trigger language plpgsql as $$
begin
    -- Its own rows the transaction sees as well: the head's are of others where another has moved it.
    if exists (select from ledger_head where position > 0 and xmin <> pg_current_xact_id()::xid) then
        perform pg_advisory_xact_lock_shared({HELD});
    end if;
    return null;
end
$$;
create trigger only_the_first before insert on ledger_events for each statement execute function only_the_first();
"""


@contextmanager
def later_appends_held(conninfo: str) -> Iterator[None]:
    """Let the first append to an empty ledger through, and keep those after it waiting, in the block."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(ONLY_THE_FIRST)
        connection.execute("select pg_advisory_lock(%s)", (HELD,))
        yield
        connection.execute("select pg_advisory_unlock(%s)", (HELD,))
        connection.execute("drop function only_the_first cascade")


def appends_wait(owner: Connection[Any], count: int = 1) -> bool:
    """Whether so many appends come to wait for the head's lock."""
    waiting = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    return wait_until(lambda: owner.execute(waiting).rowcount == count)


def submit_together(
    committer: Committer, owner: Connection[Any], conninfo: str, *commands: Sequence[Event]
) -> "list[Future[CommandReceipt]]":
    """Submit commands so that the committer takes them all at once: it has an event to record just before them."""
    with head_held(conninfo):
        committer.submit(read([organization("just-before")]))
        assert appends_wait(owner)
        return [committer.submit(read(command)) for command in commands]


def stored(ledger: Ledger) -> list[bytes]:
    """The bytes of every event, in order."""
    return [row.state for row in ledger.recorder.rows_after(0, 1_000_000)]


def events(ledger: Ledger) -> list[Event]:
    """Every event, in order."""
    return [json.loads(state) for state in stored(ledger)]


def insert_directly(connection: Connection[Any], *inserted: Event) -> None:
    """Insert stored events past the service, in one statement; the database alone judges them."""
    columns = ("position", "stream", "version", "type", "id", "recorded_at")
    values = [[*(event[name] for name in columns), canonical(event)] for event in inserted]
    places = ", ".join(["(%s, %s, %s, %s, %s, %s, %s)"] * len(values))
    connection.execute((INSERT + places).encode(), [value for row in values for value in row])
