"""OCDS as a source of groups: each award or contract an order, with the organisations and products that it needs."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain, pairwise
from typing import Any, BinaryIO

from ocdsmerge.exceptions import OCDSMergeError

from domain.events import Recorded
from service.importing.items import EventGroup, Reading, Reject
from service.importing.ocds import validation
from service.importing.ocds.days import TooMuch, tale
from service.importing.ocds.documents import (
    OLD_VERSION,
    Document,
    DocumentRemarks,
    Package,
    Publication,
    documents,
    packages,
    publications,
)
from service.importing.ocds.events import PREFIX, OrderChain, Unexplained
from service.importing.ocds.extension import EXTENSION, NotOurs, exported, is_exported
from service.importing.ocds.parties import Supplier
from service.importing.ocds.purchases import Purchase, SuppliedProduct
from service.importing.ocds.releases import Unusable, reduced
from service.importing.ocds.spells import Spell, Stated
from service.importing.ocds.spool import ReleaseSpool, SpooledRelease, spool
from service.importing.plans import Entry, RowRemark, Summary
from service.importing.standing import LedgerStanding
from service.importing.streaming import check_stream
from service.ocds import VERSION, merging

#: Remarks kept; a file may have more packages than anybody reads about.
MOST_REMARKS = 1_000
#: Departures from the schema that one remark names.
MOST_NAMED = 3
#: How a partnership of suppliers is called of which it is not said who supplies what.
CONSORTIUM = "consortium"
#: What merging raises where releases have, say, an object where others have a list.
UNMERGEABLE = (OCDSMergeError, AttributeError, TypeError)


@dataclass(frozen=True, slots=True)
class LedgerLookups:
    """What importing asks of the ledger."""

    #: All events of a stream.
    history: Callable[[str], Sequence[Recorded]]
    #: Which of these streams have begun.
    known: Callable[[Collection[str]], set[str]]


def read(reading: Reading) -> Iterator[EventGroup | Reject]:
    """The orders that a file of open contracting data holds."""
    standing = LedgerStanding(reading.ask)
    ledger = LedgerLookups(standing.history, standing.known)
    return read_ocds(
        reading.file, reading.summary, ledger, strict=reading.strict, beat=reading.beat, lenient=reading.lenient
    )


def read_ocds(
    file: BinaryIO,
    summary: Summary,
    ledger: LedgerLookups,
    *,
    strict: bool = False,
    beat: Callable[[], None] = lambda: None,
    lenient: bool = False,
) -> Iterator[EventGroup | Reject]:
    """The orders of a file of packages, records or releases, in the order in which it first names their processes.

    The file is read to its end before the first group comes: what is stated of one process may stand anywhere in it.
    `summary.rows` counts packages, records and releases that stand by themselves. Raises BadFile; with `strict` also
    for what would be a Reject, all of it listed, before the first group. `lenient`: releases whose tags are none of the
    standard's are taken by what they hold.
    """
    return read_documents(documents(file), summary, ledger, strict=strict, beat=beat, lenient=lenient)


def read_documents(
    found: Iterable[Document | DocumentRemarks],
    summary: Summary,
    ledger: LedgerLookups,
    *,
    strict: bool = False,
    beat: Callable[[], None] = lambda: None,
    lenient: bool = False,
) -> Iterator[EventGroup | Reject]:
    """The orders of packages, records or releases that are read already; see `read_ocds`."""
    with spool() as releases:
        rejects = _Reader(releases, summary, lenient=lenient).read(found)
        if not strict:
            yield from rejects
        else:
            faults = chain(rejects, _Processes(releases, Summary("", summary.format, 0, dry_run=True), ledger).all())
            check_stream(faults, beat)
        yield from _Processes(releases, summary, ledger).all()


def _remark(summary: Summary, line: int, row: str, message: str) -> None:
    if len(summary.plan.noted) < MOST_REMARKS:
        summary.plan.noted.append(RowRemark(line, row, message))


class _Reader:
    """Puts the releases of a file into the spool, and says what is wrong with it."""

    def __init__(self, releases: ReleaseSpool, summary: Summary, *, lenient: bool) -> None:
        self._spool = releases
        self._summary = summary
        self._lenient = lenient
        #: Whether it was said that packages of an old version are read.
        self._old = False

    def read(self, found: Iterable[Document | DocumentRemarks]) -> Iterator[Reject]:
        """Take in all that can be read, and yield what cannot."""
        for document in found:
            if isinstance(document, DocumentRemarks):
                self._summary.rows += 1
                yield _reject(document)
                continue
            for package in packages(document):
                self._summary.rows += 1
                if isinstance(package, DocumentRemarks):
                    yield _reject(package)
                else:
                    yield from self._package(package)

    def _package(self, package: Package) -> Iterator[Reject]:
        unread: list[str] = []
        if package.shell is not None:
            departures = validation.of_package(package.shell, package.kind)
            fatal = next((one for one in departures if one.path[:1] in (("releases",), ("records",))), None)
            if fatal is not None:
                yield Reject(package.line, "", fatal.said(""), _speakable(str(package.shell.get("uri"))))
                return
            unread += [one.said("") for one in departures]
            if package.shell.get("version") != VERSION and not self._old:
                self._old = True
                message = (
                    f"is of OCDS {OLD_VERSION}, or names no version: read, as all such, where {VERSION}'s schema allows"
                )
                _remark(self._summary, package.line, "", message)
        is_record = package.kind in ("record", "record-package")
        for pointer, member in package.members:
            if not is_record:
                yield from self._publication(Publication(package.line, pointer, member), unread)
                continue
            wrong = validation.of_record(member)
            if not isinstance(member, dict) or any(one.path[:1] == ("ocid",) or not one.path for one in wrong):
                yield Reject(package.line, "", wrong[0].said(pointer), _speakable(str(member)[:1000]))
                continue
            for one in publications(package.line, pointer, member):
                if isinstance(one, Publication):
                    yield from self._publication(one, unread)
                else:
                    _remark(self._summary, one.line, one.row, one.message)
        if unread:
            more = f" and {len(unread) - MOST_NAMED} more" if len(unread) > MOST_NAMED else ""
            message = f"departs from the standard: {'; '.join(unread[:MOST_NAMED])}{more}"
            _remark(self._summary, package.line, "", message)

    def _publication(self, publication: Publication, unread: list[str]) -> Iterator[Reject]:
        release = publication.release
        ocid = str(release.get("ocid", ""))[:100] if isinstance(release, dict) else ""
        try:
            read = reduced(publication, lenient=self._lenient)
            # What cannot be written is found here, before it is kept.
            json.dumps(read.content, ensure_ascii=False, default=str).encode()
        except Unusable as unusable:
            yield Reject(publication.line, _speakable(ocid), str(unusable), _named(release))
            return
        except UnicodeEncodeError:
            message = "holds half a character (a lone surrogate), which is no text"
            yield Reject(publication.line, _speakable(ocid), message, publication.pointer)
            return
        unread += read.remarks
        for pointer, message in read.unusable:
            yield Reject(publication.line, read.ocid, message, pointer)
        before = self._spool.add(publication.line, publication.pointer, read, whole=publication.whole)
        if before is not None:
            message = (
                f"{publication.pointer}: release {read.release_id} stands with other content"
                f" on line {before[0]} ({before[1]})"
            )
            yield Reject(publication.line, read.ocid, message, _named(release))


def _reject(said: DocumentRemarks) -> Reject:
    return Reject(said.line, said.row, said.message, said.raw)


def _speakable(text: str) -> str:
    """Text with its half characters as JSON escapes them."""
    return text.encode("utf-8", "backslashreplace").decode()


def _named(release: Any) -> Any:
    """What a release is called, for the file of rejects."""
    if not isinstance(release, dict):
        return None
    return {name: _speakable(str(release[name])) for name in ("ocid", "id", "date") if name in release}


class _Processes:
    """Makes groups of what the spool has of each process."""

    def __init__(self, releases: ReleaseSpool, summary: Summary, ledger: LedgerLookups) -> None:
        self._spool = releases
        self._summary = summary
        self._ledger = ledger
        #: Consortia that a group of this import has formed.
        self._formed: set[str] = set()
        #: Streams of the register that a group of this import brings.
        self._given: set[str] = set()

    def all(self) -> Iterator[EventGroup | Reject]:
        """The groups of every process."""
        for ocid, published in self._spool.processes():
            yield from self._process(ocid, published)

    def _process(self, ocid: str, published: Sequence[SpooledRelease]) -> Iterator[EventGroup | Reject]:
        if is_exported(published):
            yield from self._exported(ocid, published)
            return
        try:
            stated = tale(ocid, published, self._spool)
        except UNMERGEABLE as error:
            yield Reject(published[0].line, ocid, f"its releases cannot be merged: {error}", published[0].pointer)
            return
        except TooMuch as error:
            yield Reject(error.release.line, ocid, f"{error.release.pointer}: {error}", error.release.pointer)
            return
        if message := _of_one_instant(published):
            _remark(self._summary, published[0].line, ocid, message)
        last = published[-1].line
        said = [*stated.remarks, *(reason for order, reason in stated.given_up.items() if order not in stated.orders)]
        if not stated.orders and not stated.unusable and not said:
            said = ["has no contract and no award: nothing to record"]
        for message in said:
            _remark(self._summary, last, ocid, message)
        for order, message in stated.unusable.items():
            yield Reject(last, ocid, message, order)
        for cluster in _clusters(stated.orders, stated.contracted):
            yield from self._cluster(ocid, {order: stated.orders[order] for order in cluster})

    def _exported(self, ocid: str, published: Sequence[SpooledRelease]) -> Iterator[EventGroup | Reject]:
        """What a Daybook exported, event by event."""
        try:
            merged = merging.compiled_release([_without_extension(release.content) for release in published])
            order = exported(ocid, published, merged.get("contracts", ()))
        except (NotOurs, *UNMERGEABLE) as error:
            yield Reject(published[0].line, ocid, str(error), published[0].pointer)
            return
        known = self._ledger.known(order.register) | self._given
        self._given |= order.register.keys()
        yield EventGroup(
            order.entries(known), tuple(order.needs(known)), raw={"ocid": ocid, "orders": [order.order_id]}
        )

    def _cluster(self, ocid: str, orders: Mapping[str, Sequence[Spell]]) -> Iterator[EventGroup | Reject]:
        """One group of an award and the contracts that took its place."""
        entries: list[Entry] = []
        needs: dict[str, Entry] = {}
        first = next(iter(orders.values()))[-1]
        line = first.days.releases[first.last].line
        #: By instant, the placing of the award that contracts took the place of.
        retracted: dict[str, str] = {}
        try:
            for order, spells in orders.items():
                room = MOST_REMARKS - len(self._summary.plan.noted)
                recorded = OrderChain(order, self._ledger.history(f"order/{order}"), room)
                for stated, requests in chain.from_iterable(recorded.follow(one, retracted) for one in spells):
                    if stated.contracted:
                        retracted.update((stated.stamp, request["data"]["retracts"]) for request in requests)
                    entries += [Entry(stated.line, ocid, request) for request in requests]
                    if stated.purchase is not None:
                        self._need(needs, entries, stated, stated.purchase, ocid)
                for message in recorded.remarks:
                    _remark(self._summary, line, ocid, message)
        except Unexplained as unexplained:
            yield Reject(line, ocid, str(unexplained), list(orders))
            return
        if entries:
            yield EventGroup(entries, tuple(needs.values()), raw={"ocid": ocid, "orders": list(orders)})

    def _need(
        self, needs: dict[str, Entry], entries: list[Entry], stated: Stated, purchase: Purchase, ocid: str
    ) -> None:
        """Registrations that an order needs, and the partnership of its joint suppliers."""
        supplier = purchase.supplier
        known_on = stated.published_at.date()
        for organization in (*purchase.buyers, *supplier.members, supplier.organization):
            if organization.organization_id not in needs:
                data, since = organization.registration(), min(organization.first_on, known_on)
                sent = _registration("organization", data, since, min(organization.known_on, known_on), stated)
                needs[organization.organization_id] = Entry(stated.line, ocid, sent)
        maker_since = min(supplier.organization.first_on, known_on)
        for line in purchase.lines:
            if line.product is not None and f"product {line.product.product_id}" not in needs:
                sent = _registration("product", _product(line.product), maker_since, known_on, stated)
                needs[f"product {line.product.product_id}"] = Entry(stated.line, ocid, sent)
        if supplier.is_joint and not self._is_formed(supplier.organization.organization_id):
            entries.insert(0, Entry(stated.line, ocid, _partnership(supplier, stated)))

    def _is_formed(self, partnership_id: str) -> bool:
        if partnership_id in self._formed:
            return True
        self._formed.add(partnership_id)
        return bool(self._ledger.known([f"partnership/{partnership_id}"]))


def _of_one_instant(published: Sequence[SpooledRelease]) -> str:
    """What to say of releases of one instant, whose order is not stated; empty: there are none."""
    pairs = [
        (one, other)
        for one, other in pairwise(published)
        if one.published_at == other.published_at and not (one.whole or other.whole)
    ]
    if not pairs:
        return ""
    one, other = pairs[0]
    more = f" (and {len(pairs) - 1} more)" if len(pairs) > 1 else ""
    names = f"{one.release_id[:100]} and {other.release_id[:100]}{more}"
    return (
        f"releases {names} are of one instant, {one.published_at:%Y-%m-%dT%H:%M:%SZ}: taken in the order of their ids"
    )


def _without_extension(content: Mapping[str, Any]) -> dict[str, Any]:
    """What is merged: events are what a release states, not what a process is."""
    return {name: value for name, value in content.items() if name != EXTENSION}


def _clusters(orders: Collection[str], contracted: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """Orders that stand or fall together: an award's, and those of its contracts; each other one by itself."""
    taken: set[str] = set()
    for award, contracts in contracted.items():
        cluster = [order for order in (award, *contracts) if order in orders and order not in taken]
        if cluster and cluster[0] == award:
            taken.update(cluster)
            yield cluster
    yield from ([order] for order in orders if order not in taken)


def _registration(kind: str, data: Mapping[str, Any], first_on: date, known_on: date, stated: Stated) -> dict[str, Any]:
    return {
        "type": f"{kind}-registered",
        "id": f"{PREFIX}:{kind}:{data[f'{kind}_id']}",
        "effective_on": f"../{first_on.isoformat()}",
        "known_on": known_on.isoformat(),
        "source": {"citation": stated.citation},
        "data": dict(data),
    }


def _product(product: SuppliedProduct) -> dict[str, Any]:
    return {
        "product_id": product.product_id,
        "name": product.name,
        "vendor_id": product.maker_id,
        "category": product.category,
    }


def _partnership(supplier: Supplier, stated: Stated) -> dict[str, Any]:
    consortium = supplier.organization
    return {
        "type": "partnership-formed",
        "id": f"{PREFIX}:partnership:{consortium.organization_id}",
        "effective_on": f"../{min(consortium.first_on, stated.published_at.date()).isoformat()}",
        "known_on": stated.known_on,
        "source": {"citation": stated.citation},
        "data": {
            "partnership_id": consortium.organization_id,
            "parties": sorted(member.organization_id for member in supplier.members),
            "kind": CONSORTIUM,
            "scope": "Joint suppliers of which no release says who supplies what",
        },
    }
