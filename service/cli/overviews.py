"""What a dry run says of a table, and of its faults by cause, for people."""

from collections.abc import Iterator, Sequence

from service.shapes.overviews import FaultCause, Newcomers, OrderSample, RecordsOverview, TableOverview


def overview_lines(overview: TableOverview) -> Iterator[str]:
    """What a table holds, in lines of text."""
    if overview.records is not None:
        yield from _records(overview, overview.records)
        return
    left_out = f", {overview.left_out:,} of them left out by rule" if overview.left_out else ""
    between = f" from {overview.first_on} to {overview.last_on}" if overview.first_on else ""
    yield f"holds: {overview.orders:,} orders in {overview.rows:,} rows{left_out}{between}"
    for one in overview.sums:
        amended = f", amended by {one.amended}" if one.amended != "0" else ""
        unknown = f", {one.unquantified:,} of unknown amount" if one.unquantified else ""
        yield f"  {one.currency} {one.amount}: {one.orders:,} orders, {one.lines:,} lines{unknown}{amended}"
    yield _newcomers("suppliers", overview.suppliers)
    yield _newcomers("products", overview.products)
    if overview.several_vendors:
        yield f"products from several vendors: {overview.several_vendors:,}, of which no maker is recorded"
    if overview.unread_columns:
        yield f"columns that no key reads: {', '.join(overview.unread_columns)}"
    for sample in overview.samples:
        yield from _sample(sample)


def _records(overview: TableOverview, records: RecordsOverview) -> Iterator[str]:
    between = f" from {overview.first_on} to {overview.last_on}" if overview.first_on else ""
    yield f"holds: {overview.rows:,} rows{between}"
    more = ", ..." if records.new > len(records.first_new) else ""
    names = f" ({', '.join(records.first_new)}{more})" if records.first_new else ""
    yield f"  new: {records.new:,}{names}"
    yield f"  other events: {records.changed:,}, rows that are known: {records.known:,}, left out: {records.left_out:,}"
    yield from (f"as read, {sample}" for sample in records.samples)


def cause_lines(causes: Sequence[FaultCause]) -> Iterator[str]:
    """Faults by cause, in lines of text."""
    for one in causes:
        yield f"{one.count:,} x {one.cause}"
        yield f"    on {'line' if one.count == 1 else 'lines'} {', '.join(str(place.line) for place in one.places)}" + (
            " ..." if one.count > len(one.places) else ""
        )
        if one.mend:
            yield f"    mend: {one.mend}"


def _newcomers(what: str, found: Newcomers) -> str:
    more = ", ..." if found.new > len(found.first_new) else ""
    names = f" ({', '.join(found.first_new)}{more})" if found.new else ""
    return f"{what}: {found.known:,} known, {found.new:,} new{names}"


def _sample(sample: OrderSample) -> Iterator[str]:
    known = f", known on {sample.known_on}" if sample.known_on else ""
    buyers = " and ".join(sample.buyers)
    who = f"{buyers} of {sample.vendor}"
    yield f"as read, line {sample.line}: order {sample.order_id}, {who}, {sample.placed_on}{known}"
    for line in sample.lines:
        product = line.product or "no product"
        quantity = line.quantity or "unknown quantity"
        due = f", due {line.deliver_by}" if line.deliver_by else ""
        cost = f"{sample.currency} {line.amount}" if line.amount is not None else "unknown amount"
        yield f"    {line.line}: {quantity} x {product} for {cost}{due}"
    if sample.lines_total > len(sample.lines):
        yield f"    and {sample.lines_total - len(sample.lines):,} more lines"
    if sample.then:
        yield f"    then {', '.join(sample.then[:10])}"
