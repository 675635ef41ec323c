"""Makes the blocking client from the asynchronous one, and the words of its paths from the types of events.

What waits in one client, stands still in the other.

python -m service.client.generating            writes blocking.py and paths.py
python -m service.client.generating --check    ends with exit code 1 where one of them is another
"""

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from domain.resources import KINDS

FOLDER = Path(__file__).parent
ASYNCHRONOUS, BLOCKING = FOLDER / "awaiting.py", FOLDER / "blocking.py"
COMMAND = "python -m service.client.generating"
NOTE = f"# Made from {ASYNCHRONOUS.name} by `{COMMAND}`: change that one, then run this.\n"
PATHS = FOLDER / "paths.py"
#: What the words of paths are made into.
WORDS = f"""# Made from the types of events by `{COMMAND}`: change those, then run this.
\"\"\"Where facts are posted, as the types of events say.\"\"\"

from typing import Literal

#: What begins a thing is posted here.
Collection = Literal[{{collections}}]
#: What happened to one of its things is posted below the thing under one of these.
Subject = Literal[{{subjects}}]
"""

#: Patterns, and what stands in their place; in this order.
REPLACED = (
    (r"\bawait ", ""),
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\bAwaitable\[(\w+)\]", r"\1"),
    (r"\bAwaitable, ", ""),
    (r"\bAsyncClient\b", "Client"),
    (r"\b__a(enter|exit)__\b", r"__\1__"),
    (r"\.a(close|read|iter_bytes)\b", r".\1"),
    (r"\basyncio\b", "time"),
    (r"\bfor asynchronous programs\b", "for programs that wait"),
    (r"\bby several tasks\b", "by several threads"),
)
#: What is asynchronous and has no blocking twin here, so that it must not be left over.
LEFT_OVER = re.compile(r"\b(async|await|asyncio|Async\w+|Awaitable|__a\w+__)\b")


def blocking(source: str) -> str:
    """The blocking client that follows from the source of the asynchronous one; ValueError for what has no twin."""
    for pattern, replacement in REPLACED:
        source = re.sub(pattern, replacement, source)
    left = LEFT_OVER.search(source)
    if left is not None:
        line = source.count("\n", 0, left.start()) + 1
        raise ValueError(f"{ASYNCHRONOUS.name}, line {line}: {left.group()} has no blocking twin in REPLACED")
    # Order of imports, `yield from` for a loop that only yields, and lines as long as they may be.
    tidied = _ruff("check", "--quiet", "--fix-only", "--unsafe-fixes", "--select", "I,UP028", given=NOTE + source)
    return _ruff("format", given=tidied)


def paths() -> str:
    """The words of paths that the types of events have."""
    collections = _quoted(kind.plural for kind in KINDS)
    subjects = _quoted(subject for kind in KINDS for subject in kind.changes)
    return _ruff("format", given=WORDS.format(collections=collections, subjects=subjects))


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in dict.fromkeys(words))


def _ruff(*arguments: str, given: str) -> str:
    command = [sys.executable, "-m", "ruff", *arguments, "--stdin-filename", str(FOLDER / "made.py"), "-"]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout  # noqa: S603


def main(arguments: list[str]) -> None:
    """Write the blocking client and the words of paths, or with --check compare them."""
    made = {BLOCKING: blocking(ASYNCHRONOUS.read_text()), PATHS: paths()}
    if arguments == ["--check"]:
        other = [path.name for path, text in made.items() if not path.exists() or path.read_text() != text]
        if other:
            sys.exit(f"{' and '.join(other)} is not what follows from what it is made from; run: {COMMAND}")
    elif arguments:
        sys.exit(f"usage: {COMMAND} [--check]")
    else:
        for path, text in made.items():
            path.write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
