"""What two descriptions of the interface say differently, one line each.

    python -m tests.service.web.description.differences BEFORE.json AFTER.json

`./run openapi` prints a description. References are followed, so that it makes no difference where something is said;
the names and order of components are no part of what is said. Exit code 1 where the later one lacks something, or says
it otherwise; what it says in addition is listed and is no fault.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

#: Lists whose order says nothing, by what tells their elements apart.
UNORDERED = {"parameters": ("in", "name"), "tags": ("name",)}
MISSING = object()


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Lines that begin with - for what is missing, + for what is new, and ~ for what is otherwise."""
    parts = [(one, before.get(one, {}), after.get(one, {})) for one in ("info", "servers", "security", "tags")]
    for part, old, new in parts:
        yield from _between(part, old, new)
    yield from _between("paths", _resolved(before, before["paths"]), _resolved(after, after["paths"]))
    for part in ("schemas", "securitySchemes"):
        olds, news = (one["components"].get(part, {}) for one in (before, after))
        yield from _between(f"components/{part}", olds, news)


def _resolved(document: Mapping[str, Any], said: Any) -> Any:
    """What is said, with parameters, responses and headers in the place of references to them; schemas keep theirs."""
    if isinstance(said, list):
        return [_resolved(document, one) for one in said]
    if not isinstance(said, dict):
        return said
    reference = said.get("$ref", "")
    if reference and not reference.startswith("#/components/schemas/"):
        _, _, part, name = reference.split("/")
        return _resolved(document, document["components"][part][name])
    return {name: _resolved(document, value) for name, value in said.items()}


def _between(place: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(name for name in new if name not in old)]:
            yield from _between(f"{place} {name}", _keyed(name, old), _keyed(name, new))
    elif new is MISSING:
        yield f"- {place}: {_short(old)}"
    elif old is MISSING:
        yield f"+ {place}: {_short(new)}"
    elif old != new:
        yield f"~ {place}: {_short(old)} -> {_short(new)}"


def _keyed(name: str, found: Mapping[str, Any]) -> Any:
    """A value; a list whose order says nothing as a mapping."""
    value = found.get(name, MISSING)
    keys = UNORDERED.get(name)
    if keys and isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return {" ".join(str(one[key]) for key in keys): one for one in value}
    return value


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 300 else f"{text[:300]}..."


def main() -> None:
    """Print the differences of two files."""
    before, after = (json.loads(Path(name).read_text()) for name in sys.argv[1:3])
    found = list(differences(before, after))
    sys.stdout.write("".join(f"{one}\n" for one in found))
    sys.exit(any(not one.startswith("+") for one in found))


if __name__ == "__main__":
    main()
