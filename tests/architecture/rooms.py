"""The rooms of the code and which of them knows which, read off the imports, as a picture and a table: `./run rooms`.

A room is `domain`, `projections`, or a folder or module of `service`. Rooms stand on floors: each above all that it
imports from. Arrows that follow from others are left out.
"""

import importlib
import re
import sys
from collections import defaultdict
from collections.abc import Mapping, Set
from graphlib import TopologicalSorter
from pathlib import Path
from xml.sax.saxutils import escape

import grimp

DOCS = Path(__file__).parents[2] / "docs"
PICTURE = DOCS / "rooms.svg"
PAGE = DOCS / "architecture.md"
#: The rows of the page's table.
ROWS = re.compile(r"(?<=\| room \| what it holds \|\n\|---\|---\|\n)(\| .*\n)*")
#: Rooms of which every other may know, left out of the picture: they hold constants, or only start something.
EVERYWHERE = frozenset(("codes", "version", "__main__"))
#: What makes code of other code, and is not installed.
MAKES_CODE = frozenset(("service.client.generating",))
BOX = (124, 34)
GAP = (22, 62)
MARGIN = 24

Rooms = Mapping[str, Set[str]]


def room_of(module: str) -> str:
    """The room in which a module lies: `asking` of `service.asking.views`."""
    top, *rest = module.split(".")
    return top if top != "service" or not rest else rest[0]


def imports() -> dict[str, set[str]]:
    """By room, those from which it imports. graphlib.CycleError is raised by `floors` where they go in a circle."""
    graph = grimp.build_graph("domain", "projections", "service", cache_dir=None)
    known: dict[str, set[str]] = defaultdict(set)
    for module in graph.modules:
        room = room_of(module)
        if module in MAKES_CODE or module == "service" or room in EVERYWHERE:
            continue
        others = {room_of(other) for other in graph.find_modules_directly_imported_by(module)}
        known[room] |= others - EVERYWHERE - {room, "service"}
    return dict(known)


def floors(known: Rooms) -> dict[str, int]:
    """By room its floor: 0 where it imports nothing, else one above the highest that it imports."""
    found: dict[str, int] = {}
    for room in TopologicalSorter(known).static_order():
        found[room] = 1 + max((found[other] for other in known.get(room, ())), default=-1)
    return found


def arrows(known: Rooms) -> list[tuple[str, str]]:
    """Pairs of rooms of which the first imports the second, without those that a way over a third makes plain."""
    above = {room: _reached(known, room) for room in known}
    return sorted(
        (room, other)
        for room, others in known.items()
        for other in others
        if not any(other in above.get(third, ()) for third in others - {other})
    )


def drawn(known: Rooms) -> str:
    """The picture in SVG, the same for the same imports."""
    floor, lines = floors(known), arrows(known)
    rows = _rows(floor, lines)
    width = max(len(row) for row in rows) * (BOX[0] + GAP[0]) - GAP[0] + 2 * MARGIN
    height = len(rows) * (BOX[1] + GAP[1]) - GAP[1] + 2 * MARGIN
    places: dict[str, tuple[float, float]] = {}
    for number, row in enumerate(rows):
        left = (width - len(row) * (BOX[0] + GAP[0]) + GAP[0]) / 2
        for place, room in enumerate(row):
            places[room] = (left + place * (BOX[0] + GAP[0]), MARGIN + number * (BOX[1] + GAP[1]))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" font-family="sans-serif"'
        ' font-size="13" role="img" aria-label="Which rooms of the code import from which">',
        "<style>.room{fill:#fff;stroke:#334}.way{fill:none;stroke:#778;marker-end:url(#head)}text{fill:#112}"
        ".ground{fill:#fafafa}@media(prefers-color-scheme:dark){.room{fill:#1b1f27;stroke:#aab}.way{stroke:#889}"
        "text{fill:#e8eaf0}.ground{fill:#12151b}}</style>",
        '<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#778"/></marker></defs>',
        f'<rect class="ground" width="{width:g}" height="{height:g}"/>',
    ]
    for room, other in lines:
        x, y = places[room][0] + BOX[0] / 2, places[room][1] + BOX[1]
        to_x, to_y = places[other][0] + BOX[0] / 2, places[other][1]
        bend = (to_y - y) / 2
        parts.append(
            f'<path class="way" d="M{x:g},{y:g} C{x:g},{y + bend:g} {to_x:g},{to_y - bend:g} {to_x:g},{to_y:g}"/>'
        )
    for room, (x, y) in sorted(places.items()):
        parts.append(f'<rect class="room" x="{x:g}" y="{y:g}" width="{BOX[0]}" height="{BOX[1]}" rx="5"/>')
        middle = f'x="{x + BOX[0] / 2:g}" y="{y + BOX[1] / 2 + 5:g}" text-anchor="middle"'
        parts.append(f"<text {middle}>{escape(room)}</text>")
    return "\n".join([*parts, "</svg>", ""])


def listed(known: Rooms) -> str:
    """The rows of the table: each room with the first line of its docstring, in the order of the floors."""
    floor = floors(known)
    return "".join(
        f"| `{room}` | {_sentence_of(room)} |\n" for room in sorted(floor, key=lambda room: (-floor[room], room))
    )


def _sentence_of(room: str) -> str:
    module = room if room in ("domain", "projections") else f"service.{room}"
    said = importlib.import_module(module).__doc__
    assert said is not None, f"{module} has no docstring"
    return said.splitlines()[0]


def _rows(floor: Mapping[str, int], lines: list[tuple[str, str]]) -> list[list[str]]:
    """The rooms by floor, the highest first, each near those that know it."""
    rows = [
        sorted(room for room, number in floor.items() if number == wanted) for wanted in range(max(floor.values()) + 1)
    ]
    rows.reverse()
    places: dict[str, float] = {}
    for row in rows:
        above = {room: [places[one] for one, other in lines if other == room and one in places] for room in row}
        row.sort(key=lambda room: (sum(above[room]) / len(above[room]) if above[room] else 0.5, room))
        places |= {room: (place + 0.5) / len(row) for place, room in enumerate(row)}
    return rows


def _reached(known: Rooms, room: str) -> set[str]:
    found: set[str] = set()
    waiting = list(known.get(room, ()))
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting += known.get(other, ())
    return found


def _draw() -> None:
    known = imports()
    PICTURE.write_text(drawn(known), encoding="utf-8")
    PAGE.write_text(ROWS.sub(lambda _: listed(known), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{len(known)} rooms drawn in docs/{PICTURE.name} and listed in docs/{PAGE.name}\n")


if __name__ == "__main__":
    _draw()
