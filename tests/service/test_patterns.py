"""Every regular expression of the project takes time in proportion to the text, whatever the text.

They are found in the sources, with the methods by which they are used, so that one that comes later is tried as well.
"""

import ast
import importlib
import itertools
import re
import re._constants as sre  # type: ignore[import-not-found]  # typeshed leaves them out
import re._parser as sre_parse  # type: ignore[import-not-found]
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from service.importing import places
from service.importing.orders import day_formats, decimals
from service.importing.orders.mapping_parts import FigureValue
from service.importing.orders.suggesting import contents
from service.ocds import schemas
from tests.effort import Act, assert_no_dearer, effort_s, least_s

ROOT = Path(__file__).parents[2]
METHODS = ("match", "fullmatch", "search", "sub", "split", "findall", "finditer")
#: Functions whose patterns are put together when they run: of texts that are escaped, of a mapping, or of
#: constants that they are given.
MADE_AT_RUN_TIME = {
    "service/client/generating.py:blocking",
    "service/client/lines.py:__init__",
    "service/importing/regulations/chains.py:_cites",
    "service/importing/orders/day_formats.py:compile_format",
    "service/importing/orders/decimals.py:patterns_of",
    "service/importing/orders/suggesting/contents.py:_number_patterns",
    "service/importing/places.py:_pattern",
    "service/web/entry/methods.py:instead",
    "service/web/resources.py:stream_of",
}
LENGTH = 20_000
#: What a linear one takes for so many characters is some milliseconds; a quadratic one takes seconds.
#: In times of what is least: some sixty milliseconds.
HARMLESS = 400
#: Of each pattern.
MOST_TEXTS = 250


def sources() -> list[Path]:
    return sorted(path for folder in ("domain", "projections", "service") for path in (ROOT / folder).rglob("*.py"))


@cache
def trees() -> dict[str, ast.Module]:
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in sources()}


def is_call_of_re(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr in (*METHODS, "compile")
    )


@cache
def methods_by_name() -> dict[str, set[str]]:
    """By which methods each name in capitals is used, anywhere."""
    used: dict[str, set[str]] = {}
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in METHODS:
                of = node.value
                name = of.id if isinstance(of, ast.Name) else of.attr if isinstance(of, ast.Attribute) else ""
                used.setdefault(name, set()).add(node.attr)
    return used


def found() -> Iterator[tuple[str, "re.Pattern[Any]", str]]:
    """Every pattern that stands in a module or in a function, and a method by which it is used."""
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if is_call_of_re(node) and isinstance(node, ast.Call):
                method = node.func.attr  # type: ignore[attr-defined]  # is_call_of_re looked
                given = node.args[0]
                if method != "compile" and isinstance(given, ast.Constant):
                    yield f"{path}:{node.lineno}", re.compile(given.value), method
                elif method != "compile" and isinstance(given, ast.Name) and given.id.isupper():
                    yield f"{path}:{node.lineno}", re.compile(getattr(module_of(path), given.id)), method
        if "re.compile(" not in (ROOT / path).read_text(encoding="utf-8"):
            continue
        for name, value in vars(module_of(path)).items():
            for one in value if isinstance(value, tuple) else (value,):
                bound: Any = getattr(one, "__self__", None)
                if isinstance(bound, re.Pattern):
                    yield f"{path}:{name}", bound, one.__name__
                elif isinstance(getattr(one, "path", one), re.Pattern):
                    pattern: Any = getattr(one, "path", one)
                    used = methods_by_name().get(name, {"fullmatch", "search"})
                    for method in {"fullmatch"} if pattern is not one else used:
                        yield f"{path}:{name}", pattern, method


def module_of(path: str) -> Any:
    return importlib.import_module(path.removesuffix(".py").replace("/", ".").removesuffix(".__init__"))


def of_schemas() -> Iterator[tuple[str, "re.Pattern[str]", str]]:
    """The patterns in the schemas of OCDS, which its validator searches for."""

    def walk(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from node.get("patternProperties", {})
            if isinstance(node.get("pattern"), str):
                yield node["pattern"]
        for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            yield from walk(inner)

    for pattern in sorted({one for name in schemas.SCHEMAS for one in walk(schemas.schema(name))}):
        yield "OCDS", re.compile(pattern), "search"


def made_at_run_time() -> Iterator[tuple[str, "re.Pattern[str]", str]]:
    """Examples of the patterns that are put together by functions."""
    yield "places", places._pattern(), "findall"
    for form in ("%d.%m.%Y %H:%M:%S %p %z", "%B %d, %Y %I:%M:%S", "%S%m%y%H%d%M%I%z"):
        pattern = day_formats.compile_format(form)
        assert pattern is not None
        yield f"a date of {form}", pattern, "fullmatch"
    for separators in ((".", ","), (",", "."), (",", " "), (".", "'"), (".", None)):
        written = FigureValue.model_validate(
            dict(zip(("column", "decimal", "thousands"), ("Net", *separators), strict=True))
        )
        for one in decimals.patterns_of(written, (15, 4)):
            yield f"a figure with {separators}", one, "fullmatch"
    for number, one in enumerate(contents._number_patterns()):
        yield f"a number of a form that is suggested, {number}", one, "fullmatch"


def alphabet(pattern: "re.Pattern[Any]") -> tuple[list[str], list[str]]:
    """Characters that mean something to a pattern, and the words in it."""
    characters: set[str] = set()
    #: In the order in which they stand.
    words: dict[str, None] = {}

    def walk(parsed: Any) -> None:
        word = ""
        for operation, argument in parsed:
            if operation is sre.LITERAL:
                word += chr(argument)
                characters.add(chr(argument))
                continue
            words[word] = None
            word = ""
            if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
                walk(argument[2])
            elif operation is sre.SUBPATTERN:
                walk(argument[3])
            elif operation is sre.BRANCH:
                for branch in argument[1][:12]:
                    walk(branch)
            elif operation in (sre.ASSERT, sre.ASSERT_NOT):
                walk(argument[1])
            elif operation is sre.ATOMIC_GROUP:
                walk(argument)
            elif operation is sre.IN:
                for kind, one in argument:
                    if kind is sre.LITERAL:
                        characters.add(chr(one))
                    elif kind is sre.RANGE:
                        characters.add(chr(one[1]))
                    elif kind is sre.CATEGORY:
                        characters.update({"1", "a", " "})
                    elif kind is sre.NEGATE:
                        characters.add("x")
            elif operation in (sre.ANY, sre.NOT_LITERAL):
                characters.add("x")
        words[word] = None

    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    walk(sre_parse.parse(text, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags))
    return sorted(characters)[:40], [word for word in words if word][:40]


def hostile(pattern: "re.Pattern[Any]", length: int) -> Iterator[str]:
    """Long runs of what a pattern looks for, alone, behind its words and in turn, with an end that fits nothing."""
    characters, words = alphabet(pattern)
    for one in (*characters, *words):
        yield _run(one, length)
    beginnings = ["".join(words[:place]) for place in range(2, min(len(words), 8) + 1)]
    for word in dict.fromkeys((*beginnings, *(word for word in words if len(word) > 1))):
        for one in characters:
            yield word + _run(one, length)
            yield _run(word + one, length)
    for one, other in itertools.islice(itertools.permutations((*characters, *words), 2), 150):
        yield one + _run(other, length)
        yield _run(one + other, length)


def _run(of: str, length: int) -> str:
    return of * (length // len(of)) + "\0"


def applied(pattern: "re.Pattern[Any]", method: str, text: str) -> Act:
    """What looks for a pattern in a text."""
    given: Any = text.encode("utf-8", "surrogatepass") if isinstance(pattern.pattern, bytes) else text

    def act() -> None:
        if method == "sub":
            pattern.sub("" if isinstance(given, str) else b"", given)
        elif method == "finditer":
            for _ in pattern.finditer(given):
                pass
        else:
            getattr(pattern, method)(given)

    return act


ALL = (*found(), *of_schemas(), *made_at_run_time())
CASES = sorted({(one.pattern, method): (name, one, method) for name, one, method in ALL}.values(), key=str)


def slow_text(pattern: "re.Pattern[Any]", method: str, length: int = LENGTH, harmless: int = HARMLESS) -> str | None:
    """The first hostile text of which twice as much takes clearly more than twice as long."""
    for text in itertools.islice(hostile(pattern, length), MOST_TEXTS):
        once = applied(pattern, method, text)
        if effort_s(once) > harmless * least_s():
            try:
                assert_no_dearer(applied(pattern, method, text[:-1] * 2 + "\0"), once, times=3)
            except AssertionError:
                return text
    return None


@pytest.mark.parametrize(("name", "pattern", "method"), CASES, ids=[f"{name}-{method}" for name, _, method in CASES])
def test_a_pattern_takes_time_in_proportion_to_the_text(name: str, pattern: "re.Pattern[Any]", method: str) -> None:
    text = slow_text(pattern, method)
    assert text is None, f"{name}: {text[:60]!r}"


@pytest.mark.parametrize(
    ("pattern", "method", "length"),
    [
        (r";(?![^()]*\))", "split", 1_000),
        (r"\s*(?:[,/;]|\band\b)\s*", "split", 1_000),
    ],
)
def test_a_pattern_that_does_not_is_found(pattern: str, method: str, length: int) -> None:
    assert slow_text(re.compile(pattern), method, length, 10) is not None


def test_every_pattern_that_is_put_together_at_run_time_is_known() -> None:
    made = set()
    for path, tree in trees().items():
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                made |= {f"{path}:{function.name}" for node in ast.walk(function) if is_put_together(node)}
    assert made <= MADE_AT_RUN_TIME, made - MADE_AT_RUN_TIME


def is_put_together(node: ast.AST) -> bool:
    """Whether it makes a pattern of anything but a constant."""
    if not is_call_of_re(node) or not isinstance(node, ast.Call):
        return False
    given = node.args[0]
    return not isinstance(given, ast.Constant) and not (isinstance(given, ast.Name) and given.id.isupper())
