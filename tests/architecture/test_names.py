"""The names of classes: each means one thing, in domain, projections and service together."""

import ast
from collections import defaultdict
from collections.abc import Iterator

from tests.service.postgres_owner import ROOT

ROOMS = ("domain", "projections", "service")
#: A program of its own: it shares nothing with the rest, and says the rules in the same words.
APART = "service/audit/verifier.py"
#: By the names that several classes have, why. One that is new here needs as good a reason.
SEVERAL = {
    "Changed": "the client raises what the service answers",
    "Conflict": "the client raises what the domain refuses",
    "Figure": "HTTP answers the projection's figure",
    "Instrument": "HTTP answers the domain's instrument",
    "Invalid": "the client raises what the domain refuses",
    "Licence": "HTTP answers the domain's licence in force",
    "NextChange": "HTTP answers the domain's next change",
    "Organizations": "what holds of them through days, in the projection; and a page of the register in HTTP",
    "Part": "HTTP answers the sum that the projection keeps of one class of events",
    "Product": "HTTP answers the product that rules are evaluated on",
    "Receipt": "goods that arrived, as an event; and in HTTP, what came of a request, a published schema",
    "RegulatoryExposure": "a view's parameters, and its answer in HTTP",
    "SoleSource": "a view's parameters, and its answer in HTTP",
    "VendorDependence": "a view's parameters, and its answer in HTTP",
}


def classes() -> Iterator[tuple[str, str]]:
    """The public classes with the files that define them."""
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        file = str(path.relative_to(ROOT))
        if file != APART:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    yield node.name, file


def test_a_name_of_a_class_means_one_thing() -> None:
    defined: dict[str, list[str]] = defaultdict(list)
    for name, file in classes():
        defined[name].append(file)
    several = {name: files for name, files in defined.items() if len(files) > 1}
    assert {name: files for name, files in several.items() if name not in SEVERAL} == {}, "give it a name of its own"
    assert {name: len(files) for name, files in several.items() if len(files) > 2} == {}, "two at most"
    assert SEVERAL.keys() - several.keys() == set(), "named once by now: take it off the list"
