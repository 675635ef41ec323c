"""Tables of order lines as a source of orders: rows are read and checked first, put aside, and recorded by order."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from msgspec.structs import replace

from domain.estimates import plain
from service.importing.causes import FaultsByCause
from service.importing.items import EventGroup, Reject
from service.importing.orders.fields import Cells, Layout, Unfit
from service.importing.orders.groups import Faulty, OrderBuilder
from service.importing.orders.makers import SharedProducts
from service.importing.orders.mapping import OrderMapping
from service.importing.orders.overview import Known, OverviewBuilder
from service.importing.orders.registered import Registered
from service.importing.orders.registrations import Registrations
from service.importing.orders.row_rules import FillDown, RowFate, RowRules
from service.importing.orders.rows import RowReader
from service.importing.orders.spool import RowSpool
from service.importing.orders.tables import SourceTable, TableRow
from service.importing.plans import Entry, RowRemark, Summary
from service.importing.rows import MOST_FAULTS
from service.shapes.overviews import TableOverview

#: Rows between two reports of how many are read.
REPORTED_ROWS = 1_000
#: Products that a remark names.
MOST_SHARED = 10


class OrderLines:
    """A table that has been read, with every row's fault known before anything is recorded."""

    def __init__(
        self,
        table: SourceTable,
        mapping: OrderMapping,
        summary: Summary,
        *,
        registered: Registered | None = None,
        keep_raw: bool = False,
        as_of: date | None = None,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """`as_of`: the day of an extract, which says how things stand on it."""
        self._table = table
        #: Called to say that it goes on.
        self._beat = beat
        self._summary = summary
        #: Whether the file of rejects wants rows as they are in the file.
        self._keep_raw = keep_raw
        self._envelope = envelope = envelope_of(mapping)
        layout = Layout(mapping, table.columns, table.first_day)
        #: Everybody and everything that rows name.
        self.registrations = Registrations(mapping.name, envelope)
        self._registered = registered or Registered(mapping.name)
        self._reader = RowReader(mapping, layout, self.registrations, self._registered, as_of)
        self._rules = RowRules(mapping, layout)
        self._fill_down = FillDown(mapping, layout)
        layout.settle()
        self._layout = layout
        self._needed = sorted(layout.needed)
        self._builder = OrderBuilder(mapping, envelope, self.registrations)
        self._spool = RowSpool(beat)
        self._left_out = 0
        #: Known when all rows are read.
        self._shared = SharedProducts()

    @property
    def unread(self) -> list[str]:
        """The columns that no key of the mapping reads."""
        return self._layout.unread

    @property
    def product_changes(self) -> list[Entry]:
        """What takes the makers back of products that several vendors sell; ask when all rows are read."""
        return self._shared.changes

    def has(self, order_id: str) -> bool:
        """Whether rows are of an order; ask when all are read."""
        return self._spool.has(order_id)

    def close(self) -> None:
        """Remove what was put aside."""
        self._spool.close()

    def read(self) -> None:
        """Read every row and put it aside."""
        deque(self.reading(), maxlen=0)

    def reading(self) -> Iterator[int]:
        """Read every row and put it aside; how many are read, from time to time."""
        for row in self._table.rows(self._needed):
            self._summary.rows += 1
            if self._summary.rows % REPORTED_ROWS == 0:
                yield self._summary.rows
            if self._fill_down.any:
                row = self._filled(row)
            if self._rules.any and (fate := self._fate(row)) is not RowFate.READ:
                if fate is RowFate.END:
                    break
                continue
            if isinstance(row, Reject):
                self._put_fault(self._order_of_bad(row), row.line, row.message, row.raw)
            else:
                self._put(row)
        yield self._summary.rows
        for name, (organization, bearers) in sorted(self._registered.shared.items())[:MOST_FAULTS]:
            message = f"{bearers} organisations of the ledger are called so: {organization}, the first, is meant"
            self._summary.plan.noted.append(RowRemark(1, name, message))
        self._note_changes()
        self._shared = self._registered.shared_products(self.registrations.sellers(), self._envelope)
        if count := len(self._shared.ids):
            named = ", ".join(self._shared.ids[:MOST_SHARED]) + (", ..." if count > MOST_SHARED else "")
            message = f"{count:,} {'product' if count == 1 else 'products'} from several vendors: no maker ({named})"
            self._summary.plan.noted.append(RowRemark(1, "product", message))

    def _filled(self, row: TableRow | Reject) -> TableRow | Reject:
        """A row with what it leaves out because the row above says it."""
        if not isinstance(row, TableRow):
            # What stands in a row without proper cells may stand in other columns.
            self._fill_down.forget()
            return row
        try:
            return TableRow(row.line, self._fill_down.filled(row.cells))
        except Unfit as unfit:
            return Reject(row.line, "", str(unfit), row.shown(self._table.columns))

    def _fate(self, row: TableRow | Reject) -> RowFate:
        """What the mapping's rules say of a row; of one without proper cells, as far as it has any."""
        if isinstance(row, TableRow):
            return self._rules.fate(row.line, row.cells)
        cells = self._cells_of_bad(row)
        return RowFate.READ if cells is None else self._rules.fate(row.line, cells)

    def _note_changes(self) -> None:
        """Say what was left out by rule, and what was rounded."""
        noted = self._summary.plan.noted
        for left in self._rules.left_out:
            self._left_out += left.rows
            noted.append(RowRemark(left.line, "", f"{_rows(left.rows)} left out by {left.words}"))
        for key, rounded in self._layout.rounded.items():
            if rounded.count:
                what = f"{rounded.count:,} numbers were rounded, which changes their sum by {plain(rounded.sum)}"
                noted.append(RowRemark(1, key, what))

    def refuse_faults(self) -> None:
        """BadFile where any row cannot be recorded, or rows contradict each other: all of it, by cause."""
        self.look().refuse()

    def look(self, overview: OverviewBuilder | None = None) -> FaultsByCause:
        """Everything that is wrong with rows, by themselves and together; orders that are right go to the overview."""
        found = FaultsByCause()
        for one in self.judged(remarks=False):
            if isinstance(one, Faulty):
                for line, message in one.faults:
                    found.add(line, message)
            elif overview is not None:
                overview.take(one)
        return found

    def overview(self, known: Known) -> tuple[TableOverview, FaultsByCause]:
        """What the table holds, and everything that is wrong with it; `known` says which streams the ledger has."""
        builder = OverviewBuilder()
        found = self.look(builder)
        overview = builder.overview(self._summary.rows, self._left_out, self._layout.unread, known)
        return replace(overview, several_vendors=len(self._shared.ids)), found

    def groups(self) -> Iterator[EventGroup | Reject]:
        """The orders, in the order of their first rows; one with a row that cannot be recorded is rejected whole."""
        yield from (EventGroup([change], rows=0) for change in self.product_changes)
        for one in self.judged(remarks=True):
            if isinstance(one, Faulty):
                line, message = one.faults[0]
                others = one.rows - 1
                if others and one.order_id:
                    message += f" (and with it the order's {others} other {'row' if others == 1 else 'rows'})"
                yield Reject(line, one.order_id, message, one.raw, one.rows)
            else:
                yield one

    def judged(self, *, remarks: bool) -> Iterator[EventGroup | Faulty]:
        """The orders, each in order or with what is wrong; with `remarks` the summary gets what there is to note."""
        known = self._summary.plan.known
        self._builder.shared = 0
        for name, contents in self._spool.groups():
            self._beat()
            # Rows whose order cannot be read are each alone, under a name that no order has.
            order_id = "" if name.startswith("\0") else name
            built, repeated = self._builder.build(order_id, contents)
            if remarks and isinstance(built, EventGroup):
                room = MOST_FAULTS - len(known)
                known += [RowRemark(line, order_id, message) for line, message in repeated[:room]]
            yield built
        if remarks and self._builder.shared:
            message = f"the amounts of {self._builder.shared:,} orders were shared among their lines"
            self._summary.plan.noted.append(RowRemark(1, "order.amount", message))

    def _put(self, row: TableRow) -> None:
        raw = row.shown(self._table.columns) if self._keep_raw else None
        try:
            order_id = self._reader.order_id(row.cells)
        except Unfit as unfit:
            self._put_fault(None, row.line, str(unfit), raw)
            return
        try:
            read = self._reader.read(row.line, row.cells)
        except Unfit as unfit:
            self._put_fault(order_id, row.line, str(unfit), raw)
            return
        self._spool.put(order_id, [row.line, None, list(read), raw])

    def _put_fault(self, order_id: str | None, line: int, message: str, raw: Any) -> None:
        self._spool.put(order_id or f"\0{line}", [line, message, None, raw if self._keep_raw else None])

    def _order_of_bad(self, row: Reject) -> str | None:
        """The order that a row without proper cells names, if any: that one must not be recorded without it."""
        cells = self._cells_of_bad(row)
        try:
            return None if cells is None else self._reader.order_id(cells)
        except Unfit:
            return None

    def _cells_of_bad(self, row: Reject) -> Cells | None:
        columns = self._table.columns
        if isinstance(row.raw, Mapping):
            cells = [row.raw.get(column, "") for column in columns]
        elif isinstance(row.raw, list):
            cells = [*row.raw, *[""] * len(columns)][: len(columns)]
        else:
            return None
        return self._fill_down.guessed(cells)


def _rows(count: int) -> str:
    return "1 row is" if count == 1 else f"{count:,} rows are"


def envelope_of(mapping: OrderMapping) -> dict[str, Any]:
    """What every event of an import says alike."""
    envelope: dict[str, Any] = {"basis": mapping.basis}
    if mapping.citation is not None:
        envelope["source"] = {"citation": mapping.citation, **({"url": mapping.url} if mapping.url else {})}
    return envelope
