"""What becomes of requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from msgspec import Struct

from domain.events import Draft, Recorded
from domain.plain_drafts import PlainDraft, PlainDrafts

#: What is decided, by the short road or the long one.
Decided = Draft | PlainDraft


class Outcome(Struct, frozen=True, gc=False):
    """What became of one request: the events it recorded (usually one), or those it had recorded before."""

    drafts: tuple[Decided, ...] = ()
    replayed: tuple[Recorded, ...] = ()


@dataclass(frozen=True)
class AllNew(Sequence[Outcome]):
    """What became of plain orders that are all new: each is recorded."""

    drafts: PlainDrafts

    def __len__(self) -> int:
        return len(self.drafts)

    @overload
    def __getitem__(self, place: int) -> Outcome: ...
    @overload
    def __getitem__(self, place: slice) -> "AllNew": ...

    def __getitem__(self, place: int | slice) -> "Outcome | AllNew":
        found = self.drafts[place]
        return AllNew(found) if isinstance(found, PlainDrafts) else Outcome((found,))
