"""Lists by pages: a cursor that holds the moment of the first page, so that pages fit together while events arrive."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.errors import Invalid
from domain.values import IDENTIFIER_PATTERN
from projections.parameters import Moment
from service.asking.clocks import single, whole

#: Entries of a page, unless asked otherwise, and at most.
USUAL, MOST = 100, 1_000
#: Contributions that one answer of evidence lists.
MOST_EVIDENCE = 1_000
#: The clocks that a cursor holds.
HELD = ("effective_on", "known_on", "position")
LONGEST_CURSOR = 1_000
#: An id, or the number of a version; of no entry yet, nothing.
KEY = re.compile(rf"(?:{IDENTIFIER_PATTERN.strip('^$')})?", re.ASCII)

#: Query parameters that are still to be read, each with its values.
Raw = dict[str, Sequence[str]]
#: An entry of a list.
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for."""

    #: The list with its filters, as a cursor holds them.
    of: str
    limit: int
    #: The last key of the page before; "": this is the first.
    after: str

    def cut(self, rows: Iterable[Any], key: Callable[[Any], str], moment: Moment) -> tuple[list[Any], str | None]:
        """Of all rows, ordered by key, those of this page, and the cursor of the next; None: there is none."""
        chosen: list[Any] = []
        for row in rows:
            if key(row) <= self.after:
                continue
            if len(chosen) == self.limit:
                return chosen, self.cursor(key(chosen[-1]), moment)
            chosen.append(row)
        return chosen, None

    def cursor(self, after: str, moment: Moment) -> str:
        """The cursor of the page behind a key."""
        known_on = None if moment.known_on is None else moment.known_on.isoformat()
        held = [self.of, moment.effective_on.isoformat(), known_on, moment.position, after]
        return base64.urlsafe_b64encode(json.dumps(held, separators=(",", ":")).encode()).decode().rstrip("=")


def page_of(raw: Raw, name: str, filters: Mapping[str, str | None], *, always: bool = False) -> Page | None:
    """The page asked for; None: the whole list. Takes limit and cursor out of the parameters and puts its clocks in.

    `always`: without either it is the first page. Invalid for what is no limit, or no cursor of this list.
    """
    limit, cursor = single(raw, "limit"), single(raw, "cursor")
    if limit is None and cursor is None and not always:
        return None
    wanted = whole("limit", limit, USUAL)
    if not 1 <= wanted <= MOST:
        raise Invalid.at("/limit", f"is from 1 to {MOST}, not {wanted}")
    of = _named(name, filters)
    if cursor is None:
        return Page(of, wanted, "")
    held, after = _read(cursor, of)
    for clock in ("recorded_at", *HELD):
        if clock in raw and [str(held.get(clock))] != list(raw[clock]):
            raise Invalid.at(f"/{clock}", "the cursor holds the moment: leave the clocks out")
    raw.update({clock: [str(value)] for clock, value in held.items() if value is not None})
    return Page(of, wanted, after)


def _named(name: str, filters: Mapping[str, str | None]) -> str:
    asked = json.dumps([name, sorted((key, value) for key, value in filters.items() if value is not None)])
    return hashlib.sha256(asked.encode()).hexdigest()[:12]


def _read(cursor: str, of: str) -> tuple[dict[str, Any], str]:
    """The clocks that a cursor holds, and the key behind which its page begins."""
    try:
        if len(cursor) > LONGEST_CURSOR:
            raise ValueError
        held = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        made_for, effective_on, known_on, position, after = held
        types = (type(made_for), type(effective_on), type(position), type(after))
        if types != (str, str, int, str) or not isinstance(known_on, str | None) or not KEY.fullmatch(after):
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        raise Invalid.at("/cursor", f"{cursor!r:.60} is no cursor: take it from the link to the next page") from None
    if made_for != of:
        raise Invalid.at("/cursor", "was made for another list, or for other filters")
    return {"effective_on": effective_on, "known_on": known_on, "position": position}, after


def taken(raw: Raw, names: Iterable[str]) -> dict[str, str | None]:
    """The filters among the parameters, taken out of them."""
    return {name: single(raw, name) for name in names}
