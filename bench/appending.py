"""How fast events of all sorts are recorded, beside the library's own save of the same.

Receipts, amendments and changes of organisations come in batches of 300, from their bytes as NDJSON to the durable
commit. The library's aggregates are in its memory already. Beside them stand orders recorded in large batches and one
by one, raw inserts and COPY BINARY of the same rows.
"""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from bench.harness.alternating import alternate, rate, ratio
from bench.harness.report import Report
from bench.harness.suite import Bench
from bench.material.ledgers import record_seed, settings_of
from bench.material.rows import copy_in, insert, make_table, rows_of
from bench.material.stock import StockOrder, StockOrganization, stock_application
from service.daybook import Daybook, open_daybook
from service.web.bodies import read_events

JSON, NDJSON = "application/json", "application/x-ndjson"
BATCH, LARGE_BATCH = 300, 2_000
ORGANIZATIONS = 100
SINGLE = {"one at a time": 1, "64 threads": 64}
Sent = dict[str, Any]


def measure(run: Bench, report: Report) -> None:
    """On one ledger, with its views following as they do when it is served."""
    conninfo = run.cluster.create("appending")
    with open_daybook(settings_of(run.own("appending"), conninfo)) as daybook, _stock(conninfo) as save:
        record_seed(daybook)
        _record(daybook, [_registered(number) for number in range(ORGANIZATIONS)])
        _mixed(run, report, daybook, save)
        _orders(run, report, daybook, conninfo)


@contextmanager
def _stock(conninfo: str) -> Iterator["_Stock"]:
    with stock_application(conninfo) as application:
        yield _Stock(application)


class _Stock:
    """The library's application, with the aggregates that batches are about."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._orders: dict[str, StockOrder] = {}
        self._organizations = {
            f"changing-{number}": StockOrganization(data={"name": f"Changing {number}"})
            for number in range(ORGANIZATIONS)
        }
        application.save(*self._organizations.values())

    def place(self, placed: Sequence[Sent]) -> None:
        """Save orders."""
        new = {sent["data"]["order_id"]: StockOrder(data=sent["data"]) for sent in placed}
        self._application.save(*new.values())
        self._orders |= new

    def save(self, lines: bytes) -> None:
        """Save what a batch says."""
        touched: dict[str, Any] = {}
        for line in lines.splitlines():
            sent = json.loads(line)
            data = sent["data"]
            if sent["type"] == "organization-changed":
                aggregate: Any = self._organizations[data["organization_id"]]
                aggregate.change(data=data)
            else:
                aggregate = self._orders[data["order_id"]]
                (aggregate.receive if sent["type"] == "goods-received" else aggregate.amend)(data=data)
            touched[str(aggregate.id)] = aggregate
        self._application.save(*touched.values())


def _mixed(run: Bench, report: Report, daybook: Daybook, stock: _Stock) -> None:
    batches = run.size(20, 8, least=2)
    turns = count()

    def made(who: str) -> list[bytes]:
        """The batches of a turn, their orders placed before."""
        name = f"{who}-{next(turns)}"
        placed = [_placed(f"{name}-{number}") for number in range(batches * BATCH // 3)]
        for start in range(0, len(placed), LARGE_BATCH):
            part = placed[start : start + LARGE_BATCH]
            _record(daybook, part) if who == "ours" else stock.place(part)
        sent = [one for number, order in enumerate(placed) for one in _happened(number, order["data"]["order_id"])]
        return [_lines(sent[start : start + BATCH]) for start in range(0, len(sent), BATCH)]

    def side(who: str, take: Callable[[bytes], object]) -> Callable[[], float]:
        def measured() -> float:
            ready = made(who)
            return rate(batches * BATCH, lambda: [take(lines) for lines in ready])()

        return measured

    rates = alternate(
        {
            "ours": side("ours", lambda lines: daybook.committer.record(read_events(lines, NDJSON).requests)),
            "stock": side("stock", stock.save),
        },
        run.rounds(7, 5),
    )
    report.add("mixed_vs_stock", ratio(rates["ours"], rates["stock"]))


def _lines(sent: Sequence[Sent]) -> bytes:
    return "\n".join(map(json.dumps, sent)).encode()


def _record(daybook: Daybook, sent: Sequence[Sent]) -> None:
    daybook.committer.record(read_events(_lines(sent), NDJSON).requests)


def _registered(number: int) -> Sent:
    data = {"organization_id": f"changing-{number}", "name": f"Changing {number}", "country": "US"}
    return {"type": "organization-registered", "effective_on": "2024-01-01", "data": data}


def _placed(name: str) -> Sent:
    """An order of two lines."""
    lines = [
        {"line": line, "product_id": "nv-a800", "quantity": "10", "amount": "100000.50", "deliver_by": "2024-03"}
        for line in ("1", "2")
    ]
    data = {"order_id": name, "buyers": ["baidu"], "vendor_id": "nvidia", "currency": "USD", "lines": lines}
    return {"type": "order-placed", "effective_on": "2024-01-15", "data": data}


def _happened(number: int, order_id: str) -> Iterator[Sent]:
    """Three events: an order's amendment and receipt, and an organisation's change."""
    changes = [{"line": "1", "quantity": "5", "amount": "50000.25"}]
    receipts = [{"line": line, "quantity": "4", "amount": "40000"} for line in ("1", "2")]
    organization = {"organization_id": f"changing-{number % ORGANIZATIONS}", "name": f"Changed {order_id}"}
    for name, data in (
        ("order-amended", {"order_id": order_id, "changes": changes}),
        ("goods-received", {"order_id": order_id, "receipts": receipts}),
        ("organization-changed", organization),
    ):
        yield {"type": name, "effective_on": "2024-02-01", "data": data}


def _orders(run: Bench, report: Report, daybook: Daybook, conninfo: str) -> None:
    many, few = run.size(20_000, 6_000, least=200), run.size(2_000, 500, least=64)
    turns = count()

    def placed(number: int) -> list[Sent]:
        name = f"turn-{next(turns)}"
        return [_placed(f"{name}-{one}") for one in range(number)]

    def batches() -> float:
        sent = placed(many)
        parts = [sent[start : start + LARGE_BATCH] for start in range(0, many, LARGE_BATCH)]
        ready = [read_events(_lines(part), NDJSON).requests for part in parts]
        return rate(many, lambda: [daybook.committer.record(part) for part in ready])()

    def single(threads: int) -> Callable[[], float]:
        def measured() -> float:
            ready = [read_events(json.dumps(one).encode(), JSON).requests for one in placed(few)]
            return rate(few, lambda: _from_threads(daybook, threads, ready))()

        return measured

    def raw(name: str, put: Callable[..., None]) -> Callable[[], float]:
        def measured() -> float:
            rows = rows_of(daybook, many, "order/turn-")
            make_table(conninfo, name)
            return rate(len(rows), lambda: put(conninfo, name, rows))()

        return measured

    sides = {
        f"orders in batches of {LARGE_BATCH:,}, read": batches,
        "COPY BINARY of the same rows": raw("raw_copy", copy_in),
        "raw insert of the same rows": raw("raw_insert", insert),
    } | {f"single orders, {words}": single(threads) for words, threads in SINGLE.items()}
    rates = alternate(sides, run.rounds(5, 3))
    report.spreads("Recording orders of two lines, events a second", "what", rates)


def _from_threads(daybook: Daybook, many: int, requests: Sequence[Any]) -> None:
    """Record one request at a time from several threads."""

    def work(part: Sequence[Any]) -> None:
        for request in part:
            daybook.committer.record(request)

    workers = [threading.Thread(target=work, args=(requests[number::many],)) for number in range(many)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
