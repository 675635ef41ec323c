"""The client of a service for asynchronous programs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, Unpack

import httpx2

from service.client import extracts, requests
from service.client.attempts import Patience
from service.client.calls import Call
from service.client.connection import LOST, Connection, silence, was_sent
from service.client.paths import Collection
from service.client.problems import Unavailable, refusal
from service.client.streams import Lines, Listening, Offsets, Pages
from service.shapes import answers
from service.shapes.answers import StoredEvent
from service.shapes.things import Import, ListedOrder

#: Between two questions about an import that is waited for.
IMPORT_PAUSE_S = 0.2

Answer = TypeVar("Answer")
P = ParamSpec("P")


def _sent(make: Callable[P, Call[Answer]]) -> Callable[Concatenate["AsyncClient", P], Awaitable[Answer]]:
    """The verb that sends what a function asks."""

    @wraps(make)
    async def verb(client: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        return await client.send(make(*args, **kwargs))

    return verb


class AsyncClient:
    """A client of one service; it may be used by several tasks.

    Everything that records carries an idempotency key, so that it can be sent again: after a lost connection, 429 and
    503 it is, with growing waits and as Retry-After says. What this client has recorded is in what it reads afterwards.
    """

    def __init__(
        self,
        address: str,
        token: str,
        *,
        patience: Patience = Patience(),  # noqa: B008  # it is immutable
        read_own_writes: bool = True,
        timeout_s: float = 30.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`address`: such as https://daybook.example. `timeout_s`: for which an answer may be silent."""
        self._connection = Connection(address, token, patience, read_own_writes=read_own_writes)
        self._http = httpx2.AsyncClient(base_url=address, headers=self._connection.headers, timeout=timeout_s)
        self._sleep = sleep

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    @property
    def position(self) -> int:
        """The last position that this client recorded; 0: none."""
        return self._connection.position

    async def send(self, call: Call[Answer]) -> Answer:
        """Send a call until it is answered; ClientError where it is refused, or never answered."""
        attempts = self._connection.attempts(call)
        arguments = self._connection.arguments(call)
        while True:
            try:
                answer = await self._http.request(**arguments)
            except LOST as error:
                wait_s = attempts.wait_after_loss(sent=was_sent(error))
                if wait_s is None:
                    raise self._connection.given_up(call, error) from error
            else:
                wait_s = attempts.wait_after(answer.status_code, answer.headers)
                if wait_s is None:
                    return self._connection.learned(call.answered(answer.status_code, answer.headers, answer.content))
            await self._sleep(wait_s)

    record = _sent(requests.record)
    begin = _sent(requests.begin)
    happen = _sent(requests.happen)
    annotate = _sent(requests.annotate)
    correct = _sent(requests.correct)

    begin_import = _sent(requests.begin_import)
    import_state = _sent(requests.import_state)

    vendor_dependence = _sent(requests.vendor_dependence)
    evidence = _sent(requests.evidence)
    series = _sent(requests.series)
    difference = _sent(requests.difference)
    regulatory_exposure = _sent(requests.regulatory_exposure)
    exposed_lines = _sent(requests.exposed_lines)
    sole_source = _sent(requests.sole_source)
    view_file = _sent(requests.view_file)
    suppose_dependence = _sent(requests.suppose_dependence)
    suppose_exposure = _sent(requests.suppose_exposure)

    order = _sent(requests.order)
    organization = _sent(requests.organization)
    product = _sent(requests.product)
    partnership = _sent(requests.partnership)
    regulation = _sent(requests.regulation)
    supply_assertion = _sent(requests.supply_assertion)
    exchange_rates = _sent(requests.exchange_rates)

    orders_page = _sent(requests.orders_page)
    order_lines = _sent(requests.order_lines)
    organizations = _sent(requests.organizations)
    likely_duplicates = _sent(requests.likely_duplicates)
    products = _sent(requests.products)
    partnerships = _sent(requests.partnerships)
    regulations = _sent(requests.regulations)
    history = _sent(requests.history)

    event = _sent(requests.event)
    events_page = _sent(requests.events_page)
    proof = _sent(requests.proof)
    checkpoint = _sent(requests.checkpoint)
    readiness = _sent(requests.readiness)
    version = _sent(requests.version)

    create_webhook = _sent(requests.create_webhook)
    webhooks = _sent(requests.webhooks)
    remove_webhook = _sent(requests.remove_webhook)

    async def imported(self, file_content: bytes, **asked: Unpack[requests.ImportAsked]) -> Import:
        """Send a file to be imported, wait for the end, and return what became of it, also where it failed."""
        found = await self.begin_import(file_content, **asked)
        while found.finished_at is None:
            await self._sleep(IMPORT_PAUSE_S)
            found = await self.import_state(found.id)
        return found

    async def sync(
        self,
        file: extracts.Sendable,
        *,
        mapping: str,
        as_of: requests.Day,
        idempotency_key: str | None = None,
        **asked: Unpack[extracts.ExtractAsked],
    ) -> Import:
        """Record what is different on a day, as a file of order lines says; returns when that is done.

        `file`: its content, its path, or itself, open for reading bytes. `mapping`: the name of one that the service
        keeps. NotSynced where it was refused, in whole or in part.
        """
        found = await self.send(extracts.begin_sync(file, mapping, as_of, idempotency_key, **asked))
        while found.finished_at is None:
            await self._sleep(IMPORT_PAUSE_S)
            found = await self.import_state(found.id)
        if found.recorded and not found.dry_run:
            # An import does not say where its events stand: they are not behind the ledger's end.
            with suppress(Unavailable):
                ready = await self.send(requests.readiness())
                self._connection.reached(ready.head or 0)
        return extracts.refuse_unsynced(found)

    async def events(
        self, after: int = 0, most: int | None = None, **wanted: Unpack[requests.EventsWanted]
    ) -> AsyncIterator[StoredEvent]:
        """The events behind a position, in order, read page by page."""
        pages = Pages(wanted, after, most)
        while not pages.done:
            for event in pages.take(await self.send(pages.next())):
                yield event

    def stream_events(self, after: int = 0, **wanted: Unpack[requests.EventsWanted]) -> AsyncIterator[StoredEvent]:
        """The events behind a position, in order, up to the ledger's end, in one answer."""
        return self._followed(Lines(wanted, after))

    def listen(self, after: int | None = None, **wanted: Any) -> AsyncIterator[StoredEvent]:
        """The events behind a position as they are recorded, without an end; None: behind the ledger's end.

        `type` and `stream` say which. Where the connection is lost it is made again, and no event is missed.
        """
        return self._followed(Listening(wanted, after))

    async def orders(self, **asked: Any) -> AsyncIterator[ListedOrder]:
        """The orders as of a moment, page by page; filters as `orders_page` has them."""
        cursor: str | None = None
        while True:
            page = await self.orders_page(cursor, **asked)
            for order in page.orders:
                yield order
            cursor = page.next_cursor
            if cursor is None:
                return

    async def contributions(self, **asked: Unpack[requests.EvidenceAsked]) -> AsyncIterator[answers.Data]:
        """The contributions to a row as of a moment, page by page; asked as `evidence`, without limit and offset."""
        paging = Offsets(asked)
        while not paging.done:
            found = paging.take(await self.evidence(**paging.asked))
            for one in found:
                yield one

    async def history_events(self, collection: Collection, identifier: str, **asked: Any) -> AsyncIterator[StoredEvent]:
        """The events of one thing as of a moment, page by page."""
        while True:
            page = await self.history(collection, identifier, **asked)
            for event in page.events:
                yield event
            if page.next_cursor is None:
                return
            asked = requests.following(page.next_cursor, asked)

    async def _followed(self, reader: Lines | Listening) -> AsyncIterator[StoredEvent]:
        call = reader.call()
        attempts = self._connection.attempts(call)
        while True:
            try:
                async with self._http.stream(**self._connection.arguments(call), timeout=silence()) as answer:
                    if answer.status_code >= 400:
                        body = await answer.aread()
                        wait_s = attempts.wait_after(answer.status_code, answer.headers)
                        if wait_s is None:
                            raise refusal(answer.status_code, answer.headers, body)
                    else:
                        async for piece in answer.aiter_bytes():
                            attempts = self._connection.following(reader)
                            for event in reader.take(piece):
                                yield event
                        for event in reader.end():
                            yield event
                        wait_s = reader.again_after_s
                        if wait_s is None:
                            return
            except LOST as error:
                wait_s = attempts.wait_after_loss(sent=True)
                if wait_s is None:
                    raise self._connection.given_up(call, error) from error
            await self._sleep(wait_s)
            call = reader.call()
