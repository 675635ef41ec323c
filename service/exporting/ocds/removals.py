"""What a release says: what is new since the one before, and what is no more, for merging forgets nothing by itself.

https://standard.open-contracting.org/1.1/en/schema/merging/ has no other way than a null for a field, and none at all
for an entry of a list: it stays with its id, and says nothing.
"""

from collections.abc import Mapping
from typing import Any

#: Lists of which only the entries are stated that are new or different: restated each time, they would make an order of
#: many events as long as the square of their number.
CHANGES_ONLY = frozenset(("parties", "awards", "items", "lines", "amendments", "milestones"))
#: What is said of an entry that is no more, beyond that nothing is stated of it, by the list's name.
GONE: Mapping[str, Mapping[str, Any]] = {"items": {"quantity": 0}, "awards": {"status": "cancelled"}}


def with_removals(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """A release's fields, of long lists what is different, and nulls for what the one before had and it has not."""
    release: dict[str, Any] = {}
    for name, value in now.items():
        said = _changed(name, before[name], value) if name in before else value
        if said or name not in CHANGES_ONLY:
            release[name] = said
    return release | {name: _nulled(name, value) for name, value in before.items() if name not in now}


def _changed(name: str, before: Any, now: Any) -> Any:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return with_removals(before, now)
    if not _has_ids(before) or not _has_ids(now):
        return now
    earlier = {entry["id"]: entry for entry in before}
    kept = {entry["id"] for entry in now}
    stated = [entry for entry in now if name not in CHANGES_ONLY or earlier.get(entry["id"]) != entry]
    entries = [with_removals(earlier.get(entry["id"], {}), entry) for entry in stated]
    return entries + [_gone(name, entry) for entry in before if entry["id"] not in kept]


def _has_ids(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, Mapping) and "id" in entry for entry in value)


def _gone(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    return {**_nulled("", entry), **GONE.get(name, {})}


def _nulled(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        # An id says what is meant, and may not be null.
        return {field: one if field == "id" else _nulled(field, one) for field, one in value.items()}
    if isinstance(value, list):
        return [_gone(name, entry) for entry in value] if _has_ids(value) else []
    return None
