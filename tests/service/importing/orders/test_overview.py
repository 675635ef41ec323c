"""What a dry run says of a table: sums that equal an independent computation, newcomers, unread columns, samples."""

import io
from collections import defaultdict
from decimal import Decimal
from typing import Any

from service.importing.importing import Here
from service.importing.reading.messages import OverviewSeen, ReaderTask
from tests.service.importing.order_tables import as_toml, mapping, rows_csv


def seen(data: bytes, declared: dict[str, Any] | None = None, known: tuple[str, ...] = ()) -> OverviewSeen:
    """The overview of a table, where the ledger has these streams."""

    def answer(question: str, names: Any) -> Any:
        return sorted(set(names) & set(known)) if question == "known" else []

    task = ReaderTask("csv", ("pumps", as_toml(declared or mapping()).encode()), overview=True)
    # What is wrong is raised behind it.
    return next(one for one in Here(io.BytesIO(data), task).messages(answer) if isinstance(one, OverviewSeen))


def test_sums_by_currency_equal_those_of_the_rows() -> None:
    rows: list[dict[str, str]] = [
        {
            "PO": f"PO-{n // 3}",
            "Line": str(n),
            "Value": f"{n * 7919 % 1000}.{n % 100:02}",
            "Currency": ("EUR", "USD")[n // 3 % 2],
        }
        for n in range(200)
    ]
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row["Currency"]] += Decimal(row["Value"])
    overview = seen(rows_csv(*rows)).overview
    assert {one.currency: Decimal(one.amount) for one in overview.sums} == sums
    assert (sum(one.lines for one in overview.sums), overview.orders, overview.rows) == (200, 67, 200)


def test_suppliers_and_products_are_new_or_known_and_dates_are_the_first_and_last() -> None:
    rows = rows_csv({}, {"PO": "PO-2", "Supplier": "KSB", "Item": "Seal", "Ordered": "2023-01-05", "Arrived": ""})
    overview = seen(rows, mapping(maker=None, receipt=None), ("organization/ksb",)).overview
    assert (overview.suppliers.known, overview.suppliers.new) == (1, 1)
    assert overview.suppliers.first_new == ["Müller & Söhne GmbH"]
    assert (overview.products.known, overview.products.first_new) == (0, ["Pump P-200", "Seal"])
    assert (overview.first_on, overview.last_on) == ("2023-01-05", "2024-03-01")
    assert overview.unread_columns == ["Maker"]


def test_the_first_three_orders_are_shown_as_read() -> None:
    rows = rows_csv(*({"PO": f"PO-{n}"} for n in range(5)))
    samples = seen(rows).overview.samples
    assert [one.order_id for one in samples] == ["PO-0", "PO-1", "PO-2"]
    first = samples[0]
    assert (first.line, first.vendor, first.buyers, first.then) == (
        2,
        "Müller & Söhne GmbH",
        ["Branch Kenya"],
        ["goods-received"],
    )
    assert (first.lines[0].product, first.lines[0].amount) == ("Pump P-200", "1600.5")


def test_what_is_wrong_is_said_beside_what_is_right() -> None:
    rows = rows_csv({}, {"PO": "PO-2", "Qty": "x"}, {"PO": "PO-3"}, {"PO": "PO-3", "Line": "2", "Supplier": "KSB"})
    found = seen(rows)
    assert found.overview.orders == 1
    assert [(one.count, one.places[0].line) for one in found.causes] == [(1, 3), (1, 5)]
