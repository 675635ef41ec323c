"""The events of the ledger as they were recorded, the newest first, and each of them with its bytes and its proof."""

import json
from typing import Any

from service.asking.clocks import NothingThere
from service.asking.wholes import parse_whole
from service.pages.addresses import Address
from service.pages.bars import PageSources
from service.pages.languages import Language

#: Events of one page.
PAGE = 50


def journal(asking: PageSources, address: Address, language: Language) -> dict[str, Any]:
    """Everything that the template of the list shows; `before`: only events that stand before a position."""
    figures = language.figures
    head = asking.questions.daybook.ledger.recorder.head().position
    # `at` is where somebody looks for an event: the list begins with it.
    before, at = address.first("before"), address.first("at")
    try:
        last = min(head, parse_whole(before) - 1 if before else parse_whole(at) if at else head)
    except ValueError:
        last = head
    first = max(0, last - PAGE)
    rows = asking.questions.daybook.ledger.recorder.rows_after(first, last - first) if last > first else []
    return {
        "address": address,
        "events": [json.loads(row.state) for row in reversed(rows)],
        "count": figures.amount(head),
        "head": head,
        "newer": None if last >= head else address.href(before=None if last + PAGE >= head else str(last + PAGE + 1)),
        "older": None if first <= 0 else address.href(before=str(first + 1)),
    }


def event(asking: PageSources, address: Address, position: int, *, may_prove: bool) -> dict[str, Any]:
    """Everything that the template of one event shows; NothingThere where the ledger has none there."""
    found = list(asking.questions.stored([position])) if 1 <= position < 2**62 else []
    if not found:
        raise NothingThere(f"the ledger has no position {position}")
    read = json.loads(found[0])
    return {
        "address": address,
        "data": json.dumps(read["data"], ensure_ascii=False, indent=2),
        "event": read,
        "head": asking.questions.daybook.ledger.recorder.head().position,
        "may_prove": may_prove,
        "thing": _page_of(read["stream"]),
    }


def _page_of(stream: str) -> str | None:
    """The page of the thing that an event is about."""
    kind, _, identifier = stream.partition("/")
    paths = {
        "organization": "vendors",
        "product": "products",
        "order": "orders",
        "partnership": "partnerships",
        "regulation": "regulations",
    }
    return f"/{paths[kind]}/{identifier}" if kind in paths else None
