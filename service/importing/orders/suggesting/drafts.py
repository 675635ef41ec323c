"""A mapping in the making: what it says so far, why, and how it is written down."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.shapes.overviews import FaultCause

#: Of a text of the file that a remark shows.
LONGEST_SHOWN = 60
#: Remarks and causes that are written down.
MOST_REMARKS = 20


@dataclass(slots=True)
class MappingDraft:
    """A mapping that is being made."""

    says: dict[str, Any]
    #: What is to be remarked, by table.
    notes: dict[str, list[str]] = field(default_factory=dict)

    def note(self, table: str, text: str) -> None:
        """Add a remark, once."""
        said = self.notes.setdefault(table, [])
        if text not in said and len(said) < MOST_REMARKS:
            said.append(text)

    def written(self, unread: Sequence[str], rows: int, causes: Sequence[FaultCause]) -> str:
        """The TOML, with its remarks."""
        return "\n".join(self._lines(unread, rows, causes)) + "\n"

    def _lines(self, unread: Sequence[str], rows: int, causes: Sequence[FaultCause]) -> Iterator[str]:
        yield f"# Suggested for a table of {rows:,} rows: read it through before you import with it."
        if causes:
            yield "# Some rows cannot be recorded yet:"
            for cause in causes[:MOST_REMARKS]:
                yield from _remark(f"{cause.count:,} x {cause.cause} (line {cause.places[0].line})")
                if cause.mend:
                    yield from _remark(f"    {cause.mend}")
        else:
            yield "# Every row of it is read."
        if unread:
            yield from _remark(f"columns that are not read: {', '.join(unread[:100])}")
        yield from (line for text in self.notes.get("", ()) for line in _remark(text))
        yield ""
        for name, value in self.says.items():
            if not isinstance(value, Mapping):
                yield f"{name} = {toml(value)}"
        for name, value in self.says.items():
            if isinstance(value, Mapping) and value:
                yield from self._table(name, value)

    def _table(self, name: str, table: Mapping[str, Any]) -> Iterator[str]:
        yield ""
        yield from (line for text in self.notes.get(name, ()) for line in _remark(text))
        yield f"[{name}]"
        for key, value in table.items():
            yield f"{key} = {toml(value)}"


def _remark(text: str) -> Iterator[str]:
    # A remark is one line, whatever the file has in its names.
    yield f"# {' '.join(''.join(sign if sign.isprintable() else ' ' for sign in text).split())[:500]}"


def toml(value: Any) -> str:
    """A value as TOML writes it in one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    # JSON's texts are TOML's, but for one control character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else toml(key)
