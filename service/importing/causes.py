"""Faults by their causes: how many there are of each, where the first are, and what would mend them."""

import re
from collections.abc import Iterable, Sequence

from service.importing.faults import MOST_FAULTS, BadFile, FileFault
from service.shapes.overviews import FaultCause, FaultPlace

#: Causes that are told apart, and places that each names; what comes after them is counted.
MOST_CAUSES = 100
MOST_PLACES = 5
#: Of a message that is looked at for its cause.
LONGEST_LOOKED_AT = 1_000
OTHERS = "other faults"

#: What differs from row to row in messages of one cause.
VARYING = (
    (re.compile(r"(?<=/)\d{1,9}(?=[/:]|$)"), "..."),
    (re.compile(r"\bevent_id \S+ (?=stands)"), "event_id ... "),
    (re.compile(r"\b(effective_to|effective_from|start_date|end_date) \d\S*"), r"\1 ..."),
    (re.compile(r"'[^']*'|\"[^\"]{0,60}\" is\b"), "..."),
    (
        re.compile(r"\b(order|line|product|organization|cells) [^ ,]+ (?=of|has|gives|takes|costs|is|are)"),
        r"\1 ... ",
    ),
    (re.compile(r"\border [^ ,:]+"), "order ..."),
    (re.compile(r"\bcell ([A-Z]{1,3})\d{1,7}"), r"a cell of column \1"),
    (re.compile(r" has the (\w+) .*"), r" has the \1 ..., and another elsewhere"),
    (re.compile(r"\bline \d+\b"), "line ..."),
    (re.compile(r"-?\b\d[\d,.E+-]{0,60}(?= is negative| has more than|,? and |:| had arrived)"), "..."),
    (re.compile(r"^(?:a row )?has \d+ values"), "has another number of values"),
    (re.compile(r"\(and with it [^()]*\)$"), ""),
)

#: What would mend faults whose messages say so, of tables that a mapping reads: the first that is found counts.
MENDS = (
    ("the mapping would say", ""),
    ("is no status that", "list these texts under placed, cancelled or left_out of [status]: {texts}"),
    ("is not one of", "list these texts under values: {texts}"),
    ("is no country that", 'say their codes: values = {{ "NAME" = "XX" }}; these are not known: {texts}'),
    ("is not an ISO 4217", 'say their codes: values = {{ "Euro" = "EUR" }}; these are not known: {texts}'),
    ("is no date of the form", "say their form in `formats` of this date, or in `nulls` that they are none: {texts}"),
    ("could be", "two of the `formats` of this date read it: leave one out"),
    ("is negative", '[credit] with kind = "return" or "discount" says what such rows mean'),
    ("digits behind the point", "round = 4 keeps four of them, and says what that changes"),
    ("is no id", "slug = true makes ids of such texts"),
    ("has no value", 'optional = true, or default = "..."; or [rows] unless, where such rows are no order lines'),
    ("row above it", "the first column of rows.fill_down has a value in the first row of each order"),
    ("is empty", 'optional = true, or default = "..."; or [rows] unless, where such rows are no order lines'),
    ("has no date", "or_before names dates before which the order must have been placed"),
    ("is not a number", "nulls, where such texts mean no value; or [rows] unless, where such rows are totals: {texts}"),
    ("number of values", "[rows] unless, where these are totals; read.delimiter and read.header otherwise"),
    ("has the buyer_id", 'per_line = "orders" or "allocation" in [buyer]'),
    ("has the buyer ", 'per_line = "orders" or "allocation" in [buyer]'),
    ("has another receipt", "receipt.id distinguishes receipts of one line"),
    ("has another status", "line.id distinguishes lines of one order"),
    ("order ... has the", "rows of one order agree on it: does order.id tell orders apart?"),
    ("line ... of order ... has the", "line.id distinguishes lines of one order; without it rows are numbered"),
    ("product ... has the", 'differing = "first" in [product] takes the first; an id in [product] distinguishes them'),
    ("organization ... has the", 'differing = "first" in that table takes the first; an id distinguishes them'),
    ("are merged", "unmerge the cells in a spreadsheet"),
    ("whose result is not stored", "open the workbook in a spreadsheet and save it"),
)
#: Texts that a mend names, and how long each may be.
MOST_TEXTS, LONGEST_TEXT = 20, 40
IN_QUOTES = re.compile(r"'([^']*)'")


class FaultsByCause:
    """The faults of a file, as they are found; takes no more memory with more of them."""

    def __init__(self, mends: Sequence[tuple[str, str]] = MENDS) -> None:
        """`mends`: what would mend messages that have a text; those of tables that a mapping reads, if not given."""
        self._mends = mends
        self._found: dict[str, _Cause] = {}
        self._earliest: list[FileFault] = []
        self.count = 0

    def add(self, line: int, message: str, row: str = "") -> None:
        """One more; `row`: its own name, which stands before the message."""
        self.count += 1
        cause = cause_of(message)
        message = f"{row}: {message}" if row else message
        if len(self._earliest) < MOST_FAULTS:
            self._earliest.append(FileFault(line, message))
        if cause not in self._found and len(self._found) >= MOST_CAUSES:
            cause = OTHERS
        self._found.setdefault(cause, _Cause()).add(line, message)

    def add_all(self, faults: Iterable[FileFault]) -> None:
        """Some more."""
        for fault in faults:
            self.add(fault.line, fault.message)

    def refuse(self) -> None:
        """BadFile where there are any: all of them, by cause."""
        if self.count:
            raise BadFile(self.faults(), self.causes())

    def causes(self) -> list[FaultCause]:
        """What is wrong, the most frequent first."""
        ordered = sorted(self._found.items(), key=lambda one: (-one[1].count, one[1].places[0].line))
        return [
            FaultCause(cause, one.count, list(one.places), _mend(cause, one, self._mends)) for cause, one in ordered
        ]

    def faults(self) -> list[FileFault]:
        """The first faults by line, and of every cause the first: none hides another."""
        of_causes = [FileFault(one.places[0].line, one.places[0].message) for one in self._found.values()]
        rest = [fault for fault in self._earliest if fault not in of_causes]
        return sorted([*of_causes, *rest][:MOST_FAULTS], key=lambda fault: fault.line)


class _Cause:
    def __init__(self) -> None:
        self.count = 0
        self.places: list[FaultPlace] = []
        #: The first text that each message shows, in the order in which they came.
        self.texts: dict[str, None] = {}

    def add(self, line: int, message: str) -> None:
        self.count += 1
        if len(self.places) < MOST_PLACES:
            self.places.append(FaultPlace(line, message))
        if len(self.texts) < MOST_TEXTS and (quoted := IN_QUOTES.search(message[:LONGEST_LOOKED_AT])):
            self.texts[quoted[1][:LONGEST_TEXT]] = None


def by_cause(faults: Iterable[FileFault]) -> list[FaultCause]:
    """Faults that are all known, by their causes."""
    found = FaultsByCause()
    found.add_all(faults)
    return found.causes()


def cause_of(message: str) -> str:
    """What a message says without what differs from row to row."""
    cause = message[:LONGEST_LOOKED_AT]
    for pattern, becomes in VARYING:
        cause = pattern.sub(becomes, cause)
    return cause.strip()


def _mend(cause: str, found: _Cause, mends: Sequence[tuple[str, str]]) -> str | None:
    for sign, mend in mends:
        if sign in cause:
            return mend.format(texts=", ".join(map(repr, found.texts))) if mend else None
    return None
