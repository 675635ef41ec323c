"""The releases of a process merged one after the other, in parts: what a release does not name is not touched."""

from collections.abc import Iterator, Mapping
from typing import Any

from ocdsmerge.flatten import Flattened, flatten, unflatten

from service.ocds import merging

#: The lists whose entries are parts by themselves.
LISTED = ("parties", "awards", "contracts")
#: What else is merged, each a part: who buys.
SINGLE = ("buyer", "procuringEntity")
#: A field, and of those with entries the id of one.
Part = tuple[str, str]


class Merged:
    """A compiled release that grows, as the standard merges releases; it knows which of its parts have changed."""

    def __init__(self) -> None:
        self._rules = merging.merger().merge_rules
        #: By part, its values by their paths; parts in the order in which releases first named them.
        self._values: dict[Part, Flattened] = {}
        self._changed: set[Part] = set()
        #: What stood before a whole release.
        self._gone: set[Part] = set()
        self._weights: dict[Part, int] = {}
        self._places: dict[Part, int] = {}
        self._named = 0
        #: How many values all releases together have stated.
        self.stated = 0

    def add(self, content: Mapping[str, Any], *, whole: bool) -> None:
        """Merge a release; a whole one is all there is by its day, no matter what was stated before."""
        if whole:
            self._gone.update(self._values)
            self._values = {}
            self._changed = set()
        read = {name: content[name] for name in (*SINGLE, *LISTED) if name in content}
        flat: Flattened = flatten(read, self._rules, {}, flattened={})
        for path, value in flat.items():
            self.stated += _weight(value)
            name = str(path[0])
            part = (name, str(path[1])) if name in LISTED and len(path) > 1 else (name, "")
            values = self._values.get(part)
            if values is None:
                values = self._values[part] = {}
                self._named += 1
                self._places[part] = self._named
            if path not in values or values[path] != value:
                values[path] = value
                self._changed.add(part)

    def changes(self) -> Iterator[tuple[Part, Any]]:
        """The parts that have changed since they were last asked for, as they are now; None: it is no more.

        What stood before a whole release goes first, though the release may bring it again.
        """
        gone, self._gone = self._gone, set()
        changed, self._changed = self._changed, set()
        yield from ((part, None) for part in gone)
        for part in sorted(changed, key=self._places.__getitem__):
            values = self._values[part]
            self._weights[part] = sum(map(_weight, values.values()))
            merged = unflatten(values).get(part[0])
            yield part, merged[0] if part[0] in LISTED and merged else merged

    def weight(self, part: Part) -> int:
        """How many values make up a part, as it was last asked for."""
        return self._weights[part]

    def place(self, part: Part) -> int:
        """Orders the entries of a list as the merged release has them."""
        return self._places[part]


def _weight(value: Any) -> int:
    return 1 + len(value) if isinstance(value, list) else 1
