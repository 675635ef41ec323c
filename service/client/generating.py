"""Makes the blocking client from the asynchronous one: what waits in one, stands still in the other.

python -m service.client.generating            writes blocking.py
python -m service.client.generating --check    ends with exit code 1 where blocking.py is another
"""

import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
ASYNCHRONOUS, BLOCKING = FOLDER / "awaiting.py", FOLDER / "blocking.py"
COMMAND = "python -m service.client.generating"
NOTE = f"# Made from {ASYNCHRONOUS.name} by `{COMMAND}`: change that one, then run this.\n"

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


def _ruff(*arguments: str, given: str) -> str:
    command = [sys.executable, "-m", "ruff", *arguments, "--stdin-filename", str(BLOCKING), "-"]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout  # noqa: S603


def main(arguments: list[str]) -> None:
    """Write the blocking client, or with --check compare it."""
    made = blocking(ASYNCHRONOUS.read_text())
    if arguments == ["--check"]:
        if BLOCKING.read_text() != made:
            sys.exit(f"{BLOCKING.name} is not what follows from {ASYNCHRONOUS.name}; run: {COMMAND}")
    elif arguments:
        sys.exit(f"usage: {COMMAND} [--check]")
    else:
        BLOCKING.write_text(made)


if __name__ == "__main__":
    main(sys.argv[1:])
