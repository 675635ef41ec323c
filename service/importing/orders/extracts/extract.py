"""An extract compared with the ledger, page by page, and what there is to record put aside until all is checked."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from service.importing.causes import FaultsByCause
from service.importing.items import EventGroup
from service.importing.orders.extent import OrderScope, scope_key
from service.importing.orders.extracts.comparison import (
    OrderDifferences,
    differences,
    missing_order,
    new_order,
    ordering_lines,
)
from service.importing.orders.extracts.known import ExtractOrder, KnownOrder, begun_by
from service.importing.orders.extracts.organizations import NamedOrganization, changes
from service.importing.orders.extracts.writing import ExtractTerms
from service.importing.orders.mapping import OrderMapping
from service.importing.orders.spool import RowSpool
from service.importing.orders.table import OrderLines, envelope_of
from service.importing.plans import Entry, RowRemark, Summary
from service.importing.reading.messages import ExtractTask
from service.importing.rows import BadFile, FileFault

if TYPE_CHECKING:
    from service.importing.standing import LedgerStanding

T = TypeVar("T")

#: Orders or organisations that are looked up together.
PAGE = 500
#: An extract without a scope may lack one of so many lines that earlier ones had.
FEW = 5
#: Remarks of a kind that are kept.
MOST_REMARKS = 10_000


def refuse_out_of_order(mapping: OrderMapping, task: ExtractTask, standing: "LedgerStanding") -> None:
    """BadFile where an extract is of a day to come, or older than the last of its scope."""
    if task.as_of > standing.today:
        raise BadFile([FileFault(1, f"the extract is of {task.as_of}, and today is {standing.today}")])
    last = standing.synced(mapping.name, scope_key(mapping))
    if last is not None and task.as_of < last and not task.allow_older:
        message = f"the extract is of {task.as_of}, and one of {last} was synced: --allow-older (allow_older) takes it"
        raise BadFile([FileFault(1, message)])


class Extract:
    """A table that says how things stand on a day, beside what the ledger has; everything is put aside on disk."""

    def __init__(
        self,
        orders: OrderLines,
        mapping: OrderMapping,
        task: ExtractTask,
        standing: "LedgerStanding",
        summary: Summary,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._orders = orders
        self._task = task
        self._standing = standing
        self._plan = summary.plan
        self._beat = beat
        self._terms = ExtractTerms.of(mapping, envelope_of(mapping), task.as_of, task.missing, correct=task.correct)
        self._scope = OrderScope(mapping, task.as_of)
        self._declared = mapping.scope.declared
        self._numbered = mapping.line.id is None
        self._prepared = RowSpool(beat)
        #: Lines that ordered something before, and those of them that the extract lacks.
        self._lines = self._lines_gone = 0
        self._missing = self._several = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._prepared.close()

    def compare(self) -> None:
        """Find all that differs; BadFile with everything that is wrong, or where too much is missing."""
        self._compare_organizations()
        found = FaultsByCause()
        for page in _pages(self._orders.judged(remarks=True)):
            groups: list[EventGroup] = []
            for one in page:
                if isinstance(one, EventGroup):
                    groups.append(one)
                    continue
                for line, message in one.faults:
                    found.add(line, message)
            if not found.count:
                self._compare_orders(groups)
        found.refuse()
        for change in self._orders.product_changes:
            self._prepare([change], [], 0, {})
        self._compare_missing()
        self._refuse_bulk()
        if self._several and self._numbered:
            message = f"{self._several:,} orders have several lines, which are told apart by their places: give line.id"
            self._plan.noted.append(RowRemark(1, "line.id", message))

    def groups(self) -> Iterator[EventGroup]:
        """What there is to record, in the order of the file; what is missing comes last."""
        registrations = self._orders.registrations
        for entries, needs, rows, expected in self._prepared.contents():
            needed = [registrations.needs(kind, identifier) for kind, identifier in needs]
            yield EventGroup([Entry(*entry) for entry in entries], needed, rows, expected=expected)

    def _compare_organizations(self) -> None:
        registrations = self._orders.registrations
        for page in _pages(registrations.organizations()):
            histories = self._standing.streams(f"organization/{identifier}" for identifier, _ in page)
            for identifier, found in page:
                stream = f"organization/{identifier}"
                if stream not in histories:
                    continue
                names, owners = registrations.described(identifier)
                named = NamedOrganization(identifier, found.line, found.data, names, owners)
                entries = changes(self._terms, histories[stream], named)
                if entries:
                    above = registrations.owners(identifier)[:-1] if owners else []
                    needs = [("organization", one) for one in above]
                    self._prepare(entries, needs, 0, {stream: histories[stream][-1].version})

    def _compare_orders(self, groups: list[EventGroup]) -> None:
        self._beat()
        ids = [str(group.entries[0].sent["data"]["order_id"]) for group in groups]
        histories = self._standing.streams(f"order/{order_id}" for order_id in ids)
        for order_id, group in zip(ids, groups, strict=True):
            known = KnownOrder.of(histories.get(f"order/{order_id}", []), self._task.as_of)
            listed = ExtractOrder.of(order_id, group)
            compare = differences if known.facts else new_order
            found = compare(self._terms, known, listed)
            self._several += len(listed.lines) > 1
            self._take(order_id, known, found, group)

    def _take(self, order_id: str, known: KnownOrder, found: OrderDifferences, group: EventGroup | None) -> None:
        self._lines += found.lines
        self._lines_gone += found.lines_gone
        if not found.entries:
            return
        needs = [] if group is None else [_need_of(entry) for entry in group.needs]
        # What begins a stream is refused by itself where another began it.
        expected = {f"order/{order_id}": known.version} if known.facts else {}
        self._prepare(found.entries, needs, 0 if group is None else group.rows, expected)
        for note in found.notes[: MOST_REMARKS - len(self._plan.noted)]:
            self._plan.noted.append(RowRemark(found.entries[0].line, order_id, note))

    def _compare_missing(self) -> None:
        """Orders that earlier extracts had, within the scope, that stand and are not in the file."""
        with closing(RowSpool(self._beat)) as met:
            for streams in self._standing.ordered_by(self._terms.prefix):
                self._beat()
                for stream in dict.fromkeys(streams):
                    if not self._orders.has(stream.partition("/")[2]):
                        met.put(stream, None)
            names = (spooled.name for spooled in met.groups())
            for page in _pages(names):
                self._beat()
                for stream, history in self._standing.streams(page).items():
                    self._miss(stream.partition("/")[2], KnownOrder.of(history, self._task.as_of))
        if self._missing > len(self._plan.missing):
            more = self._missing - len(self._plan.missing)
            self._plan.noted.append(RowRemark(1, "", f"{more:,} more orders are missing than are listed"))

    def _miss(self, order_id: str, known: KnownOrder) -> None:
        if not known.facts or not begun_by(known.placed.event, self._task.as_of):
            return
        placed, state = known.placed.event, known.state()
        within = self._scope.has_buyer(placed.data["buyers"]) and self._scope.has_day(placed.effective_on.last)
        if state.cancelled_on is not None or not within:
            return
        lines = len(ordering_lines(state))
        self._lines += lines
        self._lines_gone += lines
        self._missing += 1
        if len(self._plan.missing) < MOST_REMARKS:
            done = "it is cancelled" if self._terms.missing == "cancel" else "nothing is recorded of that"
            message = f"order {order_id} is in the ledger, and not in the extract of {self._task.as_of}: {done}"
            self._plan.missing.append(RowRemark(1, order_id, message))
        if self._terms.missing == "cancel":
            self._take(order_id, known, missing_order(self._terms, known, order_id), None)

    def _refuse_bulk(self) -> None:
        gone, had = self._lines_gone, self._lines
        if self._declared or self._task.confirm_missing or gone * FEW <= had:
            return
        message = (
            f"of {had:,} lines that the ledger has of this mapping, the file lacks {gone:,}, more than a fifth:"
            " is it cut short? A [scope] in the mapping says of which orders it has all;"
            " --confirm-missing (confirm_missing) takes it as it is"
        )
        raise BadFile([FileFault(1, message)])

    def _prepare(self, entries: list[Entry], needs: list[tuple[str, str]], rows: int, expected: dict[str, int]) -> None:
        plain = [(entry.line, entry.row, entry.sent) for entry in entries]
        self._prepared.put("", [plain, needs, rows, expected])


def _need_of(entry: Entry) -> tuple[str, str]:
    return str(entry.sent["type"]).removesuffix("-registered"), entry.row


def _pages(source: Iterable[T]) -> Iterator[list[T]]:
    places = iter(source)
    while page := list(islice(places, PAGE)):
        yield page
