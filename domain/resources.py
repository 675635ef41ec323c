"""Kinds of things: what begins each, what happens to it later, and where that is posted, as the event types say."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.catalogue import AGGREGATES, EVENT_TYPES

API = "/api/v1"


@dataclass(frozen=True)
class ResourceKind:
    """One kind of thing: what begins it, and what happens to it later, by the last part of the path."""

    #: The kind of its streams.
    name: str
    #: The collection's path.
    plural: str
    begins: str
    changes: Mapping[str, str] = field(default_factory=dict)

    @property
    def subjects(self) -> tuple[str, ...]:
        """What may follow one of its resources, for POST."""
        return (*self.changes, *ABOUT_EVENTS)

    def path(self, identifier: str) -> str:
        """The address of one of them."""
        return f"{API}/{self.plural}/{identifier}"


#: What is said about one event of a thing, of any kind; each stands in the thing's own stream.
ABOUT_EVENTS = {one.SUBJECT: one.NAME for one in EVENT_TYPES.values() if not one.KIND}


def _kind(name: str) -> ResourceKind:
    """A kind of thing, as the types of its events say."""
    types = [one for one in EVENT_TYPES.values() if name == one.KIND]
    # A later assertion under an id, and a later publication of a base, is posted to the collection again.
    (first,) = (one for one in types if one.COLLECTION)
    return ResourceKind(name, first.COLLECTION, first.NAME, {one.SUBJECT: one.NAME for one in types if one.SUBJECT})


#: Every event type has its place here or in ABOUT_EVENTS.
KINDS = tuple(map(_kind, AGGREGATES))
#: By collection, what may be posted below one of its resources.
SUBJECTS = {kind.plural: list(kind.subjects) for kind in KINDS}
