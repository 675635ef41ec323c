"""Event requests of a file, read as those that a client posts."""

from collections.abc import Sequence

from domain.catalogue import read_request
from domain.errors import Invalid
from domain.events import Request
from service.codes import codes
from service.importing.causes import FaultsByCause
from service.importing.plans import Entry


def read_entries(entries: Sequence[Entry]) -> list[Request]:
    """The requests of these entries; BadFile lists what is wrong with them."""
    requests = []
    faults = FaultsByCause(mends=())
    for entry in entries:
        try:
            requests.append(read_request(entry.sent, codes()))
        except Invalid as invalid:
            for one in invalid.problems:
                faults.add(entry.line, f"{one.pointer or '/'}: {one.message}", entry.row)
    faults.refuse()
    return requests
