"""Event requests of a file, read as those that a client posts."""

from collections.abc import Sequence

from domain.catalogue import read_request
from domain.errors import Invalid
from domain.events import Request
from service.codes import codes
from service.importing.plans import Entry
from service.importing.rows import BadFile, FileFault


def read_entries(entries: Sequence[Entry]) -> list[Request]:
    """The requests of these entries; BadFile lists what is wrong with them."""
    requests = []
    faults: list[FileFault] = []
    for entry in entries:
        try:
            requests.append(read_request(entry.sent, codes()))
        except Invalid as invalid:
            row = f"{entry.row}: " if entry.row else ""
            faults += [FileFault(entry.line, f"{row}{one.pointer or '/'}: {one.message}") for one in invalid.problems]
    if faults:
        raise BadFile(faults)
    return requests
