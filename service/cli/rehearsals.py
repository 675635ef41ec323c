"""The events that a dry run would record or replay, kept aside until they are listed: a file may hold millions."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from service.importing.plans import Entry

#: What is kept in memory; what is beyond goes to a temporary file.
KEPT_BYTES = 4 * 1024 * 1024
#: Events that people are shown.
MOST_SHOWN = 100
#: Of an event's data, what says best what it is about.
TELLING = (
    "regulation_id",
    "organization_id",
    "order_id",
    "product_id",
    "partnership_id",
    "assertion_id",
    "base",
    "annotates",
    "retracts",
)


class Rehearsal:
    """The events of one dry run."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(KEPT_BYTES)  # noqa: SIM115  # closed by close
        self._count = 0
        self._shown: list[str] = []

    def take(self, entries: Sequence[Entry]) -> None:
        """Keep some events."""
        for entry in entries:
            written = {"line": entry.line, "row": entry.row, **entry.sent}
            # A figure is written as it is sent: as text.
            self._file.write(json.dumps(written, ensure_ascii=False, default=str).encode("utf-8", "replace") + b"\n")
            if len(self._shown) < MOST_SHOWN:
                self._shown.append(_shown(entry))
            self._count += 1

    def as_text(self) -> list[str]:
        """Lines for people: the first events, and how many more there are."""
        if not self._count:
            return []
        more = self._count - len(self._shown)
        return ["events:", *self._shown, *([f"  and {more} more, which --json lists"] if more else [])]

    def as_json(self, answer: dict[str, Any]) -> Iterator[str]:
        """The pieces of a JSON object that says what the answer says, and under `events` every event."""
        yield json.dumps(answer, ensure_ascii=False, indent=1).removesuffix("\n}")
        yield ',\n "events": ['
        self._file.seek(0)
        for number, line in enumerate(self._file):
            yield f"{',' if number else ''}\n  {line[:-1].decode()}"
        yield "\n ]\n}" if self._count else "]\n}"

    def close(self) -> None:
        """Forget them."""
        self._file.close()


def _shown(entry: Entry) -> str:
    data = entry.sent.get("data")
    said = data if isinstance(data, dict) else {}
    about = next((said[name] for name in TELLING if name in said), "")
    named = f"{entry.row}: " if entry.row else ""
    return f"  line {entry.line}: {named}{entry.sent.get('type')} {about}".rstrip()
